"""The folder of a run: held by one process, and whole whatever a case does."""

from __future__ import annotations

import fcntl
import os

import pytest
from synthetic_results import case_result, check_row

from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.locking import exclusive
from biomarker_cli.study.packed import pack
from biomarker_cli.study.runner import RunOptions, exit_code
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
def test_strict_lets_nothing_pass_that_could_not_be_judged(outcome, code):
    result, _ = pack(case_result(checks=[check_row(outcome)]), "study", "key", "names")
    assert exit_code([result], [], RunOptions(strict=True)) == code
    assert exit_code([result], [], RunOptions()) == 0


def test_a_result_that_no_file_can_hold_costs_its_case_alone(tmp_path):
    from dataclasses import dataclass, replace

    from biomarker_cli.study.runner import store_result
    from biomarker_cli.study.store import ResultStore

    @dataclass
    class Plan:
        case_id: str = "a/b/c/d"
        site_id: str = "a"
        subject_id: str = "b"
        timepoint: str = "c"
        role: str = "d"
        wanted_rois: tuple[str, ...] = ()
        input_paths: tuple[str, ...] = ()
        volumes: tuple[str, ...] = ()
        images: tuple[str, ...] = ()
        mask: str | None = None

    @dataclass
    class Case:
        plan: Plan

    store = ResultStore(tmp_path / "out")
    store.open_for("study")
    whole = case_result("a/b/c/d")
    row = replace(whole.case, voxel_x_mm=float("nan"))
    store_result(store, "study", Case(Plan()), replace(whole, case=row), "k")
    assert store.load("a/b/c/d", "study").head.error_code == "CASE-INTERNAL"
