"""Exit codes of the command line, and which one wins where several hold."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell is told; scripts rely on these numbers."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    NOTHING_FOUND = 3
    VIOLATION = 4
    PARTIAL = 5
    FAILED = 6
    OUT_OF_TOLERANCE = 7
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


PRECEDENCE: tuple[ExitCode, ...] = (
    ExitCode.INTERNAL,
    ExitCode.USAGE,
    ExitCode.NOTHING_FOUND,
    ExitCode.FAILED,
    ExitCode.PARTIAL,
    ExitCode.OUT_OF_TOLERANCE,
    ExitCode.VIOLATION,
    ExitCode.DONE,
)


def worst_exit_code(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the code that wins, in the order 1, 2, 3, 6, 5, 7, 4, 0.

    Parameters
    ----------
    codes : iterable of ExitCode
        Everything that happened; empty means nothing went wrong.

    Returns
    -------
    ExitCode
    """
    present = set(codes)
    for code in PRECEDENCE:
        if code in present:
            return code
    return ExitCode.DONE
