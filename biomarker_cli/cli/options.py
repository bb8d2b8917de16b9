"""Options that several commands share.

======================  =============================================
paths_argument          scan, check
format_option           scan, check, run, status, regions, bvalues ...
junit_option            check, run, merge, compare
======================  =============================================
"""

from __future__ import annotations

from pathlib import Path

import click

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

junit_option = click.option(
    "--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML here."
)
"""A report for CI servers; a file that exists is refused."""
