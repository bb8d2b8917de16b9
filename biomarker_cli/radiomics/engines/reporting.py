"""Put the values of families under their feature ids."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from biomarker_cli.radiomics.engines.outcome import Outcome, Outcomes
from biomarker_cli.radiomics.plan import planned_features
from biomarker_cli.radiomics.rules import RadiomicsRules

Families = dict[str, Mapping[str, float]]
"""Values by feature name, under ``image.family.aggregation``."""


def outcomes_of(
    found: Families,
    rules: RadiomicsRules,
    reason: str,
    reasons: Mapping[str, str] = MappingProxyType({}),
) -> Outcomes:
    """Return the outcome of every planned feature.

    Parameters
    ----------
    found : mapping
    rules : RadiomicsRules
    reason : str
        Why a feature that is absent or not finite has no value.
    reasons : mapping
        Why those of an image have none, by the name of the image.
    """
    outcomes = {}
    for item in planned_features(rules):
        definition = item.definition
        key = f"{item.image}.{definition.family}.{definition.aggregation}"
        value = found.get(key, {}).get(definition.name, math.nan)
        why = reasons.get(item.image, reason)
        finite = math.isfinite(value)
        outcomes[item.feature_id] = Outcome(float(value)) if finite else Outcome(None, why)
    return outcomes
