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


_NO_VALUES: Mapping[str, float] = MappingProxyType({})


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
    nothing: dict[str, Outcome] = {}
    for item in planned_features(rules):
        value = found.get(item.family_id, _NO_VALUES).get(item.definition.name, math.nan)
        if math.isfinite(value):
            outcomes[item.feature_id] = Outcome(float(value))
        else:
            why = reasons.get(item.image, reason)
            outcomes[item.feature_id] = nothing.setdefault(why, Outcome(None, why))
    return outcomes
