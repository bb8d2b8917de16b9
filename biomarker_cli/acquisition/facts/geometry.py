"""Facts of the grid: thickness, spacing, gap, field of view, voxel size."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from biomarker_cli.acquisition.facts.elements import element_reader, plain, read_keyword
from biomarker_cli.acquisition.facts.registry import FACTS, Reading, missing
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.model.wording import counted

ONE_POSITION_MM = 0.01
"""Slices closer than this lie at one position: volumes of one series share it."""

_POSITION, _ORIENTATION = "(0020,0032)", "(0020,0037)"
_THICKNESS, _PIXEL_SPACING = "(0018,0050)", "(0028,0030)"


_ELEMENTS = (
    ("slice_thickness_mm", "SliceThickness", "Nominal thickness of each slice."),
    ("pixel_spacing_mm", "PixelSpacing", "Reconstructed distance of rows and of columns."),
)
for _name, _keyword, _definition in _ELEMENTS:
    FACTS.define(_name, "mm", f"{_definition} {_keyword}.")(element_reader(_keyword))


def _numbers(value: Any, length: int) -> tuple[float, ...] | None:
    found = plain(value)
    if not isinstance(found, tuple) or len(found) != length:
        return None
    return found if all(isinstance(v, float) for v in found) else None


Stack = list[tuple[float, float | None]]
"""Distinct positions along the normal with their thickness, None where it is not told."""


def _stacks(series: SeriesHeaders) -> tuple[list[Stack], int]:
    """Return the stack of each orientation, sorted, and the frames that have no place."""
    return series.once("stacks", _find_stacks)


def _find_stacks(series: SeriesHeaders) -> tuple[list[Stack], int]:
    positions = series.column("ImagePositionPatient")
    orientations = series.column("ImageOrientationPatient")
    thicknesses = series.column("SliceThickness")
    by_orientation: dict[tuple[float, ...], Stack] = defaultdict(list)
    n_missing = 0
    for where, axes, thick in zip(positions, orientations, thicknesses, strict=True):
        place, cosines = _numbers(where, 3), _numbers(axes, 6)
        if place is None or cosines is None:
            n_missing += 1
            continue
        key = tuple(round(c, 3) + 0.0 for c in cosines)
        by_orientation[key].append((_along_normal(place, cosines), _thickness(thick)))
    return [_distinct(stack) for stack in by_orientation.values()], n_missing


def _thickness(value: Any) -> float | None:
    """Return a thickness in mm; 0 stands for one that is not known."""
    found = plain(value)
    return found if isinstance(found, float) and found > 0 else None


def _along_normal(place: tuple[float, ...], cosines: tuple[float, ...]) -> float:
    """Return the component of a position along the normal of its slice, mm."""
    # Plain arithmetic: numpy costs more than it computes on three numbers.
    (x, y, z), (a, b, c, d, e, f) = place, cosines
    return x * (b * f - c * e) + y * (c * d - a * f) + z * (a * e - b * d)


def _distinct(stack: Stack) -> Stack:
    """Return one entry per position; of several thicknesses there none, which is missing."""
    stack = sorted(stack, key=lambda entry: entry[0])
    kept: Stack = []
    for position, thickness in stack:
        if kept and position - kept[-1][0] < ONE_POSITION_MM:
            if thickness != kept[-1][1]:
                kept[-1] = (kept[-1][0], None)
            continue
        kept.append((position, thickness))
    return kept


@FACTS.define(
    "slice_spacing_mm",
    "mm",
    "Distance of neighbouring slice centres along the normal, from ImagePositionPatient and "
    "ImageOrientationPatient; SpacingBetweenSlices is absent in CT and differs in meaning.",
)
def slice_spacing_mm(series: SeriesHeaders) -> Reading:
    """Return the distance of every two neighbouring slices."""
    tags = (_POSITION, _ORIENTATION)
    stacks, n_missing = _stacks(series)
    steps = [
        round(after[0] - before[0], 4) for stack in stacks for before, after in pairwise(stack)
    ]
    if not steps:
        untold = f"{counted(n_missing, 'slice has', 'slices have')} no position"
        reason = untold if n_missing else "there is a single slice"
        return missing(tags, reason, max(n_missing, 1))
    untold = counted(n_missing, "slice has", "slices have")
    reason = f"{untold} no position or orientation" if n_missing else ""
    return Reading(tuple(steps), n_missing, tags, reason=reason)


@FACTS.define(
    "slice_gap_mm",
    "mm",
    "Distance of neighbouring slice centres minus the mean of their SliceThickness; negative "
    "where slices overlap.",
)
def slice_gap_mm(series: SeriesHeaders) -> Reading:
    """Return the gap between every two neighbouring slices."""
    tags = (_POSITION, _ORIENTATION, _THICKNESS)
    stacks, n_missing = _stacks(series)
    n_missing += sum(1 for value in series.column("SliceThickness") if _thickness(value) is None)
    gaps: list[float] = []
    for stack in stacks:
        for (low, thick_low), (high, thick_high) in pairwise(stack):
            if thick_low is None or thick_high is None:
                n_missing += 1
            else:
                gaps.append(round(high - low - (thick_low + thick_high) / 2, 4))
    if not gaps:
        return missing(tags, "no two slices with position and thickness", max(n_missing, 1))
    untold = counted(n_missing, "position or thickness is", "positions or thicknesses are")
    reason = f"{untold} missing" if n_missing else ""
    return Reading(tuple(gaps), n_missing, tags, reason=reason)


FieldsOfView = list[tuple[float, float] | None]


def fields_of_view(series: SeriesHeaders) -> FieldsOfView:
    """Return height and width (rows, columns) in mm of every slice, None where untold."""
    return series.once("fields of view", _find_fields_of_view)


def _find_fields_of_view(series: SeriesHeaders) -> FieldsOfView:
    columns = zip(
        series.column("PixelSpacing"), series.column("Rows"), series.column("Columns"), strict=True
    )
    found: list[tuple[float, float] | None] = []
    for spacing, n_rows, n_columns in columns:
        pair = _numbers(spacing, 2)
        if pair is None or not n_rows or not n_columns:
            found.append(None)
        else:
            found.append((round(pair[0] * int(n_rows), 4), round(pair[1] * int(n_columns), 4)))
    return found


@FACTS.define(
    "fov_mm",
    "mm",
    "Height and width of a slice: PixelSpacing times Rows and Columns, of a mosaic those of "
    "one tile.",
)
def fov_mm(series: SeriesHeaders) -> Reading:
    """Return the field of view of every slice, a pair."""
    return _of_frames(
        fields_of_view(series),
        (_PIXEL_SPACING, "(0028,0010)", "(0028,0011)"),
        "pixel spacing, rows or columns are missing",
    )


@FACTS.define(
    "voxel_volume_mm3",
    "mm3",
    "Volume of a voxel as reconstructed: PixelSpacing times the median slice spacing.",
)
def voxel_volume_mm3(series: SeriesHeaders) -> Reading:
    """Return the voxel volume of the series."""
    tags = (_PIXEL_SPACING, _POSITION, _ORIENTATION)
    spacing = slice_spacing_mm(series)
    in_plane = read_keyword(series, "PixelSpacing")
    n_missing = spacing.n_missing + in_plane.n_missing
    if not spacing.values or not in_plane.values:
        return missing(tags, spacing.reason or in_plane.reason, max(n_missing, 1))
    step = float(np.median(spacing.values))
    pairs = [_numbers(pair, 2) for pair in dict.fromkeys(in_plane.values)]
    volumes = tuple(round(p[0] * p[1] * step, 4) for p in pairs if p is not None)
    return Reading(volumes, n_missing, tags, reason=spacing.reason or in_plane.reason)


def _of_frames(values: Sequence[Any], tags: tuple[str, ...], why: str) -> Reading:
    present = tuple(value for value in values if value is not None)
    n_missing = len(values) - len(present)
    reason = f"{why} in {n_missing} of {len(values)} slices" if n_missing else ""
    return Reading(present, n_missing, tags, reason=reason)
