"""Recursive filters of fourth order along one axis of an image.

A line is filtered forwards and backwards and goes on beyond its ends with its
first and last value. Sums and products are taken in double precision in a fixed
order, so that the bits are those of ITK's recursive Gaussian; the result is
rounded to single precision as there.

Where a line starts cannot be left out, however far it lies away: the influence of
the start falls below the resolution of a double within some thirty standard
deviations, but two recursions that differ by rounding need not meet again. From a
width of two voxels on they often never do, and where the derivative of a constant
region is nothing but rounding, that decides its sign.
"""

from __future__ import annotations

import numpy as np

from biomarker_cli.radiomics.kernels.arrays import (
    AnyArray,
    Floats1,
    Floats2,
    Longs1,
    Singles1,
)
from biomarker_cli.radiomics.kernels.compilation import inner, kernel

LANES = 16
"""Lines that are filtered side by side: a constant, so that the inner loops become SIMD."""

_ROW = np.uint64(LANES)
_TWO = np.uint64(2 * LANES)
_THREE = np.uint64(3 * LANES)
_FOUR = np.uint64(4 * LANES)


@kernel
def filter_double_lines(
    image: Floats1,
    shape: Longs1,
    steps: Longs1,
    coefficients: Floats2,
    bounds: Longs1,
    work: Floats2,
    result: Singles1,
) -> None:
    """Filter the lines of a stack of planes, once for each set of coefficients.

    Parameters
    ----------
    image : ndarray, shape (n,)
        Flat; with a fourth step it holds one stack for each set.
    shape : ndarray, shape (3,)
        Planes, length of a line, and lines in a plane.
    steps : ndarray, shape (8,)
        Flat distances in the image between planes, along a line, between lines and
        between sets (0 where all sets filter the same image), then the same in the
        result.
    coefficients : ndarray, shape (sets, 20)
        n0 to n3, d1 to d4, m1 to m4, and the d scaled for constant ends, forwards
        and backwards.
    bounds : ndarray, shape (2,)
        Part of the lines that is kept, from and up to.
    work : ndarray, shape (3, length * LANES)
        Of any content.
    result : ndarray, shape (m,)
        Flat; filled from its beginning.
    """
    _filter_lines(image, shape, steps, coefficients, bounds, work, result)


@kernel
def filter_single_lines(
    image: Singles1,
    shape: Longs1,
    steps: Longs1,
    coefficients: Floats2,
    bounds: Longs1,
    work: Floats2,
    result: Singles1,
) -> None:
    """Do the same to an image of single precision."""
    _filter_lines(image, shape, steps, coefficients, bounds, work, result)


@inner
def _filter_lines(
    image: AnyArray,
    shape: Longs1,
    steps: Longs1,
    coefficients: Floats2,
    bounds: Longs1,
    work: Floats2,
    result: Singles1,
) -> None:
    lines = shape[2]
    data, forwards, backwards = work[0], work[1], work[2]
    for plane in range(shape[0]):
        for first in range(0, lines, LANES):
            for number in range(len(coefficients)):
                if number == 0 or steps[3] != 0:
                    start = plane * steps[0] + first * steps[2] + number * steps[3]
                    _gather(image, start, steps[1], steps[2], min(lines - first, LANES), data)
                _forwards(data, coefficients[number], bounds[1], forwards)
                _backwards(data, coefficients[number], bounds[0], backwards)
                start = plane * steps[4] + first * steps[6] + number * steps[7]
                used = min(lines - first, LANES)
                _scatter(forwards, backwards, bounds, result, start, steps[5], steps[6], used)


@inner
def _gather(image: AnyArray, start: int, along: int, across: int, used: int, data: Floats1) -> None:
    """Copy lines side by side; where lanes are left the last line fills them."""
    length = data.size // LANES
    if used < LANES:
        for i in range(length):
            for lane in range(LANES):
                data[i * LANES + lane] = image[start + i * along + min(lane, used - 1) * across]
        return
    if across == 1:
        for i in range(length):
            row = np.uint64(start + i * along)
            for lane in range(LANES):
                data[np.uint64(i * LANES + lane)] = image[row + np.uint64(lane)]
        return
    step = np.uint64(across)
    for i in range(length):
        row = np.uint64(start + i * along)
        for lane in range(LANES):
            data[np.uint64(i * LANES + lane)] = image[row + np.uint64(lane) * step]


@inner
def _scatter(
    forwards: Floats1,
    backwards: Floats1,
    bounds: Longs1,
    result: Singles1,
    start: int,
    along: int,
    across: int,
    used: int,
) -> None:
    """Add both directions and put the part that is kept in its place."""
    step = np.uint64(across)
    for i in range(bounds[0], bounds[1]):
        row = np.uint64(start + (i - bounds[0]) * along)
        from_ = i * LANES
        if across == 1 and used == LANES:
            for lane in range(LANES):
                j = np.uint64(from_ + lane)
                result[row + np.uint64(lane)] = np.float32(forwards[j] + backwards[j])
        else:
            for lane in range(used):
                j = np.uint64(from_ + lane)
                result[row + np.uint64(lane) * step] = np.float32(forwards[j] + backwards[j])


@inner
def _forwards(data: Floats1, c: Floats1, stop: int, out: Floats1) -> None:
    n0, n1, n2, n3, d1, d2, d3, d4 = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
    b1, b2, b3, b4 = c[12], c[13], c[14], c[15]
    for k in range(LANES):
        x0, x1, x2, x3 = data[k], data[LANES + k], data[2 * LANES + k], data[3 * LANES + k]
        y0 = (x0 * n0 + x0 * n1 + x0 * n2 + x0 * n3) - (x0 * b1 + x0 * b2 + x0 * b3 + x0 * b4)
        y1 = (x1 * n0 + x0 * n1 + x0 * n2 + x0 * n3) - (y0 * d1 + x0 * b2 + x0 * b3 + x0 * b4)
        y2 = (x2 * n0 + x1 * n1 + x0 * n2 + x0 * n3) - (y1 * d1 + y0 * d2 + x0 * b3 + x0 * b4)
        y3 = (x3 * n0 + x2 * n1 + x1 * n2 + x0 * n3) - (y2 * d1 + y1 * d2 + y0 * d3 + x0 * b4)
        out[k], out[LANES + k], out[2 * LANES + k], out[3 * LANES + k] = y0, y1, y2, y3
    for i in range(4, stop):
        for k in range(LANES):
            # Unsigned: numba then need not look for indices from the end.
            j = np.uint64(i * LANES + k)
            given = data[j] * n0 + data[j - _ROW] * n1 + data[j - _TWO] * n2 + data[j - _THREE] * n3
            known = (
                out[j - _ROW] * d1 + out[j - _TWO] * d2 + out[j - _THREE] * d3 + out[j - _FOUR] * d4
            )
            out[j] = given - known


@inner
def _backwards(data: Floats1, c: Floats1, start: int, out: Floats1) -> None:
    m1, m2, m3, m4, d1, d2, d3, d4 = c[8], c[9], c[10], c[11], c[4], c[5], c[6], c[7]
    b1, b2, b3, b4 = c[16], c[17], c[18], c[19]
    length = data.size // LANES
    for k in range(LANES):
        end = (length - 1) * LANES + k
        x0, x1, x2 = data[end], data[end - LANES], data[end - 2 * LANES]
        y0 = (x0 * m1 + x0 * m2 + x0 * m3 + x0 * m4) - (x0 * b1 + x0 * b2 + x0 * b3 + x0 * b4)
        y1 = (x0 * m1 + x0 * m2 + x0 * m3 + x0 * m4) - (y0 * d1 + x0 * b2 + x0 * b3 + x0 * b4)
        y2 = (x1 * m1 + x0 * m2 + x0 * m3 + x0 * m4) - (y1 * d1 + y0 * d2 + x0 * b3 + x0 * b4)
        y3 = (x2 * m1 + x1 * m2 + x0 * m3 + x0 * m4) - (y2 * d1 + y1 * d2 + y0 * d3 + x0 * b4)
        out[end], out[end - LANES] = y0, y1
        out[end - 2 * LANES], out[end - 3 * LANES] = y2, y3
    for i in range(length - 5, start - 1, -1):
        for k in range(LANES):
            j = np.uint64(i * LANES + k)
            given = (
                data[j + _ROW] * m1
                + data[j + _TWO] * m2
                + data[j + _THREE] * m3
                + data[j + _FOUR] * m4
            )
            known = (
                out[j + _ROW] * d1 + out[j + _TWO] * d2 + out[j + _THREE] * d3 + out[j + _FOUR] * d4
            )
            out[j] = given - known
