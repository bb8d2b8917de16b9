"""The structure set phantom: contours whose volume does not hang on how edges are counted.

All corners lie halfway between voxel centres: the volume of the polygons and that of the
voxels whose centre lies inside are the same. What differs between programs is left: holes,
keyholes, islands, one slice alone, pairing of names, slice distance.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from biomarker_cli.multicentre.objects.rtstruct import ObjectContour, Structure, polygon, rectangle
from biomarker_cli.multicentre.phantoms.boxes import Box, Boxes
from biomarker_cli.multicentre.phantoms.placed import GRID, common_mistakes, items, values
from biomarker_cli.multicentre.phantoms.truth import Mistake, Phantom, scaled

KIND, VERSION = "rtstruct", 1
DIALECT_NAMES = ("standard",)

_BOX = Box(3, 9, 4, 12, 4, 16)
_OUTER, _HOLE = Box(4, 10, 16, 28, 4, 16), Box(4, 10, 19, 25, 6, 12)
_KEY_OUTER, _KEYHOLE = Box(2, 8, 16, 28, 22, 36), Box(2, 8, 20, 24, 25, 33)
_ISLANDS = (Box(9, 14, 3, 7, 20, 26), Box(9, 14, 9, 13, 29, 37))
_SINGLE = Box(12, 13, 17, 27, 6, 14)


def around(outer: Box, hole: Box) -> tuple[Box, ...]:
    """Return a box without a hole as boxes that do not overlap."""
    return (
        outer._replace(y1=hole.y0),
        outer._replace(y0=hole.y1),
        outer._replace(y0=hole.y0, y1=hole.y1, x1=hole.x0),
        outer._replace(y0=hole.y0, y1=hole.y1, x0=hole.x1),
    )


REGIONS: MappingProxyType[str, Boxes] = MappingProxyType(
    {
        "box": (_BOX,),
        "ring": around(_OUTER, _HOLE),
        "keyhole": around(_KEY_OUTER, _KEYHOLE),
        "islands": _ISLANDS,
        "single": (_SINGLE,),
    }
)


def rtstruct_phantom(dialect: str) -> Phantom:
    """Return the phantom."""
    truth = values(REGIONS)
    return Phantom(KIND, dialect, VERSION, items(truth), truth, tuple(_mistakes()))


def _mistakes() -> Iterator[Mistake]:
    truth = values(REGIONS)
    yield from common_mistakes(REGIONS)
    filled = {**REGIONS, "ring": (_OUTER,)}
    yield Mistake(
        "holes_filled",
        "fills the hole of nested contours",
        "The inner of two nested CLOSED_PLANAR contours of one plane is a hole.",
        (values(filled), values({**filled, "keyhole": (_KEY_OUTER,)})),
    )
    yield Mistake(
        "one_contour_per_slice",
        "takes one contour of each slice only",
        "A region may have several contours on one plane.",
        tuple(values({**filled, "islands": (island,)}) for island in _ISLANDS),
    )
    yield Mistake(
        "half_end_slices",
        "counts the first and the last slice by half, as a surface through the contours does",
        "A contour stands for the whole thickness of its slice.",
        (_by_slices(truth, -1),),
    )
    yield Mistake(
        "corners_rounded",
        "rounds corners to voxels and counts them, one row and one column too many",
        "A voxel is inside where its centre is.",
        (values({name: _grown(name) for name in REGIONS}),),
    )


def _by_slices(truth: dict[str, float], more: int) -> dict[str, float]:
    found = dict(truth)
    for name, boxes in REGIONS.items():
        slices = boxes[0].z1 - boxes[0].z0
        key = f"{name}/volume"
        found |= scaled({key: truth[key]}, (slices + more) / slices)
    return found


def _grown(name: str) -> tuple[Box, ...]:
    """Return a region whose outlines took one more row and column at their ends."""

    def larger(box: Box) -> Box:
        return box._replace(y1=box.y1 + 1, x1=box.x1 + 1)

    holes = {"ring": (_OUTER, _HOLE), "keyhole": (_KEY_OUTER, _KEYHOLE)}
    if name in holes:
        outer, hole = holes[name]
        return around(larger(outer), larger(hole))
    return tuple(larger(box) for box in REGIONS[name])


def structures() -> list[Structure]:
    """Return the structures as contours."""
    return [
        Structure("box", _outlines(_BOX)),
        Structure("ring", [*_outlines(_OUTER), *_outlines(_HOLE)]),
        Structure("keyhole", [_keyhole(z) for z in range(_KEY_OUTER.z0, _KEY_OUTER.z1)]),
        Structure("islands", [one for box in _ISLANDS for one in _outlines(box)]),
        Structure("single", _outlines(_SINGLE)),
    ]


def outline(box: Box, z: int) -> ObjectContour:
    """Return the outline of a box on a slice, halfway between voxel centres."""
    return rectangle(GRID, z, (box.x0 - 0.5, box.y0 - 0.5), (box.x1 - 0.5, box.y1 - 0.5))


def _outlines(box: Box) -> list[ObjectContour]:
    return [outline(box, z) for z in range(box.z0, box.z1)]


def _keyhole(z: int) -> ObjectContour:
    """Return one contour that runs in along a channel without width, around, and out again."""
    outer, hole = _KEY_OUTER, _KEYHOLE
    x0, x1, y0, y1 = outer.x0 - 0.5, outer.x1 - 0.5, outer.y0 - 0.5, outer.y1 - 0.5
    a0, a1, b0, b1 = hole.x0 - 0.5, hole.x1 - 0.5, hole.y0 - 0.5, hole.y1 - 0.5
    inner = [(a0, b0), (a0, b1), (a1, b1), (a1, b0), (a0, b0)]
    corners = [(a0, y0), *inner, (a0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
    return polygon(GRID, z, corners)
