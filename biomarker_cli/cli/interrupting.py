"""Ctrl-C, SIGTERM and SIGHUP end a command: in good order, or else within a second.

A handler of Python runs when the interpreter is reached again, and machine code may not
come back for minutes. So the number of a signal also goes to a thread of its own, which
gives the command a moment to end in good order, and then ends the process with its
children. What a run has stored stays, and the next one goes on there.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import time
from types import FrameType
from typing import Any, NoReturn

from biomarker_cli.model.exit_codes import ExitCode

MESSAGE = "interrupted; run the same command again to go on"

_GRACE_S = 0.4
"""For the command to end in good order."""

_TIDYING_S = 0.2
"""For temporary folders to be removed, where it did not."""

_SHOW_CURSOR = b"\x1b[?25h"


class Interrupted(KeyboardInterrupt):
    """A signal asked this process to end.

    Attributes
    ----------
    code : ExitCode
    """

    def __init__(self, code: ExitCode) -> None:
        super().__init__()
        self.code = code


def codes() -> dict[int, ExitCode]:
    """Return the exit code by the number of each signal that this system has."""
    named = {
        "SIGINT": ExitCode.INTERRUPTED,
        "SIGTERM": ExitCode.TERMINATED,
        "SIGHUP": ExitCode.HUNG_UP,
    }
    return {getattr(signal, n): code for n, code in named.items() if hasattr(signal, n)}


def end_on_signals() -> None:
    """Handle the signals from here on, for the life of the process.

    One that is ignored stays so: `nohup`, and shells that run a command in the background.
    """
    heard = [number for number in codes() if signal.getsignal(number) is not signal.SIG_IGN]
    if not heard:
        return
    if hasattr(signal, "pthread_sigmask"):
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        # The system writes there at once, whatever the interpreter does.
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        _thread.start_new_thread(_end_for_certain, (reader,))
    for number in heard:
        signal.signal(number, _end_in_good_order)


def code_of(error: BaseException) -> ExitCode:
    """Return the exit code for what an interruption raised, which Click may have renamed."""
    found = error if isinstance(error, Interrupted) else error.__cause__
    return found.code if isinstance(found, Interrupted) else ExitCode.INTERRUPTED


def _end_in_good_order(number: int, _frame: FrameType | None) -> NoReturn:
    # The first one is on its way: another one must not stop what it tidies up.
    for other in codes():
        signal.signal(other, _pass_over)
    raise Interrupted(codes()[number])


def _pass_over(_number: int, _frame: FrameType | None) -> None:
    """Do nothing, and leave the signal in the pipe: an ignored one would not get there."""


def _end_for_certain(reader: int) -> None:
    """Wait for a signal; end the process a moment later, if it has not ended by then."""
    wanted = codes()
    number = 0
    while number not in wanted:
        number = os.read(reader, 1)[0]
    time.sleep(_GRACE_S)
    _end_children()
    _tidy_up()
    _end_children()
    cursor = _SHOW_CURSOR if os.isatty(2) else b""
    try:
        os.write(2, cursor + MESSAGE.encode() + b"\n")
    finally:
        os._exit(wanted[number])


def _end_children() -> None:
    """Kill what works for this process; a pool may have started another one since."""
    multiprocessing: Any = sys.modules.get("multiprocessing")
    for child in multiprocessing.active_children() if multiprocessing else ():
        child.kill()


def _tidy_up() -> None:
    """Do what the end of the interpreter would do, such as to remove temporary folders."""
    import atexit
    from threading import Thread

    tidying = Thread(target=atexit._run_exitfuncs, daemon=True)
    tidying.start()
    tidying.join(_TIDYING_S)
