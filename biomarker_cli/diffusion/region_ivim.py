"""Intravoxel incoherent motion of the mean signal of a region, beside the maps.

D* of single voxels is noise in most tissues; the signal of a region, averaged
before the fit, tells it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from biomarker_cli.diffusion.adc import AdcResult
from biomarker_cli.diffusion.ivim import refit_ivim
from biomarker_cli.diffusion.model_maps import RANGE_FLAG, tissue_shells
from biomarker_cli.diffusion.roi_signal import region_log_signals
from biomarker_cli.diffusion.rules import AdcRules, IvimRules
from biomarker_cli.imaging.region import Region

RegionFit = Mapping[str, tuple[float, frozenset[str]]]
"""Value and flags of the mean signal by image name; NaN where there is no value."""


class RegionIvim:
    """The fits of the mean signals of the regions of a case.

    Every voxel enters, those without a fit of their own too: their mean signal
    is positive. The images are read once for all regions.

    Parameters
    ----------
    results : sequence of AdcResult
        The maps of the analysis.
    rules : AdcRules
        Without a refit of f and D* there are no fits.
    """

    def __init__(self, results: Sequence[AdcResult], rules: AdcRules) -> None:
        refits = rules.ivim is not None and rules.ivim.method == "refit"
        self._ivim = rules.ivim if refits else None
        self._fitted = next((one for one in results if one.image == "ivim_d"), None)
        self._found: dict[str, RegionFit] = {}

    def of(self, region: Region, others: Mapping[str, Region]) -> RegionFit:
        """Return the fit of a region; those of the others are kept for their turn."""
        if self._ivim is None or self._fitted is None:
            return {}
        if region.name not in self._found:
            every = {**others, region.name: region}
            grid = self._fitted.volume.geometry
            usable = [one for one in every.values() if one.geometry.same_grid(grid)]
            self._found |= _fits(self._fitted, usable, self._ivim)
        return self._found.get(region.name, {})


def _fits(fitted: AdcResult, regions: Sequence[Region], ivim: IvimRules) -> dict[str, RegionFit]:
    if fitted.signals is None or ivim.pseudo_diffusion is None:
        return {}
    b = fitted.signals.b
    filled = [region for region in regions if region.n_voxels]
    logs = {region.name: np.full(len(b), np.nan) for region in regions}
    means = region_log_signals(fitted.shells, [region.mask for region in filled])
    logs |= {region.name: row for region, row in zip(filled, means, strict=True)}
    signals = np.stack([logs[region.name] for region in regions], axis=1)
    tissue = tissue_shells(fitted.shells, ivim)
    fit = refit_ivim(signals, b, tissue, ivim.pseudo_diffusion)
    low, high = ivim.range_mm2_s or (-np.inf, np.inf)
    found: dict[str, RegionFit] = {}
    for place, region in enumerate(regions):
        d, f = float(fit.diffusion[place]), float(fit.fraction[place])
        d_star = np.nan if fit.pseudo_diffusion is None else float(fit.pseudo_diffusion[place])
        doubted = frozenset() if np.isnan(d) or low <= d <= high else frozenset({RANGE_FLAG})
        values = {"ivim_d": d, "ivim_f": f, "ivim_dstar": d_star}
        found[region.name] = {image: (value, doubted) for image, value in values.items()}
    return found
