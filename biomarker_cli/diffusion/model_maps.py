"""Maps of the models beside the ADC: intravoxel incoherent motion and kurtosis."""

from __future__ import annotations

import numpy as np

from biomarker_cli.diffusion.adc import AdcResult, fit_derivation, parameter_volume
from biomarker_cli.diffusion.direction_mean import ShellSignals, shell_signals
from biomarker_cli.diffusion.dwi_set import DwiSet
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.ivim import IvimFit, fit_ivim, refit_ivim
from biomarker_cli.diffusion.kurtosis import fit_kurtosis
from biomarker_cli.diffusion.rules import AdcRules, IvimRules, KurtosisRules
from biomarker_cli.diffusion.shells import Shell, split_by_applied_b
from biomarker_cli.model.arrays import BoolArray
from biomarker_cli.model.quantity import ADC, KURTOSIS, PERFUSION_FRACTION


def ivim_maps(
    dwi: DwiSet, rules: AdcRules, ivim: IvimRules, signals: ShellSignals
) -> list[AdcResult]:
    """Return the maps of D, f and D*.

    Parameters
    ----------
    dwi : DwiSet
    rules : AdcRules
    ivim : IvimRules
    signals : ShellSignals
        Of every shell of the set.

    Raises
    ------
    AdcError
        ``ADC-B-SET`` where the series lacks low or high b-values.
    """
    shells = dwi.shells
    if ivim.method == "refit":
        shells = split_by_applied_b(dwi.shells)
        if len(shells) > len(dwi.shells):
            signals = shell_signals(shells, rules.b_value, rules.direction_mean)
    tissue = tissue_shells(shells, ivim)
    fit: IvimFit
    if ivim.method == "refit" and ivim.pseudo_diffusion is not None:
        fit = refit_ivim(signals.log_signal, signals.b, tissue, ivim.pseudo_diffusion)
    else:
        fit = fit_ivim(signals.log_signal, signals.b, tissue, ivim.pseudo_diffusion)
        signals = signals.rows(np.flatnonzero(tissue).tolist())
    derivation = fit_derivation(dwi, shells, rules, f"ivim_{ivim.method}")
    found_maps = [("ivim_d", fit.diffusion, ADC), ("ivim_f", fit.fraction, PERFUSION_FRACTION)]
    if fit.pseudo_diffusion is not None:
        found_maps.append(("ivim_dstar", fit.pseudo_diffusion, ADC))
    return [
        AdcResult(
            parameter_volume(dwi, array, quantity), image, derivation, signals, fit.model, shells
        )
        for image, array, quantity in found_maps
    ]


def tissue_shells(shells: tuple[Shell, ...], ivim: IvimRules) -> BoolArray:
    """Return which shells D is fitted to, shape (n,).

    Raises
    ------
    AdcError
        ``ADC-B-SET`` where there are fewer than two, or no b = 0 below them.
    """
    tissue = np.array([shell.nominal >= ivim.diffusion_from for shell in shells])
    if shells[0].nominal != 0 or np.count_nonzero(tissue) < 2:
        raise AdcError(
            "ADC-B-SET",
            f"IVIM needs b = 0 and two b-values from {ivim.diffusion_from:g} s/mm2, found "
            f"b = {_listed(shells)}",
        )
    return tissue


def kurtosis_maps(
    dwi: DwiSet, rules: AdcRules, kurtosis: KurtosisRules, signals: ShellSignals
) -> list[AdcResult]:
    """Return the maps of D and K.

    Parameters
    ----------
    dwi : DwiSet
    rules : AdcRules
    kurtosis : KurtosisRules
    signals : ShellSignals
        Of every shell of the set.

    Raises
    ------
    AdcError
        ``ADC-B-SET`` where the series lacks the b-values.
    """
    shells = tuple(s for s in dwi.shells if s.nominal <= kurtosis.b_max)
    if len(shells) < 3:
        raise AdcError(
            "ADC-B-SET",
            f"kurtosis needs three b-values up to {kurtosis.b_max:g} s/mm2, found "
            f"b = {_listed(dwi.shells)}",
        )
    low = signals.rows(range(len(shells)))
    fit = fit_kurtosis(low.log_signal, low.b)
    derivation = fit_derivation(dwi, shells, rules, "kurtosis_lls")
    return [
        AdcResult(parameter_volume(dwi, array, quantity), image, derivation, low, fit.model, shells)
        for image, array, quantity in (
            ("dki_d", fit.diffusion, ADC),
            ("dki_k", fit.kurtosis, KURTOSIS),
        )
    ]


def _listed(shells: tuple[Shell, ...]) -> str:
    return ", ".join(f"{shell.nominal:g}" for shell in shells)
