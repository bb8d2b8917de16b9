"""What the workers of a test cluster are given to do."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from synthetic_results import case_result

from biomarker_cli.case.result import CaseResult
from biomarker_cli.model.inputs import InputFiles


@dataclass(frozen=True)
class Task:
    """Stands for the plan of a case.

    Attributes
    ----------
    fate : str
        What becomes of it.
    marker : Path or None
        A file into which it writes its process id when it begins.
    """

    case_id: str
    fate: str = "works"
    marker: Path | None = None
    inputs: InputFiles = field(default_factory=InputFiles)
    store: None = None


def work(task: Task) -> CaseResult:
    """Do what the task says, in the child of a worker."""
    first = True
    if task.marker is not None:
        first = not task.marker.exists()
        task.marker.write_text(str(os.getpid()))
    deeds = {"dies": die, "hangs": hang, "raises": fail, "grows": grow, "kills": kill_worker}
    if task.fate == "kills once":
        if first:
            kill_worker()
    elif task.fate == "waits":
        time.sleep(1)
    elif task.fate != "works":
        deeds[task.fate]()
    return case_result(task.case_id)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_worker() -> None:
    """Kill the worker of Dask, as a machine does that runs out of memory; its child goes along."""
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def hang() -> None:
    time.sleep(600)


def fail() -> None:
    raise ZeroDivisionError("a defect")


def grow() -> None:
    held = []
    while True:
        held.append(bytearray(os.urandom(1 << 20) * 64))
        time.sleep(0.02)


def broken_task(_parcel: object) -> None:
    """Stand for a defect of what runs within the worker itself."""
    raise LookupError("a defect of the worker side")
