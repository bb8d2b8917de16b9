"""Convolution with the taps of a wavelet, in the order of summation of PyWavelets."""

from __future__ import annotations

from biomarker_cli.radiomics.kernels.arrays import Floats1, Floats2, Floats3, Longs1
from biomarker_cli.radiomics.kernels.compilation import kernel


@kernel
def convolve_rows(source: Floats3, taps: Floats1, wrapped: Longs1, result: Floats3) -> None:
    """Convolve along the middle axis; the inner loop runs along the last one.

    Parameters
    ----------
    source : ndarray, shape (a, n + taps - 1, c)
    taps : ndarray, shape (taps,)
        The first one meets the last voxel.
    wrapped : ndarray, shape (n,)
        How many of the first taps reach beyond the end of the image: PyWavelets adds
        these up first, from the last to the first.
    result : ndarray, shape (a, n, c)
        Filled.
    """
    last = taps.size - 1
    for a in range(result.shape[0]):
        for i in range(result.shape[1]):
            row = result[a, i]
            row[:] = 0.0
            turned = wrapped[i]
            for number in range(taps.size):
                tap = turned - 1 - number if number < turned else number
                factor = taps[tap]
                given = source[a, i + last - tap]
                for k in range(row.size):
                    row[k] += factor * given[k]


@kernel
def convolve_lines(source: Floats2, taps: Floats1, wrapped: Longs1, result: Floats2) -> None:
    """Convolve along the last axis.

    Parameters
    ----------
    source : ndarray, shape (a, n + taps - 1)
    taps, wrapped
        As for rows.
    result : ndarray, shape (a, n)
        Filled.
    """
    last = taps.size - 1
    for a in range(result.shape[0]):
        row = result[a]
        row[:] = 0.0
        for tap in range(taps.size):
            factor = taps[tap]
            given = source[a, last - tap : last - tap + row.size]
            for k in range(row.size):
                row[k] += factor * given[k]
        for k in range(row.size):
            turned = wrapped[k]
            if turned > 1:
                total = 0.0
                for number in range(taps.size):
                    tap = turned - 1 - number if number < turned else number
                    total += taps[tap] * source[a, k + last - tap]
                row[k] = total
