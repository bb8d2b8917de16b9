"""Wall and processor time of jobs, in this process and in those it starts."""

from __future__ import annotations

import compileall
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = Path(__file__).resolve().parents[1] / "biomarker_cli"


def compile_package() -> None:
    """Compile the package, as an installed one is: a checkout may be read for the first time."""
    compileall.compile_dir(PACKAGE, quiet=1)


def measure(jobs: dict[str, Callable[[], Any]], repeat: int) -> dict[str, tuple[float, float]]:
    """Return the best wall and processor time of each job; jobs alternate."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
    for _ in range(repeat):
        for name, job in jobs.items():
            before, start = processor_seconds(), time.perf_counter()
            said = job()
            found[name].append((time.perf_counter() - start, processor_seconds() - before))
            if said:
                print(f"  {name}: {said}", file=sys.stderr)
    return {
        name: (min(w for w, _ in times), min(c for _, c in times)) for name, times in found.items()
    }


def processor_seconds() -> float:
    """Return user and system time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


class ChildUse(NamedTuple):
    """What a process of its own took.

    Attributes
    ----------
    worked : bool
        Whether it ended with 0.
    seconds : float
        Wall time.
    said : str
        Wall and processor time and peak memory, in words.
    """

    worked: bool
    seconds: float
    said: str


def run_child(command: Sequence[str]) -> ChildUse:
    """Run a command to its end, unheard, and return what it took."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    cpu, peak_mb = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    said = f"{seconds:.1f} s ({cpu:.1f} s of processor), peak {peak_mb:.0f} MB"
    return ChildUse(process.returncode == 0, seconds, said)
