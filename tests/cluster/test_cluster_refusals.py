"""A cluster that is not there, or would measure otherwise, is refused by name before anything."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import distribution
from pathlib import Path

import pytest
from cluster_processes import DaskCluster, only_in_full
from cluster_work import Task, work

from biomarker_cli.model.inputs import FileSignature, InputFiles, KnownFile
from biomarker_cli.model.version import __version__, code_digest
from biomarker_cli.study.cluster import executor as executor_module
from biomarker_cli.study.cluster import scheduler
from biomarker_cli.study.cluster.environment import ABSENT, differences, versions
from biomarker_cli.study.cluster.errors import ClusterError, ClusterLostError
from biomarker_cli.study.cluster.executor import DaskExecutor
from biomarker_cli.study.cluster.scheduler import address_of, connected
from biomarker_cli.study.cluster.worker_side import unseen


def refusal(named: object) -> ClusterError:
    began = time.monotonic()
    with pytest.raises(ClusterError) as caught, connected(str(named)):
        pytest.fail("it was taken")
    assert time.monotonic() - began < 9
    return caught.value


@pytest.fixture
def _hasty(monkeypatch):
    monkeypatch.setattr(scheduler, "_ANSWER_WITHIN_S", 1.5)
    monkeypatch.setattr(scheduler, "_WRITTEN_WITHIN_S", 0.0)


@pytest.mark.parametrize(
    "named", ["tcp://head:8786", "tls://10.0.0.1:1", "head.local:8786", "[::1]:8786", "localhost:1"]
)
def test_an_address_is_taken_as_it_is(named):
    assert address_of(named) == named


@pytest.mark.parametrize("named", ["inproc://1/2", "http://head:80/x", "tcp://head", "ws://a:1"])
def test_what_is_no_address_is_refused(named):
    assert refusal(named).code == "CLUSTER-SCHEDULER"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"tcp://a:1"',
        b"{}",
        b'{"address": 3}',
        b'{"address": null}',
        b'{"address": "inproc://x/1"}',
        b'{"address": "tcp://a:1\\u001b[31m"}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b" " * 2_000_000,
    ],
)
@pytest.mark.usefixtures("_hasty")
def test_a_scheduler_file_that_says_no_address_is_refused(tmp_path, content):
    path = tmp_path / "scheduler.json"
    path.write_bytes(content)
    error = refusal(path)
    assert error.code == "CLUSTER-SCHEDULER"
    assert error.where == str(path)
    assert "\x1b" not in str(error)


def test_a_scheduler_file_that_is_being_written_is_read_again(tmp_path):
    path = tmp_path / "scheduler.json"
    path.write_text('{"address": "tcp://127')
    whole = '{"address": "tcp://127.0.0.1:9"}'
    threading.Timer(0.3, path.write_text, (whole,)).start()
    assert address_of(str(path)) == "tcp://127.0.0.1:9"


def test_the_scheduler_file_may_hold_more_than_the_address(tmp_path):
    path = tmp_path / "scheduler.json"
    path.write_text(
        json.dumps({"type": "Scheduler", "address": "tcp://127.0.0.1:9", "workers": {}})
    )
    assert address_of(str(path)) == "tcp://127.0.0.1:9"


def test_a_scheduler_file_that_is_absent_or_a_folder_or_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "absent.json", tmp_path, tmp_path / "pipe", "a\0b"):
        assert refusal(path).code == "CLUSTER-SCHEDULER"


@contextmanager
def _listening(answer: bytes | None) -> Iterator[str]:
    """Listen, answer each peer once, and leave neither a socket nor a thread behind."""
    with ExitStack() as held, socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    peer = held.enter_context(server.accept()[0])
                    if answer is not None:
                        peer.sendall(answer)
                except ConnectionError:
                    continue
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.usefixtures("_hasty")
@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 4096])
def test_what_is_no_scheduler_is_given_up_within_seconds(answer):
    with _listening(answer) as address:
        assert refusal(address).code == "CLUSTER-NOT-REACHED"


@pytest.mark.usefixtures("_hasty")
def test_a_scheduler_that_does_not_listen_is_given_up_within_seconds(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    path = tmp_path / "scheduler.json"
    path.write_text(json.dumps({"address": f"tcp://127.0.0.1:{port}"}))
    assert refusal(path).code == "CLUSTER-NOT-REACHED"


def test_the_address_of_a_worker_is_refused(cluster):
    with cluster.client() as client:
        worker = next(iter(client.nthreads()))
    error = refusal(worker)
    assert error.code == "CLUSTER-SCHEDULER"
    assert "'Worker'" in error.message


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    error = refusal("127.0.0.1:9")
    assert error.code == "CLUSTER-NO-DASK"
    assert "biomarker-cli[cluster]" in error.hint


def test_versions_name_all_that_moves_numbers():
    found = versions()
    assert {
        "biomarker",
        "python",
        "machine",
        "numpy",
        "SimpleITK",
        "distributed",
    } <= set(found)
    assert ABSENT not in {found["numpy"], found["distributed"]}
    assert code_digest() in found["biomarker"]


def test_differences_name_both_versions_and_what_is_absent():
    wanted = {"numpy": "2", "scipy": "1"}
    assert differences(wanted, {"numpy": "2", "scipy": "1", "more": "3"}) == []
    assert differences(wanted, {"numpy": "3"}) == [
        "numpy 2 here, 3 there",
        "scipy 1 here, none there",
    ]


def _installed(folder: Path, name: str, version: str) -> str:
    """Make a folder in which a distribution says to be of a version."""
    told = folder / f"{name}-{version}.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    # It is found instead of the real one, whose commands are wanted all the same.
    (told / "entry_points.txt").write_text(distribution(name).read_text("entry_points.txt") or "")
    return str(folder)


def _starting_with(folder: Path, code: str) -> str:
    """Make a folder whose code a Python runs as it starts."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    return str(folder)


OTHER_PYTHON = """
import distributed.versions as told
before = told.get_package_info
told.get_package_info = lambda names: before(names) | {"python": "3.12.1.final.0"}
"""
OTHERS = {
    "SimpleITK": lambda folder: _installed(folder, "SimpleITK", "1.0.1"),
    "python": lambda folder: _starting_with(folder, OTHER_PYTHON),
    "code": lambda folder: _starting_with(
        folder, "import biomarker_cli.model.version as v; v.code_digest = lambda: 'f' * 16"
    ),
    "biomarker absent": lambda folder: _starting_with(
        folder, "import sys; sys.modules['biomarker_cli'] = None"
    ),
}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A cluster of which each worker but one differs in one thing."""
    found = DaskCluster(tmp_path_factory.mktemp("mixed"))
    try:
        found.start_scheduler()
        found.start_worker("as-it-should-be")
        for number, make in enumerate(OTHERS.values()):
            first = make(tmp_path_factory.mktemp("first") / str(number))
            found.start_worker(f"other-{number}", "--no-nanny", first=first)
        found.wait_for_workers(1 + len(OTHERS))
        yield found
    finally:
        found.stop()


def test_other_versions_are_refused_by_name_before_anything_runs(mixed, monkeypatch):
    monkeypatch.setattr(scheduler, "_NAMED_AT_MOST", 99)
    error = refusal(mixed.file)
    assert error.code == "CLUSTER-VERSIONS"
    here = versions()
    there = {"SimpleITK": "1.0.1", "python": "3.12.1"}
    for name, version in there.items():
        assert f"{name} {here[name]} here, {version} there" in error.message
    assert f"biomarker {here['biomarker']} here, {__version__} ({'f' * 16}) there" in error.message
    assert f"biomarker {here['biomarker']} here, none there" in error.message
    # The one that is as it should be is not named.
    assert error.message.count("worker tcp://127.0.0.1:") == len(OTHERS)


def test_of_many_other_workers_the_first_are_named_and_the_rest_counted():
    error = scheduler.other_versions({f"worker {n}": ["numpy 2 here, 1 there"] for n in range(7)})
    assert "worker 4: numpy 2 here, 1 there; 2 more processes" in error.message
    assert "worker 5" not in error.message


@pytest.mark.parametrize(
    ("make", "name", "there"),
    [
        (lambda folder: _installed(folder, "distributed", "1.0.1"), "distributed", "1.0.1"),
        (OTHERS["biomarker absent"], "biomarker", "none"),
    ],
    ids=["other Dask", "no biomarker"],
)
def test_a_scheduler_of_another_version_is_refused(new_cluster, tmp_path, make, name, there):
    new_cluster.start_scheduler(first=make(tmp_path / "first"))
    error = refusal(new_cluster.file)
    assert error.code == "CLUSTER-VERSIONS"
    assert f"the scheduler: {name} {versions()[name]} here, {there} there" in error.message


@only_in_full
def test_a_worker_that_joins_later_measures_nothing_with_other_versions(new_cluster, tmp_path):
    new_cluster.start_scheduler()
    new_cluster.start_worker("good")
    new_cluster.wait_for_workers(1)
    with connected(str(new_cluster.file)) as client:
        # Thirty seconds of work: the second worker is there in time.
        tasks = [Task(f"c{n}", "waits" if n else "works") for n in range(30)]
        outcomes = DaskExecutor(client, work=work).run(tasks)
        assert next(outcomes).result is not None
        first = OTHERS["SimpleITK"](tmp_path / "first")
        new_cluster.start_worker("bad", "--no-nanny", first=first)
        with pytest.raises(ClusterError) as caught:
            assert all(o.result is not None for o in outcomes)
    assert caught.value.code == "CLUSTER-VERSIONS"


def _planned(path: Path, change: int = 0) -> InputFiles:
    signature = FileSignature.of(path.stat())
    return InputFiles({path: KnownFile(signature._replace(inode=signature.inode + change))})


def test_unseen_names_what_differs(tmp_path):
    path = tmp_path / "image.dcm"
    path.write_bytes(b"x")
    assert unseen(_planned(path)) is None
    assert unseen(_planned(path, 1)) == (path, "other inode")
    inputs = _planned(path)
    path.unlink()
    assert unseen(inputs) == (path, "No such file or directory")


BLIND = """
import pathlib
before = pathlib.Path.stat
def stat(self, **options):
    if self.name == "image.dcm":
        raise FileNotFoundError(2, "No such file or directory")
    return before(self, **options)
pathlib.Path.stat = stat
"""


def test_a_worker_that_does_not_see_the_files_is_named_and_fails_no_case(new_cluster, tmp_path):
    path = tmp_path / "image.dcm"
    path.write_bytes(b"x")
    new_cluster.start_scheduler()
    new_cluster.start_worker("blind", first=_starting_with(tmp_path / "first", BLIND))
    new_cluster.wait_for_workers(1)
    outcomes = []
    with connected(str(new_cluster.file)) as client, pytest.raises(ClusterError) as caught:
        outcomes += DaskExecutor(client, work=work).run([Task("c0", inputs=_planned(path))])
    assert caught.value.code == "CLUSTER-FILES"
    assert caught.value.where == str(path)
    assert "tcp://127.0.0.1:" in caught.value.message
    assert "No such file or directory" in caught.value.message
    assert outcomes == []


def test_a_file_that_is_gone_here_as_well_is_left_to_its_case(cluster, tmp_path):
    path = tmp_path / "image.dcm"
    path.write_bytes(b"x")
    gone = _planned(path)
    path.unlink()
    with connected(str(cluster.file)) as client:
        (outcome,) = DaskExecutor(client, work=work).run([Task("c0", inputs=gone)])
    assert outcome.result.case.case_id == "c0"


def test_a_cluster_without_workers_is_waited_for_and_given_up(new_cluster, monkeypatch):
    monkeypatch.setattr(executor_module, "_SAY_AFTER_S", 1.5)
    new_cluster.start_scheduler()
    heard = []
    with connected(str(new_cluster.file)) as client:
        executor = DaskExecutor(client, patience_s=2.5, say=heard.append, work=work)
        with pytest.raises(ClusterLostError) as caught:
            list(executor.run([Task("c0")]))
    assert caught.value.code == "CLUSTER-NO-WORKERS"
    assert len(heard) == 1
    assert heard[0].startswith("waiting for a worker of the cluster")


@only_in_full
def test_a_worker_that_comes_late_is_waited_for(new_cluster):
    new_cluster.start_scheduler()
    with connected(str(new_cluster.file)) as client:
        outcomes = DaskExecutor(client, work=work).run([Task("c0")])
        threading.Timer(1.0, new_cluster.start_worker, ("late",)).start()
        assert next(outcomes).result.case.case_id == "c0"


@only_in_full
def test_a_scheduler_that_dies_ends_the_run_by_name(new_cluster):
    new_cluster.start_scheduler()
    new_cluster.start_worker("one")
    new_cluster.wait_for_workers(1)
    began = time.monotonic()
    with connected(str(new_cluster.file)) as client:
        outcomes = DaskExecutor(client, work=work).run([Task("c0"), Task("c1", "hangs")])
        assert next(outcomes).result is not None
        new_cluster.scheduler.kill()
        with pytest.raises(ClusterLostError) as caught:
            next(outcomes)
    assert caught.value.code == "CLUSTER-LOST"
    assert time.monotonic() - began < 30
