"""Cases at the workers of a real Dask cluster: what dies, hangs or lies costs its own case."""

from __future__ import annotations

import pytest
from cluster_processes import only_in_full
from cluster_work import Task, broken_task, work

from biomarker_cli.study.cluster import executor
from biomarker_cli.study.cluster.executor import DaskExecutor
from biomarker_cli.study.cluster.scheduler import connected


def run(cluster, tasks, timeout_s=None, **options):
    with connected(str(cluster.file)) as client:
        return sorted(
            DaskExecutor(client, timeout_s, work=work, **options).run(iter(tasks)),
            key=lambda o: o.index,
        )


def said(outcomes):
    return [o.error.code if o.error else o.result.case.case_id for o in outcomes]


@pytest.mark.parametrize(
    ("fate", "code", "timeout_s"),
    [
        ("dies", "CASE-WORKER-DIED", None),
        ("hangs", "CASE-TIMEOUT", 5.0),
        ("raises", "CASE-INTERNAL", None),
    ],
)
def test_only_the_bad_case_is_lost(cluster, fate, code, timeout_s):
    tasks = [Task(f"c{n}", fate if n == 3 else "works") for n in range(8)]
    outcomes = run(cluster, tasks, timeout_s)
    assert [o.index for o in outcomes] == list(range(8))
    assert said(outcomes) == [code if n == 3 else f"c{n}" for n in range(8)]
    assert ("ZeroDivisionError" in outcomes[3].log) == (fate == "raises")


def test_a_killed_worker_costs_nothing_but_time(cluster, tmp_path):
    tasks = [
        Task(f"c{n}", "kills once" if n == 3 else "works", tmp_path / f"{n}") for n in range(8)
    ]
    assert said(run(cluster, tasks)) == [f"c{n}" for n in range(8)]
    assert (tmp_path / "3").exists()


def test_a_case_that_always_kills_its_worker_is_found_and_its_neighbours_survive(cluster):
    tasks = [Task(f"c{n}", "kills" if n == 3 else "works") for n in range(16)]
    outcomes = run(cluster, tasks)
    assert said(outcomes) == ["CASE-WORKER-DIED" if n == 3 else f"c{n}" for n in range(16)]
    assert "4 workers of the cluster died" in str(outcomes[3].error)


@only_in_full
def test_a_scheduler_that_gives_up_at_once_blames_no_innocent_case(new_cluster):
    new_cluster.start_scheduler(DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    new_cluster.start_worker("one")
    new_cluster.wait_for_workers(1)
    tasks = [Task(f"c{n}", "kills" if n == 1 else "works") for n in range(4)]
    outcomes = run(new_cluster, tasks)
    assert said(outcomes) == ["c0", "CASE-WORKER-DIED", "c2", "c3"]


def test_a_case_stays_within_the_memory_of_its_worker(new_cluster):
    new_cluster.start_scheduler()
    new_cluster.start_worker("one", "--memory-limit", "512MB")
    new_cluster.wait_for_workers(1)
    outcomes = run(new_cluster, [Task("a"), Task("b", "grows"), Task("c")])
    assert said(outcomes) == ["a", "CASE-WORKER-DIED", "c"]
    assert "more memory than its worker may have" in str(outcomes[1].error)


def test_a_defect_on_the_side_of_the_workers_costs_its_case_and_is_reported(cluster, monkeypatch):
    monkeypatch.setattr(executor, "measure_in_child", broken_task)
    (outcome,) = run(cluster, [Task("a")])
    assert outcome.error.code == "CASE-INTERNAL"
    assert "LookupError" in outcome.log
