"""How a worker ended is told by what is known of it."""

import pytest

from biomarker_cli.study.executors import ended_by, outcome_of
from biomarker_cli.study.workers import Answer


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("-9", "ended by SIGKILL"),
        ("-11", "ended by SIGSEGV"),
        ("1", "exit code 1"),
        ("-999", "exit code -999"),
        ("before it was ready", "before it was ready"),
    ],
)
def test_the_end_of_a_process_in_words(end, words):
    assert ended_by(end) == words


def test_a_dead_worker_is_told_by_its_signal_and_no_cause_is_claimed():
    error = outcome_of(0, Answer(end="-9")).error
    assert error is not None
    assert error.code == "CASE-WORKER-DIED"
    assert error.message.endswith("ended by SIGKILL")
    assert "dmesg" in error.hint
