"""ADC of the mean signal of a region, with and without correction of the noise floor.

A named alternative to the mean of a map: averaging before the fit lets noise
cancel, and the Rician floor can be taken off the squared signal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from biomarker_cli.diffusion.fitting import ESTIMATORS
from biomarker_cli.diffusion.shells import Shell
from biomarker_cli.model.arrays import BoolArray, FloatArray


def roi_signal_adc(
    shells: Sequence[Shell],
    mask: BoolArray,
    b: FloatArray,
    *,
    estimator: str,
    sigma: float | None = None,
) -> float:
    """Fit the mean signal of a region.

    Each image is averaged over the region, then repeats arithmetically and
    directions geometrically. With `sigma` the signal of an image is
    ``sqrt(mean(S^2) - 2 sigma^2)``, free of the bias of magnitude images.

    Parameters
    ----------
    shells : sequence of Shell
        Read again, image by image.
    mask : ndarray of bool, shape (z, y, x)
    b : ndarray, shape (n,)
        s/mm2, one per shell.
    estimator : str
    sigma : float, optional
        Standard deviation of the noise in each channel, in units of the signal.

    Returns
    -------
    float
        mm2/s; NaN where noise leaves no signal.

    References
    ----------
    Gudbjartsson and Patz 1995, Magn Reson Med 34:910.
    """
    (logs,) = region_log_signals(shells, [mask], sigma)
    if not np.isfinite(logs).all():
        return math.nan
    adc, _ = ESTIMATORS[estimator](logs[:, None], b)
    return float(adc[0])


def region_log_signals(
    shells: Sequence[Shell], masks: Sequence[BoolArray], sigma: float | None = None
) -> FloatArray:
    """Return ln of the mean signal of regions at each b-value, NaN where it is not positive.

    Each image is read once for all regions.

    Parameters
    ----------
    shells : sequence of Shell
    masks : sequence of ndarray of bool, shape (z, y, x)
        One voxel or more each.
    sigma : float, optional
        Noise whose bias is taken off, in units of the signal.

    Returns
    -------
    ndarray, shape (regions, n)
    """
    return np.array([_log_signals(shell, masks, sigma) for shell in shells]).T


def _log_signals(shell: Shell, masks: Sequence[BoolArray], sigma: float | None) -> list[float]:
    """Return ln of the mean signal of each region at one b-value."""
    groups = [
        [_image_signals(volume.read().as_float64(), masks, sigma) for volume in group]
        for group in shell.groups
    ]
    found = []
    for region in range(len(masks)):
        means = [float(np.mean([image[region] for image in group])) for group in groups]
        found.append(float(np.mean(np.log(means))) if all(mean > 0 for mean in means) else math.nan)
    return found


def _image_signals(
    image: FloatArray, masks: Sequence[BoolArray], sigma: float | None
) -> list[float]:
    return [_image_signal(image[mask], sigma) for mask in masks]


def _image_signal(values: FloatArray, sigma: float | None) -> float:
    if sigma is None:
        return float(values.mean())
    squared = float(np.mean(values**2)) - 2.0 * sigma**2
    return math.sqrt(squared) if squared > 0 else math.nan
