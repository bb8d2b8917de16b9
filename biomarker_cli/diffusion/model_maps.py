"""Maps of the models beside the ADC: intravoxel incoherent motion and kurtosis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from biomarker_cli.diffusion import features
from biomarker_cli.diffusion.adc import AdcResult, Doubt, fit_derivation, parameter_volume
from biomarker_cli.diffusion.direction_mean import ShellSignals, shell_signals
from biomarker_cli.diffusion.direction_scheme import why_unbalanced
from biomarker_cli.diffusion.dwi_set import DwiSet
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.fitting import WEIGHT_ROUNDS
from biomarker_cli.diffusion.ivim import IvimFit, fit_ivim, refit_ivim
from biomarker_cli.diffusion.kurtosis import KurtosisFit, fit_kurtosis
from biomarker_cli.diffusion.rules import AdcRules, BList, IvimRules, KurtosisRules
from biomarker_cli.diffusion.shells import Shell, select_shells, split_by_applied_b
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.model.quantity import ADC, KURTOSIS, PERFUSION_FRACTION

DRAFT_FEATURE = "draft_feature"
"""D* of single voxels is noise in most tissues: no released number."""

EXPANSION_HOLDS_TO = 3.0
"""b D K; from there on the parabola of ln S rises with b, as no signal does."""

RANGE_FLAG = "diffusion_out_of_range"


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
    if ivim.method == "refit" and rules.b_value == "actual":
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
    doubts = _out_of_range(fit.diffusion, ivim)
    found_maps = [("ivim_d", fit.diffusion, ADC), ("ivim_f", fit.fraction, PERFUSION_FRACTION)]
    if fit.pseudo_diffusion is not None:
        found_maps.append(("ivim_dstar", fit.pseudo_diffusion, ADC))
    return [
        AdcResult(
            _volume(parameter_volume(dwi, shells, array, quantity), draft=image == "ivim_dstar"),
            image,
            derivation,
            signals,
            fit.model,
            shells,
            doubts,
        )
        for image, array, quantity in found_maps
    ]


def _volume(volume: Volume, *, draft: bool) -> Volume:
    return replace(volume, flags=volume.flags | {DRAFT_FEATURE}) if draft else volume


def _out_of_range(diffusion: FloatArray, ivim: IvimRules) -> tuple[Doubt, ...]:
    if ivim.range_mm2_s is None:
        return ()
    low, high = ivim.range_mm2_s
    outside = ~((diffusion >= low) & (diffusion <= high))
    return (Doubt(RANGE_FLAG, features.OUT_OF_RANGE, outside, ivim.range_flag_above),)


def tissue_shells(shells: tuple[Shell, ...], ivim: IvimRules) -> BoolArray:
    """Return which shells D is fitted to, shape (n,).

    Raises
    ------
    AdcError
        ``ADC-B-SET`` where there are fewer than two, or no b = 0 below them.
    """
    tissue = np.array([shell.nominal >= ivim.diffusion_from for shell in shells])
    different = {shell.nominal for shell in shells if shell.nominal >= ivim.diffusion_from}
    if shells[0].nominal != 0 or len(different) < 2:
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
        ``ADC-B-SET`` where the series lacks the b-values, ``ADC-DIRECTIONS``
        where its directions do not give the mean of the kurtosis tensor.
    """
    shells = _kurtosis_shells(dwi.shells, kurtosis)
    if kurtosis.directions == "isotropic":
        _require_balanced(shells)
    chosen = signals.rows([dwi.shells.index(shell) for shell in shells])
    rounds = WEIGHT_ROUNDS if kurtosis.estimator == "iwls" else 0
    fit = fit_kurtosis(chosen.log_signal, chosen.b, rounds)
    derivation = fit_derivation(dwi, shells, rules, f"kurtosis_{kurtosis.estimator}")
    doubts = _expansion_fails(fit, float(chosen.b.max()), kurtosis)
    return [
        AdcResult(
            parameter_volume(dwi, shells, array, quantity),
            image,
            derivation,
            chosen,
            fit.model,
            shells,
            doubts,
        )
        for image, array, quantity in (
            ("dki_d", fit.diffusion, ADC),
            (kurtosis.image, fit.kurtosis, KURTOSIS),
        )
    ]


def _kurtosis_shells(shells: tuple[Shell, ...], kurtosis: KurtosisRules) -> tuple[Shell, ...]:
    if kurtosis.b_values is not None:
        return select_shells(shells, BList(kind="list", values=kurtosis.b_values))
    top = kurtosis.b_max or 0.0
    chosen = tuple(shell for shell in shells if shell.nominal <= top)
    if len(chosen) < 3:
        raise AdcError(
            "ADC-B-SET",
            f"kurtosis needs three b-values up to {top:g} s/mm2, found b = {_listed(shells)}",
        )
    return chosen


def _require_balanced(shells: tuple[Shell, ...]) -> None:
    for shell in shells:
        why = why_unbalanced(shell)
        if why:
            raise AdcError(
                "ADC-DIRECTIONS",
                "expected directions that weigh all orientations alike (six axes of an "
                f"icosahedron or an even scheme of more), found: {why}",
                where=shell.volumes[0].series_uid,
                hint="K of such a series turns with the head: an analysis with directions: any "
                "measures it under another name (dki_k).",
            )


def _expansion_fails(fit: KurtosisFit, b: float, kurtosis: KurtosisRules) -> tuple[Doubt, ...]:
    if kurtosis.expansion_flag_above is None:
        return ()
    with np.errstate(invalid="ignore"):
        above = b * fit.diffusion * fit.kurtosis > EXPANSION_HOLDS_TO
    flag = "kurtosis_out_of_range"
    return (Doubt(flag, features.EXPANSION_FAILS, above, kurtosis.expansion_flag_above),)


def _listed(shells: tuple[Shell, ...]) -> str:
    return ", ".join(f"{shell.nominal:g}" for shell in shells)
