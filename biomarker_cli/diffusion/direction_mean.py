"""Combine repeats and directions of each b-value, before any fit or weighting.

Repeats of one direction are averaged (they differ by noise alone); directions
are combined by the geometric mean, because ln S is linear in the diffusion
tensor and the mean of ln S over directions gives its trace: the trace-weighted
signal. The arithmetic mean of directions reads ADC low (12e-6 mm2/s in the
median of a brain at b = 2500).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from biomarker_cli.diffusion.shells import Shell
from biomarker_cli.model.arrays import BoolArray, FloatArray

_SAFE_EXPONENT = 290.0
"""Decimal exponent that a running product stays below; float64 ends at 308."""


@dataclass(frozen=True)
class ShellSignals:
    """The mean signal of each b-value.

    Attributes
    ----------
    b : ndarray, shape (n,)
        s/mm2, as fitted.
    log_signal : ndarray, shape (n, z, y, x)
        Natural logarithm of the mean signal; NaN where any sample of that
        b-value is zero or negative.
    repeat_sd : ndarray, shape (z, y, x), or None
        Standard deviation of one image, from the repeats of the lowest b-value
        that has any.
    """

    b: FloatArray
    log_signal: FloatArray
    repeat_sd: FloatArray | None = None

    def under(self, mask: BoolArray) -> ShellSignals:
        """Return the voxels under a mask: `log_signal` of shape (n, voxels)."""
        repeat_sd = None if self.repeat_sd is None else self.repeat_sd[mask]
        return ShellSignals(self.b, self.log_signal[:, mask], repeat_sd)

    def rows(self, indices: Sequence[int]) -> ShellSignals:
        """Return the signals of some b-values; all of them without a copy."""
        if list(indices) == list(range(len(self.b))):
            return self
        chosen = list(indices)
        return ShellSignals(self.b[chosen], self.log_signal[chosen], self.repeat_sd)


def shell_signals(shells: Sequence[Shell], b_value: str, mean: str) -> ShellSignals:
    """Read the volumes of each shell and combine them.

    Volumes are read one at a time, so that the memory in use does not grow with
    the number of directions.

    Parameters
    ----------
    shells : sequence of Shell
    b_value : str
        ``actual`` or ``nominal``.
    mean : str
        ``geometric`` or ``arithmetic``: how directions are combined.
    """
    combine = geometric_log_mean if mean == "geometric" else arithmetic_log_mean
    spreads: list[FloatArray] = []
    first = combine(_group_means(shells[0], spreads))
    logs = np.empty((len(shells), *first.shape))
    logs[0] = first
    for index, shell in enumerate(shells[1:], start=1):
        logs[index] = combine(_group_means(shell, spreads))
    b = np.array([shell.b(b_value) for shell in shells])
    return ShellSignals(b, logs, spreads[0] if spreads else None)


def _group_means(shell: Shell, spreads: list[FloatArray]) -> Iterator[FloatArray]:
    """Yield the mean of each direction; keep the spread of the first repeats met."""
    for group in shell.groups:
        if len(group) == 1:
            yield group[0].read().as_float64()
            continue
        repeats = RunningRepeats()
        for volume in group:
            repeats.add(volume.read().as_float64())
        if not spreads:
            spreads.append(repeats.sd())
        yield repeats.mean()


class RunningRepeats:
    """Mean and spread of images that differ by noise alone, one image at a time.

    References
    ----------
    Welford 1962, Technometrics 4:419.
    """

    def __init__(self) -> None:
        self._n = 0
        self._mean: FloatArray = np.zeros(0)
        self._squares: FloatArray = np.zeros(0)
        self._bad: BoolArray = np.zeros(0, dtype=np.bool_)

    def add(self, image: FloatArray) -> None:
        """Take one image, shape (z, y, x)."""
        self._n += 1
        if self._n == 1:
            self._mean = image.copy()
            self._squares = np.zeros_like(image)
            self._bad = ~(image > 0)
            return
        deviation = image - self._mean
        self._mean += deviation / self._n
        self._squares += deviation * (image - self._mean)
        self._bad |= ~(image > 0)

    def mean(self) -> FloatArray:
        """Return the mean; NaN where a sample was zero or negative."""
        return np.where(self._bad, np.nan, self._mean)

    def sd(self) -> FloatArray:
        """Return the sample standard deviation of one image (n - 1)."""
        return np.sqrt(self._squares / (self._n - 1))


def geometric_log_mean(images: Iterable[FloatArray]) -> FloatArray:
    """Return the mean of ln S over images; NaN where a sample is not positive.

    One logarithm serves many images: their product is taken first, as long as
    it stays inside the range of a float64.

    Parameters
    ----------
    images : iterable of ndarray, shape (...)
    """
    product: FloatArray | None = None
    log_sum: FloatArray | float = 0.0
    bad: BoolArray | None = None
    exponent, count = 0.0, 0
    for image in images:
        count += 1
        factor, unusable, size = _positive(image)
        if product is not None and exponent + size > _SAFE_EXPONENT:
            log_sum = log_sum + np.log(product)
            product = None
        if product is None:
            product, exponent = factor.copy(), size
        else:
            product *= factor
            exponent += size
        if unusable is not None:
            bad = unusable if bad is None else bad | unusable
    if product is None:
        raise ValueError("no images")
    result: FloatArray = (log_sum + np.log(product)) / count
    if bad is not None:
        result[bad] = np.nan
    return result


def arithmetic_log_mean(images: Iterable[FloatArray]) -> FloatArray:
    """Return ln of the mean of S over images; NaN where a sample is not positive.

    Offered to reproduce what others computed: it underestimates ADC.
    """
    total: FloatArray | None = None
    bad: BoolArray | None = None
    count = 0
    for image in images:
        count += 1
        factor, unusable, _ = _positive(image)
        total = factor.copy() if total is None else total + factor
        if unusable is not None:
            bad = unusable if bad is None else bad | unusable
    if total is None:
        raise ValueError("no images")
    result: FloatArray = np.log(total / count)
    if bad is not None:
        result[bad] = np.nan
    return result


def _positive(image: FloatArray) -> tuple[FloatArray, BoolArray | None, float]:
    """Return the image with 1 where it is not positive, where that is, and its size.

    The size is the largest decimal exponent in either direction.
    """
    smallest, largest = float(image.min()), float(image.max())
    unusable: BoolArray | None = None
    # A NaN makes the minimum NaN, and the comparison false.
    if not (smallest > 0 and math.isfinite(largest)):
        usable = (image > 0) & np.isfinite(image)
        unusable = ~usable
        image = np.where(usable, image, 1.0)
        smallest, largest = float(image.min()), float(image.max())
    return image, unusable, max(abs(math.log10(smallest)), abs(math.log10(largest)))
