"""JUnit XML: what CI servers show as a gate.

Characters that XML cannot hold, and those that a terminal obeys, stand by their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree as ET

from biomarker_cli.model.wording import shown


@dataclass(frozen=True)
class JUnitCase:
    """One test, as a report shows it.

    Attributes
    ----------
    name : str
    result : {'passed', 'failed', 'skipped'}
        What was not judged is skipped, never passed.
    told : str
        Why it failed or was skipped; of a test that passed, what is worth saying.
    severity : str
        The type of a failure; empty is the name of its suite.
    class_name : str
        What the test belongs to; empty is the name of its suite.
    """

    name: str
    result: Literal["passed", "failed", "skipped"] = "passed"
    told: str = ""
    severity: str = ""
    class_name: str = ""


def junit_xml(name: str, suites: Mapping[str, Iterable[JUnitCase]]) -> str:
    """Return a report of suites, by their names."""
    root = ET.Element("testsuites", name=name)
    for suite, cases in suites.items():
        _add_suite(root, shown(suite), tuple(cases))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add_suite(root: ET.Element, name: str, cases: tuple[JUnitCase, ...]) -> None:
    suite = ET.SubElement(
        root,
        "testsuite",
        name=name,
        tests=str(len(cases)),
        failures=str(sum(case.result == "failed" for case in cases)),
        skipped=str(sum(case.result == "skipped" for case in cases)),
        errors="0",
    )
    for case in cases:
        told = shown(case.told)
        test = ET.SubElement(
            suite, "testcase", name=shown(case.name), classname=shown(case.class_name) or name
        )
        if case.result == "failed":
            ET.SubElement(test, "failure", message=told, type=case.severity or name)
        elif case.result == "skipped":
            ET.SubElement(test, "skipped", message=told)
        elif told:
            ET.SubElement(test, "system-out").text = told
