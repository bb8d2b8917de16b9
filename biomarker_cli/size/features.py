"""The feature dictionary of sizes; intensity statistics are shared."""

from __future__ import annotations

from biomarker_cli.model.features import FeatureDefinition, FeatureRegistry

SIZE = FeatureRegistry()
"""Definitions of the family ``size``."""

IMAGE = "mask"
"""First word of the feature ids: sizes are of the mask, whatever the image is."""

REFERENCE = "docs/size.md"
"""Where these definitions stand."""


def _define(name: str, title: str, unit: str, code: str = "", ibsi: str = "") -> FeatureDefinition:
    return SIZE.register(
        FeatureDefinition(
            "size", name, title, unit, ibsi_id=ibsi, dicom_code=code, reference=REFERENCE
        )
    )


LONGEST = _define("longest_diameter", "Longest diameter on a slice", "mm", "103339001")
SHORT = _define(
    "short_axis", "Longest line at a right angle to the longest diameter", "mm", "103340004"
)
PRODUCT = _define("product", "Longest diameter times its short axis", "mm2")
LONGEST_INSIDE = _define("longest_diameter_inside", "Longest line inside on a slice", "mm")
SHORT_INSIDE = _define(
    "short_axis_inside", "Longest line at a right angle to the longest line inside", "mm"
)
VOLUME = _define("volume", "Volume of the voxels", "mL", "118565006", "YEKZ")
N_SLICES = _define("n_slices", "Number of slices that show the lesion", "1")
MEASURABLE_FROM = _define(
    "measurable_from", "Smallest longest diameter that is measurable on such slices", "mm"
)
