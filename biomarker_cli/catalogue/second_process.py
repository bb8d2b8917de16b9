"""A second process that works from the end of a list while its parent works on.

Nothing is waited for: what it has not sent when the parent gets there, the parent
does itself, so that it may be killed at any time and nothing is lost.
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
    from typing import Self

Task = TypeVar("Task")
Found = TypeVar("Found")

FEWEST_FOR_TWO = 1000
"""Fewer files are read sooner than a process has started."""

PIPE_BYTES = 1 << 20
"""What may wait in the pipe, where the system allows it: the second then waits for nobody."""


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class SharedWork(Generic[Task, Found]):
    """What some work gives for a list of tasks; a second process begins at the end of it.

    To be entered by ``with``: the second process works from then on, until the end of
    the block. Where none can be made, this one does all.

    Parameters
    ----------
    tasks : sequence
    work : callable
        Importable by its name. Where it raises, so does `pieces`.
    piece : int
        Tasks that are sent at a time.
    by_two : bool
        Whether there is a second process.
    """

    def __init__(
        self, tasks: Sequence[Task], work: Callable[[Task], Found], piece: int, *, by_two: bool
    ) -> None:
        self._tasks, self._work, self._piece = tasks, work, piece
        self._by_two = by_two
        self._second: _Second | None = None

    def __enter__(self) -> Self:
        if self._by_two:
            self._second = _Second(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self._second is not None:
            self._second.end()

    @property
    def places(self) -> range:
        """Place in the list of the first task of each piece."""
        return range(0, len(self._tasks), self._piece)

    def found(self, place: int) -> list[Found]:
        """Do the piece at a place, in this process."""
        return [self._work(task) for task in self._tasks[place : place + self._piece]]

    def pieces(self) -> Iterator[tuple[int, list[Found]]]:
        """Yield what was found, with the place of the first task: each once, in any order."""
        done: set[int] = set()
        for place in self.places:
            for other, found in self._second.sent() if self._second else ():
                if other not in done:
                    done.add(other)
                    yield other, found
            if place in done:
                # The second has come to meet this one: all behind is done as well.
                return
            done.add(place)
            yield place, self.found(place)


class _Second:
    """The process as its parent sees it; where none can be made, it sends nothing."""

    def __init__(self, shared: SharedWork[Any, Any]) -> None:
        from multiprocessing import get_context

        # A copy of a process that has threads may hold a lock that nobody lets go of.
        alone = sys.platform == "linux" and threading.active_count() == 1
        context: Any = get_context("fork" if alone else "spawn")
        ours, theirs = context.Pipe(duplex=False)
        _widen(theirs)
        self._connection: Connection = ours
        self._process = context.Process(
            target=_send_all, args=(theirs, ours if alone else None, shared), daemon=True
        )
        with contextlib.suppress(OSError):
            self._process.start()
        # Where the process alone holds its end, its death is an end of file.
        theirs.close()

    def end(self) -> None:
        """End the process, wherever it is."""
        self._connection.close()
        if self._process.pid is not None:
            self._process.kill()
            self._process.join()

    def sent(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield what has come: pieces in the order of the list from its end."""
        try:
            while self._connection.poll():
                yield self._connection.recv()
        except (EOFError, OSError):
            return


def _widen(pipe: Connection) -> None:
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _send_all(theirs: Connection, ours: Connection | None, shared: SharedWork[Any, Any]) -> None:
    # Ctrl-C reaches all processes of a terminal: the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if ours is not None:
        ours.close()
    for place in reversed(shared.places):
        found = shared.found(place)
        try:
            theirs.send((place, found))
        except OSError:
            return  # the parent has gone, or has all it needs
