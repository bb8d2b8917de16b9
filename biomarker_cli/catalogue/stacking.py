"""Stack planes into a regular grid, or say by name why they are none."""

from __future__ import annotations

import numpy as np

from biomarker_cli.catalogue.errors import SeriesError
from biomarker_cli.catalogue.instances import Plane
from biomarker_cli.imaging.geometry import Geometry

JITTER_TOLERANCE_MM = 0.1
"""Deviation of a slice position from the regular grid that real scanners show."""

REPEATED_POSITION_MM = 0.01
"""Slices closer than this lie at one position."""


def stack(
    planes: tuple[Plane, ...], rows: int, columns: int
) -> tuple[tuple[Plane, ...], Geometry, float]:
    """Sort planes along their normal and return the grid they make.

    Parameters
    ----------
    planes : tuple of Plane
        With one orientation, pixel spacing and size.
    rows, columns : int

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
        ``SERIES-NO-POSITION``, ``SERIES-DUPLICATE``, ``SERIES-GAP``,
        ``SERIES-SHEAR``, ``SERIES-SINGLE-SLICE``.
    """
    first = planes[0]
    if first.orientation is None or first.pixel_spacing_mm is None:
        raise _no_position()
    if any(plane.position_mm is None for plane in planes):
        raise _no_position()
    row_axis, column_axis, normal = orthonormal_axes(first.orientation)
    positions = np.array([plane.position_mm for plane in planes])
    order = np.argsort(positions @ normal, kind="stable")
    planes = tuple(planes[i] for i in order)
    positions = positions[order]
    spacing_z, jitter = _slice_spacing(positions @ normal, first.thickness_mm)
    _require_no_shear(positions, normal)
    # PixelSpacing holds the distance between rows first (PS3.3 10.7.1.3).
    between_rows, between_columns = first.pixel_spacing_mm
    geometry = Geometry(
        shape=(len(planes), rows, columns),
        spacing_mm=(between_columns, between_rows, spacing_z),
        origin_mm=(float(positions[0, 0]), float(positions[0, 1]), float(positions[0, 2])),
        direction=tuple(np.stack([row_axis, column_axis, normal], axis=1).ravel().tolist()),
    )
    return planes, geometry, jitter


def orthonormal_axes(
    orientation: tuple[float, ...],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return unit vectors along a row, down a column, and their normal.

    Raises
    ------
    SeriesError
        ``SERIES-ORIENTATION`` where the two vectors are not perpendicular.
    """
    row_axis = np.asarray(orientation[:3])
    column_axis = np.asarray(orientation[3:])
    lengths = np.linalg.norm(row_axis), np.linalg.norm(column_axis)
    if min(lengths) < 1e-6 or abs(row_axis @ column_axis) > 1e-3 * lengths[0] * lengths[1]:
        raise SeriesError(
            "SERIES-ORIENTATION",
            f"ImageOrientationPatient {orientation} is no pair of perpendicular vectors",
        )
    row_axis = row_axis / lengths[0]
    normal = np.cross(row_axis, column_axis)
    normal /= np.linalg.norm(normal)
    return row_axis, np.cross(normal, row_axis), normal


def _no_position() -> SeriesError:
    return SeriesError(
        "SERIES-NO-POSITION",
        "a slice has no position, orientation or pixel spacing in the patient",
        hint="Export the series again with its image plane attributes.",
    )


def _slice_spacing(along_normal: np.ndarray, thickness_mm: float | None) -> tuple[float, float]:
    if len(along_normal) == 1:
        if not thickness_mm:
            raise SeriesError(
                "SERIES-SINGLE-SLICE",
                "a single slice without SliceThickness has no extent along its normal",
            )
        return thickness_mm, 0.0
    steps = np.diff(along_normal)
    repeated = np.flatnonzero(steps < REPEATED_POSITION_MM)
    if len(repeated):
        where = along_normal[repeated[0]]
        raise SeriesError(
            "SERIES-DUPLICATE",
            f"{len(repeated)} slices lie at the position of another one, the first at "
            f"{where:.2f} mm",
            hint="Remove the copies, or name the one to use by its series or volume id.",
        )
    spacing = float(np.median(steps))
    worst = int(np.argmax(np.abs(steps - spacing)))
    if abs(steps[worst] - spacing) > JITTER_TOLERANCE_MM:
        raise SeriesError(
            "SERIES-GAP",
            f"slices are {spacing:.4g} mm apart, but {steps[worst]:.4g} mm between "
            f"{along_normal[worst]:.2f} and {along_normal[worst + 1]:.2f} mm",
            hint="Slices are missing or two series were mixed: transfer the series again.",
        )
    mean = float((along_normal[-1] - along_normal[0]) / (len(along_normal) - 1))
    grid = along_normal[0] + mean * np.arange(len(along_normal))
    return mean, float(np.abs(along_normal - grid).max())


def _require_no_shear(positions: np.ndarray, normal: np.ndarray) -> None:
    offset = positions - positions[0]
    in_plane = offset - np.outer(offset @ normal, normal)
    shift = float(np.linalg.norm(in_plane, axis=1).max())
    if shift > JITTER_TOLERANCE_MM:
        raise SeriesError(
            "SERIES-SHEAR",
            f"slices are shifted against each other by up to {shift:.2f} mm in their plane "
            "(gantry tilt)",
            hint="Resample the series to a regular grid, or use the untilted reconstruction.",
        )
