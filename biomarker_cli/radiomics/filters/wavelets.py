"""Undecimated separable wavelets (IBSI-2, section 3.5)."""

from __future__ import annotations

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.radiomics.filters.ibsi_rules import WaveletFilter
from biomarker_cli.radiomics.filters.separable import Kernels, pooled


def wavelet_response(image: FloatArray, rules: WaveletFilter) -> FloatArray:
    """Return one band of the stationary transform.

    Lower levels are low-pass responses; the kernels of level j hold 2^(j-1) - 1
    zeros between their taps (algorithme à trous).
    """
    import pywt

    wavelet = pywt.Wavelet(rules.wavelet)
    low = np.array(wavelet.dec_lo, dtype=np.float64)
    high = np.array(wavelet.dec_hi, dtype=np.float64)
    planar = len(rules.band) == 2
    # The band's name runs along x, y, z.
    bands = {"L": low, "H": high}
    kernels: Kernels = tuple([None] * planar + [bands[letter] for letter in reversed(rules.band)])
    stages: list[Kernels] = []
    for level in range(1, rules.level):
        spread = _spread(low, level)
        stages.append((None if planar else spread, spread, spread))
    stages.append(tuple(None if k is None else _spread(k, rules.level) for k in kernels))
    return pooled(image, stages, rules.boundary, rules.pooling)


def taps_of(wavelet: str) -> int:
    """Return the length of the kernels of a wavelet."""
    import pywt

    return int(pywt.Wavelet(wavelet).dec_len)


def _spread(kernel: FloatArray, level: int) -> FloatArray:
    """Return the taps of a level, each followed by its zeros, with a last zero for odd length."""
    step = 2 ** (level - 1)
    length = kernel.size * step
    result = np.zeros(length + 1 - length % 2)
    result[:length:step] = kernel
    return result
