"""Sums over the values of a region, and what selects order statistics.

Sums run in eight lanes and in blocks: they become SIMD, keep their order, and round
less than one long sum.
"""

from __future__ import annotations

from biomarker_cli.radiomics.kernels.arrays import Floats1, Floats2, Longs1
from biomarker_cli.radiomics.kernels.compilation import inner, kernel

LANES = 8
"""Values that are added side by side: a constant, so that the inner loops become SIMD."""

BLOCK = 1024
"""Values whose sums are added up before the next begin."""

BINS = 4096
"""Bins that order statistics are looked for in."""


@inner
def _fold(lanes: Floats2, found: Floats1) -> None:
    """Add the lanes of a block to the sums, and empty them."""
    for row in range(found.size):
        for lane in range(LANES):
            found[row] += lanes[row, lane]
            lanes[row, lane] = 0.0


@kernel
def sum_up(values: Floats1, lanes: Floats2, found: Floats1) -> None:
    """Fill in the sum and the sum of squares.

    Parameters
    ----------
    values : ndarray, shape (n,)
    lanes : ndarray, shape (2, LANES)
        Of zeros; work space.
    found : ndarray, shape (2,)
        Of zeros; filled.
    """
    for start in range(0, values.size, BLOCK):
        block = values[start : start + BLOCK]
        whole = block.size - block.size % LANES
        for first in range(0, whole, LANES):
            for lane in range(LANES):
                value = block[first + lane]
                lanes[0, lane] += value
                lanes[1, lane] += value * value
        for place in range(whole, block.size):
            lanes[0, 0] += block[place]
            lanes[1, 0] += block[place] * block[place]
        _fold(lanes, found)


@kernel
def sum_deviations(
    values: Floats1, mean: float, median: float, lanes: Floats2, found: Floats1
) -> None:
    """Fill in sums of deviations.

    Parameters
    ----------
    values : ndarray, shape (n,)
    mean, median : float
    lanes : ndarray, shape (5, LANES)
        Of zeros; work space.
    found : ndarray, shape (5,)
        Of zeros; filled: sums of the square of the deviation from the mean, its third and
        fourth power, its magnitude, and the magnitude of the deviation from the median.
    """
    for start in range(0, values.size, BLOCK):
        block = values[start : start + BLOCK]
        whole = block.size - block.size % LANES
        for first in range(0, whole, LANES):
            for lane in range(LANES):
                value = block[first + lane]
                _deviate(value - mean, value - median, lanes, lane)
        for place in range(whole, block.size):
            _deviate(block[place] - mean, block[place] - median, lanes, 0)
        _fold(lanes, found)


@inner
def _deviate(d: float, from_median: float, lanes: Floats2, lane: int) -> None:
    square = d * d
    lanes[0, lane] += square
    lanes[1, lane] += square * d
    lanes[2, lane] += square * square
    lanes[3, lane] += abs(d)
    lanes[4, lane] += abs(from_median)


@kernel
def sum_between(
    values: Floats1, low: float, high: float, centre: float, lanes: Floats2, found: Floats1
) -> None:
    """Fill in sums over the values between two bounds, which count as between.

    Parameters
    ----------
    values : ndarray, shape (n,)
    low, high, centre : float
    lanes : ndarray, shape (3, LANES)
        Of zeros; work space.
    found : ndarray, shape (3,)
        Of zeros; filled: number, sum, and sum of the distances from the centre.
    """
    for start in range(0, values.size, BLOCK):
        block = values[start : start + BLOCK]
        whole = block.size - block.size % LANES
        for first in range(0, whole, LANES):
            for lane in range(LANES):
                value = block[first + lane]
                within = 1.0 if low <= value <= high else 0.0
                lanes[0, lane] += within
                lanes[1, lane] += within * value
                lanes[2, lane] += within * abs(value - centre)
        for place in range(whole, block.size):
            value = block[place]
            if low <= value <= high:
                lanes[0, 0] += 1.0
                lanes[1, 0] += value
                lanes[2, 0] += abs(value - centre)
        _fold(lanes, found)


@inner
def _bin_of(value: float, low: float, scale: float) -> int:
    return min(int((value - low) * scale), BINS - 1)


@kernel
def count_bins(values: Floats1, low: float, scale: float, counts: Longs1) -> None:
    """Count values in equal bins from the lowest value on.

    Parameters
    ----------
    values : ndarray, shape (n,)
    low : float
        The lowest of them.
    scale : float
        Bins per unit.
    counts : ndarray, shape (BINS,)
        Of zeros; filled.
    """
    for value in values:
        counts[_bin_of(value, low, scale)] += 1


@kernel
def gather_bins(values: Floats1, low: float, scale: float, place: Longs1, chosen: Floats1) -> None:
    """Bring the values of some bins together.

    Parameters
    ----------
    values, low, scale
        As for counting.
    place : ndarray, shape (BINS,)
        Where the values of a bin begin, or -1; changed.
    chosen : ndarray
        Filled.
    """
    for value in values:
        number = _bin_of(value, low, scale)
        if place[number] >= 0:
            chosen[place[number]] = value
            place[number] += 1
