"""The feature families, importing them fills the registry."""

from biomarker_cli.radiomics.features.glcm import GLCM
from biomarker_cli.radiomics.features.intensity import INTENSITY_STATISTICS
from biomarker_cli.radiomics.features.intensity_histogram import INTENSITY_HISTOGRAM
from biomarker_cli.radiomics.features.ivh import IVH
from biomarker_cli.radiomics.features.level_by_size import GLDZM, GLRLM, GLSZM, NGLDM
from biomarker_cli.radiomics.features.local_intensity import LOCAL_INTENSITY
from biomarker_cli.radiomics.features.morphology import MORPHOLOGY
from biomarker_cli.radiomics.features.ngtdm import NGTDM
from biomarker_cli.radiomics.features.planar_morphology import MORPHOLOGY_2D
from biomarker_cli.radiomics.features.registry import RADIOMICS, Family

FAMILIES: dict[str, Family] = {
    "morphology": MORPHOLOGY,
    "morphology_2d": MORPHOLOGY_2D,
    "local_intensity": LOCAL_INTENSITY,
    "intensity": INTENSITY_STATISTICS,
    "intensity_histogram": INTENSITY_HISTOGRAM,
    "ivh": IVH,
    "glcm": GLCM,
    "glrlm": GLRLM,
    "glszm": GLSZM,
    "gldzm": GLDZM,
    "ngtdm": NGTDM,
    "ngldm": NGLDM,
}
"""Definitions by family, name and aggregation, in the order of the IBSI manual."""

__all__ = ["FAMILIES", "RADIOMICS"]
