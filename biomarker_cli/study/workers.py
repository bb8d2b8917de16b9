"""Worker processes: each has a pipe of its own, and dies with its parent.

A pool whose workers share a queue stands still where one is killed that holds its lock,
or leaves half an answer in it. Here nothing is shared: what dies takes its own case along.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing import get_context
from multiprocessing.connection import wait
from threading import Thread
from typing import TYPE_CHECKING, Any

from biomarker_cli.collector import collect_less

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnContext

_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux, prctl(2)."""

_LOOK_EVERY_S = 0.5
_LONGEST_WAIT_S = 60.0


def bind_to_parent(parent: int) -> None:
    """Make this process end when its parent ends, however that dies, and at SIGTERM at once.

    A handler of Python waits for the machine code that runs: a worker has nothing to
    tidy up, and takes what the system does by itself.

    Parameters
    ----------
    parent : int
        Process id of the parent; where it has gone already, this process ends here.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Ctrl-C reaches all processes of a terminal: the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        _ask_for_its_death()
    else:
        _watch(parent)
    # It may have died before it was asked for.
    if os.getppid() != parent:
        os._exit(1)


def _ask_for_its_death() -> None:
    """Ask the system for SIGKILL as soon as the thread that made this process is gone."""
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)


def _watch(parent: int) -> None:
    def end_with_it() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_EVERY_S)
        os._exit(1)

    Thread(target=end_with_it, daemon=True).start()


TIMED_OUT = "timed out"
"""How a worker ended that took too long."""

_NEVER_READY = "before it was ready"

_STILLBORN = 3
"""Workers that die one after another before they are ready, until no more are made."""


@dataclass(frozen=True)
class Answer:
    """What a worker says of one case.

    Attributes
    ----------
    value : object
        What the work returned.
    failure : str
        Name of the exception that it raised instead.
    log : str
        Its traceback.
    end : str
        How the worker ended before it answered: `TIMED_OUT`, or its exit code.
    seconds : float or None
        How long the work took.
    """

    value: Any = None
    failure: str = ""
    log: str = ""
    end: str = ""
    seconds: float | None = None


def answer_of(work: Callable[[Any], Any], task: Any) -> Answer:
    """Return what a piece of work gives, or what stopped it."""
    begun = time.perf_counter()
    try:
        value = work(task)
    except Exception as error:  # noqa: BLE001 - becomes a named error row; others go on
        return Answer(None, type(error).__name__, traceback.format_exc())
    return Answer(value, seconds=time.perf_counter() - begun)


def serve(connection: Connection, work: Callable[[Any], Any], parent: int) -> None:
    """Work on what comes through a pipe until it is closed; for a process of its own.

    Parameters
    ----------
    connection : Connection
        Gives None once when this process is ready, then an answer for each task.
    work : callable
    parent : int
        Process id.
    """
    bind_to_parent(parent)
    collect_less()
    connection.send(None)
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        answer = answer_of(work, task)
        try:
            connection.send(answer)
        except (AttributeError, TypeError, ValueError) as error:
            # It cannot be pickled; nothing of it was sent.
            connection.send(Answer(None, type(error).__name__, traceback.format_exc()))


class Worker:
    """A worker process as its parent sees it.

    Attributes
    ----------
    connection : Connection
    process : SpawnProcess
    task : int or None
        Number of the task that it has.
    deadline : float
        When it is out of time, on the monotonic clock.
    """

    def __init__(self, context: SpawnContext, work: Callable[[Any], Any]) -> None:
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, work, os.getpid()), daemon=True)
        self.process.start()
        # Where it is the only one to hold its end, its death is an end of file.
        theirs.close()
        self.task: int | None = None
        self.deadline = float("inf")

    def give(self, number: int, task: Any, timeout_s: float | None) -> None:
        """Give it a task; one that has died meanwhile says so when it is asked."""
        self.task = number
        self.deadline = float("inf") if timeout_s is None else time.monotonic() + timeout_s
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(task)

    @property
    def is_late(self) -> bool:
        """Whether its time for its task is over."""
        return self.deadline <= time.monotonic()

    def hear(self) -> Answer | None:
        """Return its answer, or how it ended; None where it is ready for its first task."""
        if self.is_late and not self.connection.poll():
            self.stop()
            return Answer(end=TIMED_OUT)
        try:
            answer: Answer | None = self.connection.recv()
        except (EOFError, OSError):
            return Answer(end=str(self.stop()))
        return answer

    def stop(self) -> int | None:
        """End it where it has not ended, and return its exit code."""
        self.connection.close()
        self.process.join(0.2 if self.task is None else 0.0)
        self.process.kill()
        self.process.join()
        return self.process.exitcode


def answers(
    tasks: Iterable[Any], jobs: int, work: Callable[[Any], Any], timeout_s: float | None
) -> Iterator[tuple[int, Answer]]:
    """Work on tasks in processes, and yield number and answer of each as they come.

    Parameters
    ----------
    tasks : iterable
        Taken as they are needed, one for each process ahead.
    jobs : int
        Processes at a time.
    work : callable
        Importable by its name.
    timeout_s : float or None
        Longest time for one task.
    """
    context = get_context("spawn")
    stream = enumerate(tasks)
    todo = deque(islice(stream, jobs))
    workers: list[Worker] = []
    stillborn = 0
    try:
        while todo or any(worker.task is not None for worker in workers):
            busy = sum(worker.task is not None for worker in workers)
            while len(workers) < min(jobs, len(todo) + busy) and stillborn < _STILLBORN:
                workers.append(Worker(context, work))
            if not workers:
                yield from ((number, Answer(end=_NEVER_READY)) for number, _ in chain(todo, stream))
                return
            for worker in _to_hear(workers):
                number, answer = worker.task, worker.hear()
                worker.task, worker.deadline = None, float("inf")
                if answer is not None and answer.end:
                    workers.remove(worker)
                    stillborn += number is None
                else:
                    stillborn = 0
                    if todo:
                        worker.give(*todo.popleft(), timeout_s)
                        todo.extend(islice(stream, 1))
                if number is not None and answer is not None:
                    yield number, answer
    finally:
        for worker in workers:
            worker.stop()


def _to_hear(workers: Sequence[Worker]) -> list[Worker]:
    """Wait until workers have something to say, or are late; return those."""
    left = min(worker.deadline for worker in workers) - time.monotonic()
    heard = wait([worker.connection for worker in workers], min(max(left, 0.0), _LONGEST_WAIT_S))
    return [worker for worker in workers if worker.connection in heard or worker.is_late]
