"""The plan of an association: what is held against what, written before data are opened.

::

    format: biomarker-association/1
    id: adc-response
    made: prespecified
    unit: subject
    sites: stratified
    features:
      adc:
        feature: adc.intensity.median
        analysis: dwi-adc
        role: dwi
        roi: GTV
        timepoint: T1
        unit: mm2/s
        high_means: negative
        threshold: 0.0011
    endpoint: {kind: binary, table: outcome, column: response, positive: [responder]}
    covariates:
      - {table: clinical, column: age}
    test: likelihood_ratio
    multiplicity: holm
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from biomarker_cli.evidence.errors import AssociationError
from biomarker_cli.protocol.document import ID_PATTERN, Strict
from biomarker_cli.protocol.loading import load_sealed_model

FORMAT = "biomarker-association/1"

EndpointKind = Literal["binary", "ordinal", "continuous", "time_to_event"]
PerSubject = Literal["refuse", "first", "mean", "minimum", "maximum"]
Test = Literal["auc", "spearman", "c_index", "likelihood_ratio"]

TESTS: Mapping[str, tuple[str, ...]] = {
    "binary": ("auc", "likelihood_ratio"),
    "ordinal": ("spearman", "likelihood_ratio"),
    "continuous": ("spearman", "likelihood_ratio"),
    "time_to_event": ("c_index", "likelihood_ratio"),
}
"""Statistics whose p-value may be the planned test, by kind of endpoint."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")


class FeatureInPlan(Strict):
    """A feature as it is to be read from the measurements.

    Attributes
    ----------
    feature, role, roi : str
        `feature_id`, image role and `roi_id`.
    analysis : str
        ``id@version``, or an id where one version is there.
    timepoint : str
        Empty for any.
    unit : str
        UCUM code of the values; another one in the data is refused.
    high_means : str
        What a high value speaks for: the endpoint (or an earlier event), or against it.
    threshold : float, optional
        A test is positive from here on, or up to here where high means negative.
    baseline : str
        With it the value is the change from that timepoint to `timepoint`.
    change : str
        Of a change: ``percent`` or ``absolute``.
    log : bool
        Models take the natural logarithm.
    per_subject : str
        Which of several values of a subject is taken; ``refuse`` takes none.
    """

    feature: str
    analysis: str
    role: str
    roi: str
    timepoint: str = ""
    unit: str
    high_means: Literal["positive", "negative"] = "positive"
    threshold: float | None = None
    baseline: str = ""
    change: Literal["percent", "absolute"] = "percent"
    log: bool = False
    per_subject: PerSubject = "refuse"

    @model_validator(mode="after")
    def _change_has_two_visits(self) -> Self:
        if self.baseline and (not self.timepoint or self.timepoint == self.baseline):
            raise ValueError("a change needs a timepoint other than its baseline")
        if not self.baseline and "change" in self.model_fields_set:
            raise ValueError("a change needs its baseline")
        if self.baseline and self.log:
            raise ValueError("a change has no logarithm: it may be below 0")
        return self

    @property
    def unit_of_value(self) -> str:
        """UCUM code of what is analysed."""
        return "%" if self.baseline and self.change == "percent" else self.unit


class Endpoint(Strict):
    """What the features are held against.

    Attributes
    ----------
    kind : str
    table : str
        A joined table.
    column : str
        Of it; of a time to event the column that says whether there was one.
    positive : tuple of str
        Words that are the endpoint, or the event; numbers and truth values as CSV holds them.
    negative : tuple of str
        Words that are none; may be left out where the column has one other word.
    levels : tuple of str
        Words of an ordinal endpoint, from low to high.
    time : str
        Column of the time to the event or to the end of observation.
    """

    kind: EndpointKind
    table: str
    column: str
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    time: str = ""

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        needs = {
            "positive": self.kind in {"binary", "time_to_event"},
            "levels": self.kind == "ordinal",
            "time": self.kind == "time_to_event",
        }
        for name, is_needed in needs.items():
            if bool(getattr(self, name)) != is_needed:
                word = "needs" if is_needed else "has no"
                raise ValueError(f"a {self.kind} endpoint {word} {name}")
        if self.negative and not self.positive:
            raise ValueError(f"a {self.kind} endpoint has no negative")
        if set(self.negative) & set(self.positive):
            raise ValueError("a word is positive and negative")
        if self.levels and (len(self.levels) < 3 or len(set(self.levels)) < len(self.levels)):
            raise ValueError("expected three different levels or more; two are a binary endpoint")
        return self


class PlannedCovariate(Strict):
    """What the models know besides the feature.

    Attributes
    ----------
    table, column : str
        Of a joined table.
    """

    table: str
    column: str


class AssociationPlan(Strict):
    """Content of a plan.

    Attributes
    ----------
    made : str
        ``prespecified`` before the data were seen, else ``post_hoc``: every row says which.
    unit : str
        The subject; lesions of one subject are not independent.
    sites : str
        ``pooled`` takes all subjects as of one site; ``stratified`` compares within sites:
        models know the site, and the test of an AUC, a correlation or a C-index is that of
        the fixed effect.
    usable : str
        The worst rows that are taken; rows that are ``no`` never are.
    test : str
        Statistic whose p-value is the planned test.
    """

    format: Literal["biomarker-association/1"]
    id: str = Field(pattern=ID_PATTERN)
    title: str = ""
    made: Literal["prespecified", "post_hoc"]
    unit: Literal["subject"]
    sites: Literal["pooled", "stratified"]
    usable: Literal["yes", "caution"] = "yes"
    features: Mapping[str, FeatureInPlan] = Field(min_length=1, max_length=10_000)
    endpoint: Endpoint
    covariates: tuple[PlannedCovariate, ...] = ()
    test: Test
    multiplicity: Literal["holm", "bh", "bonferroni"]

    @field_validator("usable", mode="before")
    @classmethod
    def _yes_is_a_word(cls, value: object) -> object:
        # What YAML 1.1 takes for a truth value.
        return "yes" if value is True else value

    @field_validator("features")
    @classmethod
    def _name_features(cls, value: Mapping[str, FeatureInPlan]) -> Mapping[str, FeatureInPlan]:
        bad = [name for name in value if not _NAME.fullmatch(name)]
        if bad:
            raise ValueError(
                f"names of features have small letters, digits and underscores: {bad[0][:60]}"
            )
        return value

    @model_validator(mode="after")
    def _fits_its_endpoint(self) -> Self:
        allowed = TESTS[self.endpoint.kind]
        if self.test not in allowed:
            raise ValueError(f"test: of a {self.endpoint.kind} endpoint {' or '.join(allowed)}")
        if self.endpoint.kind != "binary" and any(
            feature.threshold is not None for feature in self.features.values()
        ):
            raise ValueError("a threshold needs a binary endpoint")
        own = (self.endpoint.table, self.endpoint.column)
        pairs = [(one.table, one.column) for one in self.covariates]
        if own in pairs or len(set(pairs)) < len(pairs):
            raise ValueError("a covariate is the endpoint, or stands twice")
        return self


def load_plan(path: Path) -> tuple[AssociationPlan, str]:
    """Return a plan and the sha256 of its file.

    Raises
    ------
    AssociationError
        ``ASSOCIATION-PLAN``, with the line and the key.
    """
    return load_sealed_model(path, AssociationPlan, FORMAT, "ASSOCIATION-PLAN", AssociationError)
