"""What changed between two acquisition protocols, rule by rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from biomarker_cli.acquisition.checks import expected_text
from biomarker_cli.acquisition.protocol import AcquisitionProtocol
from biomarker_cli.acquisition.rules import Check, Rule
from biomarker_cli.model.units import conversion_factor

_FIELDS = (
    "fact",
    "header_unit",
    "over",
    "level",
    "severity",
    "if_missing",
    "implausible",
    "accept_inferred",
    "vendors",
    "when",
    "role",
    "title",
    "section",
    "why",
    "fix",
)


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One difference.

    Attributes
    ----------
    rule_id : str
        Empty for the protocol itself.
    what : str
        added, removed, limit, or the name of a field.
    before, after : str
    direction : str
        ``stricter`` or ``looser`` where a limit moved one way, else empty.
    """

    rule_id: str
    what: str
    before: str
    after: str
    direction: str = ""


def compare_protocols(a: AcquisitionProtocol, b: AcquisitionProtocol) -> list[RuleChange]:
    """Return what is different in `b`, in the order of rules."""
    old = {rule.id: rule for rule in a.content.rules}
    new = {rule.id: rule for rule in b.content.rules}
    changes = list(_protocol_changes(a, b))
    for rule_id in [*old, *(i for i in new if i not in old)]:
        if rule_id not in new:
            changes.append(RuleChange(rule_id, "removed", _limit(old[rule_id]), "", "looser"))
        elif rule_id not in old:
            changes.append(RuleChange(rule_id, "added", "", _limit(new[rule_id]), "stricter"))
        else:
            changes += _rule_changes(old[rule_id], new[rule_id])
    return changes


def _protocol_changes(a: AcquisitionProtocol, b: AcquisitionProtocol) -> Iterator[RuleChange]:
    for field in ("status", "applies_to", "roles"):
        before, after = getattr(a.content, field), getattr(b.content, field)
        if before != after:
            yield RuleChange("", field, str(before), str(after))


def _limit(rule: Rule) -> str:
    unit = f" {rule.unit}" if rule.unit not in {"", "1"} else ""
    return f"{expected_text(rule.check, rule.tolerance)}{unit}"


def _rule_changes(old: Rule, new: Rule) -> Iterator[RuleChange]:
    if (old.check, old.tolerance, old.unit) != (new.check, new.tolerance, new.unit):
        yield RuleChange(old.id, "limit", _limit(old), _limit(new), _direction(old, new))
    for field in _FIELDS:
        before, after = getattr(old, field), getattr(new, field)
        if before != after:
            yield RuleChange(
                old.id, field, str(before), str(after), _moved(field, str(before), str(after))
            )


_RANKS = MappingProxyType(
    {"severity": ("info", "warning", "error"), "level": ("may", "should", "shall")}
)
"""Words of a field, from the mildest to the strictest."""


def _moved(field: str, before: str, after: str) -> str:
    """Return which way a rule moved by its severity or level, empty for other fields."""
    ranks = _RANKS.get(field)
    if ranks is None:
        return ""
    return "stricter" if ranks.index(after) > ranks.index(before) else "looser"


def _interval(rule: Rule) -> tuple[float, float] | None:
    """Return what a numeric rule lets pass, tolerance included, in its own unit."""
    check: Check = rule.check
    low, high = float("-inf"), float("inf")
    match check.kind:
        case "min":
            low = float(check.limit)
        case "max":
            high = float(check.limit)
        case "range" | "any_in" | "all_in":
            low = low if check.limit[0] is None else float(check.limit[0])
            high = high if check.limit[1] is None else float(check.limit[1])
        case "equals" if isinstance(check.limit, float):
            low = high = check.limit
        case _:
            return None
    slack = rule.tolerance
    low -= slack.abs + slack.rel * abs(low) if low != float("-inf") else 0.0
    high += slack.abs + slack.rel * abs(high) if high != float("inf") else 0.0
    return low, high


def _words(limit: Any) -> frozenset[Any]:
    return frozenset(limit if isinstance(limit, tuple) else (limit,))


def _direction(old: Rule, new: Rule) -> str:
    before, after = _interval(old), _interval(new)
    if before is not None and after is not None:
        try:
            factor = conversion_factor(new.unit, old.unit)
        except ValueError:
            return ""
        low, high = after[0] * factor, after[1] * factor
        inside = low >= before[0] and high <= before[1]
        outside = low <= before[0] and high >= before[1]
        return "" if inside == outside else "stricter" if inside else "looser"
    if old.check.kind != new.check.kind or old.check.kind not in {"one_of", "contains_all"}:
        return ""
    ours, theirs = _words(old.check.limit), _words(new.check.limit)
    grown, shrunk = theirs > ours, theirs < ours
    if grown == shrunk:
        return ""
    return "looser" if grown == (old.check.kind == "one_of") else "stricter"
