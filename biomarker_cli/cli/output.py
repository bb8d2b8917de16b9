"""How commands speak: data on stdout, log and progress on stderr.

Used by every command, and the one place that prints: most text comes from
headers, file names and files of people, and a terminal obeys what it is sent.
``NO_COLOR`` and ``FORCE_COLOR`` are honoured through rich; a pipe gets plain text.

=============  =======================================================
say            a line for people, nothing in it obeyed
note           one on stderr that --quiet leaves out
say_title      the same in bold, above lines
say_cells      a line of a list in columns
say_lines      text of our own with lines, such as a description
Listing        a table for people
print_json     JSON for scripts
print_data     CSV or YAML for scripts
print_product  the same of what has no other place: also where quiet
=============  =======================================================

--quiet leaves out all of it but errors and a product: no command asks for itself.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from biomarker_cli.model.errors import BiomarkerError, InputNotFoundError
from biomarker_cli.model.wording import cut_in_middle, shown

if TYPE_CHECKING:
    from rich.console import Console
    from typing_extensions import Buffer


WIDTH = 80
"""Columns of a terminal that every table fits."""

_WIDTH_OF_A_PIPE = 4096


class Advance(Protocol):
    """Report progress: how many are done, of how many, and what else is said of the rate."""

    def __call__(self, done: int, total: int, also: str = "") -> None:
        """Report progress."""


def prepare_streams() -> None:
    """Make stdout and stderr take every character, whatever the locale is.

    A pipe or a file gets UTF-8; a terminal keeps its encoding, and what that
    cannot hold is written by its number. A pipe whose reader has gone (``| head``)
    takes the rest in silence: the command ends as it would have.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # Closed when the command was started (``>&-``): there is nobody to tell.
            nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - to the end
            setattr(sys, name, nowhere)
        if not isinstance(stream, io.TextIOWrapper):
            continue
        if stream.isatty():
            stream.reconfigure(errors="backslashreplace")
            continue
        stream.flush()
        buffer = io.BufferedWriter(_PipeThatMayClose(stream.fileno(), "w", closefd=False))
        wrapped = io.TextIOWrapper(
            buffer,
            encoding="utf-8",
            errors="backslashreplace",
            line_buffering=stream.line_buffering,
        )
        setattr(sys, name, wrapped)


class _PipeThatMayClose(io.FileIO):
    """An open file; where its reader has gone, what is written to it is lost."""

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            # Also for what Python, at its end, writes once more.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            if not isinstance(error, BrokenPipeError):
                raise
            return super().write(data)


QUIET = "biomarker.quiet"
"""Key of the context of a command under which ``--quiet`` stands."""


def _is_quiet() -> bool:
    """Whether the command that runs was told to say nothing but errors."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(QUIET))


def say(text: str = "", *, err: bool = False) -> None:
    """Print one line of text, in which nothing is obeyed: line ends and ESC become visible."""
    if err or not _is_quiet():
        click.echo(shown(text), err=err)


def say_prose(text: str, head: str = "") -> None:
    """Print a sentence, in a terminal broken between words and set in behind `head`."""
    if not sys.stdout.isatty():
        say(head + text)
        return
    import textwrap

    width = _console().width
    lines = textwrap.wrap(
        shown(text),
        max(width - len(head), 20),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for number, line in enumerate(lines):
        say((" " * len(head) if number else head) + line)


def note(text: str) -> None:
    """Print a line on stderr that is no error: what was written where. Quiet says none."""
    if not _is_quiet():
        say(text, err=True)


def say_left_out(told: str) -> None:
    """Print which rows took no part, where there are some; tables and files count them as well."""
    if told:
        note(told)


def say_title(text: str) -> None:
    """Print a line in bold."""
    if _is_quiet():
        return
    from rich.text import Text

    _console().print(Text(shown(text), style="bold"))


def say_cells(cells: Sequence[str], widths: Sequence[int]) -> None:
    """Print one line of a list, in columns; what is wider is cut in its middle.

    Parameters
    ----------
    cells : sequence of str
    widths : sequence of int
        Of the columns, in characters of a terminal; two blanks stand before each.
    """
    from rich.cells import cell_len, set_cell_size

    line = ""
    for text, width in zip(map(shown, cells), widths, strict=True):
        room = width
        # Some characters take two columns.
        while cell_len(short := cut_in_middle(text, room)) > width:
            room -= 1
        line += "  " + set_cell_size(short, width)
    say(line.rstrip())


def say_lines(text: str, *, err: bool = False) -> None:
    """Print text that has lines of its own."""
    for line in text.splitlines():
        say(line, err=err)


def print_error(error: BiomarkerError) -> None:
    """Print an error: its code and message, where, and the next step."""
    say(f"error {error.code}: {error.message}", err=True)
    if error.where:
        say(f"  where  {error.where}", err=True)
    if error.hint:
        say(f"  next   {error.hint}", err=True)


def say_next_steps(errors: Iterable[BiomarkerError]) -> None:
    """Print the next step of errors that were told line by line, each step once."""
    for hint in dict.fromkeys(error.hint for error in errors if error.hint):
        say(f"  next   {hint}", err=True)


def _console(*, stderr: bool = False) -> Console:
    """Return a console; where it is no terminal, each row stays on one line."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDTH_OF_A_PIPE
    return Console(stderr=stderr, width=width, highlight=False)


class Listing:
    """A table for people, without boxes, as a terminal and a log both show well.

    Parameters
    ----------
    title : str
    columns : iterable of str
    whole : collection of str
        Columns that are never broken over lines: what people copy.
    """

    def __init__(self, title: str, columns: Iterable[str], whole: Collection[str] = ()) -> None:
        self._title = title
        self._columns = tuple(columns)
        self._whole = frozenset(whole)
        self._rows: list[tuple[str, ...]] = []

    def add_row(self, *cells: str) -> None:
        """Add a row of plain text: brackets are brackets, no markup."""
        self._rows.append(cells)

    def print(self) -> None:
        """Print the table on stdout; one without rows tells nothing."""
        if _is_quiet() or not self._rows:
            return
        from rich import box
        from rich.cells import cell_len
        from rich.table import Table
        from rich.text import Text

        from biomarker_cli.cli.column_widths import column_widths

        title = Text(shown(self._title)) if self._title else None
        # Two blanks between columns: a terminal has room for 80 characters.
        table = Table(
            title=title,
            title_justify="left",
            box=box.SIMPLE_HEAD,
            show_edge=False,
            padding=(0, 1, 0, 0),
        )
        console = _console()
        rows = [tuple(map(shown, row)) for row in (self._columns, *self._rows)]
        whole = [column in self._whole for column in self._columns]
        widths = column_widths(rows, whole, console.width, cell_len)
        for header, width in zip(rows[0], widths, strict=True):
            table.add_column(Text(header), overflow="fold", width=width)
        for row in rows[1:]:
            table.add_row(*map(Text, row))
        console.print(table)


def print_json(value: Any) -> None:
    """Print JSON for scripts on stdout.

    Characters without a glyph are escaped as JSON does, so that the text is the
    same and a terminal obeys nothing; the bytes of a name that is no UTF-8,
    which JSON cannot hold, are written as `shown` writes them.
    """
    if _is_quiet():
        return
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    print_data(re.sub(r"[^\x20-\x7e\n]", _in_json, text) + "\n")


def _in_json(found: re.Match[str]) -> str:
    character = found[0]
    if shown(character) == character:
        return character
    if "\ud800" <= character <= "\udfff":
        return shown(character).replace("\\", "\\\\")
    return json.dumps(character)[1:-1]


def print_data(text: str) -> None:
    """Print the lines of CSV, YAML or JSON on stdout: exactly, unless a terminal looks on."""
    if not _is_quiet():
        print_product(text)


def print_product(text: str) -> None:
    """Print what a command makes and no file was named for, as `print_data` does, though quiet."""
    if sys.stdout.isatty():
        for line in text.splitlines():
            click.echo(shown(line))
    else:
        # Not by click, which takes out what looks like a colour.
        sys.stdout.write(text)
        sys.stdout.flush()


def nothing_found(
    what: str, paths: Iterable[Path], more: str = "", hint: str = ""
) -> InputNotFoundError:
    """Return the error for paths below which there is no such thing; `more` is said of them."""
    return InputNotFoundError(
        "NOTHING-FOUND",
        f"no {what} below {', '.join(map(str, paths))}{more}",
        hint=hint or "`biomarker scan` lists what is there.",
    )


def _say_nothing(done: int, total: int, also: str = "") -> None:
    """Take the progress that nobody looks at."""
    del done, total, also


@contextmanager
def progress(what: str, unit: str) -> Iterator[Advance]:
    """Show a progress bar with rate on stderr while a terminal looks on and may be told."""
    if _is_quiet() or not sys.stderr.isatty():
        yield _say_nothing
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=_console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=None, rate="", visible=False)

        def advance(done: int, total: int, also: str = "") -> None:
            if not bar.tasks[0].visible:
                # What was there before the first one says nothing of the time that is left.
                bar.reset(task, total=total, completed=done - 1, visible=True)
            speed = bar.tasks[0].speed
            rate = f"{speed:.0f} {unit}/s" if speed else ""
            bar.update(task, completed=done, total=total, rate=f"{rate} {also}".strip())

        yield advance


@contextmanager
def stages(unit: str) -> Iterator[Callable[[str], Advance]]:
    """Yield a function that makes the progress of a stage; one bar is shown at a time."""
    with ExitStack() as shown_now:
        current = {"stage": ""}
        bars: dict[str, Advance] = {}

        def stage(what: str) -> Advance:
            def advance(done: int, total: int, also: str = "") -> None:
                if current["stage"] != what:
                    shown_now.close()
                    current["stage"] = what
                    bars[what] = shown_now.enter_context(progress(what, unit))
                bars[what](done, total, also)

            return advance

        yield stage
