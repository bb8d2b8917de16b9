"""PET: standardised uptake values and what is measured on them."""

from biomarker_cli.pet.errors import OverrideError, PhantomError, SuvError
from biomarker_cli.pet.overrides import load_overrides
from biomarker_cli.pet.phantom import PhantomReport, measure_phantom
from biomarker_cli.pet.phantom_sheet import PhantomSheet, load_phantom_sheet
from biomarker_cli.pet.rules import ClinicalForm, Override, SuvRules
from biomarker_cli.pet.suv import (
    Explanation,
    PetFrames,
    SuvResult,
    declared_suv,
    explain_suv,
    suv_volume,
)
from biomarker_cli.pet.uptake import UPTAKE, uptake_definitions, uptake_measurements

__all__ = [
    "UPTAKE",
    "ClinicalForm",
    "Explanation",
    "Override",
    "OverrideError",
    "PetFrames",
    "PhantomError",
    "PhantomReport",
    "PhantomSheet",
    "SuvError",
    "SuvResult",
    "SuvRules",
    "declared_suv",
    "explain_suv",
    "load_overrides",
    "load_phantom_sheet",
    "measure_phantom",
    "suv_volume",
    "uptake_definitions",
    "uptake_measurements",
]
