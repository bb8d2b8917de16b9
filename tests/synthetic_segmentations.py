"""Write small structure sets and label images with chosen flaws, for tests."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from synthetic_series import uid

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.regions.target import ImageTarget

RT_STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
FRAME = uid("frame of reference")

Contour = tuple[str, np.ndarray]


@dataclass
class Roi:
    """A ROI of a structure set: contours as (type, vertices in mm)."""

    name: str
    contours: Sequence[Contour] = ()
    number: int = 1
    frame: str = FRAME
    code: tuple[str, str, str] | None = None
    images: Sequence[str] = field(default_factory=tuple)


def target(
    shape: tuple[int, int, int] = (20, 48, 64),
    spacing: tuple[float, float, float] = (1.0, 2.0, 3.0),
    **identity: object,
) -> ImageTarget:
    """Return an axial image whose grid starts at a place that is no round number."""
    identity.setdefault("frame_of_reference_uid", FRAME)
    geometry = Geometry(shape, spacing, (-30.25, -40.5, 7.125))
    return ImageTarget(geometry, **identity)


def circle(
    geometry: Geometry,
    slice_index: float,
    radius_mm: float,
    centre_mm: tuple[float, float] = (0.0, 0.0),
    n: int = 360,
) -> np.ndarray:
    """Return a circle around the middle of a slice, in LPS mm, whatever the orientation."""
    angle = np.linspace(0.0, 2 * np.pi, n, endpoint=False)
    in_plane = np.stack(
        [
            centre_mm[0] + radius_mm * np.cos(angle),
            centre_mm[1] + radius_mm * np.sin(angle),
            np.zeros(n),
        ],
        axis=1,
    )
    return lift(geometry, slice_index, in_plane)


def rectangle(
    geometry: Geometry, slice_index: float, low: tuple[float, float], high: tuple[float, float]
) -> np.ndarray:
    """Return a rectangle (x, y) in mm from the middle of a slice."""
    (x0, y0), (x1, y1) = low, high
    corners = np.array([(x0, y0, 0), (x1, y0, 0), (x1, y1, 0), (x0, y1, 0)], dtype=float)
    return lift(geometry, slice_index, corners)


def lift(geometry: Geometry, slice_index: float, in_plane: np.ndarray) -> np.ndarray:
    """Put points (x, y, 0) in mm around the middle of a slice into the patient."""
    _, rows, columns = geometry.shape
    middle = geometry.index_to_physical([(columns - 1) / 2, (rows - 1) / 2, slice_index])
    return middle + in_plane @ geometry.axes.T


def cylinder(
    geometry: Geometry,
    slices: Sequence[float],
    radius_mm: float,
    centre_mm: tuple[float, float] = (0.0, 0.0),
    kind: str = "CLOSED_PLANAR",
) -> list[Contour]:
    """Return a circle on each slice."""
    return [(kind, circle(geometry, z, radius_mm, centre_mm)) for z in slices]


def structure_set(
    rois: Sequence[Roi], *, referenced_series: Sequence[str] = (), reverse: bool = False
) -> Dataset:
    """Return an RT Structure Set; `reverse` turns the order of the contour sequence."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = RT_STRUCTURE_SET
    dataset.SOPClassUID = RT_STRUCTURE_SET
    dataset.SOPInstanceUID = uid("structure set")
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.Modality = "RTSTRUCT"
    dataset.ReferencedFrameOfReferenceSequence = [
        _frame(frame, referenced_series) for frame in dict.fromkeys(roi.frame for roi in rois)
    ]
    dataset.StructureSetROISequence = [_roi(roi) for roi in rois]
    contours = [_contours(roi) for roi in rois]
    dataset.ROIContourSequence = contours[::-1] if reverse else contours
    dataset.RTROIObservationsSequence = [_observation(roi) for roi in rois]
    return dataset


def _frame(frame: str, referenced_series: Sequence[str]) -> Dataset:
    item = Dataset()
    item.FrameOfReferenceUID = frame
    study = Dataset()
    study.ReferencedSOPInstanceUID = uid("study")
    study.RTReferencedSeriesSequence = []
    for series_uid in referenced_series:
        series = Dataset()
        series.SeriesInstanceUID = series_uid
        study.RTReferencedSeriesSequence.append(series)
    item.RTReferencedStudySequence = [study]
    return item


def _roi(roi: Roi) -> Dataset:
    item = Dataset()
    item.ROINumber = roi.number
    item.ReferencedFrameOfReferenceUID = roi.frame
    item.ROIName = roi.name
    return item


def _contours(roi: Roi) -> Dataset:
    item = Dataset()
    item.ReferencedROINumber = roi.number
    if not roi.contours:
        return item
    item.ContourSequence = []
    for kind, points in roi.contours:
        contour = Dataset()
        contour.ContourGeometricType = kind
        contour.NumberOfContourPoints = len(points)
        contour.ContourData = [f"{v:.4f}" for v in np.asarray(points).ravel()]
        if roi.images:
            contour.ContourImageSequence = []
            for image_uid in roi.images:
                image = Dataset()
                image.ReferencedSOPInstanceUID = image_uid
                contour.ContourImageSequence.append(image)
        item.ContourSequence.append(contour)
    return item


def _observation(roi: Roi) -> Dataset:
    item = Dataset()
    item.ObservationNumber = roi.number
    item.ReferencedROINumber = roi.number
    if roi.code:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = roi.code
        item.RTROIIdentificationCodeSequence = [code]
    return item


def write_structure_set(path: Path, rois: Sequence[Roi], **options: object) -> Path:
    """Write an RT Structure Set."""
    with warnings.catch_warnings():
        # CLOSED_PLANAR_XOR is longer than its value representation allows.
        warnings.simplefilter("ignore")
        structure_set(rois, **options).save_as(path, enforce_file_format=True)
    return path
