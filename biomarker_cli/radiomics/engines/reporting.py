"""Put the values of families under their feature ids."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from biomarker_cli.model.features import FeatureNamesError, require_names
from biomarker_cli.radiomics.engines.outcome import FeatureOutcome, Outcomes
from biomarker_cli.radiomics.features import FAMILIES
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

    Raises
    ------
    FeatureNamesError
        Where a family has values, but not those that the dictionary defines.
    """
    _require_planned(found, rules)
    outcomes = {}
    nothing: dict[str, FeatureOutcome] = {}
    for item in planned_features(rules):
        value = found.get(item.family_id, _NO_VALUES).get(item.definition.name, math.nan)
        if math.isfinite(value):
            outcomes[item.feature_id] = FeatureOutcome(float(value))
        else:
            why = reasons.get(item.image, reason)
            outcomes[item.feature_id] = nothing.setdefault(why, FeatureOutcome(None, why))
    return outcomes


def _require_planned(found: Families, rules: RadiomicsRules) -> None:
    """Hold the names of every family against the dictionary.

    A family of no value at all is one that the region does not allow.
    """
    planned = _planned_names(rules)
    for family_id, values in found.items():
        if values:
            names = planned.get(family_id)
            if names is None:
                raise FeatureNamesError(f"{family_id} was computed and is not planned")
            family = names.family
            require_names(family_id, values, names.planned, FAMILIES[family])


@dataclass(frozen=True, slots=True)
class _Names:
    """Names that a family of an image must have."""

    family: str
    planned: frozenset[str]


@lru_cache(maxsize=16)
def _planned_names(rules: RadiomicsRules) -> Mapping[str, _Names]:
    """Return the planned names by ``image.family.aggregation``."""
    rows: dict[tuple[str, str], set[str]] = defaultdict(set)
    for item in planned_features(rules):
        rows[item.family_id, item.definition.family].add(item.definition.name)
    return {key: _Names(family, frozenset(names)) for (key, family), names in rows.items()}
