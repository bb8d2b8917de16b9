"""Diffusion sets, direction mean, ADC and its neighbours."""

from biomarker_cli.diffusion.adc import AdcResult, Derivation, FittedShell, adc_map
from biomarker_cli.diffusion.declared import declared_adc
from biomarker_cli.diffusion.dwi_set import DwiSet, assemble
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.kinds import DwiKind
from biomarker_cli.diffusion.measuring import FEATURES, adc_measurements
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.diffusion.shells import Shell
from biomarker_cli.diffusion.volumes import DwiVolume, describe_volumes

__all__ = [
    "FEATURES",
    "AdcError",
    "AdcResult",
    "AdcRules",
    "Derivation",
    "DwiKind",
    "DwiSet",
    "DwiVolume",
    "FittedShell",
    "Shell",
    "adc_map",
    "adc_measurements",
    "assemble",
    "declared_adc",
    "describe_volumes",
]
