"""Types of the compiled kernels: the sources (`*.pxi`) say what they do."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from biomarker_cli.model.arrays import BoolArray, CountArray, FloatArray, IntArray, SingleArray

Words = npt.NDArray[np.uint16]

SOURCES_SHA256: str
LANES: int

def lay_ranks(
    mask: BoolArray, levels: IntArray, rank_of: Words, border: int, ranks: Words, ends: IntArray
) -> None: ...
def mark_levels(levels: IntArray, present: Words) -> None: ...
def count_pairs(
    ranks: Words, ends: IntArray, steps: IntArray, size: int, counts: CountArray
) -> None: ...
def summarise(
    counts: FloatArray,
    values: IntArray,
    difference: FloatArray,
    total: FloatArray,
    margin: FloatArray,
    found: FloatArray,
) -> None: ...
def difference_features(difference: FloatArray, top: float, found: FloatArray) -> None: ...
def sum_features(total: FloatArray, mean: float, found: FloatArray) -> None: ...
def information_entropies(
    counts: FloatArray, pairs: float, margin: FloatArray, epsilon: float, found: FloatArray
) -> None: ...
def count_runs(
    ranks: Words, ends: IntArray, steps: IntArray, lengths: Words, longest: int, counts: CountArray
) -> None: ...
def has_pair(ranks: Words, ends: IntArray, step: IntArray) -> bool: ...
def join_zones(
    ranks: Words, ends: IntArray, planar: bool, links: Words, parent: CountArray
) -> None: ...
def sum_zones(
    ranks: Words,
    ends: IntArray,
    distance: CountArray,
    parent: CountArray,
    sizes: CountArray,
    nearest: CountArray,
    zones: IntArray,
) -> int: ...
def visit_neighbours(
    ranks: Words,
    greys: CountArray,
    ends: IntArray,
    steps: IntArray,
    alpha: int,
    row: CountArray,
    tones: FloatArray,
    dependence: IntArray,
) -> None: ...
def emphasise(
    ranks: IntArray,
    sizes: IntArray,
    counts: FloatArray,
    values: IntArray,
    by_level: FloatArray,
    by_size: FloatArray,
    found: FloatArray,
) -> None: ...
def measure_distances(mask: BoolArray, planar: bool, distance: CountArray) -> None: ...
def levels_between(values: FloatArray, edges: FloatArray, levels: IntArray) -> None: ...
def sum_up(values: FloatArray) -> tuple[float, float]: ...
def sum_deviations(
    values: FloatArray, mean: float, median: float
) -> tuple[float, float, float, float, float]: ...
def sum_between(
    values: FloatArray, low: float, high: float, centre: float
) -> tuple[float, float, float]: ...
def average_rows(
    sums: FloatArray,
    known: FloatArray,
    mask: BoolArray,
    rows: IntArray,
    reach: IntArray,
    work: FloatArray,
    means: FloatArray,
) -> None: ...
def count_cases(mask: BoolArray, number: IntArray, places: IntArray) -> None: ...
def sum_places(mask: BoolArray, sums: IntArray, products: IntArray) -> int: ...
def hull_planes(
    mask: BoolArray,
    row_mm: float,
    column_mm: float,
    ends: IntArray,
    columns: IntArray,
    hull: IntArray,
    corners: IntArray,
) -> float: ...
def farthest_squared(
    points: FloatArray,
    cells: int,
    low: FloatArray,
    scale: FloatArray,
    start: IntArray,
    order: IntArray,
    boxes: FloatArray,
) -> float: ...
def longest_inside(
    mask: BoolArray,
    corners: IntArray,
    row_mm: float,
    column_mm: float,
    at_least: float,
    found: IntArray,
) -> tuple[float, int]: ...
def filter_double_lines(
    image: FloatArray,
    shape: IntArray,
    steps: IntArray,
    coefficients: FloatArray,
    bounds: IntArray,
    work: FloatArray,
    result: SingleArray,
) -> None: ...
def filter_single_lines(
    image: SingleArray,
    shape: IntArray,
    steps: IntArray,
    coefficients: FloatArray,
    bounds: IntArray,
    work: FloatArray,
    result: SingleArray,
) -> None: ...
def convolve_rows(
    source: FloatArray, taps: FloatArray, wrapped: IntArray, result: FloatArray
) -> None: ...
def convolve_lines(
    source: FloatArray, taps: FloatArray, wrapped: IntArray, result: FloatArray
) -> None: ...
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
def pick_elements(
    content: bytes,
    file_bytes: int,
    wanted: bytes,
    varying: bytes,
    without_private: tuple[bytes, ...],
    holds_items: Callable[[int], bool],
) -> tuple[bytes, list[bytes | None]] | None: ...
def pick_elements_of_file(
    file: int,
    size: int,
    mtime_ns: int,
    ctime_ns: int,
    inode: int,
    room: int,
    wanted: bytes,
    varying: bytes,
    without_private: tuple[bytes, ...],
    holds_items: Callable[[int], bool],
) -> tuple[bytes, list[bytes | None]] | None: ...
def convolve_exponential(
    times: FloatArray, plasma: FloatArray, rate: float, result: FloatArray
) -> None: ...
def fit_exchange(
    times: FloatArray,
    plasma: FloatArray,
    frames: IntArray,
    curves: FloatArray,
    rates: FloatArray,
    limits: FloatArray,
    with_plasma: bool,
    found: FloatArray,
) -> None: ...
