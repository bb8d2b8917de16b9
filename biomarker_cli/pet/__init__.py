"""PET: standardised uptake values and what is measured on them."""

from typing import TYPE_CHECKING

from biomarker_cli.on_demand import names_on_demand

if TYPE_CHECKING:
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
else:
    __getattr__ = names_on_demand(
        __name__,
        errors="OverrideError PhantomError SuvError",
        overrides="load_overrides",
        phantom="PhantomReport measure_phantom",
        phantom_sheet="PhantomSheet load_phantom_sheet",
        rules="ClinicalForm Override SuvRules",
        suv="Explanation PetFrames SuvResult declared_suv explain_suv suv_volume",
        uptake="UPTAKE uptake_definitions uptake_measurements",
    )

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
