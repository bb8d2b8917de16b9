"""Radiomic features by the IBSI conventions and by those of pyradiomics."""

from typing import TYPE_CHECKING

from biomarker_cli.on_demand import names_on_demand

if TYPE_CHECKING:
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
else:
    __getattr__ = names_on_demand(
        __name__,
        describing="image_description is_ibsi_benchmarked",
        errors="RadiomicsError RadiomicsRulesError",
        features="RADIOMICS",
        importing="import_pyradiomics",
        measuring="engine_identity radiomics_measurements radiomics_of_regions",
        rules="RadiomicsRules",
    )

__all__ = [
    "RADIOMICS",
    "RadiomicsError",
    "RadiomicsRules",
    "RadiomicsRulesError",
    "engine_identity",
    "image_description",
    "import_pyradiomics",
    "is_ibsi_benchmarked",
    "radiomics_measurements",
    "radiomics_of_regions",
]
