"""What the suite ``regions`` expects: counts and places that corners of rectangles give.

Corners lie half a voxel beside voxel centres, so that no centre lies on an edge and every
count is a product of whole numbers.

References
----------
DICOM PS3.3 C.7.6.2.1.1 (Image Plane), C.8.8.6 (ROI ObjectContour), C.8.20 (Segmentation).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from biomarker_cli.multicentre.objects.instances import ObjectGrid, Subject
from biomarker_cli.multicentre.objects.rtstruct import ObjectContour, Structure, polygon, rectangle
from biomarker_cli.multicentre.qualification.checks import Expected
from biomarker_cli.multicentre.qualification.truths.order import FLIPPED

SUBJECT = Subject("VERIFY-CT")
GRID = ObjectGrid((8, 20, 24), (1.5, 2.0, 3.0), (-10.0, -20.0, 30.0))
OBLIQUE = ObjectGrid(
    (8, 20, 24), (1.5, 2.0, 3.0), (-10.0, -20.0, 30.0), (0.8, 0.6, 0.0), (0.0, 0.0, -1.0)
)

SLICES = (2, 3, 4, 5)
LOW, HIGH = (2.5, 3.5), (10.5, 9.5)
"""Corners of the box: 8 x 6 voxels on each of four slices."""

INNER_LOW, INNER_HIGH = (4.5, 5.5), (7.5, 7.5)
"""Of the hole: 3 x 2 voxels."""

N_BOX, N_HOLE = 8 * 6 * 4, 3 * 2 * 4
VOXEL_MM3 = 9.0

SPACING = "distance of voxels: PixelSpacing, and slice positions"
PLACE = "place of a volume: origin and axes"
VOXELS = "order of voxels, rows and slices"
SLICES_THERE = "number of slices"
CENTRES = "which voxels a contour holds"

EXCHANGED = "distances between rows and between columns are exchanged"
FILLED = "contours inside others do not take away"
LOST = "a slice is lost"
_ALONG = ("x", "y", "z")


def hu(x: int, y: int, z: int) -> float:
    """Return the CT number of a voxel: all are different."""
    return float(480 * z + 24 * y + x - 1000)


_MARKS = ((0, 0, 0), (23, 0, 0), (0, 19, 0), (3, 5, 6), (20, 13, 2), (23, 19, 7))
"""Voxels (x, y, z) that are looked up by their place in mm."""


def marks(grid: ObjectGrid) -> dict[str, tuple[float, float, float]]:
    """Return the places in mm that are looked up, by the name of the check."""
    return {_mark_name(mark): grid.place(*mark) for mark in _MARKS}


def _mark_name(mark: tuple[int, int, int]) -> str:
    return f"CT number of voxel {mark}"


def expected_volume(prefix: str) -> list[Expected]:
    """Return what is known of the volume itself."""
    x_mm, y_mm, z_mm = GRID.spacing_mm
    spacing = {"x": (x_mm, y_mm), "y": (y_mm, x_mm), "z": (z_mm, z_mm)}
    found = [
        Expected(
            f"{prefix}: distance along {axis}",
            value,
            1e-5 * value,
            (SPACING,),
            {EXCHANGED: other} if other != value else {},
            {f"the voxel distance along {axis}": 1.0},
            "mm",
        )
        for axis, (value, other) in spacing.items()
    ]
    found += [
        Expected(f"{prefix}: origin {axis}", value, 1e-4, (PLACE,), unit="mm")
        for axis, value in zip(_ALONG, GRID.origin_mm, strict=True)
    ]
    slices, _, _ = GRID.shape
    lost = {LOST: slices - 1.0}
    found.append(Expected(f"{prefix}: slices", float(slices), 0.0, (SLICES_THERE,), lost))
    return found + [_mark(prefix, mark) for mark in _MARKS]


def _mark(prefix: str, mark: tuple[int, int, int]) -> Expected:
    size = (GRID.shape[2], GRID.shape[1], GRID.shape[0])
    mistakes = {}
    for axis, text in enumerate(FLIPPED.values()):
        turned = list(mark)
        turned[axis] = size[axis] - 1 - turned[axis]
        mistakes[text] = hu(*turned)
    name = f"{prefix}: {_mark_name(mark)}"
    return Expected(name, hu(*mark), 0.01, (VOXELS, PLACE), mistakes, unit="[hnsf'U]")


Build = Callable[[ObjectGrid], Sequence[ObjectContour]]


def _on(slices: Sequence[float], *parts: Callable[[ObjectGrid, float], ObjectContour]) -> Build:
    return lambda grid: [part(grid, z) for z in slices for part in parts]


def _box(
    low: tuple[float, float], high: tuple[float, float], kind: str = "CLOSED_PLANAR"
) -> Callable[[ObjectGrid, float], ObjectContour]:
    return lambda grid, z: ObjectContour(rectangle(grid, z, low, high).points, kind)


def _corners(*corners: tuple[float, float]) -> Callable[[ObjectGrid, float], ObjectContour]:
    return lambda grid, z: polygon(grid, z, corners)


_SHIFTED = (7.5, 5.5), (15.5, 11.5)
"""A second box: 3 x 4 voxels of it lie in the first."""

_N_BOTH = 3 * 4 * 4

XOR = "CLOSEDPLANAR_XOR"

# The channel of the keyhole runs between two rows of voxel centres.
_KEYHOLE = (
    LOW,
    (HIGH[0], LOW[1]),
    HIGH,
    (LOW[0], HIGH[1]),
    (LOW[0], 5.7),
    (INNER_LOW[0], 5.7),
    (INNER_LOW[0], INNER_HIGH[1]),
    INNER_HIGH,
    (INNER_HIGH[0], INNER_LOW[1]),
    INNER_LOW,
    (INNER_LOW[0], 5.7),
    (LOW[0], 5.7),
)


@dataclass(frozen=True)
class DrawnRegion:
    """A structure that is drawn, and what must become of it.

    Attributes
    ----------
    name : str
    build : callable
        Contours on a grid.
    n_voxels : int or None
    status : str
    centre : tuple of float or None
        Mean of its voxels in indices ``(x, y, z)``.
    mistakes : mapping of str to int
        Voxels that a mistake would give.
    audit : mapping of str to float
        Column of the audit -> value.
    """

    name: str
    build: Build
    n_voxels: int | None
    status: str = "ok"
    centre: tuple[float, float, float] | None = None
    mistakes: Mapping[str, int] | None = None
    audit: Mapping[str, float] | None = None

    def structure(self, grid: ObjectGrid) -> Structure:
        """Return what is written."""
        return Structure(self.name, self.build(grid))

    def expected(self, prefix: str, grid: ObjectGrid) -> list[Expected]:
        """Return what must become of it."""
        steps = (f"contours: {self.name}", CENTRES)
        if self.n_voxels is None:
            return [Expected(f"{prefix}: {self.name}", self.status, steps=steps)]
        told = {text: float(number) for text, number in (self.mistakes or {}).items()}
        known = float(self.n_voxels)
        found = [Expected(f"{prefix}: {self.name}, voxels", known, 0.0, steps, told)]
        volume = known * VOXEL_MM3
        found.append(
            Expected(
                f"{prefix}: {self.name}, volume",
                volume,
                1e-5 * volume,
                (*steps, SPACING),
                {text: number * VOXEL_MM3 for text, number in told.items()},
                {f"the voxel distance along {axis}": 1.0 for axis in _ALONG},
                "mm3",
            )
        )
        for column, value in (self.audit or {}).items():
            found.append(Expected(f"{prefix}: {self.name}, {column}", value, 1e-4 * value, steps))
        return found + self._places(prefix, grid, steps)

    def _places(self, prefix: str, grid: ObjectGrid, steps: tuple[str, ...]) -> list[Expected]:
        if self.centre is None:
            return []
        return [
            Expected(
                f"{prefix}: {self.name}, centre {axis}", value, 0.01, (*steps, PLACE), unit="mm"
            )
            for axis, value in zip(_ALONG, grid.place(*self.centre), strict=True)
        ]


_CENTRE = (6.5, 6.5, 3.5)

BOX = DrawnRegion(
    "box",
    _on(SLICES, _box(LOW, HIGH)),
    N_BOX,
    centre=_CENTRE,
    audit={"polygon_volume_mm3": N_BOX * VOXEL_MM3},
)

DRAWN = (
    BOX,
    DrawnRegion(
        "hole",
        _on(SLICES, _box(LOW, HIGH), _box(INNER_LOW, INNER_HIGH)),
        N_BOX - N_HOLE,
        mistakes={FILLED: N_BOX},
        audit={"polygon_volume_mm3": (N_BOX - N_HOLE) * VOXEL_MM3},
    ),
    DrawnRegion(
        "island in a hole",
        _on(SLICES, _box(LOW, HIGH), _box((3.5, 4.5), (9.5, 8.5)), _box(INNER_LOW, INNER_HIGH)),
        N_BOX - 6 * 4 * 4 + N_HOLE,
        mistakes={FILLED: N_BOX},
    ),
    DrawnRegion("keyhole", _on(SLICES, _corners(*_KEYHOLE)), N_BOX - N_HOLE),
    DrawnRegion(
        "exclusive or",
        _on(SLICES, _box(LOW, HIGH, XOR), _box(*_SHIFTED, kind=XOR)),
        2 * N_BOX - 2 * _N_BOTH,
    ),
    DrawnRegion(
        "two that cross",
        _on(SLICES, _box(LOW, HIGH), _box(*_SHIFTED)),
        2 * N_BOX - _N_BOTH,
    ),
    DrawnRegion(
        "two apart", _on(SLICES, _box(LOW, HIGH), _box((13.5, 12.5), (15.5, 15.5))), N_BOX + 24
    ),
    # i + j <= 9 with i, j from 0: 55 voxels of a slice.
    DrawnRegion("triangle", _on(SLICES, _corners((2.5, 3.5), (12.7, 3.5), (2.5, 13.7))), 55 * 4),
    DrawnRegion(
        "between slices", _on([z + 0.5 for z in SLICES], _box(LOW, HIGH)), N_BOX, centre=_CENTRE
    ),
    DrawnRegion(
        "planes of a third of the slice",
        _on([2.0 + (n - 1) / 3.0 for n in range(12)], _box(LOW, HIGH)),
        N_BOX,
        centre=_CENTRE,
    ),
    # Four of the eight columns lie in the image.
    DrawnRegion(
        "partly outside",
        _on(SLICES, _box((-4.5, 3.5), (3.5, 9.5))),
        4 * 6 * 4,
        audit={"clipped_fraction": 0.5},
    ),
    DrawnRegion(
        "a point", lambda grid: [ObjectContour([grid.place(3, 3, 3)], "POINT")], None, "skipped"
    ),
    DrawnRegion("without contours", lambda _: (), None, "empty"),
    DrawnRegion("a slice without contour", _on((2, 3, 5), _box(LOW, HIGH)), None, "failed"),
)

INTERPOLATED = DrawnRegion(
    "a slice without contour, filled", _on((2, 3, 5), _box(LOW, HIGH)), N_BOX, centre=_CENTRE
)

OTHER_FRAME = Expected(
    "refused: contours of another frame of reference",
    "REGION-FRAME-OF-REFERENCE",
    steps=("refusal of contours",),
)


@dataclass(frozen=True)
class Filled:
    """A block of voxels of a mask, by slices ``(z, y, x)``."""

    name: str
    z: tuple[int, int]
    y: tuple[int, int]
    x: tuple[int, int]

    @property
    def n_voxels(self) -> int:
        """Its size."""
        return math.prod(high - low for low, high in (self.z, self.y, self.x))

    @property
    def centre(self) -> tuple[float, float, float]:
        """Mean of its voxels in indices ``(x, y, z)``."""
        first, second, third = ((low + high - 1) / 2.0 for low, high in (self.x, self.y, self.z))
        return first, second, third

    def expected(self, prefix: str, grid: ObjectGrid) -> list[Expected]:
        """Return its count and place."""
        step = f"mask files: {prefix}"
        name = f"{prefix}: {self.name}"
        found = [Expected(f"{name}, voxels", float(self.n_voxels), 0.0, (step,))]
        return found + [
            Expected(f"{name}, centre {axis}", value, 0.01, (step, PLACE), unit="mm")
            for axis, value in zip(_ALONG, grid.place(*self.centre), strict=True)
        ]


BLOCKS = (Filled("first", (1, 4), (2, 7), (3, 11)), Filled("second", (2, 6), (5, 12), (9, 16)))
"""They overlap."""

APART = (Filled("first", (1, 4), (2, 7), (3, 11)), Filled("second", (2, 6), (9, 12), (12, 16)))
