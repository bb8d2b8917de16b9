"""Diffusion sets, direction mean, ADC and its neighbours."""

from typing import TYPE_CHECKING

from biomarker_cli.on_demand import names_on_demand

if TYPE_CHECKING:
    from biomarker_cli.diffusion.adc import AdcResult, Derivation, FittedShell, adc_map, adc_maps
    from biomarker_cli.diffusion.certificate import Certificate, PhantomRules, water_diffusion_mm2_s
    from biomarker_cli.diffusion.declared import declared_adc
    from biomarker_cli.diffusion.describing import image_description
    from biomarker_cli.diffusion.dwi_set import DwiSet, assemble
    from biomarker_cli.diffusion.errors import AdcError
    from biomarker_cli.diffusion.features import FEATURES
    from biomarker_cli.diffusion.kinds import DwiKind
    from biomarker_cli.diffusion.maps import diffusion_maps
    from biomarker_cli.diffusion.measuring import adc_measurements, map_measurements
    from biomarker_cli.diffusion.rules import AdcRules
    from biomarker_cli.diffusion.shells import Shell
    from biomarker_cli.diffusion.vendor_map import vendor_adc
    from biomarker_cli.diffusion.volumes import DwiVolume, describe_volumes
    from biomarker_cli.diffusion.writing import write_map_nifti, write_maps, write_parametric_map
else:
    __getattr__ = names_on_demand(
        __name__,
        adc="AdcResult Derivation FittedShell adc_map adc_maps",
        certificate="Certificate PhantomRules water_diffusion_mm2_s",
        declared="declared_adc",
        describing="image_description",
        dwi_set="DwiSet assemble",
        errors="AdcError",
        features="FEATURES",
        kinds="DwiKind",
        maps="diffusion_maps",
        measuring="adc_measurements map_measurements",
        rules="AdcRules",
        shells="Shell",
        vendor_map="vendor_adc",
        volumes="DwiVolume describe_volumes",
        writing="write_map_nifti write_maps write_parametric_map",
    )

__all__ = [
    "FEATURES",
    "AdcError",
    "AdcResult",
    "AdcRules",
    "Certificate",
    "Derivation",
    "DwiKind",
    "DwiSet",
    "DwiVolume",
    "FittedShell",
    "PhantomRules",
    "Shell",
    "adc_map",
    "adc_maps",
    "adc_measurements",
    "assemble",
    "declared_adc",
    "describe_volumes",
    "diffusion_maps",
    "image_description",
    "map_measurements",
    "vendor_adc",
    "water_diffusion_mm2_s",
    "write_map_nifti",
    "write_maps",
    "write_parametric_map",
]
