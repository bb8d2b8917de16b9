"""The outcomes of a rule: said once for check, waivers, run and tables."""

from __future__ import annotations

import pytest
from synthetic_results import check_result

from biomarker_cli.acquisition import waivers
from biomarker_cli.acquisition.results import NOT_MET, Outcome, exit_code
from biomarker_cli.cli import run_summary
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.study import judged
from biomarker_cli.tables.schema import CHECKS


def test_the_table_knows_every_outcome():
    (column,) = (one for one in CHECKS.columns if one.name == "outcome")
    assert set(column.values) == {outcome.value for outcome in Outcome}


@pytest.mark.parametrize("outcome", Outcome)
def test_strict_lets_pass_what_is_met(outcome):
    code = exit_code([check_result(Outcome.PASS), check_result(outcome)], strict=True)
    assert (code is ExitCode.VIOLATION) is (outcome in NOT_MET)
    lenient = exit_code([check_result(Outcome.PASS), check_result(outcome)])
    assert (lenient is ExitCode.VIOLATION) is (outcome is Outcome.FAIL)


@pytest.mark.parametrize("room", [waivers, judged, run_summary])
def test_what_is_not_met_is_said_once(room):
    assert room.NOT_MET is NOT_MET


@pytest.mark.parametrize("outcome", Outcome)
def test_a_word_of_the_table_is_an_outcome(outcome):
    # Rows that were written and read again hold text.
    assert (outcome.value in NOT_MET) is (outcome in NOT_MET)
