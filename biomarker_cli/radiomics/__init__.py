"""Radiomic features by the IBSI conventions and by those of pyradiomics."""

from biomarker_cli.radiomics.describing import image_description, is_ibsi_benchmarked
from biomarker_cli.radiomics.errors import RadiomicsError, RadiomicsRulesError
from biomarker_cli.radiomics.features import RADIOMICS
from biomarker_cli.radiomics.importing import import_pyradiomics
from biomarker_cli.radiomics.measuring import (
    engine_identity,
    radiomics_measurements,
    radiomics_of_regions,
)
from biomarker_cli.radiomics.rules import RadiomicsRules
from biomarker_cli.radiomics.warming import KernelState, warm_kernels

__all__ = [
    "RADIOMICS",
    "KernelState",
    "RadiomicsError",
    "RadiomicsRules",
    "RadiomicsRulesError",
    "engine_identity",
    "image_description",
    "import_pyradiomics",
    "is_ibsi_benchmarked",
    "radiomics_measurements",
    "radiomics_of_regions",
    "warm_kernels",
]
