"""Where the conditions of a criterion find their values: a visit, and one lesion of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from biomarker_cli.response.criterion import Criterion
from biomarker_cli.response.criterion_file import TargetRules
from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.expressions import Value
from biomarker_cli.response.readings import LesionReading, ReadVisit, rounded

WHOLE = "sum"
"""Id of the one reading that stands for a sum whose lesions nobody told."""


@dataclass
class Setting:
    """What holds for every visit of a subject.

    Attributes
    ----------
    criterion : Criterion
    policies : mapping of str to str
    parameters : mapping of str to Decimal
    policies_read : set of str
        Policies that a call came to hang on.
    """

    criterion: Criterion
    policies: Mapping[str, str]
    parameters: Mapping[str, Value]
    policies_read: set[str] = field(default_factory=set)


Sizes = Mapping[str, Value]

_UNNAMED = frozenset({"unnamed"})


def sizes_of(lesion: LesionReading, rules: TargetRules) -> Sizes:
    """Return the numbers of a lesion as conditions name them, None where they are unknown.

    Raises
    ------
    ResponseError
        ``RESPONSE-BAD-INPUT`` where the criterion sums what the reading does not have.
    """
    chosen = rules.node if lesion.is_node else rules.other
    if lesion.state == "measured":
        return _measured(lesion, chosen, rules.decimals)
    diameter: Decimal | None = None
    if lesion.state == "absent":
        diameter = Decimal(0)
    elif lesion.state == "too_small":
        diameter = rules.too_small
    product = None if diameter is None else diameter * diameter
    value = product if chosen == "product" else diameter
    return _sizes(lesion, diameter, diameter, product, value)


def _sizes(
    lesion: LesionReading,
    longest: Decimal | None,
    short: Decimal | None,
    product: Decimal | None,
    value: Decimal | None,
) -> dict[str, Value]:
    return {
        "is_node": lesion.is_node,
        "state": lesion.state,
        "longest": longest,
        "short": short,
        "product": product,
        "value": value,
    }


def _measured(lesion: LesionReading, chosen: str, decimals: int) -> Sizes:
    if lesion.value is not None:
        value = rounded(lesion.value, decimals)
        if chosen == "product" and lesion.lesion_id != WHOLE:
            raise ResponseError(
                "RESPONSE-BAD-INPUT",
                f"{lesion.lesion_id}: expected two diameters such as 20x15, found {lesion.value}",
            )
        return _sizes(lesion, None, None, None, value) | {chosen: value}
    if chosen == "value" and lesion.longest is not None:
        raise ResponseError(
            "RESPONSE-BAD-INPUT", f"{lesion.lesion_id}: expected one number, found two diameters"
        )
    longest = None if lesion.longest is None else rounded(lesion.longest, decimals)
    short = None if lesion.short is None else rounded(lesion.short, decimals)
    product = None if longest is None or short is None else longest * short
    value_of = {"longest": longest, "short": short, "product": product, "value": None}
    return _sizes(lesion, longest, short, product, value_of[chosen])


def _new_sizes(lesion: LesionReading, rules: TargetRules) -> Sizes:
    if lesion.state == "measured" and lesion.value is not None:
        size = rounded(lesion.value, rules.decimals)
        return _sizes(lesion, size, size, None, size)
    return sizes_of(lesion, rules)


class VisitScope:
    """The values of one visit, each found once.

    Parameters
    ----------
    setting : Setting
    visit : ReadVisit
    history : sequence of VisitScope
        Of the earlier visits, baseline first.
    """

    def __init__(self, setting: Setting, visit: ReadVisit, history: Sequence[VisitScope]) -> None:
        self.setting = setting
        self.visit = visit
        self.history = history
        self.pending: VisitScope | None = None
        self.overall = ""
        self.had_calls: frozenset[str] = frozenset()
        rules = setting.criterion.file.targets
        self.lesions = {lesion.lesion_id: sizes_of(lesion, rules) for lesion in visit.lesions}
        self.new_lesions = {one.lesion_id: _new_sizes(one, rules) for one in visit.new_lesions}
        self._values: dict[str, Value] = {}
        self._earlier: dict[tuple[str, str], Value] = {}
        self._set_sums()

    def _set_sums(self) -> None:
        values = [sizes["value"] for sizes in self.lesions.values()]
        known = [value for value in values if isinstance(value, Decimal)]
        is_whole = len(known) == len(values) and bool(values)
        total = sum(known, Decimal(0))
        present = self.present_new()
        new_sizes = [
            self.new_lesions[name]["value"] for name in present if name in self.new_lesions
        ]
        new_known = [value for value in new_sizes if isinstance(value, Decimal)]
        self._values.update(
            day=Decimal(self.visit.day),
            index=Decimal(len(self.history)),
            n_lesions=Decimal(len(values)),
            n_missing=Decimal(len(values) - len(known)),
            sum=total if is_whole else None,
            measured_sum=total if known else None,
            greatest=max(known) if is_whole else None,
            non_target=self.visit.non_target,
            new=self.visit.new,
            n_new=Decimal(len(present)),
            new_sum=sum(new_known, Decimal(0)) if new_known else None,
            pending="",
            days_since_pending=None,
            target=None,
        )
        self._values.update(self.setting.parameters)

    def present_new(self) -> frozenset[str]:
        """Return the new lesions that are there; one without a name stands for what is said."""
        if not self.new_lesions:
            return _UNNAMED if self.visit.new == "yes" else frozenset()
        return frozenset(name for name, sizes in self.new_lesions.items() if sizes["value"] != 0)

    def set_value(self, name: str, value: Value) -> None:
        """Set what the engine finds out while it judges the visit."""
        self._values[name] = value

    def value(self, name: str) -> Value:
        """Return the value of a name, None where it is unknown."""
        if name in self._values:
            return self._values[name]
        found = self._found(name)
        self._values[name] = found
        return found

    def _found(self, name: str) -> Value:
        criterion = self.setting.criterion
        if name in criterion.quantities:
            return criterion.quantities[name].value(self)
        if name.startswith("policy."):
            chosen = name.removeprefix("policy.")
            self.setting.policies_read.add(chosen)
            return self.setting.policies[chosen]
        if name == "baseline":
            return self.earlier("at_baseline", criterion.file.assessed)
        if name == "nadir":
            return self.earlier("least", criterion.file.assessed)
        return self.visit.inputs.get(name)

    def earlier(self, function: str, name: str) -> Value:
        """Return what a function of history finds of a name; baseline itself has none."""
        key = (function, name)
        if key not in self._earlier:
            self._earlier[key] = _looked_back(
                function, [scope.value(name) for scope in self._looked_at(function)]
            )
        return self._earlier[key]

    def _looked_at(self, function: str) -> Sequence[VisitScope]:
        if function == "at_pending":
            return [self.pending] if self.pending is not None else []
        return self.history

    def had(self, call: str) -> bool:
        """Tell whether an earlier visit had a call."""
        return call in self.had_calls

    def rank(self, call: Value) -> int | None:
        """Return how good a call of the targets is; 0 is the best."""
        return self.setting.criterion.ranks.get(call) if isinstance(call, str) else None

    def members(self, group: str) -> Iterator[LesionScope]:
        """Return the scope of each lesion of a group."""
        found = self.lesions if group == "lesions" else self.new_lesions
        for name, sizes in found.items():
            yield LesionScope(self, group, name, sizes)


class LesionScope:
    """The values of one lesion at one visit; other names are those of the visit."""

    def __init__(self, visit: VisitScope, group: str, name: str, sizes: Sizes) -> None:
        self._visit = visit
        self._group = group
        self._name = name
        self._sizes = sizes

    def value(self, name: str) -> Value:
        """Return the value of a name, None where it is unknown."""
        return self._sizes[name] if name in self._sizes else self._visit.value(name)

    def earlier(self, function: str, name: str) -> Value:
        """Return what a function of history finds of this lesion."""
        if name not in self._sizes:
            return self._visit.earlier(function, name)
        scopes = self._visit._looked_at(function)
        readings = [getattr(scope, self._group).get(self._name) for scope in scopes]
        return _looked_back(function, [None if one is None else one[name] for one in readings])

    def had(self, call: str) -> bool:
        """Tell whether an earlier visit had a call."""
        return self._visit.had(call)

    def rank(self, call: Value) -> int | None:
        """Return how good a call of the targets is; 0 is the best."""
        return self._visit.rank(call)

    def members(self, group: str) -> Iterator[LesionScope]:
        """Return the lesions of its visit."""
        return self._visit.members(group)


def _looked_back(function: str, values: Sequence[Value]) -> Value:
    if not values:
        return None
    if function == "at_baseline" or function == "at_pending":
        return values[0]
    if function == "previous":
        return values[-1]
    known = [value for value in values if isinstance(value, Decimal)]
    return min(known) if known else None
