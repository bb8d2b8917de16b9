"""Types of the compiled kernels: the sources (`*.pxi`) say what they do."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint16]
Marks = npt.NDArray[np.bool_]

SOURCES_SHA256: str
LANES: int

def lay_ranks(
    mask: Marks, levels: Longs, rank_of: Words, border: int, ranks: Words, ends: Longs
) -> None: ...
def mark_levels(levels: Longs, present: Words) -> None: ...
def count_pairs(ranks: Words, ends: Longs, steps: Longs, size: int, counts: Ints) -> None: ...
def summarise(
    counts: Floats, values: Longs, difference: Floats, total: Floats, margin: Floats, found: Floats
) -> None: ...
def difference_features(difference: Floats, top: float, found: Floats) -> None: ...
def sum_features(total: Floats, mean: float, found: Floats) -> None: ...
def information_entropies(
    counts: Floats, pairs: float, margin: Floats, epsilon: float, found: Floats
) -> None: ...
def count_runs(
    ranks: Words, ends: Longs, steps: Longs, lengths: Words, longest: int, counts: Ints
) -> None: ...
def has_pair(ranks: Words, ends: Longs, step: Longs) -> bool: ...
def join_zones(ranks: Words, ends: Longs, planar: bool, links: Words, parent: Ints) -> None: ...
def sum_zones(
    ranks: Words,
    ends: Longs,
    distance: Ints,
    parent: Ints,
    sizes: Ints,
    nearest: Ints,
    zones: Longs,
) -> int: ...
def visit_neighbours(
    ranks: Words,
    greys: Ints,
    ends: Longs,
    steps: Longs,
    alpha: int,
    row: Ints,
    tones: Floats,
    dependence: Longs,
) -> None: ...
def emphasise(
    ranks: Longs,
    sizes: Longs,
    counts: Floats,
    values: Longs,
    by_level: Floats,
    by_size: Floats,
    found: Floats,
) -> None: ...
def measure_distances(mask: Marks, planar: bool, distance: Ints) -> None: ...
def levels_between(values: Floats, edges: Floats, levels: Longs) -> None: ...
def sum_up(values: Floats) -> tuple[float, float]: ...
def sum_deviations(
    values: Floats, mean: float, median: float
) -> tuple[float, float, float, float, float]: ...
def sum_between(
    values: Floats, low: float, high: float, centre: float
) -> tuple[float, float, float]: ...
def average_rows(
    sums: Floats, known: Floats, mask: Marks, rows: Longs, reach: Longs, work: Floats, means: Floats
) -> None: ...
def count_cases(mask: Marks, number: Longs, places: Longs) -> None: ...
def sum_places(mask: Marks, sums: Longs, products: Longs) -> int: ...
def hull_planes(
    mask: Marks,
    row_mm: float,
    column_mm: float,
    ends: Longs,
    columns: Longs,
    hull: Longs,
    corners: Longs,
) -> float: ...
def farthest_squared(
    points: Floats,
    cells: int,
    low: Floats,
    scale: Floats,
    start: Longs,
    order: Longs,
    boxes: Floats,
) -> float: ...
def filter_double_lines(
    image: Floats,
    shape: Longs,
    steps: Longs,
    coefficients: Floats,
    bounds: Longs,
    work: Floats,
    result: Singles,
) -> None: ...
def filter_single_lines(
    image: Singles,
    shape: Longs,
    steps: Longs,
    coefficients: Floats,
    bounds: Longs,
    work: Floats,
    result: Singles,
) -> None: ...
def convolve_rows(source: Floats, taps: Floats, wrapped: Longs, result: Floats) -> None: ...
def convolve_lines(source: Floats, taps: Floats, wrapped: Longs, result: Floats) -> None: ...
def walk_elements(
    content: bytes,
    at: int,
    explicit: bool,
    last_group: int,
    previous: int,
    found: dict[int, tuple[bytes, bytes | None]],
) -> tuple[int, int]: ...
def skip_items(
    content: bytes, at: int, explicit: bool, holds_items: Callable[[int], bool]
) -> int: ...
