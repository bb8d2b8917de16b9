"""How commands speak: data on stdout, log and progress on stderr.

Used by every command. ``NO_COLOR`` and ``FORCE_COLOR`` are honoured through
rich; a pipe gets plain text.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from biomarker_cli.model.errors import BiomarkerError, ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


_WIDTH_OF_A_PIPE = 4096


class Advance(Protocol):
    """Report progress: how many are done, and of how many."""

    def __call__(self, done: int, total: int) -> None:
        """Report progress."""


def print_error(error: BiomarkerError) -> None:
    """Print an error: its code and message, where, and the next step."""
    click.echo(f"error {error.code}: {error.message}", err=True)
    if error.where:
        click.echo(f"  where  {error.where}", err=True)
    if error.hint:
        click.echo(f"  next   {error.hint}", err=True)


def console(*, stderr: bool = False) -> Console:
    """Return a console for tables; where it is no terminal, each row stays on one line."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDTH_OF_A_PIPE
    return Console(stderr=stderr, width=width, highlight=False)


def plain_table(title: str, columns: Iterable[str], whole: Collection[str] = ()) -> Table:
    """Return a table without boxes, as a terminal and a log both show well.

    Parameters
    ----------
    title : str
    columns : iterable of str
    whole : collection of str
        Columns that are never broken over lines: what people copy.
    """
    from rich import box
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in whole)
    return table


def print_json(value: Any) -> None:
    """Print JSON for scripts on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as CSV text, line ends LF; None is an empty value."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def require_new_file(path: Path) -> None:
    """Refuse a file that exists: before an hour of reading rather than behind it.

    Raises
    ------
    ConfigurationError
        ``OUTPUT-EXISTS``.
    """
    if path.exists():
        raise ConfigurationError(
            "OUTPUT-EXISTS", f"the file exists: {path}", hint="Remove it, or choose another name."
        )


def write_new_file(path: Path, text: str, *, overwrite: bool = False) -> None:
    """Write a text file; an existing one only when told.

    Raises
    ------
    ConfigurationError
        ``OUTPUT-EXISTS``.
    """
    if not overwrite:
        require_new_file(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def _say_nothing(done: int, total: int) -> None:
    """Take the progress that nobody looks at."""
    del done, total


@contextmanager
def progress(what: str, unit: str) -> Iterator[Advance]:
    """Show a progress bar with rate on stderr while a terminal looks on."""
    if not sys.stderr.isatty():
        yield _say_nothing
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        console=console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(what, total=None, rate="")

        def advance(done: int, total: int) -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed:.0f} {unit}/s" if speed else ""
            bar.update(task, completed=done, total=total, rate=rate)

        yield advance
