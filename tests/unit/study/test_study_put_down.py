"""Results are written where they are measured, and named by the run alone."""

from __future__ import annotations

import errno
import pickle

import kept_study
import pytest

from biomarker_cli.study import executors, store
from biomarker_cli.study.cluster.worker_side import packed
from biomarker_cli.study.measuring import Measuring
from biomarker_cli.study.store import ResultStore


@pytest.fixture
def study(tmp_path):
    return kept_study.write_study(tmp_path / "study", keep=())


def stored(out):
    """Return the contents of a run, but for what says when and how long."""
    found = kept_study.contents(out)
    # Those of a moment, the digest of what is written of it, and what earlier results named.
    passing = ("run.", "manifest", "results/study.json", "results/features")
    return {name: found[name] for name in found if not name.startswith(passing)}


def sent_back(plan):
    """Do what a worker does that sees no folder of the run."""
    return executors.finished_or_refused(plan, executors.run_case(plan))


def test_a_result_that_was_put_down_is_the_one_that_the_run_would_store(
    study, tmp_path, monkeypatch
):
    kept_study.run(study, tmp_path / "one")
    kept_study.run(study, tmp_path / "two", jobs=2)
    monkeypatch.setattr(executors, "run_in_worker", sent_back)
    kept_study.run(study, tmp_path / "back")
    assert stored(tmp_path / "one") == stored(tmp_path / "two") == stored(tmp_path / "back")
    assert len([name for name in stored(tmp_path / "one") if name.endswith(".result")]) == 3


def test_the_run_takes_in_no_line_of_what_was_put_down(study, tmp_path, monkeypatch):
    results = []
    original = Measuring._take

    def spy(self, outcome):
        results.append(outcome.result)
        return original(self, outcome)

    monkeypatch.setattr(Measuring, "_take", spy)
    kept_study.run(study, tmp_path / "out", jobs=2)
    assert [result.put_down is not None for result in results] == [True] * 3
    assert not any(result.lines or result.dictionaries or result.log for result in results)
    assert all(result.inputs for result in results)


def test_what_a_worker_cannot_put_down_is_stored_by_the_run(study, tmp_path, monkeypatch):
    kept_study.run(study, tmp_path / "whole")

    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "write_beside", full)
    kept_study.run(study, tmp_path / "out")
    assert stored(tmp_path / "out") == stored(tmp_path / "whole")


def test_a_run_that_cannot_store_either_stops_by_that_and_is_resumed(study, tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    kept_study.run(study, tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(store, "write_beside", full)
        patch.setattr(store.ResultStore, "save", lambda *_: full("", b""))
        with pytest.raises(OSError, match="No space"):
            kept_study.run(study, tmp_path / "out")
    assert not list((tmp_path / "out" / "results").glob("*.result"))
    kept_study.run(study, tmp_path / "out")
    assert stored(tmp_path / "out") == stored(tmp_path / "whole")


def test_what_was_put_down_without_a_name_is_no_result_and_is_removed(study, tmp_path, monkeypatch):
    def dies(self, case_id, part):
        raise KeyboardInterrupt

    kept_study.run(study, tmp_path / "whole")
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(ResultStore, "take_up", dies)
        with pytest.raises(KeyboardInterrupt):
            kept_study.run(study, out)
    left = list((out / "results").glob(".*.part"))
    assert len(left) == 1
    assert [case.result for case in ResultStore(out).listed()] == [None] * 3
    (out / "results" / ".notes.part").write_text("of somebody else")
    kept_study.run(study, out)
    assert not left[0].exists()
    assert stored(out).pop("results/.notes.part") == b"of somebody else"
    (out / "results" / ".notes.part").unlink()
    assert stored(out) == stored(tmp_path / "whole")


def test_a_part_that_is_gone_when_it_is_named_stops_the_run(study, tmp_path, monkeypatch):
    original = ResultStore.take_up

    def late(self, case_id, part):
        part.unlink()
        original(self, case_id, part)

    monkeypatch.setattr(ResultStore, "take_up", late)
    with pytest.raises(FileNotFoundError):
        kept_study.run(study, tmp_path / "out")


def test_a_changed_analysis_is_joined_by_the_run(study, tmp_path, monkeypatch):
    orders = []
    original = executors.run_in_worker

    def spy(plan):
        orders.append((plan.store is not None, len(plan.analyses)))
        return original(plan)

    monkeypatch.setattr(executors, "run_in_worker", spy)
    two = study.parent / "two.yaml"
    two.write_text((study.parent / "one.yaml").read_text().replace("id: one", "id: two"))
    study.write_text(study.read_text().replace("[one.yaml]", "[one.yaml, two.yaml]"))
    kept_study.run(study, tmp_path / "out")
    two.write_text(two.read_text().replace("[mean, median]", "[mean]"))
    kept_study.run(study, tmp_path / "out")
    assert orders == [(True, 2)] * 3 + [(False, 1)] * 3
    kept_study.run(study, tmp_path / "whole")
    assert stored(tmp_path / "out") == stored(tmp_path / "whole")


def test_a_machine_that_may_not_see_the_folder_of_the_run_sends_results_back(
    study, tmp_path, monkeypatch
):
    sent = []
    original = executors.run_in_worker
    monkeypatch.setattr(
        executors, "run_in_worker", lambda plan: sent.append(plan) or original(plan)
    )
    kept_study.run(study, tmp_path / "out")
    assert all(plan.store.run == tmp_path / "out" for plan in sent)
    _, plan = pickle.loads(packed(executors.run_case, sent[0]))
    assert plan.store is None
    assert plan.analyses == sent[0].analyses
