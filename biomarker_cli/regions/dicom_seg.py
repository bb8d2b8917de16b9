"""Read DICOM Segmentations: BINARY, FRACTIONAL and LABELMAP.

Segments are found through the functional groups of each frame, shared or per
frame, so that segments may overlap, share a label, or have fewer frames than the
image has slices.

References
----------
DICOM PS3.3 C.8.20 (Segmentation, Label Map), C.7.6.16 (functional groups).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from biomarker_cli.dicom.segment_frames import decode_frame
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import AuditValue, Crop
from biomarker_cli.regions.entries import Drawing, References, RoiEntry
from biomarker_cli.regions.errors import RegionError, reading
from biomarker_cli.regions.grids import SLICE_TOLERANCE_MM, transfer
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.7"

BACKGROUND = "125040:DCM"
"""Property type of the segment that stands for everything else in a label map."""

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


class Plane(NamedTuple):
    """Where a frame lies, in LPS mm."""

    position_mm: FloatArray
    axes: FloatArray
    spacing_mm: tuple[float, float]
    between_slices_mm: float | None
    thickness_mm: float | None


class SegmentFrame(NamedTuple):
    """The pixels of a segment on one frame, as the box around them."""

    plane: Plane
    mask: BoolArray
    row: int
    column: int


@dataclass(frozen=True)
class DicomSeg:
    """A DICOM Segmentation or Label Map Segmentation.

    Attributes
    ----------
    path : Path
    dataset : pydicom.Dataset
        With pixel data.
    """

    path: Path
    dataset: Dataset
    kind = "seg"

    @cached_property
    def uid(self) -> str:
        """SOPInstanceUID."""
        return str(self.dataset.get("SOPInstanceUID", ""))

    @cached_property
    def segmentation_type(self) -> str:
        """``BINARY``, ``FRACTIONAL`` or ``LABELMAP``."""
        found = str(self.dataset.get("SegmentationType", "")).strip()
        if found not in {"BINARY", "FRACTIONAL", "LABELMAP"}:
            raise RegionError(
                "REGION-SEG-TYPE",
                f"expected BINARY, FRACTIONAL or LABELMAP, found {found!r}",
                where=f"{self.path.name}, SegmentationType (0062,0001)",
            )
        return found

    @cached_property
    def entries(self) -> tuple[RoiEntry, ...]:
        """The segments; the padding value and the background of a label map are none."""
        with reading(self.path):
            return tuple(self._read_entries())

    def _read_entries(self) -> Iterator[RoiEntry]:
        frame_of_reference = str(self.dataset.get("FrameOfReferenceUID") or "")
        kind = self.segmentation_type
        padding = self.dataset.get("PixelPaddingValue") if kind == "LABELMAP" else None
        for item in self.dataset.get("SegmentSequence") or ():
            number = int(item.get("SegmentNumber", 0))
            code, meaning = _code(item)
            if code == BACKGROUND or (padding is not None and number == int(padding)):
                continue
            yield RoiEntry(
                number=number,
                label=str(item.get("SegmentLabel") or "").strip(),
                code=code,
                code_meaning=meaning,
                tracking_uid=str(item.get("TrackingUID") or ""),
                frame_of_reference_uid=frame_of_reference,
                detail=kind,
            )

    def references(self, _entry: RoiEntry, /) -> References:
        """Return the images that the whole object refers to."""
        series, instances = set(), set()
        with reading(self.path):
            for item in self.dataset.get("ReferencedSeriesSequence") or ():
                series.add(str(item.get("SeriesInstanceUID", "")))
                for image in item.get("ReferencedInstanceSequence") or ():
                    instances.add(str(image.get("ReferencedSOPInstanceUID", "")))
        return References(frozenset(series - {""}), frozenset(instances - {""}))

    def draw(self, entry: RoiEntry, target: ImageTarget, rules: RegionRules) -> Drawing:
        """Return the voxels of a segment on the grid of an image."""
        if sum(other.number == entry.number for other in self.entries) > 1:
            raise RegionError(
                "REGION-NUMBER-REPEATED",
                f"SegmentNumber {entry.number} occurs more than once",
                where=self.path.name,
            )
        audit: dict[str, AuditValue] = {}
        if self.segmentation_type == "FRACTIONAL":
            audit |= self._fractional_audit(rules)
        fractions = [0.0]
        with reading(self.path):
            size = int(self.dataset.Rows), int(self.dataset.Columns)
            frames = list(self._segment_frames(entry, rules, fractions))
        audit["n_frames"] = len(frames)
        frames = [frame for frame in frames if frame.mask.size]
        if not frames:
            return Drawing(Crop(np.zeros((0, 0, 0), dtype=np.bool_)), audit)
        grid, crop = _assemble(frames, size, target.geometry, self.path.name)
        if self.segmentation_type == "FRACTIONAL":
            audit["fractional_volume_mm3"] = fractions[0] * grid.voxel_volume_mm3
        drawing = transfer(crop, grid, target.geometry, rules, entry.label)
        return Drawing(drawing.crop, {**audit, **drawing.audit}, drawing.flags)

    def _fractional_audit(self, rules: RegionRules) -> dict[str, AuditValue]:
        kind = str(self.dataset.get("SegmentationFractionalType") or "")
        if rules.fractional_threshold is None:
            raise RegionError(
                "REGION-FRACTIONAL",
                f"the segmentation is FRACTIONAL ({kind or 'no type'}) and the analysis protocol "
                "has no threshold",
                where=self.path.name,
                hint="Set 'fractional_threshold' in the regions section of the analysis protocol.",
            )
        return {"fractional_type": kind, "fractional_threshold": rules.fractional_threshold}

    @cached_property
    def _groups(self) -> list[tuple[Dataset, ...]]:
        """Functional groups of each frame: its own before the shared ones."""
        shared = tuple(self.dataset.get("SharedFunctionalGroupsSequence") or ())[:1]
        own = list(self.dataset.get("PerFrameFunctionalGroupsSequence") or ())
        n_frames = int(self.dataset.get("NumberOfFrames") or 1)
        if len(own) not in {0, n_frames}:
            raise RegionError(
                "REGION-SEG-FRAMES",
                f"NumberOfFrames is {n_frames}, found functional groups of {len(own)}",
                where=self.path.name,
            )
        return [(*own[index : index + 1], *shared) for index in range(n_frames)]

    @cached_property
    def _number_of_frame(self) -> list[int]:
        """Segment number of each frame; of the only segment where no frame says."""
        only = self.entries[0].number if len(self.entries) == 1 else None
        numbers = []
        for index, groups in enumerate(self._groups):
            number = _macro(groups, "SegmentIdentificationSequence", "ReferencedSegmentNumber")
            number = only if number is None else number
            if number is None:
                raise RegionError(
                    "REGION-SEG-FRAMES",
                    f"frame {index + 1} does not say which segment it belongs to",
                    where=f"{self.path.name}, ReferencedSegmentNumber (0062,000B)",
                )
            numbers.append(int(number))
        return numbers

    def _segment_frames(
        self, entry: RoiEntry, rules: RegionRules, fractions: list[float]
    ) -> Iterator[SegmentFrame]:
        if self.segmentation_type == "LABELMAP":
            for plane, pixels, row, column in self._label_frames:
                yield _boxed(plane, pixels == entry.number, row, column)
            return
        maximum = float(self.dataset.get("MaximumFractionalValue") or 1)
        for index, number in enumerate(self._number_of_frame):
            if number != entry.number:
                continue
            plane = self._plane(index)
            pixels = decode_frame(self.dataset, index, self.path.name)
            if self.segmentation_type == "BINARY":
                yield _boxed(plane, pixels != 0, 0, 0)
            else:
                fractions[0] += float(pixels.sum(dtype=np.float64)) / maximum
                yield _boxed(plane, _reaches(pixels, maximum, rules), 0, 0)

    @cached_property
    def _label_frames(self) -> list[tuple[Plane, npt.NDArray[Any], int, int]]:
        """The frames of a label map, decoded once, as boxes around what is no padding."""
        padding = int(self.dataset.get("PixelPaddingValue") or 0)
        found = []
        for index in range(len(self._groups)):
            plane = self._plane(index)
            pixels = decode_frame(self.dataset, index, self.path.name)
            rows, columns = _bounds(pixels != padding)
            found.append((plane, pixels[rows, columns].copy(), rows.start, columns.start))
        return found

    def _plane(self, index: int) -> Plane:
        groups = self._groups[index]
        position = _macro(groups, "PlanePositionSequence", "ImagePositionPatient")
        orientation = _macro(groups, "PlaneOrientationSequence", "ImageOrientationPatient")
        spacing = _macro(groups, "PixelMeasuresSequence", "PixelSpacing")
        where = _numbers(position, 3), _numbers(orientation, 6), _numbers(spacing, 2)
        if where[0] is None or where[1] is None or where[2] is None:
            raise RegionError(
                "REGION-NO-POSITION",
                f"frame {index + 1} has no position, orientation or pixel spacing in the patient",
                where=self.path.name,
                hint="A segmentation of a slide or a picture cannot be laid over a volume.",
            )
        return Plane(
            position_mm=where[0],
            axes=_axes(where[1]),
            spacing_mm=(float(where[2][1]), float(where[2][0])),
            between_slices_mm=_positive(
                _macro(groups, "PixelMeasuresSequence", "SpacingBetweenSlices")
            ),
            thickness_mm=_positive(_macro(groups, "PixelMeasuresSequence", "SliceThickness")),
        )


def _reaches(pixels: npt.NDArray[Any], maximum: float, rules: RegionRules) -> BoolArray:
    threshold = rules.fractional_threshold or 1.0
    return np.asarray(pixels.astype(np.float64) / maximum >= threshold)


def _bounds(mask: BoolArray) -> tuple[slice, slice]:
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    columns = np.flatnonzero(mask.any(axis=0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _boxed(plane: Plane, mask: BoolArray, row: int, column: int) -> SegmentFrame:
    rows, columns = _bounds(mask)
    part = mask[rows, columns]
    return SegmentFrame(plane, part.copy(), row + rows.start, column + columns.start)


def _code(item: Dataset) -> tuple[str, str]:
    for code in item.get("SegmentedPropertyTypeCodeSequence") or ():
        value = code.get("CodeValue") or code.get("LongCodeValue") or code.get("URNCodeValue") or ""
        return f"{value}:{code.get('CodingSchemeDesignator', '')}", str(code.get("CodeMeaning", ""))
    return "", ""


def _macro(groups: tuple[Dataset, ...], macro: str, keyword: str) -> Any:
    """Return a value of a functional group macro, None where no group has it."""
    for group in groups:
        for item in group.get(macro) or ():
            value = item.get(keyword)
            if value is not None and value != "":
                return value
    return None


def _axes(orientation: FloatArray) -> FloatArray:
    """Return unit vectors along rows, columns and slices as columns."""
    x = orientation[:3] / np.linalg.norm(orientation[:3])
    normal = np.cross(x, orientation[3:])
    normal /= np.linalg.norm(normal)
    return np.stack([x, np.cross(normal, x), normal], axis=1)


def _numbers(value: Any, length: int) -> FloatArray | None:
    try:
        numbers = np.asarray([float(v) for v in value], dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == length and np.isfinite(numbers).all() else None


def _positive(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) and number > 0 else None


def _assemble(
    frames: list[SegmentFrame], size: tuple[int, int], target: Geometry, where: str
) -> tuple[Geometry, Crop]:
    """Stack the frames of a segment on their own grid."""
    first = frames[0].plane
    for frame in frames:
        same = np.allclose(frame.plane.axes, first.axes, atol=1e-4)
        if not same or not np.allclose(frame.plane.spacing_mm, first.spacing_mm, rtol=1e-4):
            raise RegionError(
                "REGION-SEG-FRAMES",
                "the frames of a segment differ in orientation or pixel spacing",
                where=where,
            )
    along = np.array([frame.plane.position_mm @ first.axes[:, 2] for frame in frames])
    step = _slice_step(along, first, target, frames[0].plane.position_mm)
    index = (along - along.min()) / step
    number = np.rint(index).astype(int)
    if float(np.abs(index - number).max()) * step > SLICE_TOLERANCE_MM:
        raise RegionError(
            "REGION-SEG-FRAMES",
            f"the frames of a segment are not {step:.4g} mm or a multiple of it apart",
            where=where,
        )
    origin = frames[int(np.argmin(along))].plane.position_mm
    rows, columns = size
    grid = Geometry(
        shape=(int(number.max()) + 1, rows, columns),
        spacing_mm=(*first.spacing_mm, step),
        origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=tuple(first.axes.ravel().tolist()),
    )
    low = np.min([(f.row, f.column) for f in frames], axis=0)
    high = np.max([(f.row + f.mask.shape[0], f.column + f.mask.shape[1]) for f in frames], axis=0)
    volume = np.zeros((grid.shape[0], *(high - low)), dtype=np.bool_)
    for frame, z in zip(frames, number, strict=True):
        row, column = frame.row - int(low[0]), frame.column - int(low[1])
        part = volume[z, row : row + frame.mask.shape[0], column : column + frame.mask.shape[1]]
        part |= frame.mask
    return grid, Crop(volume, (0, int(low[0]), int(low[1])))


def _slice_step(
    along: FloatArray, plane: Plane, target: Geometry, position_mm: FloatArray
) -> float:
    """Return the distance between slices of the segmentation's grid.

    What the object says goes first, but not against its own positions. An object
    that does not say it and whose frames all lie on slices of the image has the
    image's.
    """
    unique = np.unique(np.round(along, 3))
    smallest = float(np.diff(unique).min()) if len(unique) > 1 else None
    if plane.between_slices_mm is not None:
        said = plane.between_slices_mm
        return said if smallest is None or smallest > said - SLICE_TOLERANCE_MM else smallest
    axis = int(np.argmax(np.abs(target.axes.T @ plane.axes[:, 2])))
    step = target.spacing_mm[axis]
    start = float(target.physical_to_index(position_mm)[axis]) * step
    slices = (along - along[0] + start) / step
    if float(np.abs(slices - np.rint(slices)).max()) * step <= SLICE_TOLERANCE_MM:
        return step
    return smallest or plane.thickness_mm or step
