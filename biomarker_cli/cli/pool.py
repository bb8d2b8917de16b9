"""``biomarker pool``: make one data set of the runs of many centres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, get_args

import click

from biomarker_cli.cli.options import format_option, quiet_option
from biomarker_cli.cli.output import note, print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.usability import Least
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.multicentre.pooling.pool import PoolReport
    from biomarker_cli.multicentre.pooling.rules import PoolRules

MOST_SHOWN = 20
"""Differences that are laid out for a terminal; the manifest and JSON hold all."""

_EPILOG = """\b
Examples:
  biomarker pool centre_a centre_b centre_c -o pool
  biomarker pool runs/* -o pool --usable yes --on study_key=list
  biomarker pool a b c -o pool --on analysis=leave_out --like a
  biomarker pool centre-a.zip centre-b.zip own_run -o pool

KIND=ANSWER says what becomes of parts that are not alike:
\b
  analysis, definition, unit      refuse (default), leave_out
  version, engine                 refuse, leave_out, list
  acquisition, study_key          refuse, list
  usable_policy                   refuse, list
  image, subject (found twice)    refuse, leave_out (subject also list)
  software, certificate           list (default), refuse
"""


@strict_command(epilog=_EPILOG)
@click.argument(
    "folders", metavar="DIR|BUNDLE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder for the pool.",
)
@click.option(
    "--usable",
    type=click.Choice(get_args(Least)),
    default="caution",
    show_default=True,
    help="Rows that go in: usable ones, also those under caution, or all there are.",
)
@click.option(
    "--on",
    "answers",
    metavar="KIND=ANSWER",
    multiple=True,
    help="What becomes of parts that differ in KIND; repeat it.",
)
@click.option(
    "--like",
    metavar="DIR|BUNDLE",
    type=click.Path(path_type=Path),
    help="The part that holds where rows of others are left out.",
)
@click.option("--name", default="", help="Name of the pool [default: that of the study, or pool].")
@click.option("--overwrite", is_flag=True, help="Replace an earlier pool in that folder.")
@quiet_option
@format_option
def pool(
    folders: tuple[Path, ...],
    output: Path,
    usable: Least,
    answers: tuple[str, ...],
    like: Path | None,
    name: str,
    output_format: str,
    *,
    overwrite: bool,
) -> None:
    """Make one data package of the tables of several runs.

    The tables are those of a run, so every command that reads a run reads a pool;
    exclusions.csv lists each row that was left out, with the reason. Digests, schemas and
    manifests are checked; parts that were not made alike, one image or one examination
    under two names, and a case that stands twice are refused by name, or what --on says.
    The order of the parts changes nothing. A bundle is checked as `bundle check` does
    before its tables are read.
    """
    from biomarker_cli.multicentre.pooling.rules import PoolRules, parse_answers

    rules = PoolRules(usable, parse_answers(answers), like, name)
    _require_place(output, folders, overwrite=overwrite)
    is_new = not output.exists()
    output.mkdir(parents=True, exist_ok=True)
    try:
        report = _pooled(folders, output, rules)
    except BaseException:
        if is_new:
            output.rmdir()
        raise
    note(f"written: {output}")
    if output_format == "json":
        print_json({"folder": str(output), **report.as_json(rules)})
    else:
        _print_text(report, rules)


def _pooled(parts: Sequence[Path], output: Path, rules: PoolRules) -> PoolReport:
    """Pool runs, and the tables of bundles: these lie in a folder of their own meanwhile."""
    from biomarker_cli.multicentre.pooling.pool import pool_runs
    from biomarker_cli.tables.errors import TableError

    folders: list[Path] = []
    names: dict[Path, str] = {}
    with TemporaryDirectory(prefix="biomarker-pool-") as place:
        for number, part in enumerate(parts):
            folder = part
            if part.is_file():
                from biomarker_cli.exchange.bundles.unpacking import unpack_tables

                folder = Path(place) / str(number)
                folder.mkdir()
                unpack_tables(part, folder)
                names[folder] = str(part)
                if rules.like is not None and rules.like.resolve() == part.resolve():
                    rules = replace(rules, like=folder)
            folders.append(folder)
        try:
            return pool_runs(folders, output, rules, names)
        except TableError as error:
            # It says the file that it read, which nobody knows by that name.
            message, where = error.message, error.where
            for folder, name in names.items():
                message, where = (one.replace(str(folder), name) for one in (message, where))
            raise TableError(error.code, message, where=where, hint=error.hint) from error


def _require_place(output: Path, folders: tuple[Path, ...], *, overwrite: bool) -> None:
    from biomarker_cli.model.errors import ConfigurationError
    from biomarker_cli.multicentre.pooling.parts import OF_A_RUN
    from biomarker_cli.tables.manifest import MANIFEST
    from biomarker_cli.tables.package import DATA_PACKAGE
    from biomarker_cli.tables.schema import EXCLUSIONS

    place = output.resolve()
    if any(folder.resolve() == place for folder in folders):
        raise ConfigurationError(
            "OUTPUT-EXISTS", f"{output} is a part of the pool", hint="Choose another folder."
        )
    if (output / EXCLUSIONS.file_name).is_file() and overwrite:
        return
    names = (*(table.file_name for table in (*OF_A_RUN, EXCLUSIONS)), DATA_PACKAGE, MANIFEST)
    there = next((name for name in names if (output / name).exists()), "")
    if there:
        raise ConfigurationError(
            "OUTPUT-EXISTS",
            f"{output} holds an earlier {there}",
            hint="Choose another folder; --overwrite replaces a pool, never a run.",
        )


def _print_text(report: PoolReport, rules: PoolRules) -> None:
    said = f"{counted(report.n_parts, 'part')}, {counted(len(report.sites), 'site')}"
    say(f"{report.name}: {said}, {counted(report.n_cases, 'case')}")
    say(f"{counted(report.n_rows, 'measurement')} pooled")
    for reason, number in sorted(report.n_by_reason.items()):
        what = "case" if reason.startswith("same_") else "measurement"
        say(f"{counted(number, what)} left out: {reason}")
    for one in report.differences[:MOST_SHOWN]:
        answer = "left out" if rules.answer(one.kind) == "leave_out" else "listed"
        note(f"differs ({answer}): {one.told(report.parts)}")
    if len(report.differences) > MOST_SHOWN:
        more = len(report.differences) - MOST_SHOWN
        note(f"and {counted(more, 'difference')} more: manifest.json lists them")
