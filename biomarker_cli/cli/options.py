"""Options that several commands share.

======================  =============================================
paths_argument          scan, check
format_option           scan, check, run, status, regions, bvalues ...
junit_option            check, run, merge, compare
quiet_option            where work is long: scan, check, extract, run ...
======================  =============================================
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from biomarker_cli.cli.output import QUIET

_Command = TypeVar("_Command", bound=Callable[..., object])


class Seconds(click.FloatRange):
    """A finite time: that which is no number is in every range, as nothing is beyond it."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number that a word means."""
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value} is no finite number of seconds.", param, ctx)
        return seconds


paths_argument = click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
"""One or more files or folders; that they exist is checked by the room (exit code 3)."""

format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print: a table to read, or JSON for scripts.",
)

table_format_option = click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "csv", "json"]),
    default="text",
    show_default=True,
    help="What to print on stdout.",
)


def _be_quiet(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Tell what prints, wherever it stands."""
    del parameter
    context.meta[QUIET] = value


def verbose_option(what: str) -> Callable[[_Command], _Command]:
    """Return the option ``-v``, which says on stderr what became of each of something."""
    return click.option(
        "-v", "--verbose", is_flag=True, help=f"Say on stderr what became of each {what}."
    )


quiet_option = click.option(
    "--quiet",
    is_flag=True,
    expose_value=False,
    callback=_be_quiet,
    help="Say nothing but errors; the exit code tells.",
)
"""What prints asks for it: see `output`."""

junit_option = click.option(
    "--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML here."
)
"""A report for CI servers; a file that exists is refused."""
