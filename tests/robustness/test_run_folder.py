"""The folder of a run: held by one process, and whole whatever a case does."""

from __future__ import annotations

import fcntl
import os
from dataclasses import replace
from types import SimpleNamespace

import pytest
from synthetic_results import case_result, check_row, judged_results, survey

from biomarker_cli.case.inputs import NOTHING_READ
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.finished import finished, finished_or_refused
from biomarker_cli.study.locking import exclusive
from biomarker_cli.study.measuring import store_result
from biomarker_cli.study.packed import pack
from biomarker_cli.study.runner import exit_code
from biomarker_cli.study.store import ResultStore


def test_two_runs_cannot_write_into_one_folder(tmp_path):
    with exclusive(tmp_path), pytest.raises(StudyError) as caught, exclusive(tmp_path):
        pass
    assert caught.value.code == "RUN-BUSY"
    with exclusive(tmp_path):
        pass


@pytest.mark.parametrize(
    "left", [(), ("results/",), ("results/", "results/.study.json.0a1b2c3d.part")]
)
def test_a_run_that_died_before_it_marked_its_folder_is_taken_up(tmp_path, left):
    folder = tmp_path / "out"
    folder.mkdir()
    for name in left:
        path = folder / name
        path.mkdir() if name.endswith("/") else path.write_text('{"fo')
    ResultStore(folder).open_for("trial")
    ResultStore(folder).open_for("trial")
    with pytest.raises(StudyError) as caught:
        ResultStore(folder).open_for("other")
    assert caught.value.code == "OUTPUT-EXISTS"


@pytest.mark.parametrize(
    "left", ["notes.txt", "results/case.json", "results/mine.part", "results/sub/"]
)
def test_a_folder_that_holds_something_else_is_not_taken(tmp_path, left):
    path = tmp_path / "out" / left
    path.parent.mkdir(parents=True)
    path.mkdir() if left.endswith("/") else path.write_text("mine")
    with pytest.raises(StudyError) as caught:
        ResultStore(tmp_path / "out").open_for("trial")
    assert caught.value.code == "OUTPUT-EXISTS"


def test_the_system_lets_go_of_the_folder_of_a_process_that_died(tmp_path):
    if os.fork() == 0:
        held = (tmp_path / ".lock").open("w")
        fcntl.flock(held, fcntl.LOCK_EX)
        os._exit(1)
    os.wait()
    with exclusive(tmp_path):
        pass


@pytest.mark.parametrize(
    ("outcome", "code"), [("pass", 0), ("not_applicable", 0), ("not_evaluable", 4), ("fail", 4)]
)
def test_strict_lets_nothing_pass_that_could_not_be_judged(tmp_path, outcome, code):
    result, _ = pack(finished(case_result(checks=[check_row(outcome)])), "study", {"a": 1}, "names")
    judged = judged_results([result], tmp_path / "out")
    assert judged.has_violation([]) == (code == 4)
    assert exit_code(judged.statuses(), violated=judged.has_violation([])) == code
    wide = judged_results([], tmp_path / "wide").has_violation([check_row(outcome)])
    assert wide == (code == 4)


def test_a_result_that_no_file_can_hold_costs_its_case_alone(tmp_path):
    store = ResultStore(tmp_path / "out")
    store.open_for("study")
    whole = case_result("a/b/c/d")
    broken = replace(whole, case=replace(whole.case, voxel_x_mm=float("nan")), pixels="px")
    plan = SimpleNamespace(
        **dict(zip(("site_id", "subject_id", "timepoint", "role"), "abcd", strict=True)),
        case_id="a/b/c/d",
        primary=SimpleNamespace(name="ct"),
        wanted_rois=("GTV",),
    )
    result = finished_or_refused(plan, broken)
    store_result(store, "study", survey("a/b/c/d"), result, ({"a": 1}, NOTHING_READ))
    stored = store.load("a/b/c/d", "study")
    assert (stored.head.status, stored.head.pixels) == ("failed", "px")
    assert [roi.roi_id for roi in stored.head.rois] == ["GTV"]
    assert store.load("a/b/c/d", "study").head.error_code == "CASE-INTERNAL"
