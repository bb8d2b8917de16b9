"""Moran's I and Geary's C (IBSI-1, section 3.1): sums over all pairs of voxels of a region."""

from __future__ import annotations

import numpy as np

from biomarker_cli.model.arrays import BoolArray, ComplexArray, FloatArray

Spacing = tuple[float, float, float]

_TOGETHER = 1_000_000
"""Frequencies that are looked at at a time: 16 MB for each of three images."""


def spatial_correlation(
    mask: BoolArray, image: FloatArray, spacing_zyx: Spacing
) -> dict[str, float]:
    """Return Moran's I and Geary's C, with weights 1 / distance; NaN where undefined.

    The weight of a pair hangs on the step between its voxels alone, so a sum over all
    pairs is one over steps of weight times autocorrelation. By Parseval's theorem that
    is a sum over frequencies: exact, in O(n log n), and no transform need be inverted.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
        The intensity mask in its box.
    image : ndarray, shape (z, y, x)
    spacing_zyx : tuple of float
        In mm.
    """
    undefined = {"moran_i": np.nan, "geary_c": np.nan}
    n = int(np.count_nonzero(mask))
    if n < 2:
        return undefined
    deviation = np.where(mask, image - image[mask].mean(), 0.0)
    squares = deviation**2
    spread = float(np.sum(squares))
    if spread <= 0:
        return undefined
    size = _period(mask.shape)
    weights, together, crossed = _weighted_sums(
        _planes_of(mask.astype(np.float64), size),
        _planes_of(deviation, size),
        _planes_of(squares, size),
        _weights(size, spacing_zyx),
    )
    # (x_i - x_j)^2 = x_i^2 + x_j^2 - 2 x_i x_j
    apart = 2 * crossed - 2 * together
    return {
        "moran_i": n / weights * together / spread,
        "geary_c": (n - 1) / (2 * weights) * apart / spread,
    }


def _period(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return even lengths in which no step between voxels meets the one the other way round."""
    from scipy import fft

    lengths = []
    for length in shape:
        period = fft.next_fast_len(2 * length - 1, real=True)
        while period % 2:
            period = fft.next_fast_len(period + 1, real=True)
        lengths.append(period)
    return lengths[0], lengths[1], lengths[2]


def _weights(size: tuple[int, int, int], spacing_zyx: Spacing) -> FloatArray:
    """Return the transform of 1 / distance, from frequency 0 to the highest along each axis.

    Weights are the same for opposite steps: their transform is one of cosines, of an
    eighth of the steps.
    """
    from scipy import fft

    steps = [
        np.arange(period // 2 + 1) * spacing
        for period, spacing in zip(size, spacing_zyx, strict=True)
    ]
    square: FloatArray = np.asarray(
        sum(a**2 for a in np.meshgrid(*steps, indexing="ij", sparse=True))
    )
    square[0, 0, 0] = np.inf
    return np.asarray(fft.dctn(1 / np.sqrt(square), type=1, overwrite_x=True))


def _planes_of(voxels: FloatArray, size: tuple[int, int, int]) -> ComplexArray:
    """Transform along the last two axes; slices without voxels need no transform yet."""
    from scipy import fft

    rows = fft.rfft(voxels, size[2], axis=2)
    return np.asarray(fft.fft(rows, size[1], axis=1))


def _weighted_sums(
    inside: ComplexArray, deviation: ComplexArray, squares: ComplexArray, weights: FloatArray
) -> tuple[float, float, float]:
    """Return the sums over all pairs of the weights, and of weighted products of two images."""
    from scipy import fft

    depth, height, width = (2 * (length - 1) for length in weights.shape)
    # Positive and negative frequencies weigh the same; the last axis has one half of them.
    across, down = (np.minimum(np.arange(m), m - np.arange(m)) for m in (depth, height))
    twice = np.full(weights.shape[2], 2.0)
    twice[[0, -1]] = 1.0
    sums = np.zeros(3)
    step = max(1, _TOGETHER // (depth * weights.shape[2]))
    for first in range(0, height, step):
        part = slice(first, first + step)
        m, d, s = (fft.fft(a[:, part], depth, axis=0) for a in (inside, deviation, squares))
        weight = (weights[:, down[part]] * twice)[across]
        sums += [
            float(np.sum(weight * (m.real**2 + m.imag**2))),
            float(np.sum(weight * (d.real**2 + d.imag**2))),
            float(np.sum(weight * (s.real * m.real + s.imag * m.imag))),
        ]
    weights_sum, together, crossed = (sums / (depth * height * width)).tolist()
    return weights_sum, together, crossed
