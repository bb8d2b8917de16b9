"""What the shell is told of a check: only an error-level rule can break it."""

from __future__ import annotations

import pytest
from synthetic_results import check_result

from biomarker_cli.acquisition.results import Outcome, exit_code
from biomarker_cli.model.exit_codes import ExitCode

BREAKS = {Outcome.FAIL: (True, True)}
BREAKS |= dict.fromkeys((Outcome.NOT_EVALUABLE, Outcome.MISSING_SERIES), (False, True))
BREAKS |= dict.fromkeys((Outcome.PASS, Outcome.WAIVED), (False, False))
"""Whether an error-level rule breaks a check, without and with --strict."""


@pytest.mark.parametrize("severity", ["error", "warning", "info"])
@pytest.mark.parametrize("outcome", list(BREAKS))
@pytest.mark.parametrize("strict", [False, True])
def test_only_an_error_level_rule_breaks_a_check(severity, outcome, strict):
    breaks = severity == "error" and BREAKS[outcome][strict]
    found = exit_code([check_result(Outcome.PASS), check_result(outcome, severity)], strict=strict)
    assert found is (ExitCode.VIOLATION if breaks else ExitCode.DONE)


@pytest.mark.parametrize("strict", [False, True])
def test_where_no_rule_applies_nothing_was_found(strict):
    assert exit_code([], strict=strict) is ExitCode.NOTHING_FOUND
    found = exit_code([check_result(Outcome.NOT_APPLICABLE)] * 2, strict=strict)
    assert found is ExitCode.NOTHING_FOUND


def test_every_outcome_is_judged():
    assert set(Outcome) == {*BREAKS, Outcome.NOT_APPLICABLE}
