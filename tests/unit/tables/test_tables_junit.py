"""JUnit XML: what was not judged is skipped, and a report is XML whatever a name holds."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from biomarker_cli.tables.junit import JUnitCase, junit_xml

HOSTILE = "\0\x1b[2J\udcff\ufffe<&>\u202e"


def test_a_suite_counts_what_failed_and_what_was_skipped_for_itself():
    cases = [
        JUnitCase("a", "failed", "too long", "error", "one@1"),
        JUnitCase("b", "failed", "too short"),
        JUnitCase("c", "skipped", "not told"),
        JUnitCase("d"),
        JUnitCase("e", told="only a warning"),
    ]
    root = ET.fromstring(junit_xml("all", {"first": cases, "second": iter([JUnitCase("f")])}))
    first, second = root
    assert (root.tag, root.attrib) == ("testsuites", {"name": "all"})
    assert [suite.tag for suite in root] == ["testsuite", "testsuite"]
    assert {case.tag for suite in root for case in suite} == {"testcase"}
    assert [case.get("name") for case in first] == ["a", "b", "c", "d", "e"]
    assert first.attrib == {
        "name": "first",
        "tests": "5",
        "failures": "2",
        "skipped": "1",
        "errors": "0",
    }
    assert (second.get("tests"), second.get("failures"), second.get("skipped")) == ("1", "0", "0")
    assert [case.get("classname") for case in first] == ["one@1", *["first"] * 4]
    assert [[told.tag for told in case] for case in first] == [
        ["failure"],
        ["failure"],
        ["skipped"],
        [],
        ["system-out"],
    ]
    assert [failure.get("type") for failure in root.iter("failure")] == ["error", "first"]
    assert first[4][0].text == "only a warning"


def test_a_report_is_xml_whatever_it_is_told():
    case = JUnitCase(HOSTILE, "failed", HOSTILE, class_name=HOSTILE)
    root = ET.fromstring(junit_xml("all", {HOSTILE: [case]}).encode("utf-8"))
    (suite,) = root
    shown = r"\x00\x1b[2J\xff\ufffe<&>\u202e"
    assert suite.get("name") == suite[0].get("name") == suite[0].get("classname") == shown
    assert suite[0][0].get("message") == suite[0][0].get("type") == shown
