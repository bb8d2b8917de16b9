"""``biomarker run --executor dask`` gives the bytes of a local run, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cluster_processes import DaskCluster, only_in_full, python_path, tables_of
from cluster_work import Task, work

from biomarker_cli.study.cluster.errors import ClusterError
from biomarker_cli.study.cluster.executor import CASES_PER_WORKER, DaskExecutor
from biomarker_cli.study.cluster.scheduler import address_of, connected


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "biomarker_cli", "run", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": python_path()},
    )


def run(*arguments: object) -> tuple[int, str]:
    process = start(*arguments)
    out, err = process.communicate(timeout=300)
    assert "Traceback" not in err, err
    return process.returncode, out + err


@pytest.fixture(scope="module")
def local(small_study, tmp_path_factory) -> dict[str, str]:
    """Digests of the tables that processes of this machine give."""
    folder = tmp_path_factory.mktemp("local") / "out"
    assert run(small_study, "-o", folder, "--jobs", 2, "--quiet")[0] == 0
    return tables_of(folder)


def test_tables_have_the_same_bytes_though_a_worker_is_killed(
    cluster, small_study, local, tmp_path
):
    process = start(
        small_study, "-o", tmp_path / "out", "--verbose",
        "--executor", "dask", "--scheduler", cluster.file,
    )  # fmt: skip
    first = process.stderr.readline()
    assert ": measured" in first
    cluster.kill_a_worker()
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    # Dask itself has nothing to say to people.
    assert [line for line in err.splitlines() if ": measured" not in line] == []
    assert tables_of(tmp_path / "out") == local


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--executor", "dask"], "--executor dask needs --scheduler"),
        (["--scheduler", "127.0.0.1:9"], "--scheduler goes with --executor dask"),
        (["--executor", "dask", "--scheduler", "absent.json"], "error CLUSTER-SCHEDULER: "),
    ],
)
def test_a_cluster_that_cannot_be_used_ends_the_run_before_it_begins(
    small_study, tmp_path, options, said
):
    began = time.monotonic()
    code, text = run(small_study, "-o", tmp_path / "out", *options)
    assert code == 2
    assert said in text
    assert not (tmp_path / "out").exists()
    assert time.monotonic() - began < 20


def _gone(pid: int, within_s: float = 10.0) -> None:
    until = time.monotonic() + within_s
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until, f"process {pid} goes on"
        time.sleep(0.05)


def _pid_in(marker: Path) -> int:
    until = time.monotonic() + 30
    while not (marker.exists() and marker.read_text()):
        assert time.monotonic() < until
        time.sleep(0.02)
    return int(marker.read_text())


def test_a_run_that_ends_early_leaves_no_case_behind(cluster, tmp_path):
    with connected(str(cluster.file)) as client:
        outcomes = DaskExecutor(client, work=work).run(
            [Task("c0"), Task("c1", "hangs", tmp_path / "marker")]
        )
        assert next(outcomes).result is not None
        pid = _pid_in(tmp_path / "marker")
        outcomes.close()
        _gone(pid)


KILLED = """
import sys
from pathlib import Path
from cluster_work import Task, work
from biomarker_cli.study.cluster.executor import dask_executor, DaskExecutor
from biomarker_cli.study.cluster.scheduler import connected
with connected(sys.argv[1]) as client:
    list(DaskExecutor(client, work=work).run([Task("c0", "hangs", Path(sys.argv[2]))]))
"""


def test_a_run_that_is_killed_leaves_no_case_behind(cluster, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(cluster.file), str(tmp_path / "marker")],
        env={**os.environ, "PYTHONPATH": python_path()},
    )
    pid = _pid_in(tmp_path / "marker")
    process.send_signal(signal.SIGKILL)
    process.wait()
    _gone(pid)


@only_in_full
def test_interrupting_a_run_ends_it_within_seconds_and_it_goes_on(
    cluster, small_study, local, tmp_path
):
    arguments = (
        small_study, "-o", tmp_path / "out", "--verbose",
        "--executor", "dask", "--scheduler", cluster.file,
    )  # fmt: skip
    process = start(*arguments)
    assert ": measured" in process.stderr.readline()
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert time.monotonic() - began < 5
    assert "Traceback" not in err
    code, text = run(*arguments)
    assert code == 0, text
    assert tables_of(tmp_path / "out") == local


def test_the_scheduler_holds_a_window_of_cases_and_forgets_them(cluster, monkeypatch):
    """A study of any length: what is at the cluster, and what it remembers, stays as it is."""
    held: list[int] = []
    taken = 0

    def tasks():
        nonlocal taken
        for n in range(300):
            taken += 1
            yield Task(f"c{n}")

    with connected(str(cluster.file)) as client:
        done = 0
        for _ in DaskExecutor(client, work=work).run(tasks()):
            done += 1
            assert taken - done <= CASES_PER_WORKER * 2
            if done % 50 == 0:
                held.append(
                    client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))
                )
        until = time.monotonic() + 10
        while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)):
            assert time.monotonic() < until
            time.sleep(0.05)
        prefixes = client.run_on_scheduler(
            lambda dask_scheduler: list(dask_scheduler.task_prefixes)
        )
    assert done == 300
    assert max(held) <= CASES_PER_WORKER * 2 + 1
    assert len([p for p in prefixes if p.startswith("biomarker")]) == 1


def resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


@only_in_full
def test_memory_of_the_scheduler_is_flat(new_cluster: DaskCluster):
    new_cluster.start_scheduler()
    for name in ("one", "two"):
        new_cluster.start_worker(name)
    new_cluster.wait_for_workers(2)
    measured = []
    with connected(str(new_cluster.file)) as client:
        outcomes = DaskExecutor(client, work=work).run(Task(f"c{n}") for n in range(6000))
        for done, _ in enumerate(outcomes, 1):
            if done in {2000, 6000}:
                measured.append(resident_kb(new_cluster.scheduler.pid))
    assert measured[1] - measured[0] < 10_000


def test_a_parcel_holds_paths_and_no_content_of_files(tmp_path):
    from biomarker_cli.model.inputs import FileSignature, InputFiles, KnownFile
    from biomarker_cli.study.cluster.worker_side import packed

    path = tmp_path / "image.dcm"
    path.write_bytes(os.urandom(1 << 20))
    inputs = InputFiles({path: KnownFile(FileSignature.of(path.stat()))}, room_bytes=1 << 30)
    task = Task("c0", inputs=inputs)
    before = packed(work, task)
    assert inputs.content(path)
    after = packed(work, task)
    # What was read is known there too, by its digest.
    assert len(before) < len(after) < 1500
    assert b"image.dcm" in after
    assert inputs.kept_bytes == 1 << 20


@only_in_full
def test_a_cluster_may_speak_tls_and_refuses_who_has_no_certificate(tmp_path):
    import dask

    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=test", "-keyout", key, "-out", certificate,
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    options = ["--tls-ca-file", certificate, "--tls-cert", certificate, "--tls-key", key]
    found = DaskCluster(tmp_path, *map(str, options))
    try:
        found.start_scheduler()
        found.start_worker("one")
        assert address_of(str(found.file)).startswith("tls://")
        with pytest.raises(ClusterError) as caught, connected(str(found.file)):
            pytest.fail("it was let in")
        assert caught.value.code == "CLUSTER-NOT-REACHED"
        tls = "distributed.comm.tls"
        told = {f"{tls}.ca-file": str(certificate), f"{tls}.client.key": str(key)}
        told[f"{tls}.client.cert"] = str(certificate)
        with dask.config.set(told), connected(str(found.file)) as client:
            (outcome,) = DaskExecutor(client, work=work).run([Task("c0")])
        assert outcome.result.case.case_id == "c0"
    finally:
        found.stop()
