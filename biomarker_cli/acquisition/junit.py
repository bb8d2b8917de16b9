"""JUnit XML of a check. What was not evaluable is skipped, never passed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from biomarker_cli.acquisition.results import CheckResult, Outcome
from biomarker_cli.tables.junit import JUnitCase, junit_xml

_SKIPPED = frozenset(
    {Outcome.NOT_EVALUABLE, Outcome.NOT_APPLICABLE, Outcome.WAIVED, Outcome.MISSING_SERIES}
)


def check_xml(results: Sequence[CheckResult]) -> str:
    """Return one test suite per series or wider scope, one test case per rule."""
    suites: dict[str, list[JUnitCase]] = defaultdict(list)
    for result in results:
        suites[result.series_uid or result.scope].append(_case(result))
    return junit_xml("biomarker check", suites)


def _case(result: CheckResult) -> JUnitCase:
    name = f"{result.rule_id} {result.title}".strip()
    protocol = f"{result.protocol_id}@{result.protocol_version}"
    text = message(result)
    if result.outcome in _SKIPPED:
        return JUnitCase(name, "skipped", f"{result.outcome}: {text}", class_name=protocol)
    if result.outcome is Outcome.PASS:
        return JUnitCase(name, class_name=protocol)
    if result.severity == "error":
        return JUnitCase(name, "failed", text, result.severity, protocol)
    return JUnitCase(name, "passed", f"{result.severity}: {text}", class_name=protocol)


def message(result: CheckResult) -> str:
    """Return expected, found and why, in one line."""
    unit = f" {result.unit}" if result.unit not in {"", "1"} else ""
    found = f"{result.observed}{unit}" if result.observed else "nothing"
    parts = [f"expected {result.expected}{unit}, found {found}"]
    if result.reason:
        parts.append(result.reason)
    return "; ".join(parts)
