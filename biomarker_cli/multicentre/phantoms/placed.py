"""What the phantoms of segmentations share: an image that tells where a voxel lies.

The image is linear in all three indices, so that the mean of a region is the value at its
centroid: a region that is shifted, flipped, filled or cut has another mean or volume.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from biomarker_cli.multicentre.objects.ct import INTERCEPT_HU
from biomarker_cli.multicentre.objects.instances import ObjectGrid, Subject
from biomarker_cli.multicentre.phantoms.boxes import Box, Boxes, centroid, count
from biomarker_cli.multicentre.phantoms.truth import ItemLimit, Mistake, SheetItem, scaled

GRID = ObjectGrid((16, 32, 40), (1.5, 2.0, 3.0), (-30.25, -40.5, 7.0))
SUBJECT = Subject("PHANTOM-SEG", "O")
SLICE_THICKNESS_MM = 2.0
"""Less than the distance between slices: volumes follow from the distance."""

START_HU, ALONG = 100.0, (11.0, -7.0, 3.0)
"""HU of voxel [0, 0, 0], and how it rises with the indices z, y and x."""

_VOLUME = ItemLimit("voxels whose centre lies inside x voxel volume; 1 % is ours", 0.0, 0.01)
_MEAN = ItemLimit("mean HU of the voxels of the region; 0.5 HU is ours", absolute=0.5)

Regions = Mapping[str, Boxes]


def value_at(place: tuple[float, float, float]) -> float:
    """Return HU at an index ``(z, y, x)``."""
    return START_HU + sum(step * index for step, index in zip(ALONG, place, strict=True))


def values(regions: Regions, offset_hu: float = 0.0) -> dict[str, float]:
    """Return volume (mL) and mean (HU) of regions."""
    found: dict[str, float] = {}
    for name, boxes in regions.items():
        found[f"{name}/volume"] = count(boxes) * GRID.voxel_mm3 / 1000.0
        found[f"{name}/intensity.mean"] = value_at(centroid(boxes)) + offset_hu
    return found


def items(truth: Mapping[str, float]) -> tuple[SheetItem, ...]:
    """Return what the sheet asks for."""
    return tuple(
        SheetItem(name, "volume", "mL", _VOLUME)
        if name.endswith("volume")
        else SheetItem(name, "mean", "[hnsf'U]", _MEAN)
        for name in truth
    )


def flipped(boxes: Boxes, axis: int) -> list[Box]:
    """Return boxes mirrored in the image along z (0), y (1) or x (2)."""
    n = GRID.shape[axis]
    found = []
    for box in boxes:
        ends = list(box)
        ends[2 * axis], ends[2 * axis + 1] = n - box[2 * axis + 1], n - box[2 * axis]
        found.append(Box(*ends))
    return found


def moved(boxes: Boxes, slices: int) -> list[Box]:
    """Return boxes some slices away."""
    return [box._replace(z0=box.z0 + slices, z1=box.z1 + slices) for box in boxes]


_AXES = MappingProxyType({"slices": 0, "rows": 1, "columns": 2})


def common_mistakes(regions: Regions) -> Iterator[Mistake]:
    """Return the mistakes that every segmentation allows."""
    truth = values(regions)
    for name, axis in _AXES.items():
        yield Mistake(
            f"flipped_{name}",
            f"lays the regions over the image with the order of its {name} reversed",
            "Compare ImagePositionPatient and ImageOrientationPatient of both.",
            (values({r: flipped(boxes, axis) for r, boxes in regions.items()}),),
        )
    for steps, word in ((1, "above"), (-1, "below")):
        yield Mistake(
            f"one_slice_{word}",
            f"lays the regions one slice {word} the right one",
            "Compare ImagePositionPatient of the image and of the region.",
            (values({r: moved(boxes, steps) for r, boxes in regions.items()}),),
        )
    yield Mistake(
        "thickness_for_spacing",
        "takes SliceThickness (2 mm) for the distance between slices (3 mm)",
        "The distance follows from ImagePositionPatient.",
        (scaled(truth, SLICE_THICKNESS_MM / GRID.spacing_mm[2], ("volume",)),),
    )
    yield Mistake(
        "mm3_for_ml",
        "gives volumes in mm3 where the sheet says mL",
        "Correct the unit in the sheet.",
        (scaled(truth, 1000.0, ("volume",)),),
    )
    yield Mistake(
        "intercept_left_out",
        "takes stored values for HU: RescaleIntercept is left out",
        "HU is the stored value x RescaleSlope + RescaleIntercept.",
        (values(regions, -INTERCEPT_HU),),
    )
    names = list(regions)
    turned = dict(zip(names, [*list(regions.values())[1:], regions[names[0]]], strict=True))
    yield Mistake(
        "names_by_position",
        "pairs names and regions by their place in the file, not by their number",
        "Pair them by ReferencedROINumber or SegmentNumber.",
        (values(turned),),
    )
