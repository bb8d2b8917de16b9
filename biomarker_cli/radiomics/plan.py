"""Which features the rules ask for, in the order of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from biomarker_cli.model.features import FeatureDefinition
from biomarker_cli.radiomics.features import FAMILIES
from biomarker_cli.radiomics.features.registry import is_offered
from biomarker_cli.radiomics.rules import RadiomicsRules

ORIGINAL = "original"
"""Name of the image without a filter."""

ALWAYS_ORIGINAL = ("morphology", "morphology_2d")
"""Families that belong to the region, and so to the image without a filter."""


@dataclass(frozen=True, slots=True)
class PlannedFeature:
    """One row to come.

    Attributes
    ----------
    image : str
    keeps_unit : bool
        Whether the image has the unit of the volume.
    definition : FeatureDefinition
    feature_id, family_id : str
        ``image.family.feature[.aggregation]`` and ``image.family.aggregation``. They are
        asked for once for each region, of which there may be thousands.
    """

    image: str
    keeps_unit: bool
    definition: FeatureDefinition
    feature_id: str
    family_id: str

    @classmethod
    def of(cls, image: str, keeps_unit: bool, definition: FeatureDefinition) -> PlannedFeature:
        """Plan a feature on an image."""
        return cls(
            image,
            keeps_unit,
            definition,
            definition.feature_id(image),
            f"{image}.{definition.family}.{definition.aggregation}",
        )


@lru_cache(maxsize=16)
def planned_features(rules: RadiomicsRules) -> tuple[PlannedFeature, ...]:
    """Return every row that a region gets, whatever its values turn out to be."""
    rows: list[PlannedFeature] = []
    for family in ALWAYS_ORIGINAL:
        if family in rules.families:
            rows += _family(ORIGINAL, True, family, rules)
    for image in rules.images:
        for name in image.image_names(filter_dimensions(rules)):
            for family in FAMILIES:
                if family in rules.families and family not in ALWAYS_ORIGINAL:
                    rows += _family(name, image.keeps_unit, family, rules)
    return tuple(rows)


def filter_dimensions(rules: RadiomicsRules) -> int:
    """Return the number of axes that filters run along."""
    force_2d = rules.pyradiomics is not None and rules.pyradiomics.force_2d
    return 2 if force_2d or rules.dimension == "2d" else 3


def _family(
    image: str, keeps_unit: bool, family: str, rules: RadiomicsRules
) -> list[PlannedFeature]:
    wanted = {"", *rules.aggregations}
    chosen = rules.features_of(family)
    return [
        PlannedFeature.of(image, keeps_unit, definition)
        for name, variants in FAMILIES[family].items()
        for aggregation, definition in variants.items()
        if name in chosen and aggregation in wanted and is_offered(definition, rules.conventions)
    ]
