"""Processes of a real Dask cluster on the loopback."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


TABLES = ("measurements", "rois", "cases", "facts", "checks", "features")


def tables_of(folder: Path) -> dict[str, str]:
    """Return the digests of the tables of a run, and of what it keeps beside them."""
    paths = [folder / f"{table}.csv" for table in TABLES]
    paths += sorted(path for path in (folder / "kept").rglob("*") if path.is_file())
    assert len(paths) > len(TABLES)
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


def python_path(first: str = "") -> str:
    """Return what a process needs to find the program, and what tests give it to do."""
    return os.pathsep.join([*filter(None, [first]), *map(str, (CHECKOUT, HERE, HERE.parent))])


only_in_full = pytest.mark.skipif(
    os.environ.get("BIOMARKER_SLOW_TESTS") != "all", reason="slow: make test-all"
)


class DaskCluster:
    """Processes of Dask that end with the test.

    Attributes
    ----------
    file : Path
        The scheduler file.

    Parameters
    ----------
    folder : Path
    options : str
        Of scheduler and workers alike.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self._options = options
        self._folder = folder
        self.file = folder / "scheduler.json"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.scheduler: subprocess.Popen[bytes] | None = None

    def start_scheduler(self, first: str = "", **env: str) -> None:
        self.scheduler = self._start(
            "scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--no-dashboard",
            first=first,
            env=env,
        )
        self._wait(lambda: self.file.exists() and self.file.read_text().endswith("}"))

    def start_worker(self, name: str, *options: str, first: str = "") -> subprocess.Popen[bytes]:
        return self._start(
            "worker", "--nthreads", "1", "--name", name, "--no-dashboard", *options, first=first
        )

    def _start(
        self, *arguments: str, first: str, env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        with (self._folder / f"{arguments[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "dask",
                    *arguments,
                    *self._options,
                    "--scheduler-file",
                    str(self.file),
                ],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **(env or {}), "PYTHONPATH": python_path(first)},
            )
        self._processes.append(process)
        return process

    def client(self):
        """Return a plain client, for looking and for deeds no user does."""
        from distributed import Client

        with warnings.catch_warnings():
            # Some clusters are of many versions on purpose.
            warnings.simplefilter("ignore")
            return Client(scheduler_file=str(self.file), set_as_default=False, timeout=10)

    def wait_for_workers(self, number: int) -> None:
        with self.client() as client:
            client.wait_for_workers(number, timeout=60)

    def kill_a_worker(self) -> None:
        """Kill a worker itself, not its nanny, as the system does that is out of memory."""
        with self.client() as client:
            pids = client.run(os.getpid)
        os.kill(next(iter(pids.values())), signal.SIGKILL)

    def log(self, of: str = "worker") -> str:
        return (self._folder / f"{of}.log").read_text(errors="replace")

    @staticmethod
    def _wait(condition: Callable[[], bool], within_s: float = 60.0) -> None:
        until = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < until
            time.sleep(0.02)

    def stop(self) -> None:
        """End them all at once: they have nothing to tidy up."""
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
