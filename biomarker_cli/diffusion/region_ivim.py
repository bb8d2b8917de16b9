"""Intravoxel incoherent motion of the mean signal of a region, beside the maps.

D* of single voxels is noise in most tissues; the signal of a region, averaged
before the fit, tells it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from biomarker_cli.diffusion.adc import AdcResult
from biomarker_cli.diffusion.ivim import refit_ivim
from biomarker_cli.diffusion.model_maps import RANGE_FLAG, tissue_shells
from biomarker_cli.diffusion.roi_signal import region_log_signals
from biomarker_cli.diffusion.rules import AdcRules, IvimRules
from biomarker_cli.imaging.region import Region
from biomarker_cli.model.arrays import FloatArray

RegionFit = dict[str, tuple[float, frozenset[str]]]
"""Value and flags of the mean signal by image name."""


def region_ivim(results: Sequence[AdcResult], region: Region, rules: AdcRules) -> RegionFit:
    """Fit the mean signal of a region, for analyses that refit f and D*.

    Every voxel enters, those without a fit of their own too: their mean signal
    is positive.

    Parameters
    ----------
    results : sequence of AdcResult
        The maps of the analysis, ``ivim_d`` among them.
    region : Region
    rules : AdcRules

    Returns
    -------
    dict
        Empty where the analysis has no refit; NaN where there is no value.
    """
    ivim = rules.ivim
    if ivim is None or ivim.method != "refit" or ivim.pseudo_diffusion is None:
        return {}
    fitted = next(result for result in results if result.image == "ivim_d")
    if fitted.signals is None:
        return {}
    d, f, d_star = _fit(fitted, region, ivim, ivim.pseudo_diffusion, fitted.signals.b)
    low, high = ivim.range_mm2_s or (-np.inf, np.inf)
    doubted = frozenset() if np.isnan(d) or low <= d <= high else frozenset({RANGE_FLAG})
    return {
        image: (value, doubted)
        for image, value in (("ivim_d", d), ("ivim_f", f), ("ivim_dstar", d_star))
    }


def _fit(
    fitted: AdcResult,
    region: Region,
    ivim: IvimRules,
    search: tuple[float, float],
    b: FloatArray,
) -> tuple[float, float, float]:
    logs = np.full(len(b), np.nan)
    if region.n_voxels:
        logs = region_log_signals(fitted.shells, region.mask)
    fit = refit_ivim(logs[:, None], b, tissue_shells(fitted.shells, ivim), search)
    d_star = fit.pseudo_diffusion
    found = np.nan if d_star is None else d_star[0]
    return float(fit.diffusion[0]), float(fit.fraction[0]), float(found)
