"""The feature dictionary of diffusion; intensity statistics are shared."""

from __future__ import annotations

from types import MappingProxyType

from biomarker_cli.model.features import UNIT_OF_IMAGE, FeatureDefinition, FeatureRegistry

DIFFUSION = FeatureRegistry()
"""Definitions of the families ``fit``, ``roi_signal``, ``vendor`` and ``phantom``; the classes of
``burden`` are named by the analysis."""


REFERENCE = "docs/diffusion.md"
"""Where these definitions stand; the shared statistics have theirs in the IBSI manual."""


def _define(family: str, name: str, title: str, unit: str = "1") -> FeatureDefinition:
    definition = FeatureDefinition(family, name, title, unit, reference=REFERENCE)
    return DIFFUSION.register(definition)


FRACTION_NAN = _define("fit", "fraction_nan", "Share of the voxels without a fit")
FRACTION_NEGATIVE = _define("fit", "fraction_negative", "Share of the fitted voxels below zero")
N_B_VALUES = _define("fit", "b_values", "Number of b-values that were fitted")
R_SQUARED = _define("fit", "r_squared", "Median R2 of the signal over voxels")
RESIDUAL_SD = _define("fit", "residual_sd", "Median SD of the residuals, in units of the signal")
SNR_REPEATS = _define("fit", "snr_repeats", "Signal at the lowest b over the noise of repeats")
SNR_RESIDUAL = _define("fit", "snr_residual", "Signal at the lowest b over the residuals")
BELOW_FLOOR = _define(
    "fit", "fraction_below_floor", "Share of voxels below the noise floor at the highest b"
)
OUT_OF_RANGE = _define(
    "fit", "fraction_out_of_range", "Share of the fitted voxels whose D is that of no tissue"
)
EXPANSION_FAILS = _define(
    "fit",
    "fraction_b_d_k_above_3",
    "Share of the fitted voxels with b D K above 3 at the top b",
)
ROI_SIGNAL_FIT = _define(
    "roi_signal", "fit", "The same model fitted to the mean signal of the region", UNIT_OF_IMAGE
)
ROI_SIGNAL = _define("roi_signal", "adc", "ADC of the mean signal of the region", UNIT_OF_IMAGE)
ROI_SIGNAL_CORRECTED = _define(
    "roi_signal",
    "adc_noise_corrected",
    "ADC of the mean signal of the region, noise floor removed",
    UNIT_OF_IMAGE,
)
VENDOR_MEDIAN = _define(
    "vendor", "median_difference", "Median of vendor's map minus this map", UNIT_OF_IMAGE
)
VENDOR_P95 = _define(
    "vendor",
    "p95_absolute_difference",
    "95th percentile of the absolute difference to the vendor's map",
    UNIT_OF_IMAGE,
)


BIAS = _define("phantom", "bias", "Mean ADC minus the certified value", UNIT_OF_IMAGE)
BIAS_PERCENT = _define("phantom", "bias_percent", "Bias relative to the certified value", "%")
BIAS_PASS = _define("phantom", "bias_pass", "Whether the bias is within the limit", "1")
SLICE_CV = _define("phantom", "within_slice_cv", "Median over slices of SD / mean of ADC", "%")
SLICE_CV_PASS = _define(
    "phantom", "within_slice_cv_pass", "Whether SD / mean within slices is within the limit", "1"
)
SLICE_RANGE = _define(
    "phantom", "slice_range", "Range of the slice means of ADC, relative to the mean", "%"
)
B_DEPENDENCE = _define(
    "phantom",
    "b_dependence",
    "Range of the ADC of the lowest with each higher b, relative to its mean",
    "%",
)
B_DEPENDENCE_PASS = _define(
    "phantom", "b_dependence_pass", "Whether the dependence on b is within the limit", "1"
)

_RESIDUALS = "two b-values leave no residual: three or more are needed"
_REPEATS = "no image was repeated"
_CERTIFICATE = "the analysis has no certified value of this region"

NEEDS: MappingProxyType[FeatureDefinition, str] = MappingProxyType(
    {
        FRACTION_NAN: "the region is empty",
        FRACTION_NEGATIVE: "no voxel has a fit",
        R_SQUARED: _RESIDUALS,
        RESIDUAL_SD: _RESIDUALS,
        SNR_RESIDUAL: _RESIDUALS,
        SNR_REPEATS: _REPEATS,
        BELOW_FLOOR: "the noise is unknown: no repeats, and two b-values leave no residual",
        BIAS: _CERTIFICATE,
        BIAS_PERCENT: _CERTIFICATE,
        BIAS_PASS: _CERTIFICATE,
        B_DEPENDENCE: "three or more b-values are needed",
        B_DEPENDENCE_PASS: "three or more b-values are needed",
        OUT_OF_RANGE: "no voxel has a fit",
        EXPANSION_FAILS: "no voxel has a fit",
        ROI_SIGNAL_FIT: "no positive signal at every b-value, no perfusion, or D* at a limit",
        ROI_SIGNAL: "the region has no positive signal at every b-value",
        ROI_SIGNAL_CORRECTED: "the noise is unknown, or leaves no signal",
        VENDOR_MEDIAN: "no map of the scanner on this grid; the derivation says why",
        VENDOR_P95: "no map of the scanner on this grid; the derivation says why",
    }
)
"""Why a value is undefined: what it would have needed."""


def burden_volume(name: str) -> FeatureDefinition:
    """Return the definition of the volume of an ADC class."""
    title = f"Volume of class {name}"
    return FeatureDefinition("burden", f"volume_{name}", title, "mL", reference=REFERENCE)


def burden_fraction(name: str) -> FeatureDefinition:
    """Return the definition of the share of an ADC class."""
    title = f"Share of class {name}"
    return FeatureDefinition("burden", f"fraction_{name}", title, "1", reference=REFERENCE)
