"""Damaged inputs of every kind: a result or a named error, in time, in bounded memory.

A fixed seed makes the same inputs each time; ``make fuzz`` makes new ones.
"""

from __future__ import annotations

import os

import pytest

from fuzzing.commands import COMMANDS, run_one
from fuzzing.elements import put_together, take_apart
from fuzzing.runner import batches, run_all, summary
from fuzzing.seeds import make_seeds

WHOLE = "all" in {os.environ.get("BIOMARKER_SLOW_TESTS"), os.environ.get("BIOMARKER_FUZZ")}
SEED = 20260801

FEW = {"header": 700, "pixels": 200, "series": 60, "image": 300, "mask": 200, "text": 100}
FEW |= {"report": 150, "case": 30, "study": 10, "copy": 40}
ALL = {"header": 20_000, "pixels": 3000, "series": 1000, "image": 1500, "mask": 1500, "text": 1500}
ALL |= {"report": 3000, "case": 400, "study": 150, "copy": 600}
N_COMMANDS = 200 if WHOLE else 4
WORKERS = len(os.sched_getaffinity(0)) if WHOLE else 1


@pytest.mark.slow
def test_every_damaged_input_is_a_result_or_a_named_error(tmp_path):
    counts = ALL if WHOLE else FEW
    tallies = run_all(batches(counts, SEED), tmp_path, WORKERS)
    findings = [finding for tally in tallies.values() for finding in tally.findings]
    told = "\n\n".join(f"{f.target} {f.index}: {f.kind}\n{f.text}" for f in findings[:20])
    assert not findings, f"{summary(tallies)}\n{told}"
    assert {target: tally.n_inputs for target, tally in tallies.items()} == counts
    # What is damaged must be damaged in many ways, and some of it still be read.
    for target, tally in tallies.items():
        assert len(tally.outcomes) > 3, f"{target}: {tally.outcomes}"


@pytest.mark.slow
@pytest.mark.parametrize("number", range(N_COMMANDS))
def test_no_command_ends_by_an_internal_error(number, tmp_path):
    index = number if WHOLE else number * len(COMMANDS) // N_COMMANDS
    arguments, code, stderr = run_one(tmp_path, SEED, index)
    assert code in {0, 2, 3, 4, 5, 6}, f"{arguments}: {code}\n{stderr}"
    assert "Traceback" not in stderr


def test_seeds_that_are_not_damaged_are_read(tmp_path):
    seeds = make_seeds(tmp_path)
    for name, content in seeds.dicom.items():
        if name != "implicit":  # items without a stated length lose their end marks' form
            assert put_together(take_apart(content)) == content, name
