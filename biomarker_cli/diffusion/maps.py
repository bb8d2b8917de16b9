"""From the images that a case names to every map that its analysis asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from biomarker_cli.catalogue.candidate import VolumeCandidate
from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.diffusion.adc import AdcResult, adc_maps, fit_derivation, parameter_volume
from biomarker_cli.diffusion.direction_mean import ShellSignals, shell_signals
from biomarker_cli.diffusion.dwi_set import DwiSet, assemble
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.ivim import fit_ivim
from biomarker_cli.diffusion.kurtosis import fit_kurtosis
from biomarker_cli.diffusion.rules import AdcRules, IvimRules, KurtosisRules
from biomarker_cli.diffusion.vendor_map import vendor_adc, vendor_for_comparison
from biomarker_cli.model.quantity import ADC, KURTOSIS, PERFUSION_FRACTION


def diffusion_maps(
    candidates: Sequence[VolumeCandidate], rules: AdcRules, files: DicomFiles | None = None
) -> tuple[AdcResult, ...]:
    """Compute every map of an analysis; the main one first.

    Parameters
    ----------
    candidates : sequence of VolumeCandidate
    rules : AdcRules
    files : DicomFiles, optional
        Those of the case, which are read once.

    Raises
    ------
    AdcError, SeriesError
        Where the images do not give what the rules ask for.
    """
    files = files or DicomFiles()
    if rules.vendor_map.use == "measure":
        return (vendor_adc(candidates, rules, files),)
    dwi = assemble(candidates, files)
    signals = None
    if rules.ivim is not None or rules.kurtosis is not None:
        signals = shell_signals(dwi.shells, rules.b_value, rules.direction_mean)
    maps = list(adc_maps(dwi, rules, signals=signals))
    if rules.vendor_map.use == "compare":
        maps[0] = _compared(candidates, maps[0], rules, files)
    if rules.ivim is not None and signals is not None:
        maps += _ivim_maps(dwi, rules, rules.ivim, signals)
    if rules.kurtosis is not None and signals is not None:
        maps += _kurtosis_maps(dwi, rules, rules.kurtosis, signals)
    return tuple(maps)


def _compared(
    candidates: Sequence[VolumeCandidate], fitted: AdcResult, rules: AdcRules, files: DicomFiles
) -> AdcResult:
    vendor, how, flags = vendor_for_comparison(candidates, fitted, rules, files)
    return replace(
        fitted,
        vendor=vendor,
        vendor_flags=flags,
        derivation={**fitted.derivation, "vendor_map": how},
    )


def _ivim_maps(
    dwi: DwiSet, rules: AdcRules, ivim: IvimRules, signals: ShellSignals
) -> list[AdcResult]:
    shells = dwi.shells
    tissue = np.array([shell.nominal >= ivim.diffusion_from for shell in shells])
    if shells[0].nominal != 0 or np.count_nonzero(tissue) < 2:
        found = ", ".join(f"{shell.nominal:g}" for shell in shells)
        raise AdcError(
            "ADC-B-SET",
            f"IVIM needs b = 0 and two b-values from {ivim.diffusion_from:g} s/mm2, found "
            f"b = {found}",
        )
    fit = fit_ivim(signals.log_signal, signals.b, tissue, ivim.pseudo_diffusion)
    derivation = fit_derivation(dwi, shells, rules, "ivim_segmented")
    found_maps = [("ivim_d", fit.diffusion, ADC), ("ivim_f", fit.fraction, PERFUSION_FRACTION)]
    if fit.pseudo_diffusion is not None:
        found_maps.append(("ivim_dstar", fit.pseudo_diffusion, ADC))
    return [
        AdcResult(parameter_volume(dwi, array, quantity), image, derivation, shells=shells)
        for image, array, quantity in found_maps
    ]


def _kurtosis_maps(
    dwi: DwiSet, rules: AdcRules, kurtosis: KurtosisRules, signals: ShellSignals
) -> list[AdcResult]:
    shells = tuple(s for s in dwi.shells if s.nominal <= kurtosis.b_max)
    if len(shells) < 3:
        found = ", ".join(f"{shell.nominal:g}" for shell in dwi.shells)
        raise AdcError(
            "ADC-B-SET",
            f"kurtosis needs three b-values up to {kurtosis.b_max:g} s/mm2, found b = {found}",
        )
    low = signals.rows(range(len(shells)))
    d, k = fit_kurtosis(low.log_signal, low.b)
    derivation = fit_derivation(dwi, shells, rules, "kurtosis_lls")
    return [
        AdcResult(parameter_volume(dwi, d, ADC), "dki_d", derivation, shells=shells),
        AdcResult(parameter_volume(dwi, k, KURTOSIS), "dki_k", derivation, shells=shells),
    ]
