"""A second process that reads headers from the end of a list while its parent reads on.

Nothing is waited for: what it has not sent when the parent gets there, the parent
reads itself, so that it may be killed at any time and nothing is lost.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Task = TypeVar("Task")
Found = TypeVar("Found")

PIECE = 100
"""Files that are sent at a time."""

FEWEST_FOR_TWO = 1000
"""Fewer files are read sooner than a process has started."""


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_by_two(
    tasks: Sequence[Task], work: Callable[[Task], Found]
) -> Iterator[tuple[int, Sequence[Found]]]:
    """Yield what some work gives for a list of tasks, with the place of the first of them.

    Each task is yielded once; pieces come in any order.

    Parameters
    ----------
    tasks : sequence
    work : callable
        Importable by its name. Where it raises, so does this function.
    """
    with _Second(tasks, work) as second:
        done: set[int] = set()
        for place in range(0, len(tasks), PIECE):
            for other, found in second.sent():
                if other not in done:
                    done.add(other)
                    yield other, found
            if place in done:
                # It has come to meet this one: all behind is read as well.
                return
            done.add(place)
            yield place, [work(task) for task in tasks[place : place + PIECE]]


class _Second(Generic[Task, Found]):
    """The process as its parent sees it; where none can be made, it sends nothing."""

    def __init__(self, tasks: Sequence[Task], work: Callable[[Task], Found]) -> None:
        from multiprocessing import get_context

        # A copy of a process that has threads may hold a lock that nobody lets go of.
        alone = sys.platform == "linux" and threading.active_count() == 1
        context: Any = get_context("fork" if alone else "spawn")
        ours, theirs = context.Pipe(duplex=False)
        self._connection: Connection = ours
        self._process = context.Process(
            target=_send_all, args=(theirs, ours if alone else None, tasks, work), daemon=True
        )
        with contextlib.suppress(OSError):
            self._process.start()
        # Where the process alone holds its end, its death is an end of file.
        theirs.close()

    def __enter__(self) -> _Second[Task, Found]:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        if self._process.pid is not None:
            self._process.kill()
            self._process.join()

    def sent(self) -> Iterator[tuple[int, Sequence[Found]]]:
        """Yield what has come: pieces in the order of the list from its end."""
        try:
            while self._connection.poll():
                yield self._connection.recv()
        except (EOFError, OSError):
            return


def _send_all(
    theirs: Connection,
    ours: Connection | None,
    tasks: Sequence[Task],
    work: Callable[[Task], Found],
) -> None:
    # Ctrl-C reaches all processes of a terminal: the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if ours is not None:
        ours.close()
    for place in reversed(range(0, len(tasks), PIECE)):
        found = [work(task) for task in tasks[place : place + PIECE]]
        try:
            theirs.send((place, found))
        except OSError:
            return  # the parent has gone, or has all it needs
