"""What a signal curve shows without a model: arrival, peak, wash-in, wash-out, area.

Not comparable across repetition times and flip angles where it is of the signal.
"""

from __future__ import annotations

import math

import numpy as np

from biomarker_cli.model.arrays import FloatArray

_NOISE_SDS = 3.0
_PEAK_SHARE = 0.1
"""Of the peak: what is certainly contrast agent."""

_START_SHARE = 0.01
"""Of the peak: below it nothing is called the start of the bolus, however low the noise."""

_SD_OF_MEDIAN = 1.4826
"""Standard deviation of a normal distribution over the median of its absolute values."""


def relative_enhancement(signal: FloatArray, baseline: FloatArray) -> FloatArray:
    """Return ``(S - S0) / S0``, shape (frames, voxels); NaN where S0 is not positive.

    References
    ----------
    OSIPI CAPLEX Q.MS1.004.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(baseline > 0, (signal - baseline) / baseline, np.nan)


def least_rise(curve: FloatArray, noisier: float = 1.0) -> float:
    """Return what counts as contrast agent: a tenth of the peak, and above the noise.

    The differences of the later half of the frames tell the noise, 3 standard deviations of
    which are asked for: contrast agent within the baseline would hide itself in the scatter
    of the baseline.

    Parameters
    ----------
    curve : ndarray, shape (frames,)
        Enhancement, 0 at the baseline.
    noisier : float
        Noise of what is compared, over that of a frame.
    """
    noise = noisier * _noise_sd(curve[len(curve) // 2 :])
    return max(_NOISE_SDS * noise, _PEAK_SHARE * float(curve.max()))


def _noise_sd(frames: FloatArray) -> float:
    """Return the standard deviation of the noise, from the differences of the frames."""
    steps = np.abs(np.diff(frames))
    return _SD_OF_MEDIAN * float(np.median(steps)) / math.sqrt(2.0) if steps.size else 0.0


def rises_within(curve: FloatArray, n_before: int) -> bool:
    """Tell whether the contrast agent arrives within the frames that are called baseline.

    It does where two frames in a row, or the last of them, are above the median of the first
    third by more than `least_rise`, the noise of that median added: a single frame of many is
    above by chance.

    Parameters
    ----------
    curve : ndarray, shape (frames,)
        Enhancement, 0 at the baseline.
    n_before : int
    """
    n_first = max(n_before // 3, 1)
    if n_before <= n_first:
        return False
    rise = curve[n_first:n_before] - np.median(curve[:n_first])
    above = rise > least_rise(curve, math.sqrt(1.0 + 1.0 / n_first))
    return bool(above[-1] or np.any(above[:-1] & above[1:]))


def bolus_arrival(curve: FloatArray) -> int | None:
    """Return the last frame before the contrast agent; None where none arrives.

    Two frames above `least_rise` are the bolus. It started with the first of the frames
    before them without a break above 3 standard deviations of the noise, which is that of the
    later frames or of those before, whichever is larger: a tenth of the peak alone is reached
    one frame late where the bolus rises over several frames.

    Parameters
    ----------
    curve : ndarray, shape (frames,)
        Enhancement, 0 at the baseline.

    References
    ----------
    OSIPI CAPLEX Q.BA1.001.
    """
    if not np.isfinite(curve).all():
        return None
    limit = least_rise(curve)
    if not limit > 0:
        return None
    above = curve > limit
    both = above[:-1] & above[1:]
    if not both.any() or both[0]:
        return None
    first = int(np.argmax(both))
    noise = max(_noise_sd(curve[len(curve) // 2 :]), _noise_sd(curve[:first]))
    start = max(_NOISE_SDS * noise, _START_SHARE * float(curve.max()))
    while first > 1 and curve[first - 1] > start:
        first -= 1
    return first - 1


def time_to_peak_s(
    enhancement: FloatArray, seconds: FloatArray, onset_s: float
) -> tuple[FloatArray, FloatArray]:
    """Return the time from the bolus arrival to the highest value, and that value.

    Parameters
    ----------
    enhancement : ndarray, shape (frames, voxels)
        Without NaN in the voxels that are to have a value.
    seconds : ndarray, shape (frames,)
    onset_s : float

    References
    ----------
    OSIPI CAPLEX Q.CD1.010.
    """
    after = seconds > onset_s
    defined = np.isfinite(enhancement).all(axis=0)
    filled = np.where(defined, enhancement, 0.0)[after]
    peak = filled.argmax(axis=0)
    time = seconds[after][peak] - onset_s
    value = filled.max(axis=0)
    return np.where(defined, time, np.nan), np.where(defined, value, np.nan)


def wash_out_per_s(
    enhancement: FloatArray, seconds: FloatArray, peak_s: FloatArray, peak: FloatArray
) -> FloatArray:
    """Return the slope from the peak to the last frame; NaN where the peak is the last.

    Parameters
    ----------
    enhancement : ndarray, shape (frames, voxels)
    seconds : ndarray, shape (frames,)
    peak_s, peak : ndarray, shape (voxels,)
        Time of the peak on the clock of the frames, and its value.
    """
    left = seconds[-1] - peak_s
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(left > 0, (enhancement[-1] - peak) / left, np.nan)


def initial_area(
    concentration_mm: FloatArray, seconds: FloatArray, onset_s: float, span_s: float
) -> FloatArray:
    """Return the area under the curve from the arrival over a span, mmol s / L.

    Linear between the frames, and to both ends.

    Parameters
    ----------
    concentration_mm : ndarray, shape (frames, voxels)
    seconds : ndarray, shape (frames,)
    onset_s, span_s : float

    Returns
    -------
    ndarray, shape (voxels,)
        NaN where a value within the span is, or where the frames end before it.

    References
    ----------
    OSIPI CAPLEX Q.CD1.013, bounded as IAUGC60 and IAUGC90 are.
    """
    end_s = onset_s + span_s
    if end_s > seconds[-1] + 1e-9 or onset_s < seconds[0]:
        return np.full(concentration_mm.shape[1], math.nan)
    inside = seconds[(seconds > onset_s) & (seconds < end_s)]
    times = np.concatenate([[onset_s], inside, [end_s]])
    after = np.clip(np.searchsorted(seconds, times, side="left"), 1, len(seconds) - 1)
    low, high = seconds[after - 1], seconds[after]
    share = ((times - low) / (high - low))[:, None]
    values = (1 - share) * concentration_mm[after - 1] + share * concentration_mm[after]
    # A weight of 0 must not carry the NaN of a frame outside.
    exact = share[:, 0] >= 1.0
    values[exact] = concentration_mm[after[exact]]
    widths = np.diff(times)[:, None]
    return np.asarray(np.sum((values[:-1] + values[1:]) / 2.0 * widths, axis=0))
