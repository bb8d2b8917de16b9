"""Defects seeded into the installed code are found by `verify`, and their cause is named."""

from __future__ import annotations

import os

import pytest
from seeded_defects import DEFECTS, MEASURING, Defect

from biomarker_cli.multicentre.qualification.qualifying import (
    Qualification,
    QualificationRequest,
    qualify,
)
from biomarker_cli.tables.certificates import FAILED, PASSED

WHOLE = os.environ.get("BIOMARKER_SLOW_TESTS") == "all"
SUBSET = (
    "bins from the minimum",
    "slice distance off by 1 %",
    "half-life off by 1 %",
    "another lean mass",
    "arithmetic mean of directions",
    "nearest-rank percentiles",
)
"""One or two of each suite; `make test-all` seeds them all."""

CHOSEN = {name: d for name, d in DEFECTS.items() if WHOLE or name in SUBSET}


def measured(defect: Defect | None = None) -> Qualification:
    with pytest.MonkeyPatch.context() as patch:
        if defect is not None:
            defect.patch(patch)
        return qualify(QualificationRequest(MEASURING))


def test_no_defect_is_within_and_has_no_cause():
    clean = measured()
    assert clean.verdict == PASSED, [check.expected.name for check in clean.failures]
    assert clean.causes == ()


def test_the_list_is_long_and_most_causes_must_be_told():
    assert len(DEFECTS) >= 12
    assert {defect.suite for defect in DEFECTS.values()} <= set(MEASURING)
    told = [defect for defect in DEFECTS.values() if defect.certainty != "suspected"]
    assert len(told) >= 12


@pytest.mark.slow
@pytest.mark.parametrize("name", CHOSEN)
def test_a_defect_is_found_and_its_cause_is_named(name):
    defect = CHOSEN[name]
    found = measured(defect)
    assert found.verdict == FAILED
    assert defect.suite in {suite.name for suite in found.suites if suite.failures}
    first = found.causes[0]
    assert defect.cause in first.text
    assert first.certainty == defect.certainty
    # What is told as certain is right, whatever stands behind it.
    assert all(defect.cause in one.text for one in found.causes if one.certainty == "certain")
