"""Measure the size of a region."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from biomarker_cli.imaging.region import Region
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.caliper import Caliper, Point
from biomarker_cli.model.features import FeatureDefinition, require_names
from biomarker_cli.model.measurement import Measurement, measured, undefined
from biomarker_cli.size import features
from biomarker_cli.size.diameters import Axes, Line, Pixels, axes_of, inside_axes_of
from biomarker_cli.size.errors import SizeError
from biomarker_cli.size.outline import Island, parts_of
from biomarker_cli.size.planes import Slices, rounded
from biomarker_cli.size.rules import MeasurableRules, SizeRules
from biomarker_cli.statistics.intensity import intensity_measurements

CONCAVE = "concave"
SEVERAL = "several_components"
SMALL = "lesion_small"
"""Flags."""

_PLACE_DECIMALS = 4
"""Of ends in mm: finer than any scanner, and the same digits on every machine."""


@dataclass(frozen=True)
class Size:
    """What is known of the size of a region that is not empty.

    Attributes
    ----------
    hull, inside : Axes
        Over concavities, and wholly inside.
    n_slices : int
        That show it.
    n_parts : int
        The most of one slice.
    """

    hull: Axes
    inside: Axes
    n_slices: int
    n_parts: int


def size_of(region: Region, rules: SizeRules) -> Size:
    """Return the axes of a region.

    Parameters
    ----------
    region : Region
        With at least one voxel.
    rules : SizeRules
    """
    parts = parts_of(region.crop.mask, fill_holes=rules.holes == "fill")
    column_mm, row_mm, _ = region.geometry.spacing_mm
    pixels = Pixels(row_mm, column_mm)
    return Size(
        axes_of(parts, pixels),
        inside_axes_of(parts, pixels),
        len({part.index for part in parts}),
        max(part.n_parts for part in parts),
    )


def size_measurements(slices: Slices, region: Region, rules: SizeRules) -> list[Measurement]:
    """Measure a region on the slices of its image.

    Parameters
    ----------
    slices : Slices
    region : Region
        On the grid of the image.
    rules : SizeRules

    Returns
    -------
    list of Measurement
        Diameters carry their caliper.

    Raises
    ------
    SizeError
        ``SIZE-REGION-GRID`` where the region lies on another grid.
    """
    volume = slices.volume
    _require_same_grid(slices, region)
    flags, image = volume.flags | region.flags, volume.quantity.name
    if region.n_voxels == 0:
        rows = [
            undefined(features.IMAGE, definition, "1", flags, "the region is empty")
            for definition in features.SIZE
        ]
    else:
        size = size_of(region, rules)
        flags |= _flags_of(size, slices, rules)
        rows = _rows(size, slices, region, rules.measurable, flags)
    defined = [definition.name for definition in features.SIZE]
    require_names("size", (row.definition.name for row in rows), defined, defined)
    values = _values(slices, region)
    unit = volume.quantity.unit
    return rows + intensity_measurements(image, unit, values, rules.statistics, flags)


def _require_same_grid(slices: Slices, region: Region) -> None:
    grid = slices.volume.geometry
    if not region.geometry.same_grid(grid):
        raise SizeError(
            "SIZE-REGION-GRID",
            f"the region is on another grid: {grid.difference(region.geometry)}",
            where=region.name,
            hint="Import the region onto the grid of the image.",
        )


def _values(slices: Slices, region: Region) -> FloatArray:
    around = slices.volume.array[region.box]
    return np.asarray(around[region.crop.mask], dtype=np.float64)


def _flags_of(size: Size, slices: Slices, rules: SizeRules) -> frozenset[str]:
    flags = set()
    if size.hull.longest.length_mm - size.inside.longest.length_mm > rules.concave_above_mm:
        flags.add(CONCAVE)
    if size.n_parts > 1:
        flags.add(SEVERAL)
    measurable = rules.measurable
    if (
        size.hull.longest.length_mm < measurable.longest_from_mm(slices.thickness_mm)
        or size.hull.short.length_mm < measurable.short_axis_mm
        or size.n_slices < measurable.n_slices
    ):
        flags.add(SMALL)
    return frozenset(flags)


def _rows(
    size: Size,
    slices: Slices,
    region: Region,
    measurable: MeasurableRules,
    flags: frozenset[str],
) -> list[Measurement]:
    def row(definition: FeatureDefinition, value: float) -> Measurement:
        return measured(features.IMAGE, definition, value, "1", flags)

    digest = region.mask_sha256
    rows = []
    for longest, short, axes in (
        (features.LONGEST, features.SHORT, size.hull),
        (features.LONGEST_INSIDE, features.SHORT_INSIDE, size.inside),
    ):
        for definition, line in ((longest, axes.longest), (short, axes.short)):
            caliper = caliper_of(line, axes.part, slices, region, digest)
            rows.append(replace(row(definition, line.length_mm), caliper=caliper))
    hull = size.hull
    return [
        *rows,
        row(features.PRODUCT, hull.longest.length_mm * hull.short.length_mm),
        row(features.VOLUME, region.n_voxels * region.geometry.voxel_volume_ml),
        row(features.N_SLICES, float(size.n_slices)),
        row(features.MEASURABLE_FROM, measurable.longest_from_mm(slices.thickness_mm)),
    ]


def caliper_of(
    line: Line, part: Island, slices: Slices, region: Region, mask_sha256: str
) -> Caliper:
    """Return a line of a part of a region in the patient.

    Parameters
    ----------
    line : Line
    part : Island
    slices : Slices
    region : Region
    mask_sha256 : str
        Digest of the region.
    """
    index, row, column = np.add(region.crop.offset, (part.index, *part.offset)).tolist()

    def place(end: tuple[float, float]) -> Point:
        at = (column + end[1] / 2.0, row + end[0] / 2.0, float(index))
        return rounded(region.geometry.index_to_physical(at), _PLACE_DECIMALS)

    return Caliper(
        start_mm=place(line.start),
        end_mm=place(line.stop),
        normal=slices.normal,
        slice_index=index,
        slice_uid=slices.uid(index),
        frame_number=slices.frame_number(index),
        slice_thickness_mm=slices.thickness_mm,
        n_components=part.n_parts,
        mask_sha256=mask_sha256,
    )
