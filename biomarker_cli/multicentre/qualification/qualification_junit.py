"""JUnit XML of a qualification: what CI servers show as a gate."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from biomarker_cli.model.wording import shown
from biomarker_cli.multicentre.qualification.checks import Check, SuiteResult
from biomarker_cli.multicentre.qualification.qualification_report import said_of
from biomarker_cli.multicentre.qualification.qualifying import Qualification


def junit_xml(qualification: Qualification) -> str:
    """Return a suite per suite: a test per check, and one that is skipped per lack."""
    root = ET.Element("testsuites", name="biomarker verify")
    for suite in qualification.suites:
        _add(root, suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add(root: ET.Element, suite: SuiteResult) -> None:
    element = ET.SubElement(
        root,
        "testsuite",
        name=suite.name,
        tests=str(len(suite.checks) + len(suite.skipped)),
        failures=str(len(suite.failures)),
        skipped=str(len(suite.skipped)),
        errors="0",
    )
    for check in suite.checks:
        _add_check(element, check)
    for why in suite.skipped:
        case = ET.SubElement(element, "testcase", name=shown(why), classname=suite.name)
        ET.SubElement(case, "skipped", message=shown(why))


def _add_check(element: ET.Element, check: Check) -> None:
    name = shown(check.expected.name)
    case = ET.SubElement(element, "testcase", name=name, classname=check.suite)
    if not check.is_within:
        ET.SubElement(case, "failure", message=shown(said_of(check)), type="out_of_tolerance")
