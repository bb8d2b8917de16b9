"""Where the frames of a DICOM Segmentation lie, and the grid that they make.

References
----------
DICOM PS3.3 C.7.6.16 (functional groups), C.7.6.16.2.1 (Pixel Measures).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from pydicom.dataset import Dataset

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Crop
from biomarker_cli.model.arrays import BoolArray, FloatArray, IndexArray
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.grids import SLICE_TOLERANCE_MM
from biomarker_cli.regions.target import ImageTarget, positive

SAME_POSITION_MM = 1e-3
"""Frames closer together along their normal lie at one position."""

SAME_THICKNESS_MM = 0.05
"""Two headers whose thickness differs by less say the same one (rounding)."""

MOST_MM = 1e5
"""A position or spacing beyond 100 m is damaged."""

MOST_VOXELS = 2**30
"""Of the box around a segment (1 GB); a whole body on 2,000 slices of 512 x 512 has half."""

UNIT_TOLERANCE = 1e-2
"""How far the lengths and the angle of an orientation may be off."""


class FramePlane(NamedTuple):
    """Where a frame lies, in LPS mm."""

    position_mm: FloatArray
    axes: FloatArray
    spacing_mm: tuple[float, float]
    between_slices_mm: float | None
    thickness_mm: float | None

    @property
    def along_mm(self) -> float:
        """Its place along its own normal."""
        return float(self.position_mm @ self.axes[:, 2])


class SegmentFrame(NamedTuple):
    """The pixels of a segment on one frame, as the box around them."""

    plane: FramePlane
    mask: BoolArray
    row: int
    column: int


def macro(groups: tuple[Dataset, ...], name: str, keyword: str) -> Any:
    """Return a value of a functional group macro, None where no group has it."""
    for group in groups:
        for item in group.get(name) or ():
            value = item.get(keyword)
            if value is not None and value != "":
                return value
    return None


def plane_of(groups: tuple[Dataset, ...], number: int, where: str) -> FramePlane:
    """Return where a frame lies.

    Parameters
    ----------
    groups : tuple of pydicom.Dataset
        Functional groups of the frame, its own before the shared ones.
    number : int
        Of the frame, from 1, for messages.
    where : str
        File name, for messages.

    Raises
    ------
    RegionError
        ``REGION-NO-POSITION``.
    """
    position = _numbers(macro(groups, "PlanePositionSequence", "ImagePositionPatient"), 3)
    orientation = _numbers(macro(groups, "PlaneOrientationSequence", "ImageOrientationPatient"), 6)
    spacing = _numbers(macro(groups, "PixelMeasuresSequence", "PixelSpacing"), 2)
    axes = None if orientation is None else _axes(orientation)
    if position is None or axes is None or spacing is None or not (spacing > 0).all():
        raise RegionError(
            "REGION-NO-POSITION",
            f"frame {number} has no position, orientation or pixel spacing in the patient that "
            "can be",
            where=where,
            hint="A segmentation of a slide or a picture cannot be laid over a volume.",
        )
    return FramePlane(
        position_mm=position,
        axes=axes,
        spacing_mm=(float(spacing[1]), float(spacing[0])),
        between_slices_mm=positive(macro(groups, "PixelMeasuresSequence", "SpacingBetweenSlices")),
        thickness_mm=positive(macro(groups, "PixelMeasuresSequence", "SliceThickness")),
    )


def require_distinct(planes: Sequence[FramePlane], where: str) -> None:
    """Refuse two frames at one position: which of them is meant cannot be told.

    They may be two points in time, or two readers; their union is neither.

    Raises
    ------
    RegionError
        ``REGION-FRAMES-REPEATED``.
    """
    along = np.sort([plane.along_mm for plane in planes])
    repeated = along[1:][np.diff(along) <= SAME_POSITION_MM]
    if len(repeated):
        raise _repeated(repeated, where)


def _repeated(along_mm: FloatArray, where: str) -> RegionError:
    return RegionError(
        "REGION-FRAMES-REPEATED",
        f"expected one frame of a segment at a position, found {len(along_mm)} more (the first "
        f"at {along_mm[0]:.2f} mm along the slices)",
        where=where,
        hint="Export each point in time, or each reading, as a segment or an object of its own.",
    )


def assemble(
    frames: Sequence[SegmentFrame], size: tuple[int, int], step_mm: float, where: str
) -> tuple[Geometry, Crop]:
    """Stack the frames of a segment on their own grid.

    Parameters
    ----------
    frames : sequence of SegmentFrame
        In any order; at least one.
    size : tuple of int
        Rows and columns.
    step_mm : float
        Distance between slices of the grid.
    where : str
        File name, for messages.

    Raises
    ------
    RegionError
        ``REGION-SEG-FRAMES``, ``REGION-FRAMES-REPEATED``, ``REGION-TOO-LARGE``.
    """
    # The lowest frame is the reference, whatever the order in the file.
    frames = sorted(frames, key=lambda f: (f.plane.along_mm, *f.plane.position_mm.tolist()))
    first = frames[0].plane
    number = _slice_numbers(frames, step_mm, where)
    rows, columns = size
    x, y, z = (float(v) for v in first.position_mm)
    grid = Geometry(
        shape=(int(number.max()) + 1, rows, columns),
        spacing_mm=(*first.spacing_mm, step_mm),
        origin_mm=(x, y, z),
        direction=tuple(first.axes.ravel().tolist()),
    )
    low = np.min([(f.row, f.column) for f in frames], axis=0)
    high = np.max([(f.row + f.mask.shape[0], f.column + f.mask.shape[1]) for f in frames], axis=0)
    if grid.shape[0] * int(np.prod(high - low)) > MOST_VOXELS:
        apart_mm = max(frame.plane.along_mm for frame in frames) - first.along_mm
        raise RegionError(
            "REGION-TOO-LARGE",
            f"the frames of a segment lie {apart_mm:.4g} mm apart at steps of "
            f"{step_mm:.4g} mm: {grid.shape[0]:,} slices",
            where=where,
            hint="Look at the positions of its frames, and export the segmentation again.",
        )
    volume = np.zeros((grid.shape[0], *(high - low)), dtype=np.bool_)
    for frame, slice_index in zip(frames, number, strict=True):
        row, column = frame.row - int(low[0]), frame.column - int(low[1])
        volume[
            slice_index,
            row : row + frame.mask.shape[0],
            column : column + frame.mask.shape[1],
        ] = frame.mask
    return grid, Crop(volume, (0, int(low[0]), int(low[1])))


def _slice_numbers(frames: Sequence[SegmentFrame], step_mm: float, where: str) -> IndexArray:
    """Return the slice of each frame, from 0 for the first; each frame has one of its own."""
    first = frames[0].plane
    for frame in frames:
        same = np.allclose(frame.plane.axes, first.axes, atol=1e-4)
        if not same or not np.allclose(frame.plane.spacing_mm, first.spacing_mm, rtol=1e-4):
            raise _unlike("the frames of a segment differ in orientation or pixel spacing", where)
    away = np.array([frame.plane.position_mm - first.position_mm for frame in frames]) @ first.axes
    aside = float(np.abs(away[:, :2]).max())
    if aside > SLICE_TOLERANCE_MM:
        message = f"the frames of a segment lie up to {aside:.4g} mm beside each other"
        raise _unlike(message, where)
    number = np.rint(away[:, 2] / step_mm).astype(int)
    if float(np.abs(away[:, 2] - number * step_mm).max()) > SLICE_TOLERANCE_MM:
        message = f"the frames of a segment are not {step_mm:.4g} mm or a multiple of it apart"
        raise _unlike(message, where)
    repeated = number[1:][np.diff(number) == 0]
    if len(repeated):
        raise _repeated(first.along_mm + repeated * step_mm, where)
    return number


def slice_step(
    planes: Sequence[FramePlane], all_planes: Sequence[FramePlane], target: ImageTarget
) -> tuple[float, frozenset[str]]:
    """Return the distance between slices of the segmentation's grid, and flags.

    What the object says goes first, but not against its own positions. An object
    that does not say it and whose frames all lie on slices of the image has the
    image's, unless it was drawn on thicker slices: all its frames skip slices of the
    image, and its slice thickness is not that of the image.

    Parameters
    ----------
    planes : sequence of FramePlane
        Of the frames of a segment that hold pixels of it.
    all_planes : sequence of FramePlane
        Of all frames of the object, which tell its step where a segment has few.
    target : ImageTarget
    """
    plane = min(planes, key=lambda plane: plane.along_mm)
    along = np.array([one.position_mm @ plane.axes[:, 2] for one in planes])
    smallest = _smallest_step(along)
    if plane.between_slices_mm is not None:
        said = plane.between_slices_mm
        holds = smallest is None or smallest > said - SLICE_TOLERANCE_MM
        return (said if holds or smallest is None else smallest), frozenset()
    geometry = target.geometry
    axis = int(np.argmax(np.abs(geometry.axes.T @ plane.axes[:, 2])))
    step = geometry.spacing_mm[axis]
    start = float(geometry.physical_to_index(plane.position_mm)[axis]) * step
    slices = (along - along.min() + start) / step
    if float(np.abs(slices - np.rint(slices)).max()) * step > SLICE_TOLERANCE_MM:
        return smallest or plane.thickness_mm or step, frozenset()
    if not _is_thicker(plane, target, step):
        return step, frozenset()
    own = _smallest_step(
        np.array(
            [one.along_mm for one in all_planes if np.allclose(one.axes, plane.axes, atol=1e-4)]
        )
    )
    if own is None:
        return step, frozenset({"slice_thickness_differs"})
    return (own if own > 1.5 * step else step), frozenset()


def _smallest_step(along_mm: FloatArray) -> float | None:
    places = np.unique(np.round(along_mm, 3))
    return float(np.diff(places).min()) if len(places) > 1 else None


def _is_thicker(plane: FramePlane, target: ImageTarget, step_mm: float) -> bool:
    """Tell whether the slices of a frame are thicker than those of the image.

    The image's own thickness (gapped MR, overlapping CT) and its step both are its own.
    """
    own = plane.thickness_mm
    if own is None:
        return False
    known = [step_mm, *filter(None, [target.slice_thickness_mm])]
    return own > step_mm and all(abs(own - one) > SAME_THICKNESS_MM for one in known)


def _unlike(message: str, where: str) -> RegionError:
    return RegionError("REGION-SEG-FRAMES", message, where=where)


def _axes(orientation: FloatArray) -> FloatArray | None:
    """Return unit vectors along rows, columns and slices as columns; None if they are none."""
    rows, columns = orientation[:3], orientation[3:]
    lengths = float(np.linalg.norm(rows)), float(np.linalg.norm(columns))
    off = max(abs(lengths[0] - 1.0), abs(lengths[1] - 1.0), abs(float(rows @ columns)))
    if off > UNIT_TOLERANCE:
        return None
    x = rows / lengths[0]
    normal = np.cross(x, columns)
    normal /= np.linalg.norm(normal)
    return np.stack([x, np.cross(normal, x), normal], axis=1)


def _numbers(value: Any, length: int) -> FloatArray | None:
    try:
        numbers = np.asarray([float(v) for v in value], dtype=np.float64)
    except (ArithmeticError, TypeError, ValueError):
        return None
    fits = len(numbers) == length and bool((np.abs(numbers) <= MOST_MM).all())
    return numbers if fits else None
