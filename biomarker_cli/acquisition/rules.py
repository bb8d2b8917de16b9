"""The typed form of an acquisition protocol file.

Purely declarative: a physicist writes it by hand, and nothing in it is code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self, cast, get_args

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from biomarker_cli.acquisition.facts import FACTS
from biomarker_cli.acquisition.facts.elements import KEYWORD_UNITS, is_element, is_identifying
from biomarker_cli.model.units import conversion_factor, is_unit
from biomarker_cli.protocol.document import ProtocolHeader, Strict

Scalar = bool | float | str
Interval = tuple[float | None, float | None]

Scope = Literal["instance", "frame", "series", "study", "subject", "cohort"]
Severity = Literal["error", "warning", "info"]

ValueCheck = Literal["equals", "one_of", "min", "max", "range"]
"""Checks that every value meets for itself."""

SetCheck = Literal["contains", "contains_any", "contains_all", "any_in", "all_in"]
"""Checks of a value that is a set."""

PresenceCheck = Literal["present", "absent"]

CheckKind = ValueCheck | SetCheck | PresenceCheck | Literal["constant", "regex", "same_as_baseline"]

NUMERIC_CHECKS = ("min", "max", "range", "any_in", "all_in")
SET_CHECKS = get_args(SetCheck)
PRESENCE_CHECKS = get_args(PresenceCheck)
COMPARING_CHECKS = ("constant", "same_as_baseline")


class Check(Strict):
    """What a fact must be; exactly one of the keys.

    Intervals hold their ends; ``null`` leaves an end open.
    """

    equals: Scalar | None = None
    one_of: tuple[Scalar, ...] | None = None
    min: float | None = None
    max: float | None = None
    range: Interval | None = None
    contains: Scalar | None = None
    contains_any: tuple[Scalar, ...] | None = None
    contains_all: tuple[Scalar, ...] | None = None
    any_in: Interval | None = None
    all_in: Interval | None = None
    constant: Literal[True] | None = None
    present: Literal[True] | None = None
    absent: Literal[True] | None = None
    regex: str | None = None
    same_as_baseline: Literal[True] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        given = self.model_fields_set
        if len(given) != 1 or getattr(self, next(iter(given))) is None:
            raise ValueError(f"a check has exactly one key, found {sorted(given) or 'none'}")
        if self.regex is not None:
            try:
                re.compile(self.regex)
            except re.error as error:
                raise ValueError(f"{self.regex!r} is no regular expression: {error}") from error
        interval = self.range or self.any_in or self.all_in
        if interval is not None:
            low, high = interval
            if low is None and high is None:
                raise ValueError("an interval needs at least one end")
            if low is not None and high is not None and low > high:
                raise ValueError(f"the interval {low}..{high} is empty")
        return self

    @property
    def kind(self) -> CheckKind:
        """The key that is given."""
        return cast("CheckKind", next(iter(self.model_fields_set)))

    @property
    def limit(self) -> Any:
        """Its value."""
        return getattr(self, self.kind)

    @property
    def has_numbers(self) -> bool:
        """Whether the limit is made of numbers, which need a unit."""
        if self.kind in NUMERIC_CHECKS:
            return True
        values = self.limit if isinstance(self.limit, tuple) else (self.limit,)
        return self.kind not in {"regex", *PRESENCE_CHECKS, *COMPARING_CHECKS} and any(
            isinstance(v, float) and not isinstance(v, bool) for v in values
        )


def _as_check(value: Any) -> Any:
    if isinstance(value, Mapping | Check):
        return value
    return {"one_of": value} if isinstance(value, list | tuple) else {"equals": value}


Condition = Annotated[Check, BeforeValidator(_as_check)]
Conditions = dict[str, Condition]
"""Fact -> value, list of values, or a check; all must hold. Numbers are in the fact's unit."""


class Tolerance(Strict):
    """How far beyond a limit still passes: absolute in the rule's unit, or relative to it."""

    abs: float = Field(default=0.0, ge=0)
    rel: float = Field(default=0.0, ge=0)


class Implausible(Strict):
    """Values that are a defect of the header and are not judged, in the rule's unit."""

    below: float | None = None
    above: float | None = None

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.below is None and self.above is None:
            raise ValueError("implausible needs below or above")
        return self


class PrivateElement(Strict):
    """A private element, found by its creator (DICOM PS3.5 7.8.1)."""

    group: str = Field(pattern=r"^[0-9A-Fa-f]{3}[13579BDFbdf]$")
    creator: str
    element: str = Field(pattern=r"^[0-9A-Fa-f]{2}$")
    index: int | None = Field(default=None, ge=0)

    def __str__(self) -> str:
        return f"({self.group},xx{self.element}) {self.creator}"


FactName = str | PrivateElement


class VendorAlternative(Strict):
    """Where a manufacturer keeps the fact elsewhere, or needs another limit.

    `manufacturer` is the beginning of Manufacturer, in any case.
    """

    manufacturer: str
    fact: FactName | None = None
    header_unit: str = ""
    check: Check | None = None


class Rule(Strict):
    """One requirement on one fact."""

    id: str = Field(pattern=r"^[A-Z0-9][A-Z0-9\-]*$")
    title: str
    fact: FactName
    check: Check
    unit: str = ""
    header_unit: str = ""
    tolerance: Tolerance = Tolerance()
    over: Scope = "series"
    level: Literal["shall", "should", "may"] = "shall"
    severity: Severity = "error"
    if_missing: Literal["not_evaluable", "fail", "not_applicable"] = "not_evaluable"
    implausible: Implausible | None = None
    accept_inferred: bool = False
    vendors: tuple[VendorAlternative, ...] = ()
    when: Conditions = Field(default_factory=dict)
    role: str = ""
    section: str = ""
    why: str = ""
    fix: str = ""

    @model_validator(mode="after")
    def _units_are_said(self) -> Self:
        checks = [self.check, *(v.check for v in self.vendors if v.check is not None)]
        if any(check.has_numbers for check in checks) or self.implausible is not None:
            if not self.unit:
                raise ValueError(f"{self.id}: a number without a unit (a pure number has unit '1')")
            if not is_unit(self.unit):
                raise ValueError(f"{self.id}: unknown unit {self.unit!r}")
        facts = [(self.fact, self.header_unit)]
        facts += [(v.fact, v.header_unit or self.header_unit) for v in self.vendors if v.fact]
        for fact, header_unit in facts:
            source = unit_of_fact(fact, header_unit)
            if self.unit and source:
                conversion_factor(source, self.unit)
            elif self.unit and source is None:
                raise ValueError(
                    f"{self.id}: the unit of {fact} is not known, say it as header_unit"
                )
        if self.check.kind == "same_as_baseline" and self.over != "subject":
            raise ValueError(f"{self.id}: same_as_baseline is judged over: subject")
        return self


def unit_of_fact(fact: FactName, header_unit: str = "") -> str | None:
    """Return the unit that a fact is read in, empty for text, None where unknown.

    Raises
    ------
    ValueError
        Where no such fact exists.
    """
    if header_unit:
        return header_unit
    if isinstance(fact, PrivateElement):
        return None
    definition = FACTS.get(fact)
    if definition is not None:
        return definition.unit
    if not is_element(fact):
        near = get_close_matches(fact, [known.name for known in FACTS], n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"{fact!r} is neither a fact of the library nor a DICOM keyword{meant}")
    if is_identifying(fact):
        raise ValueError(f"{fact} says who somebody is: no rule may ask for it, rows would tell it")
    return KEYWORD_UNITS.get(fact.rpartition(".")[2])


class Role(Strict):
    """One of the series that a study must hold."""

    title: str = ""
    when: Conditions = Field(default_factory=dict)
    required: bool = True


class AppliesTo(Strict):
    """Which series a protocol speaks about."""

    when: Conditions = Field(default_factory=dict)


def _words(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class ExampleSeries(Strict):
    """A made-up series of a test case; facts are in the unit that they are read in."""

    facts: dict[str, Any] = Field(default_factory=dict)
    role: str = ""
    study: str = "study"
    subject: str = "subject"
    date: str = "20200101"


class Example(Strict):
    """A test case of the file: facts, and the outcome that each rule must give.

    A rule that gives several rows has a list of outcomes, in the order of the series.
    """

    title: str = ""
    facts: dict[str, Any] | None = None
    series: tuple[ExampleSeries, ...] = ()
    expect: dict[str, Annotated[tuple[str, ...], BeforeValidator(_words)]]

    @model_validator(mode="after")
    def _has_data(self) -> Self:
        if (self.facts is None) == (not self.series):
            raise ValueError("a test has either facts or series")
        return self

    def all_series(self) -> tuple[ExampleSeries, ...]:
        """Return the series of the test."""
        return self.series or (ExampleSeries(facts=self.facts or {}),)


class AcquisitionRules(ProtocolHeader):
    """An acquisition protocol file, ``format: biomarker-acquisition/1``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    applies_to: AppliesTo = AppliesTo()
    roles: dict[str, Role] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = Field(min_length=1)
    tests: tuple[Example, ...] = ()
    disable: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        seen: set[str] = set()
        for rule in self.rules:
            if rule.id in seen:
                raise ValueError(f"the rule id {rule.id} stands twice")
            seen.add(rule.id)
            if rule.role and rule.role not in self.roles:
                raise ValueError(f"{rule.id}: there is no role {rule.role!r}")
        if self.disable and not self.extends:
            raise ValueError("disable drops rules of a parent, but the file extends none")
        for number, test in enumerate(self.tests, start=1):
            unknown = set(test.expect) - seen
            if unknown:
                raise ValueError(f"test {number} expects unknown rules {sorted(unknown)}")
        for where, conditions in self._conditions():
            for fact in conditions:
                try:
                    unit_of_fact(fact)
                except ValueError as error:
                    raise ValueError(f"{where}: {error}") from error
        return self

    def _conditions(self) -> Iterator[tuple[str, Conditions]]:
        yield "applies_to", self.applies_to.when
        for name, role in self.roles.items():
            yield f"role {name}", role.when
        for rule in self.rules:
            yield rule.id, rule.when
