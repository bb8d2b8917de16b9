"""Synthetic RT structure sets: contours that are polygons with known corners.

References
----------
DICOM PS3.3 C.8.8.5 (Structure Set), C.8.8.6 (ROI ObjectContour).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import CTImageStorage, RTStructureSetStorage

from biomarker_cli.multicentre.objects.instances import (
    MADE,
    Change,
    ObjectGrid,
    Subject,
    frame_uid,
    instance_uid,
    new_dataset,
    save,
    series_uid,
    study_uid,
    unchanged,
)

Point = tuple[float, float, float]

STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"


@dataclass(frozen=True)
class ObjectContour:
    """One item of a contour sequence.

    Attributes
    ----------
    points : sequence of (x, y, z)
        LPS mm.
    kind : str
        ContourGeometricType.
    """

    points: Sequence[Point]
    kind: str = "CLOSED_PLANAR"


@dataclass(frozen=True)
class Structure:
    """A named ROI.

    Attributes
    ----------
    name : str
    contours : sequence of ObjectContour
    """

    name: str
    contours: Sequence[ObjectContour] = ()


def rectangle(
    grid: ObjectGrid, z: float, low: tuple[float, float], high: tuple[float, float]
) -> ObjectContour:
    """Return a rectangle on a slice between two corners (x, y) in voxel indices."""
    (x0, y0), (x1, y1) = low, high
    return polygon(grid, z, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def polygon(
    grid: ObjectGrid, z: float, corners: Sequence[tuple[float, float]], kind: str = "CLOSED_PLANAR"
) -> ObjectContour:
    """Return a polygon on a slice through corners (x, y) in voxel indices."""
    return ObjectContour([grid.place(x, y, z) for x, y in corners], kind)


def circle(
    grid: ObjectGrid, z: float, centre_mm: tuple[float, float], radius_mm: float, n: int = 180
) -> ObjectContour:
    """Return a regular polygon of the area of a circle, around a place (x, y) of the slice in mm.

    Parameters
    ----------
    centre_mm : tuple of float
        From the centre of the first voxel of the slice, along its rows and columns.
    n : int
        Corners.
    """
    step = 2.0 * math.pi / n
    outer = radius_mm * math.sqrt(step / math.sin(step))
    x_mm, y_mm, _ = grid.spacing_mm
    corners = [
        (
            (centre_mm[0] + outer * math.cos(i * step)) / x_mm,
            (centre_mm[1] + outer * math.sin(i * step)) / y_mm,
        )
        for i in range(n)
    ]
    return polygon(grid, z, corners)


def write_rtstruct(
    path: Path,
    structures: Sequence[Structure],
    subject: Subject,
    *,
    image_series: str = "ct",
    n_slices: int = 0,
    change: Change = unchanged,
) -> Path:
    """Write a structure set and return its path.

    Parameters
    ----------
    path : Path
    structures : sequence of Structure
    subject : Subject
        That of the image.
    image_series : str
        The series that it was drawn on.
    n_slices : int
        Slices of that series, which are referenced.
    change : callable
        Called with the data set and 0 before it is saved.
    """
    dataset = new_dataset(subject, path.stem, 1, RTStructureSetStorage, "RTSTRUCT")
    dataset.StructureSetLabel = "SYNTHETIC"
    dataset.StructureSetDate, dataset.StructureSetTime = f"{MADE:%Y%m%d}", f"{MADE:%H%M%S}"
    dataset.OperatorsName = ""
    references = _frame_of_reference(subject, image_series, n_slices)
    dataset.ReferencedFrameOfReferenceSequence = Items([references])
    numbered = list(enumerate(structures, start=1))
    dataset.StructureSetROISequence = Items(_roi(one, n, subject) for n, one in numbered)
    dataset.ROIContourSequence = Items(_contours(one, n) for n, one in numbered)
    dataset.RTROIObservationsSequence = Items(_observation(n) for n, _ in numbered)
    dataset.ApprovalStatus = "UNAPPROVED"
    change(dataset, 0)
    with warnings.catch_warnings():
        # CLOSEDPLANAR_XOR has the 16 characters of a CS; CLOSED_PLANAR_XOR has more.
        warnings.simplefilter("ignore")
        return save(dataset, path)


def _frame_of_reference(subject: Subject, series: str, n_slices: int) -> Dataset:
    images = Dataset()
    images.SeriesInstanceUID = series_uid(subject, series)
    images.ContourImageSequence = Items(
        _image_reference(instance_uid(subject, series, n + 1)) for n in range(n_slices)
    )
    study = Dataset()
    study.ReferencedSOPClassUID = STUDY_CLASS
    study.ReferencedSOPInstanceUID = study_uid(subject)
    study.RTReferencedSeriesSequence = Items([images])
    frame = Dataset()
    frame.FrameOfReferenceUID = frame_uid(subject)
    frame.RTReferencedStudySequence = Items([study])
    return frame


def _image_reference(uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = CTImageStorage
    item.ReferencedSOPInstanceUID = uid
    return item


def _roi(structure: Structure, number: int, subject: Subject) -> Dataset:
    item = Dataset()
    item.ROINumber = number
    item.ReferencedFrameOfReferenceUID = frame_uid(subject)
    item.ROIName = structure.name
    item.ROIGenerationAlgorithm = "AUTOMATIC"
    return item


def _contours(structure: Structure, number: int) -> Dataset:
    item = Dataset()
    item.ROIDisplayColor = [255, 0, 0]
    item.ReferencedROINumber = number
    if structure.contours:
        item.ContourSequence = Items(_contour(one) for one in structure.contours)
    return item


def _contour(contour: ObjectContour) -> Dataset:
    item = Dataset()
    item.ContourGeometricType = contour.kind
    item.NumberOfContourPoints = len(contour.points)
    item.ContourData = [f"{v:.4f}" for point in contour.points for v in point]
    return item


def _observation(number: int) -> Dataset:
    item = Dataset()
    item.ObservationNumber = number
    item.ReferencedROINumber = number
    item.RTROIInterpretedType = ""
    item.ROIInterpreter = ""
    return item
