"""Agreement of segmentations of one image, made by several readers or programs.

Readers are compared in pairs, and each with the majority: the voxels that more
than half of the readers took (ties are out; there is one from three readers on).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.model.arrays import BoolArray
from biomarker_cli.model.flags import join_flags
from biomarker_cli.multicentre.surface_distances import boundary_faces, surface_distances
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table

TOLERANCES_MM = (1, 2, 3)
"""Of the surface Dice; each has its column."""

MAJORITY = "majority"
"""Stands for a reader in the rows of the majority."""

READER_PAIRS = Table(
    "reader_pairs",
    "ROI x pair of readers, and of each reader with the majority",
    (
        Column("roi_id", "string", "ROI"),
        Column("reader_a", "string", "first reader"),
        Column("reader_b", "string", "second reader, or majority"),
        Column("dice", "number", "twice the common voxels over the sum of both"),
        *(
            Column(
                f"surface_dice_{t}mm",
                "number",
                f"part of both surfaces within {t} mm of the other",
            )
            for t in TOLERANCES_MM
        ),
        Column("mean_surface_distance_mm", "number", "mean over both surfaces, by area"),
        Column("hausdorff95_mm", "number", "larger of the two directed 95th percentiles, by area"),
        Column("volume_a_mm3", "number", "volume of the first reader"),
        Column("volume_b_mm3", "number", "volume of the second reader"),
        Column("volume_difference_mm3", "number", "second less first"),
        Column("volume_difference_percent", "number", "the same over the mean of both"),
        Column("centroid_distance_mm", "number", "between the centres of mass"),
        Column(
            "status",
            "string",
            "whether both drew it",
            ("ok", "one_empty", "both_empty", "missing", "failed"),
        ),
        Column("flags", "string", "what to know, sorted, joined by ;"),
        Column("reason", "string", "why there is no number"),
    ),
    ("roi_id", "reader_a", "reader_b"),
)


@dataclass(frozen=True)
class Drawn:
    """What one reader made of one ROI.

    Attributes
    ----------
    status : str
        ``ok``, ``empty`` (drawn without a voxel), ``missing`` or ``failed``.
    region : Region or None
        None unless status is ok.
    reason : str
        Code and message where it is failed.
    """

    status: str
    region: Region | None = None
    reason: str = ""


def reader_rows(
    drawn: Mapping[str, Mapping[str, Drawn]], geometry: Geometry
) -> list[dict[str, Any]]:
    """Return the rows of `READER_PAIRS`.

    Parameters
    ----------
    drawn : mapping
        What each reader made of each ROI: by ROI, then by reader.
    geometry : Geometry
        Grid of all regions.
    """
    return [
        row for roi_id in sorted(drawn) for row in _rows_of_roi(roi_id, drawn[roi_id], geometry)
    ]


def _rows_of_roi(
    roi_id: str, by_reader: Mapping[str, Drawn], geometry: Geometry
) -> Iterator[dict[str, Any]]:
    masks = _common_box({name: one for name, one in by_reader.items() if _is_drawn(one)})
    pairs = list(itertools.combinations(sorted(by_reader), 2))
    if len(masks) > 2:
        masks[MAJORITY] = majority(list(masks.values()))
        pairs += [(name, MAJORITY) for name in sorted(by_reader)]
    for first, second in pairs:
        head = {"roi_id": roi_id, "reader_a": first, "reader_b": second}
        absent = [by_reader[name] for name in (first, second) if name not in masks]
        if absent:
            # What failed is worse than what was never drawn.
            worst = min(absent, key=lambda one: one.status)
            reason = worst.reason or "a reader has no such ROI"
            yield head | {"status": worst.status, "reason": reason, "flags": ""}
        else:
            yield head | compared(masks[first], masks[second], geometry)


def _is_drawn(one: Drawn) -> bool:
    return one.status in {"ok", "empty"}


def _common_box(drawn: Mapping[str, Drawn]) -> dict[str, BoolArray]:
    """Return the masks in the smallest box that holds all of them."""
    regions = [one.region for one in drawn.values() if one.region and one.region.n_voxels]
    if not regions:
        return {name: np.zeros((1, 1, 1), dtype=np.bool_) for name in drawn}
    starts = [min(region.box[axis].start for region in regions) for axis in range(3)]
    stops = [max(region.box[axis].stop for region in regions) for axis in range(3)]
    masks = {}
    for name, one in drawn.items():
        mask = np.zeros([b - a for a, b in zip(starts, stops, strict=True)], dtype=np.bool_)
        if one.region is not None and one.region.n_voxels:
            place = tuple(
                slice(part.start - start, part.stop - start)
                for part, start in zip(one.region.box, starts, strict=True)
            )
            mask[place] = one.region.crop.mask
        masks[name] = mask
    return masks


def majority(masks: Sequence[BoolArray]) -> BoolArray:
    """Return the voxels that more than half of the masks hold; a tie is out.

    Parameters
    ----------
    masks : sequence of ndarray of bool
        Of one shape.
    """
    counts = np.sum(masks, axis=0, dtype=np.int64)
    return np.asarray(2 * counts > len(masks), dtype=np.bool_)


def compared(first: BoolArray, second: BoolArray, geometry: Geometry) -> dict[str, Any]:
    """Return what a row says of two masks.

    Both empty, nothing is defined. One empty, Dice and surface Dice are 0 and there is
    no distance.

    Parameters
    ----------
    first, second : ndarray of bool, shape (z, y, x)
        In one box.
    geometry : Geometry
        Of the grid that the box is of.
    """
    n_first, n_second = int(np.count_nonzero(first)), int(np.count_nonzero(second))
    volumes = [n * geometry.voxel_volume_mm3 for n in (n_first, n_second)]
    row: dict[str, Any] = {
        "volume_a_mm3": volumes[0],
        "volume_b_mm3": volumes[1],
        "volume_difference_mm3": volumes[1] - volumes[0],
        "status": "ok",
        "flags": "",
        "reason": "",
    }
    if not n_first and not n_second:
        return row | {"status": "both_empty", "reason": "both are empty"}
    n_common = int(np.count_nonzero(first & second))
    row["dice"] = 2 * n_common / (n_first + n_second)
    row["volume_difference_percent"] = 200 * (n_second - n_first) / (n_first + n_second)
    row["flags"] = join_flags(_coarse(geometry))
    if not n_first or not n_second:
        zeros = {f"surface_dice_{t}mm": 0.0 for t in TOLERANCES_MM}
        reason = "one is empty: there is no distance"
        return row | zeros | {"status": "one_empty", "reason": reason}
    return row | _distances(first, second, geometry)


def _distances(first: BoolArray, second: BoolArray, geometry: Geometry) -> dict[str, Any]:
    surfaces = [boundary_faces(mask, geometry.spacing_mm) for mask in (first, second)]
    distances = surface_distances(*surfaces)
    spacing = np.asarray(geometry.spacing_mm[::-1])
    centres = [np.argwhere(mask).mean(axis=0) * spacing for mask in (first, second)]
    return {
        **{f"surface_dice_{t}mm": distances.dice(t) for t in TOLERANCES_MM},
        "mean_surface_distance_mm": distances.mean_mm,
        "hausdorff95_mm": distances.hausdorff_mm(95),
        "centroid_distance_mm": float(np.linalg.norm(centres[1] - centres[0])),
    }


def _coarse(geometry: Geometry) -> Iterator[str]:
    """Yield a flag for each tolerance that one slice to or fro decides."""
    for tolerance in TOLERANCES_MM:
        if tolerance < max(geometry.spacing_mm) / 2:
            yield f"tolerance_below_half_slice:{tolerance}mm"
