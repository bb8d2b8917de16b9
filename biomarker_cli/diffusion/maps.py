"""From the images that a case names to every map that its analysis asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from biomarker_cli.catalogue.candidate import VolumeCandidate
from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.diffusion.adc import AdcResult, adc_maps
from biomarker_cli.diffusion.direction_mean import shell_signals
from biomarker_cli.diffusion.dwi_set import assemble
from biomarker_cli.diffusion.model_maps import ivim_maps, kurtosis_maps
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.diffusion.vendor_map import vendor_adc, vendor_for_comparison


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
        maps += ivim_maps(dwi, rules, rules.ivim, signals)
    if rules.kurtosis is not None and signals is not None:
        maps += kurtosis_maps(dwi, rules, rules.kurtosis, signals)
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
