"""The statistics of one planned feature: of all subjects, of each site, of sites combined."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from biomarker_cli.evidence import models
from biomarker_cli.evidence.association_plan import AssociationPlan, FeatureInPlan
from biomarker_cli.evidence.clinical_values import EndpointValue, JoinedCovariate, category_columns
from biomarker_cli.evidence.combining import combined_associations, is_combinable
from biomarker_cli.evidence.concordance import c_index
from biomarker_cli.evidence.correlation import spearman
from biomarker_cli.evidence.errors import AssociationError, NotEstimableError
from biomarker_cli.evidence.estimates import LOG, Association
from biomarker_cli.evidence.measured_values import Subject
from biomarker_cli.evidence.roc import auc, cross_table, proportion
from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.model.wording import counted
from biomarker_cli.statistics.confidence import NORMAL_975

FEW_EVENTS_PER_PARAMETER = 10
"""Events (or subjects of the rarer class) for each coefficient, below which a note says so."""

RATIO_NAMES: Mapping[str, str] = {
    "binary": "odds_ratio_per_sd",
    "ordinal": "odds_ratio_per_sd",
    "continuous": "slope_per_sd",
    "time_to_event": "hazard_ratio_per_sd",
}

COMBINED = frozenset({"auc", "spearman", "c_index", "odds_ratio_per_sd", "hazard_ratio_per_sd"})
"""Statistics of sites that are combined."""


@dataclass(frozen=True)
class Analysed:
    """Subjects of one feature that are analysed, sorted by site and subject.

    Attributes
    ----------
    subjects : tuple of Subject
    value : ndarray, shape (n,)
    endpoint : ndarray, shape (n,)
    time : ndarray, shape (n,)
        Of a time to event; else 0.
    covariates : tuple of JoinedCovariate
    """

    subjects: tuple[Subject, ...]
    value: FloatArray
    endpoint: FloatArray
    time: FloatArray
    covariates: tuple[JoinedCovariate, ...]

    @classmethod
    def of(
        cls,
        values: Mapping[Subject, float],
        endpoints: Mapping[Subject, EndpointValue],
        covariates: Sequence[JoinedCovariate],
    ) -> Analysed:
        """Return the subjects of `values`, each of which has an endpoint and covariates."""
        subjects = tuple(sorted(values))
        return cls(
            subjects,
            np.array([values[one] for one in subjects], dtype=np.float64),
            np.array([endpoints[one].value for one in subjects], dtype=np.float64),
            np.array([endpoints[one].time for one in subjects], dtype=np.float64),
            tuple(covariates),
        )

    @property
    def sites(self) -> tuple[str, ...]:
        """Different sites, sorted."""
        return tuple(sorted({site for site, _ in self.subjects}))

    def of_sites(self, *sites: str) -> Analysed:
        """Return the subjects of some sites."""
        kept = np.array([own in sites for own, _ in self.subjects], dtype=bool)
        subjects = tuple(one for one in self.subjects if one[0] in sites)
        return Analysed(
            subjects, self.value[kept], self.endpoint[kept], self.time[kept], self.covariates
        )

    def n_events(self, kind: str) -> int | None:
        """Return how many have the endpoint, where it is one that is there or not."""
        return int(self.endpoint.sum()) if kind in {"binary", "time_to_event"} else None


@dataclass(frozen=True)
class Found:
    """One statistic of one scope.

    Attributes
    ----------
    association : Association or None
        None where it is not defined, and `reason` says why.
    """

    statistic: str
    scope: str
    site: str
    subjects: Analysed
    association: Association | None
    reason: str = ""
    is_planned_test: bool = False


Number = Callable[[], Association]


def analysed(data: Analysed, planned: FeatureInPlan, plan: AssociationPlan) -> list[Found]:
    """Return every statistic of a feature.

    Parameters
    ----------
    data : Analysed
    planned : FeatureInPlan
    plan : AssociationPlan

    Raises
    ------
    AssociationError
        ``ASSOCIATION-LOG`` where a value that is to be a logarithm is not above 0.
    """
    for_models = _for_models(data, planned)
    found = list(_of_scope(data, for_models, planned, plan, ("all", "")))
    if len(data.sites) > 1:
        for site in data.sites:
            kept = np.array([own == site for own, _ in data.subjects], dtype=bool)
            found += _of_scope(data.of_sites(site), for_models[kept], planned, plan, ("site", site))
        found += _of_all_sites(data, found)
    return [_tested(one, plan, n_sites=len(data.sites)) for one in found]


def _for_models(data: Analysed, planned: FeatureInPlan) -> FloatArray:
    """Return the feature as models take it: in standard deviations of all subjects.

    Sites share the deviation, or their ratios could not be combined.
    """
    value = data.value
    if planned.log:
        if (value <= 0).any():
            raise AssociationError(
                "ASSOCIATION-LOG",
                f"{int((value <= 0).sum())} of {len(value)} values of {planned.feature} "
                "are not above 0",
                hint="Plan it without log.",
            )
        value = np.log(value)
    spread = float(value.std(ddof=1)) if len(value) > 1 else 0.0
    return (value - value.mean()) / spread if spread > 0 else np.zeros(len(value))


def _of_scope(
    data: Analysed,
    for_models: FloatArray,
    planned: FeatureInPlan,
    plan: AssociationPlan,
    where: tuple[str, str],
) -> Iterator[Found]:
    numbers = dict(_numbers(data, planned, plan))
    gain = _gain_of(data, for_models, plan, by_site=where[0] == "all")
    name = RATIO_NAMES[plan.endpoint.kind]
    numbers[name] = lambda: _ratio(gain(), data, plan.endpoint.kind)
    numbers["likelihood_ratio"] = lambda: _likelihood_ratio(gain(), data, plan.endpoint.kind)
    for statistic, number in numbers.items():
        try:
            yield Found(statistic, *where, data, number())
        except NotEstimableError as error:
            yield Found(statistic, *where, data, None, str(error))


def _numbers(
    data: Analysed, planned: FeatureInPlan, plan: AssociationPlan
) -> Iterator[tuple[str, Number]]:
    """Yield the statistics that need no model."""
    kind = plan.endpoint.kind
    score = data.value if planned.high_means == "positive" else -data.value
    has_endpoint = data.endpoint == 1.0
    if kind == "binary":
        yield "auc", lambda: auc(score, has_endpoint)
        if planned.threshold is not None:
            is_high = planned.high_means == "positive"
            threshold = planned.threshold
            is_positive = data.value >= threshold if is_high else data.value <= threshold
            yield from _at_threshold(is_positive, has_endpoint)
    elif kind == "time_to_event":
        yield "c_index", lambda: c_index(data.time, has_endpoint, score)
    else:
        yield "spearman", lambda: spearman(data.value, data.endpoint)


def _at_threshold(is_positive: BoolArray, has_endpoint: BoolArray) -> Iterator[tuple[str, Number]]:
    table = cross_table(is_positive, has_endpoint)
    for name in ("true_positive", "false_negative", "false_positive", "true_negative"):
        count = float(getattr(table, name))
        yield name, lambda count=count: Association(count, method="count")  # type: ignore[misc]
    hits, of = table.true_positive, table.true_positive + table.false_negative
    yield "sensitivity", lambda: proportion(hits, of)
    others, rest = table.true_negative, table.true_negative + table.false_positive
    yield "specificity", lambda: proportion(others, rest)


def _gain_of(
    data: Analysed, feature: FloatArray, plan: AssociationPlan, *, by_site: bool
) -> Callable[[], models.Gain]:
    """Return a function that fits the models once."""
    kept: list[models.Gain | NotEstimableError] = []

    def gain() -> models.Gain:
        if not kept:
            try:
                kept.append(_fitted(data, feature, plan, by_site=by_site))
            except NotEstimableError as error:
                kept.append(error)
        if isinstance(kept[0], NotEstimableError):
            raise kept[0]
        return kept[0]

    return gain


def _fitted(
    data: Analysed, feature: FloatArray, plan: AssociationPlan, *, by_site: bool
) -> models.Gain:
    if len(data.subjects) < 3:
        raise NotEstimableError(f"{len(data.subjects)} subjects are too few for a model")
    # In deviations of these subjects, whatever those of all are: the fit tells by the size of
    # a coefficient whether the values separate.
    spread = float(feature.std(ddof=1))
    if spread == 0:
        raise NotEstimableError("the feature is the same in all subjects")
    gain = _model(data, plan, by_site=by_site)((feature - feature.mean()) / spread)
    return replace(gain, coefficient=gain.coefficient / spread, se=gain.se / spread)


def _model(
    data: Analysed, plan: AssociationPlan, *, by_site: bool
) -> Callable[[FloatArray], models.Gain]:
    """Return the model of the kind of endpoint, which takes the feature."""
    parts = [one.columns(data.subjects) for one in data.covariates]
    sites = [site for site, _ in data.subjects]
    is_stratified = by_site and plan.sites == "stratified" and len(set(sites)) > 1
    kind = plan.endpoint.kind
    if is_stratified and kind != "time_to_event":
        parts.append(category_columns(sites))
    covariates = np.column_stack([np.zeros((len(sites), 0)), *parts])
    if kind == "time_to_event":
        strata = np.unique(sites, return_inverse=True)[1] if is_stratified else None
        survival = models.Survival(data.time, data.endpoint == 1.0, strata)
        return lambda feature: models.cox_gain(survival, feature, covariates)
    if kind == "binary":
        has_endpoint = data.endpoint == 1.0
        return lambda feature: models.logistic_gain(has_endpoint, feature, covariates)
    if kind == "ordinal":
        level = data.endpoint.astype(np.int64)
        return lambda feature: models.ordinal_gain(level, feature, covariates)
    return lambda feature: models.linear_gain(data.endpoint, feature, covariates)


def _ratio(gain: models.Gain, data: Analysed, kind: str) -> Association:
    low, high = (gain.coefficient + side * NORMAL_975 * gain.se for side in (-1.0, 1.0))
    note = _few_events(gain, data, kind)
    if kind == "continuous":
        return Association(gain.coefficient, low, high, method="wald", note=note)
    try:
        limits = math.exp(low), math.exp(high)
    except OverflowError:
        raise NotEstimableError("the interval has no end: the values separate") from None
    return Association(math.exp(gain.coefficient), *limits, None, "wald", LOG, gain.se, note)


def _likelihood_ratio(gain: models.Gain, data: Analysed, kind: str) -> Association:
    note = _few_events(gain, data, kind)
    return Association(gain.chi2, p_value=gain.p_value, method=gain.method, note=note)


def _few_events(gain: models.Gain, data: Analysed, kind: str) -> str:
    events = data.n_events(kind)
    noun = "subjects" if events is None else "events"
    if events is None:
        events = len(data.subjects)
    elif kind == "binary":
        events = min(events, len(data.subjects) - events)
    each = events / gain.n_parameters
    return f"{each:.1f} {noun} per coefficient" if each < FEW_EVENTS_PER_PARAMETER else ""


def _of_all_sites(data: Analysed, found: Sequence[Found]) -> Iterator[Found]:
    """Yield the statistics of sites combined, as a fixed and as a random effect."""
    for statistic in dict.fromkeys(one.statistic for one in found):
        if statistic not in COMBINED:
            continue
        of_sites = [one for one in found if one.statistic == statistic and one.scope == "site"]
        usable = {
            one.site: one.association
            for one in of_sites
            if one.association is not None and is_combinable(one.association)
        }
        try:
            combined = combined_associations(list(usable.values()))
        except NotEstimableError as error:
            for scope in ("fixed", "random"):
                yield Found(statistic, scope, "", data, None, str(error))
        else:
            # Counts are those of the sites that went in.
            subjects = data.of_sites(*usable)
            for scope, association in combined.items():
                note = _without_sites(association.note, len(of_sites) - len(usable))
                yield Found(statistic, scope, "", subjects, replace(association, note=note))


def _without_sites(note: str, n_left_out: int) -> str:
    """Return the note of sites combined, with those that could not be."""
    if not n_left_out:
        return note
    return f"{note}; {counted(n_left_out, 'site')} without a standard error left out"


def _tested(one: Found, plan: AssociationPlan, *, n_sites: int) -> Found:
    """Mark the planned test, and take p-values of what nobody planned to test away."""
    is_within = plan.sites == "stratified" and n_sites > 1 and plan.test != "likelihood_ratio"
    scope = "fixed" if is_within else "all"
    if one.statistic == plan.test and one.scope == scope:
        return replace(one, is_planned_test=True)
    if one.association is None or (one.statistic == "likelihood_ratio" and one.scope == "all"):
        return one
    return replace(one, association=replace(one.association, p_value=None))
