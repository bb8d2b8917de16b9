"""The segmentation phantom: segments that overlap, and that have fewer frames than slices."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

import numpy as np

from biomarker_cli.model.arrays import BoolArray
from biomarker_cli.multicentre.phantoms.boxes import Box, Boxes
from biomarker_cli.multicentre.phantoms.placed import (
    GRID,
    common_mistakes,
    items,
    moved,
    values,
)
from biomarker_cli.multicentre.phantoms.truth import Mistake, Phantom

KIND, VERSION = "seg", 1
DIALECT_NAMES = ("standard",)

_FIRST = Box(3, 9, 6, 16, 4, 16)
_SECOND = Box(5, 11, 6, 16, 10, 24)
_STAIRS = (Box(4, 5, 18, 28, 6, 12), Box(5, 6, 18, 28, 6, 20), Box(6, 9, 18, 28, 6, 32))
_SINGLE = Box(12, 13, 18, 28, 6, 16)

REGIONS: MappingProxyType[str, Boxes] = MappingProxyType(
    {"first": (_FIRST,), "second": (_SECOND,), "stairs": _STAIRS, "single": (_SINGLE,)}
)

_FIRST_ALONE = (_FIRST._replace(z1=5), _FIRST._replace(z0=5, x1=10))
_SECOND_ALONE = (_SECOND._replace(z0=9), _SECOND._replace(z1=9, x0=16))


def seg_phantom(dialect: str) -> Phantom:
    """Return the phantom."""
    truth = values(REGIONS)
    return Phantom(KIND, dialect, VERSION, items(truth), truth, tuple(_mistakes()))


def masks() -> BoolArray:
    """Return the segments, shape (segment, z, y, x)."""
    found = np.zeros((len(REGIONS), *GRID.shape), dtype=np.bool_)
    for mask, boxes in zip(found, REGIONS.values(), strict=True):
        for box in boxes:
            box.cut(mask)
    return found


def _mistakes() -> Iterator[Mistake]:
    yield from common_mistakes(REGIONS)
    yield Mistake(
        "overlap_to_the_later",
        "forces overlapping segments into one label map: the later one takes the overlap",
        "Segments of a Segmentation may overlap: read each for itself.",
        (values({**REGIONS, "first": _FIRST_ALONE}),),
    )
    yield Mistake(
        "overlap_to_the_earlier",
        "forces overlapping segments into one label map: the earlier one keeps the overlap",
        "Segments of a Segmentation may overlap: read each for itself.",
        (values({**REGIONS, "second": _SECOND_ALONE}),),
    )
    yield Mistake(
        "frames_from_the_first_slice",
        "lays the frames of a segment over the slices from the first one on",
        "Frames have their own position; empty ones are left out of the file.",
        (values({name: moved(boxes, -boxes[0].z0) for name, boxes in REGIONS.items()}),),
    )
    yield Mistake(
        "frames_reversed",
        "reads the frames of a segment in reverse order",
        "Frames have their own position, in any order.",
        (values({name: _reversed(boxes) for name, boxes in REGIONS.items()}),),
    )


def _reversed(boxes: Boxes) -> list[Box]:
    low, high = min(box.z0 for box in boxes), max(box.z1 for box in boxes)
    return [box._replace(z0=low + high - box.z1, z1=low + high - box.z0) for box in boxes]
