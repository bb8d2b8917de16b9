"""Rules in the words of pyradiomics: its settings and image types, and back."""

from __future__ import annotations

from typing import Any, assert_never

from biomarker_cli.radiomics.filters.ibsi_rules import IbsiFilterRules
from biomarker_cli.radiomics.filters.pyradiomics_rules import (
    PyradiomicsGradient,
    PyradiomicsLbp2d,
    PyradiomicsLbp3d,
    PyradiomicsLog,
    PyradiomicsPointwise,
    PyradiomicsWavelet,
)
from biomarker_cli.radiomics.filters.rules import FilterRules, Unfiltered
from biomarker_cli.radiomics.preprocess.pyradiomics_resampling import ITK_INTERPOLATORS
from biomarker_cli.radiomics.rules import FixedBinNumber, FixedBinSize, RadiomicsRules

FEATURE_CLASSES: dict[str, str] = {
    "morphology": "shape",
    "morphology_2d": "shape2D",
    "intensity": "firstorder",
    "intensity_histogram": "firstorder",
    "glcm": "glcm",
    "glrlm": "glrlm",
    "glszm": "glszm",
    "ngtdm": "ngtdm",
    "ngldm": "gldm",
}
"""Class of pyradiomics by family."""

POINTWISE = {
    "square": "Square",
    "square_root": "SquareRoot",
    "logarithm": "Logarithm",
    "exponential": "Exponential",
}
"""Image type of pyradiomics by filter."""


def settings_of(rules: RadiomicsRules) -> dict[str, Any]:
    """Return the settings of an extractor; nothing is left to its defaults."""
    own = rules.pyradiomics
    if own is None:
        raise ValueError("rules without conventions of pyradiomics")
    settings: dict[str, Any] = {
        "distances": list(own.distances),
        "weightingNorm": own.weighting_norm,
        "symmetricalGLCM": own.symmetrical_glcm,
        "gldm_a": own.dependence_alpha,
        "force2D": own.force_2d,
        "force2Ddimension": own.force_2d_axis,
        "voxelArrayShift": own.voxel_array_shift,
        "resegmentRange": list(own.resegment_range) or None,
        "resegmentMode": own.resegment_mode,
        "resegmentShape": own.resegment_shape,
        "minimumROIDimensions": own.minimum_roi_dimensions,
        "minimumROISize": own.minimum_roi_size,
        "padDistance": own.pad_distance_voxels,
        "preCrop": False,
        "normalize": rules.normalisation is not None,
        "label": 1,
        "additionalInfo": False,
        "correctMask": False,
    }
    # weightingNorm None must be said by absence for classes that look for the key.
    if own.weighting_norm is None:
        del settings["weightingNorm"]
    if rules.normalisation is not None:
        settings["normalizeScale"] = rules.normalisation.scale
        settings["removeOutliers"] = rules.normalisation.clip_sigma
    if rules.interpolation is not None:
        settings["resampledPixelSpacing"] = [s or 0 for s in rules.interpolation.spacing_mm]
        settings["interpolator"] = ITK_INTERPOLATORS[rules.interpolation.image]
    bins = rules.discretisation
    if isinstance(bins, FixedBinSize):
        settings["binWidth"] = bins.width
    elif isinstance(bins, FixedBinNumber):
        settings["binCount"] = bins.bins
    return settings


def image_type_of(image: FilterRules) -> tuple[str, dict[str, Any]]:
    """Return the image type of pyradiomics and its own settings."""
    if isinstance(image, IbsiFilterRules):
        raise TypeError(f"pyradiomics has no filter {image.filter!r}")
    match image:
        case Unfiltered():
            return "Original", {}
        case PyradiomicsLog():
            return "LoG", {"sigma": list(image.sigma_mm)}
        case PyradiomicsWavelet():
            return "Wavelet", {
                "wavelet": image.wavelet,
                "start_level": image.start_level,
                "level": image.levels,
            }
        case PyradiomicsPointwise():
            return POINTWISE[image.filter], {}
        case PyradiomicsGradient():
            return "Gradient", {"gradientUseSpacing": image.use_spacing}
        case PyradiomicsLbp2d():
            return "LBP2D", {
                "lbp2DRadius": image.radius,
                "lbp2DSamples": image.samples,
                "lbp2DMethod": image.method,
            }
        case PyradiomicsLbp3d():
            return "LBP3D", {
                "lbp3DLevels": image.levels,
                "lbp3DIcosphereRadius": image.icosphere_radius,
                "lbp3DIcosphereSubdivision": image.icosphere_subdivision,
            }
        case _:
            assert_never(image)
