"""Stack planes into a regular grid, or say by name why they are none.

Spacing is never averaged over a gap, a duplicate or a tilt: a volume comes out
only where every slice lies within `JITTER_TOLERANCE_MM` of a regular grid.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from biomarker_cli.catalogue.errors import SeriesError
from biomarker_cli.catalogue.instances import Plane
from biomarker_cli.catalogue.splitting import SAME_PLACE_MM
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.arrays import FloatArray, IndexArray

JITTER_TOLERANCE_MM = 0.1
"""Deviation of a slice from the regular grid that real scanners show."""

THICKNESS_TOLERANCE_MM = 0.01
"""Slices whose thickness differs by more were not acquired alike."""

MOST_PLACES_NAMED = 5


def stack(planes: Sequence[Plane]) -> tuple[tuple[Plane, ...], Geometry, float]:
    """Sort planes along their normal and return the grid they make.

    Parameters
    ----------
    planes : sequence of Plane
        With one size, orientation and pixel spacing.

    Returns
    -------
    planes : tuple of Plane
        In the order of the z axis.
    geometry : Geometry
    jitter_mm : float
        Largest deviation of a slice from the regular grid.

    Raises
    ------
    SeriesError
        ``SERIES-NO-POSITION``, ``SERIES-ORIENTATION``, ``SERIES-THICKNESS``,
        ``SERIES-UNITS``, ``SERIES-DUPLICATE``, ``SERIES-GAP``, ``SERIES-SHEAR``,
        ``SERIES-SINGLE-SLICE``.

    References
    ----------
    DICOM PS3.3 C.7.6.2.1.1 (Image Plane).
    """
    first = planes[0]
    if first.orientation is None or first.pixel_spacing_mm is None:
        raise _no_position(planes)
    if any(plane.position_mm is None for plane in planes):
        raise _no_position(planes)
    _require_extent(first, first.pixel_spacing_mm)
    axes = orthonormal_axes(first.orientation)
    normal = axes[:, 2]
    positions = np.array([plane.position_mm for plane in planes])
    order = np.argsort(positions @ normal, kind="stable")
    planes = tuple(planes[i] for i in order)
    positions = positions[order]
    heights: FloatArray = positions @ normal
    _require_one_orientation(planes)
    _require_one_unit(planes)
    _require_one_thickness(planes, heights)
    _require_no_duplicates(heights)
    spacing_z, jitter = _slice_spacing(heights, first.thickness_mm)
    _require_no_shear(positions, normal)
    # PixelSpacing holds the distance between rows first (PS3.3 10.7.1.3).
    between_rows, between_columns = first.pixel_spacing_mm
    x, y, z = positions[0].tolist()
    geometry = Geometry(
        shape=(len(planes), first.instance.rows, first.instance.columns),
        spacing_mm=(between_columns, between_rows, spacing_z),
        origin_mm=(x, y, z),
        direction=tuple(axes.ravel().tolist()),
    )
    return planes, geometry, jitter


def _require_extent(plane: Plane, pixel_spacing_mm: tuple[float, ...]) -> None:
    instance = plane.instance
    if min(instance.rows, instance.columns) < 1:
        raise SeriesError(
            "SERIES-EMPTY",
            f"Rows and Columns are {instance.rows} and {instance.columns}",
            hint="The header is damaged: transfer the series again.",
        )
    if min(pixel_spacing_mm) <= 0:
        raise SeriesError("SERIES-PIXEL-SPACING", f"PixelSpacing (0028,0030) is {pixel_spacing_mm}")


def orthonormal_axes(orientation: Sequence[float]) -> FloatArray:
    """Return unit vectors along a row, down a column and along the normal, as columns.

    Raises
    ------
    SeriesError
        ``SERIES-ORIENTATION`` where the two vectors are not perpendicular.
    """
    row_axis, column_axis = np.reshape(np.asarray(orientation, dtype=np.float64), (2, 3))
    lengths = np.linalg.norm(row_axis), np.linalg.norm(column_axis)
    if min(lengths) < 1e-6 or abs(row_axis @ column_axis) > 1e-3 * lengths[0] * lengths[1]:
        raise SeriesError(
            "SERIES-ORIENTATION",
            f"ImageOrientationPatient {list(orientation)} is no pair of perpendicular vectors",
        )
    row_axis = row_axis / lengths[0]
    normal = _cross(row_axis, column_axis)
    normal /= np.linalg.norm(normal)
    return np.array([row_axis, _cross(normal, row_axis), normal]).T.copy()


def _cross(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return the cross product of two vectors: `numpy.cross` takes twenty times as long."""
    (a, b, c), (d, e, f) = one.tolist(), other.tolist()
    return np.array([b * f - c * e, c * d - a * f, a * e - b * d])


def _no_position(planes: Sequence[Plane]) -> SeriesError:
    needed = {
        "ImagePositionPatient (0020,0032)": "position_mm",
        "ImageOrientationPatient (0020,0037)": "orientation",
        "PixelSpacing (0028,0030)": "pixel_spacing_mm",
    }
    absent = {
        element: sum(getattr(plane, attribute) is None for plane in planes)
        for element, attribute in needed.items()
    }
    element = max(absent, key=lambda name: absent[name])
    return SeriesError(
        "SERIES-NO-POSITION",
        f"{absent[element]} of {len(planes)} slices have no {element}",
        hint="Export the series again with its image plane attributes.",
    )


def _require_one_orientation(planes: Sequence[Plane]) -> None:
    distinct = {plane.orientation for plane in planes if plane.orientation is not None}
    if len(distinct) == 1:
        return
    spread = np.ptp(np.array(sorted(distinct)), axis=0).max()
    instance, pixel = planes[0].instance, planes[0].pixel_spacing_mm or (1.0, 1.0)
    extent = max(instance.rows * pixel[0], instance.columns * pixel[1])
    if spread * extent > JITTER_TOLERANCE_MM:
        raise SeriesError(
            "SERIES-ORIENTATION",
            f"the slices have {len(distinct)} orientations, which part by "
            f"{spread * extent:.2f} mm at the border of the image",
            hint="Slices of several acquisitions were mixed: export each by itself.",
        )


def _require_one_unit(planes: Sequence[Plane]) -> None:
    units = Counter(plane.units or "none" for plane in planes)
    if len(units) > 1:
        found = ", ".join(f"{n} x {unit}" for unit, n in sorted(units.items()))
        raise SeriesError(
            "SERIES-UNITS",
            f"the slices are in different units: {found} (RescaleType or Units)",
            hint="Slices of several reconstructions were mixed: export each by itself.",
        )


def _require_one_thickness(planes: Sequence[Plane], heights: FloatArray) -> None:
    found: dict[float, list[float]] = {}
    for plane, height in zip(planes, heights.tolist(), strict=True):
        if plane.thickness_mm is not None:
            found.setdefault(plane.thickness_mm, []).append(height)
    if not found or max(found) - min(found) <= THICKNESS_TOLERANCE_MM:
        return
    parts = [
        f"{len(where)} of {thickness:g} mm between {where[0]:.2f} and {where[-1]:.2f} mm"
        for thickness, where in sorted(found.items())
    ]
    raise SeriesError(
        "SERIES-THICKNESS",
        f"the slices differ in thickness: {', '.join(parts[:MOST_PLACES_NAMED])}",
        hint="Export the part that is to be measured as a series of its own.",
    )


def _require_no_duplicates(heights: FloatArray) -> None:
    repeated = np.flatnonzero(np.diff(heights) <= SAME_PLACE_MM)
    if len(repeated):
        raise SeriesError(
            "SERIES-DUPLICATE",
            f"{len(repeated)} slices lie at the position of another one: "
            f"{_list_mm(heights[repeated])} along the normal",
            hint="Remove the copies, or export each acquisition as a series of its own.",
        )


def _slice_spacing(heights: FloatArray, thickness_mm: float | None) -> tuple[float, float]:
    if len(heights) == 1:
        if not thickness_mm or thickness_mm < 0:
            raise SeriesError(
                "SERIES-SINGLE-SLICE",
                "a single slice without SliceThickness has no extent along its normal",
                hint="A localiser or a screen capture is no volume: leave it out.",
            )
        return thickness_mm, 0.0
    steps = np.diff(heights)
    usual = float(np.sort(steps)[(len(steps) - 1) // 2])
    wrong = np.flatnonzero(np.abs(steps - usual) > JITTER_TOLERANCE_MM)
    mean = float((heights[-1] - heights[0]) / len(steps))
    off_grid = np.abs(heights - (heights[0] + mean * np.arange(len(heights))))
    if len(wrong):
        raise _gap(heights, usual, wrong)
    if off_grid.max() > JITTER_TOLERANCE_MM:
        raise SeriesError(
            "SERIES-GAP",
            f"the distance of the slices drifts between {steps.min():.4g} and "
            f"{steps.max():.4g} mm: a slice lies {off_grid.max():.2f} mm off the regular grid",
            hint="Slices of several acquisitions were mixed: export each by itself.",
        )
    return mean, float(off_grid.max())


def _gap(heights: FloatArray, usual: float, wrong: IndexArray) -> SeriesError:
    steps = np.diff(heights)
    places = [
        f"{steps[i]:.4g} mm between {heights[i]:.2f} and {heights[i + 1]:.2f} mm"
        for i in wrong[:MOST_PLACES_NAMED]
    ]
    more = f" and {len(wrong) - len(places)} more" if len(wrong) > len(places) else ""
    missing = int(sum(max(round(float(steps[i]) / usual) - 1, 0) for i in wrong))
    count = f"; {missing} slices seem to be missing" if missing else ""
    return SeriesError(
        "SERIES-GAP",
        f"slices are {usual:.4g} mm apart, but {', '.join(places)}{more}{count}",
        hint="Transfer the series again, or export the parts as series of their own.",
    )


def _require_no_shear(positions: FloatArray, normal: FloatArray) -> None:
    offset = positions - positions[0]
    height = offset @ normal
    shift = np.linalg.norm(offset - np.outer(height, normal), axis=1)
    worst = int(np.argmax(shift))
    if shift[worst] > JITTER_TOLERANCE_MM:
        angle = math.degrees(math.atan2(shift[worst], height[worst]))
        raise SeriesError(
            "SERIES-SHEAR",
            f"slices are shifted in their plane by up to {shift[worst]:.2f} mm over "
            f"{height[worst]:.2f} mm, {angle:.1f} degrees (gantry tilt)",
            hint="Resample the series to a regular grid, or use the untilted reconstruction.",
        )


def _list_mm(values: FloatArray) -> str:
    named = ", ".join(f"{v:.2f}" for v in values[:MOST_PLACES_NAMED])
    return f"{named} mm" if len(values) <= MOST_PLACES_NAMED else f"{named}, ... mm"
