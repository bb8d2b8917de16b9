"""Judge values against one check: pure functions without headers or files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, assert_never

from biomarker_cli.acquisition.formatting import value_text
from biomarker_cli.acquisition.rules import Check, Interval, SetCheck, Tolerance, ValueCheck
from biomarker_cli.model.wording import quoted

ROUNDING = 1e-9
"""Relative slack for unit conversion in floating point; not a tolerance of a rule."""


class NotComparableError(Exception):
    """A value of a kind that the check cannot judge, such as a word against a limit."""


def passes(check: Check, values: Sequence[Any], tolerance: Tolerance) -> bool:
    """Tell whether every value meets the check.

    Parameters
    ----------
    check : Check
        Not one of present, absent, same_as_baseline.
    values : sequence
        At least one; floats in the unit of the rule, text, or tuples of them.
    tolerance : Tolerance

    Raises
    ------
    NotComparableError
        Where a value is of the wrong kind.
    """
    kind = check.kind
    match kind:
        case "constant":
            return is_constant(values, tolerance)
        case "regex":
            return all(re.search(str(check.limit), value_text(value)) for value in values)
        case "contains" | "contains_any" | "contains_all" | "any_in" | "all_in":
            return all(_set_passes(kind, check.limit, _as_set(v), tolerance) for v in values)
        case "equals" | "one_of" | "min" | "max" | "range":
            parts = [part for value in values for part in _as_set(value)]
            return all(_one_passes(kind, check.limit, part, tolerance) for part in parts)
        case "present" | "absent" | "same_as_baseline":
            raise NotComparableError(f"{kind} is not judged value by value")
        case _:
            assert_never(kind)


def is_constant(values: Sequence[Any], tolerance: Tolerance) -> bool:
    """Tell whether all values are the same within the tolerance."""
    first = values[0]
    return all(_same(value, first, tolerance) for value in values[1:])


def _same(value: Any, other: Any, tolerance: Tolerance) -> bool:
    if isinstance(value, tuple) and isinstance(other, tuple):
        return len(value) == len(other) and all(
            _same(a, b, tolerance) for a, b in zip(value, other, strict=True)
        )
    if isinstance(value, float) and isinstance(other, float):
        return abs(value - other) <= _slack(other, tolerance)
    return bool(value == other)


def _slack(limit: float, tolerance: Tolerance) -> float:
    return tolerance.abs + (tolerance.rel + ROUNDING) * abs(limit)


def _as_set(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _number(value: Any) -> float:
    if isinstance(value, float):
        return value
    raise NotComparableError(f"{quoted(value_text(value))} is no number")


def _within(value: Any, interval: Interval, tolerance: Tolerance) -> bool:
    number = _number(value)
    low, high = interval
    above = low is None or number >= low - _slack(low, tolerance)
    return above and (high is None or number <= high + _slack(high, tolerance))


def _equal(value: Any, wanted: Any, tolerance: Tolerance) -> bool:
    if isinstance(wanted, bool):
        return value_text(value).lower() in ({"yes", "true"} if wanted else {"no", "false"})
    if isinstance(wanted, float):
        return abs(_number(value) - wanted) <= _slack(wanted, tolerance)
    return value_text(value).strip() == str(wanted)


def _one_passes(kind: ValueCheck, limit: Any, value: Any, tolerance: Tolerance) -> bool:
    match kind:
        case "equals":
            return _equal(value, limit, tolerance)
        case "one_of":
            return any(_equal(value, wanted, tolerance) for wanted in limit)
        case "min":
            return _within(value, (limit, None), tolerance)
        case "max":
            return _within(value, (None, limit), tolerance)
        case "range":
            return _within(value, limit, tolerance)
        case _:
            assert_never(kind)


def _set_passes(kind: SetCheck, limit: Any, values: tuple[Any, ...], tolerance: Tolerance) -> bool:
    def holds(wanted: Any) -> bool:
        return any(_equal(value, wanted, tolerance) for value in values)

    match kind:
        case "contains":
            return holds(limit)
        case "contains_any":
            return any(holds(wanted) for wanted in limit)
        case "contains_all":
            return all(holds(wanted) for wanted in limit)
        case "any_in":
            return any(_within(value, limit, tolerance) for value in values)
        case "all_in":
            return all(_within(value, limit, tolerance) for value in values)
        case _:
            assert_never(kind)


def expected_text(check: Check, tolerance: Tolerance) -> str:
    """Return a check as people write it."""
    limit = check.limit
    texts = {
        "min": lambda: f">= {value_text(limit)}",
        "max": lambda: f"<= {value_text(limit)}",
        "range": lambda: _interval(limit),
        "any_in": lambda: f"one in {_interval(limit)}",
        "all_in": lambda: f"all in {_interval(limit)}",
        "one_of": lambda: f"one of {value_text(limit)}",
        "contains": lambda: f"with {value_text(limit)}",
        "contains_any": lambda: f"with one of {value_text(limit)}",
        "contains_all": lambda: f"with all of {value_text(limit)}",
        "regex": lambda: f"matching {limit}",
        "equals": lambda: value_text(limit),
    }
    text = texts[check.kind]() if check.kind in texts else check.kind.replace("_", " ")
    if tolerance.abs:
        text += f" (+- {value_text(tolerance.abs)})"
    if tolerance.rel:
        text += f" (+- {value_text(tolerance.rel * 100)} %)"
    return text


def _interval(limit: tuple[float | None, float | None]) -> str:
    low, high = limit
    if low is None:
        return f"<= {value_text(high)}"
    return f">= {value_text(low)}" if high is None else f"{value_text(low)} .. {value_text(high)}"
