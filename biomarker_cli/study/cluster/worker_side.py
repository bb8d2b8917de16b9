"""What runs on a worker of the cluster: each case in a child process that is watched.

Dask knows no time limit for a task, and a case in machine code cannot be stopped from
within its process. So the worker hands the case to a child: one that hangs, takes more
memory than the worker may have, or is wanted no longer is killed, and the worker lives.
"""

from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from multiprocessing import current_process, get_context
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.case.plan import CasePlan
from biomarker_cli.model.inputs import FileSignature, InputFiles
from biomarker_cli.study.cluster.environment import differences, versions
from biomarker_cli.study.workers import Answer, Worker

if TYPE_CHECKING:
    from distributed.worker import Worker as DaskWorker

OUT_OF_MEMORY = "out of memory"
"""How a child ended that took more than its worker may have."""

UNWANTED = "unwanted"
"""How a child ended whose case nobody waits for."""

_STILLBORN = 3
"""Children that die one after another before they are ready, until no more are made."""

_LOOK_EVERY_S = 0.25
_MEMORY_SHARE = 0.95
"""Of the memory limit of a worker: where Dask itself would end it."""


@dataclass(frozen=True)
class Parcel:
    """A case on its way to a worker.

    Attributes
    ----------
    content : bytes
        Work and plan, packed: the worker itself never opens it.
    versions : mapping
        What it must be measured with.
    timeout_s : float or None
    looks : bool
        Whether the files must be there as they were planned, before it is measured.
    """

    content: bytes
    versions: Mapping[str, str]
    timeout_s: float | None = None
    looks: bool = True


@dataclass(frozen=True)
class Refused:
    """A worker that must not measure.

    Attributes
    ----------
    versions : tuple of str
        What differs.
    file : Path or None
        The file that it does not see as it was planned.
    how : str
    """

    versions: tuple[str, ...] = ()
    file: Path | None = None
    how: str = ""


@dataclass(frozen=True)
class Reply:
    """What a worker says of a case.

    Attributes
    ----------
    worker : str
        Its address.
    answer : Answer
        Its value is a packed result, or a `Refused`.
    """

    worker: str
    answer: Answer


def packed(work: Callable[[CasePlan], Any], plan: CasePlan) -> bytes:
    """Return work and plan as they are sent: with paths, without the bytes of any file."""
    inputs = InputFiles(known=plan.inputs.known, read=plan.inputs.read)
    # Another machine may not see the folder of the run: results come back.
    sent = replace(plan, inputs=inputs, store=None)
    return pickle.dumps((work, sent), pickle.HIGHEST_PROTOCOL)


def unseen(inputs: InputFiles) -> tuple[Path, str] | None:
    """Return the first file that this machine does not see as it was planned, and how."""
    for path, known in inputs.known.items():
        try:
            found = FileSignature.of(path.stat())
        except OSError as error:
            return path, error.strerror or type(error).__name__
        if found != known.signature:
            parts = zip(FileSignature._fields, found, known.signature, strict=True)
            return path, "other " + ", ".join(name for name, one, two in parts if one != two)
        if not os.access(path, os.R_OK):
            return path, "it may not be read there"
    return None


def measure(parcel: Parcel) -> bytes | Refused:
    """Measure a case, in the child; return its packed result."""
    found = differences(parcel.versions, versions())
    if found:
        return Refused(tuple(found))
    work, plan = pickle.loads(parcel.content)  # noqa: S301 - from the client that commands us
    missing = unseen(plan.inputs) if parcel.looks else None
    if missing:
        return Refused((), *missing)
    return pickle.dumps(work(plan), pickle.HIGHEST_PROTOCOL)


def measure_in_child(parcel: Parcel) -> Reply:
    """Have a case measured, as a task of Dask; nothing that happens to it raises.

    Parameters
    ----------
    parcel : Parcel
    """
    from distributed import get_worker

    here = get_worker()
    key = here.get_current_task()
    child = _ready_child()
    if child is None:
        return Reply(here.address, Answer(end="before it was ready"))
    child.give(0, parcel, parcel.timeout_s)
    answer = _watched(child, here, key)
    child.task, child.deadline = None, float("inf")
    if answer.end:
        _CHILD.process = None
    return Reply(here.address, answer)


class _Child(threading.local):
    """The child of this thread; it dies with the thread, which is its parent to the system."""

    process: Worker | None = None


_CHILD = _Child()
"""Kept between cases: a new process loads the program for longer than a small case takes."""


def _ready_child() -> Worker | None:
    """Return a child that waits for a case; None where none gets so far."""
    child = _CHILD.process
    if child is not None and child.process.is_alive():
        return child
    # Nannies make their workers daemons, which may have no children; ours end with them.
    current_process().daemon = False
    for _ in range(_STILLBORN):
        child = Worker(get_context("spawn"), measure)
        told = child.hear()
        if told is None:
            _CHILD.process = child
            return child
    return None


def _watched(child: Worker, here: DaskWorker, key: Any) -> Answer:
    """Wait for the answer of a child; kill one that takes too much, or is not wanted."""
    limit = here.memory_manager.memory_limit
    while True:
        left = min(child.deadline - time.monotonic(), _LOOK_EVERY_S)
        if wait([child.connection], max(left, 0.0)) or child.is_late:
            answer = child.hear()
            return answer if answer is not None else Answer(end="without a word")
        if limit and _memory_of(child.process.pid) > _MEMORY_SHARE * limit:
            child.stop()
            return Answer(end=OUT_OF_MEMORY)
        task = here.state.tasks.get(key)
        if task is None or task.state in {"cancelled", "resumed"}:
            child.stop()
            return Answer(end=UNWANTED)


def _memory_of(pid: int | None) -> int:
    """Return the resident bytes of a process; none where it has ended."""
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
