"""RTSTRUCT of the CT: circles of the two spheres, the body, and a point."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, RTStructureSetStorage

from synthetic_trial import ct, headers
from synthetic_trial.trial import BODY_RADIUS_MM, Ball, Point, Scanner, Visit

VERTICES = 180
SCANNER = Scanner("SYN-RT 1", "SYNRT", "1.0")
_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"
_COLOURS = ((255, 0, 0), (0, 255, 0), (255, 255, 0), (0, 0, 255))


@dataclass(frozen=True)
class Contour:
    """One item of a contour sequence: its slice, kind and points in mm."""

    k: int | None
    kind: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Roi:
    """A named region with its interpreted type and contours."""

    name: str
    interpreted: str
    contours: tuple[Contour, ...]


def circle(x_mm: float, y_mm: float, z_mm: float, radius_mm: float) -> tuple[Point, ...]:
    """Return a regular polygon that has the area of the circle."""
    step = 2.0 * math.pi / VERTICES
    outer = radius_mm * math.sqrt(step / math.sin(step))
    return tuple(
        (x_mm + outer * math.cos(i * step), y_mm + outer * math.sin(i * step), z_mm)
        for i in range(VERTICES)
    )


def _ball_roi(visit: Visit, ball: Ball) -> Roi:
    x, y, z = ball.centre_mm
    contours = []
    for k in range(visit.ct_grid.size[2]):
        plane = visit.ct_grid.z_mm(k)
        squared = ball.radius_mm**2 - (plane - z) ** 2
        if squared > 0:
            points = circle(x, y, plane, math.sqrt(squared))
            contours.append(Contour(k, "CLOSED_PLANAR", points))
    return Roi(ball.label, "GTV", tuple(contours))


def rois(visit: Visit) -> tuple[Roi, ...]:
    """Return the regions of a visit, in the order of their ROI numbers."""
    grid = visit.ct_grid
    body = tuple(
        Contour(k, "CLOSED_PLANAR", circle(0.0, 0.0, grid.z_mm(k), BODY_RADIUS_MM))
        for k in range(grid.size[2])
    )
    point = Contour(None, "POINT", ((0.0, 0.0, 0.0),))
    return (
        *(_ball_roi(visit, ball) for ball in visit.ct_balls),
        Roi("BODY", "EXTERNAL", body),
        Roi("ISO", "ISOCENTER", (point,)),
    )


def _image_reference(visit: Visit, k: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = CTImageStorage
    item.ReferencedSOPInstanceUID = ct.instance_uid(visit, k)
    return item


def _frame_of_reference(visit: Visit) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = headers.uid(visit.key, "ct")
    series.ContourImageSequence = Sequence(
        _image_reference(visit, k) for k in range(visit.ct_grid.size[2])
    )
    study = Dataset()
    study.ReferencedSOPClassUID = _STUDY_CLASS
    study.ReferencedSOPInstanceUID = headers.uid(visit.key)
    study.RTReferencedSeriesSequence = Sequence([series])
    frame = Dataset()
    frame.FrameOfReferenceUID = headers.frame_of_reference(visit, "ct")
    frame.RTReferencedStudySequence = Sequence([study])
    return frame


def _structure(visit: Visit, roi: Roi, number: int) -> Dataset:
    item = Dataset()
    item.ROINumber = number
    item.ReferencedFrameOfReferenceUID = headers.frame_of_reference(visit, "ct")
    item.ROIName = roi.name
    item.ROIGenerationAlgorithm = "AUTOMATIC"
    return item


def _contours(visit: Visit, roi: Roi, number: int) -> Dataset:
    items = []
    for contour in roi.contours:
        item = Dataset()
        if contour.k is not None:
            item.ContourImageSequence = Sequence([_image_reference(visit, contour.k)])
        item.ContourGeometricType = contour.kind
        item.NumberOfContourPoints = len(contour.points)
        item.ContourData = [f"{c:.4f}" for point in contour.points for c in point]
        items.append(item)
    group = Dataset()
    group.ROIDisplayColor = list(_COLOURS[number - 1])
    group.ReferencedROINumber = number
    group.ContourSequence = Sequence(items)
    return group


def _observation(roi: Roi, number: int) -> Dataset:
    item = Dataset()
    item.ObservationNumber = number
    item.ReferencedROINumber = number
    item.RTROIInterpretedType = roi.interpreted
    item.ROIInterpreter = ""
    return item


def write_rtstruct(
    visit: Visit, path: Path, reader: str = "rtstruct", labels: Collection[str] = ()
) -> None:
    """Write the structure set of the CT series.

    Each ``reader`` has UIDs of its own; with ``labels``, only these regions are drawn.
    """
    regions = [roi for roi in rois(visit) if not labels or roi.name in labels]
    ds = headers.study_header(visit)
    headers.add_equipment(ds, visit, SCANNER)
    headers.add_instance(ds, RTStructureSetStorage, visit.key, reader, "1")
    ds.Modality = "RTSTRUCT"
    ds.SeriesInstanceUID = headers.uid(visit.key, reader)
    ds.SeriesNumber = 12
    ds.SeriesDescription = "RTSTRUCT of the CT"
    ds.SeriesDate = ds.StructureSetDate = visit.study_date
    ds.SeriesTime = ds.StructureSetTime = headers.FIXED_TIME
    ds.OperatorsName = ""
    ds.FrameOfReferenceUID = headers.frame_of_reference(visit, "ct")
    ds.PositionReferenceIndicator = ""
    ds.StructureSetLabel = "SYNTHETIC"
    ds.InstanceNumber = 1
    ds.ReferencedFrameOfReferenceSequence = Sequence([_frame_of_reference(visit)])
    numbered = list(enumerate(regions, start=1))
    ds.StructureSetROISequence = Sequence(_structure(visit, r, n) for n, r in numbered)
    ds.ROIContourSequence = Sequence(_contours(visit, r, n) for n, r in numbered)
    ds.RTROIObservationsSequence = Sequence(_observation(r, n) for n, r in numbered)
    ds.ApprovalStatus = "UNAPPROVED"
    headers.write(ds, path)
