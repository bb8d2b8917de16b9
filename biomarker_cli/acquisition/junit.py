"""JUnit XML of a check: what CI servers show. Not evaluable is skipped, never passed.

Characters that XML cannot hold, and those that a terminal obeys, stand by their number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from biomarker_cli.acquisition.results import CheckResult, Outcome
from biomarker_cli.model.wording import shown

_SKIPPED = frozenset(
    {Outcome.NOT_EVALUABLE, Outcome.NOT_APPLICABLE, Outcome.WAIVED, Outcome.MISSING_SERIES}
)


def junit_xml(results: Sequence[CheckResult]) -> str:
    """Return one test suite per series or wider scope, one test case per rule."""
    suites: dict[str, list[CheckResult]] = defaultdict(list)
    for result in results:
        suites[result.series_uid or result.scope].append(result)
    root = ET.Element("testsuites", name="biomarker check")
    for name, members in suites.items():
        _add_suite(root, name, members)
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _add_suite(root: ET.Element, name: str, members: Sequence[CheckResult]) -> None:
    suite = ET.SubElement(
        root,
        "testsuite",
        name=shown(name),
        tests=str(len(members)),
        failures=str(sum(_is_failure(r) for r in members)),
        skipped=str(sum(r.outcome in _SKIPPED for r in members)),
        errors="0",
    )
    for result in members:
        case = ET.SubElement(
            suite,
            "testcase",
            name=shown(f"{result.rule_id} {result.title}".strip()),
            classname=f"{result.protocol_id}@{result.protocol_version}",
        )
        text = shown(message(result))
        if _is_failure(result):
            ET.SubElement(case, "failure", message=text, type=result.severity)
        elif result.outcome in _SKIPPED:
            ET.SubElement(case, "skipped", message=f"{result.outcome.value}: {text}")
        elif result.outcome is Outcome.FAIL:
            ET.SubElement(case, "system-out").text = f"{result.severity}: {text}"


def _is_failure(result: CheckResult) -> bool:
    return result.outcome is Outcome.FAIL and result.severity == "error"


def message(result: CheckResult) -> str:
    """Return expected, found and why, in one line."""
    unit = f" {result.unit}" if result.unit not in {"", "1"} else ""
    found = f"{result.observed}{unit}" if result.observed else "nothing"
    parts = [f"expected {result.expected}{unit}, found {found}"]
    if result.reason:
        parts.append(result.reason)
    return "; ".join(parts)
