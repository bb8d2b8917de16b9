"""Options of the commands that judge, and what becomes of the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from biomarker_cli.cli.new_files import require_free
from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, print_json, say, say_next_steps
from biomarker_cli.cli.strict_command import Needs
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.response.criterion import Criterion
    from biomarker_cli.response.judging import Choices, Judged

Command = TypeVar("Command", bound=Callable[..., Any])

MOST_SHOWN = 500
"""Rows that are laid out for a terminal; tables and JSON hold all."""


JUDGING_NEEDS: Needs = {
    "--draws": "--repeatability",
    "--seed": "--repeatability",
    "--what-if": ("--output", "--format json"),
    "--overwrite": "--output",
}
"""Of these options, for `strict_command`."""


def judging_options(command: Command) -> Command:
    """Give a command the options of judging."""
    options = (
        click.option(
            "--criterion",
            "criteria",
            metavar="ID[@V]|FILE",
            multiple=True,
            required=True,
            help="Criterion; repeat it. `biomarker protocol list --kind response` shows them.",
        ),
        click.option(
            "--subjects",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="subjects.csv with arms and dates, for the endpoints.",
        ),
        click.option(
            "--policy",
            "policies",
            metavar="NAME=CHOICE",
            multiple=True,
            help="Choose a policy, or set a parameter, of the criteria; repeat it.",
        ),
        click.option(
            "--repeatability",
            metavar="FILE|published",
            help="Error of a reading: a file of `biomarker repeatability`, or published values.",
        ),
        click.option(
            "--draws", default=1000, show_default=True, help="Draws of the error of readings."
        ),
        click.option("--seed", default=1, show_default=True, help="Seed of these draws."),
        click.option(
            "--what-if",
            type=click.Choice(["targets"]),
            help="Judge every admissible choice of targets as well.",
        ),
        click.option(
            "-o", "--output", type=click.Path(path_type=Path), help="Folder for the tables."
        ),
        click.option("--overwrite", is_flag=True, help="Replace earlier tables in that folder."),
        format_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


def load_criteria(wanted: Sequence[str]) -> list[Criterion]:
    """Return the criteria that were asked for, each once."""
    from biomarker_cli.response.criterion import load_criterion

    found = {one.ident: one for one in map(load_criterion, wanted)}
    return list(found.values())


def choices_of(given: Mapping[str, Any]) -> Choices:
    """Return what the options choose.

    Raises
    ------
    ResponseError
        ``RESPONSE-POLICY-UNSET``, ``RESPONSE-BAD-INPUT``.
    """
    from biomarker_cli.response.judging import Choices
    from biomarker_cli.response.subjects import read_subjects

    policies, parameters = _settings(given["policies"])
    subjects = read_subjects(given["subjects"]) if given["subjects"] else {}
    keep = given["what_if"] is not None
    return Choices(policies, parameters, subjects, annotate=_annotation(given), keep=keep)


def _settings(texts: Sequence[str]) -> tuple[dict[str, str], dict[str, int]]:
    policies: dict[str, str] = {}
    parameters: dict[str, int] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise click.UsageError(f"--policy takes NAME=CHOICE, found {text!r}")
        if name in policies or name in parameters:
            raise click.UsageError(f"--policy {name} is chosen twice")
        if value.isascii() and value.isdigit() and len(value) <= 5:
            parameters[name] = int(value)
        else:
            policies[name] = value
    return policies, parameters


def _annotation(given: Mapping[str, Any]) -> Any:
    if given["repeatability"] is None:
        return None
    from biomarker_cli.response.reading_error import read_error
    from biomarker_cli.response.uncertainty import Uncertainty

    if given["draws"] < 100:
        raise click.UsageError("--draws is at least 100")
    return Uncertainty(read_error(given["repeatability"]), given["draws"], given["seed"])


def require_output(given: Mapping[str, Any]) -> None:
    """Refuse a folder that holds earlier tables: before the work."""
    require_free(given["output"], "response.csv", overwrite=given["overwrite"])


def finish(
    context: click.Context,
    judged: Judged,
    criteria: Sequence[Criterion],
    given: Mapping[str, Any],
    inputs: Sequence[Path],
) -> None:
    """Write and print the rows, and end with the exit code that they mean."""
    from biomarker_cli.response.writing import json_of, write_judged

    more = _what_if(judged) if given["what_if"] else {}
    more |= _between_readers(judged)
    if given["output"] is not None:
        write_judged(judged, criteria, given["output"], inputs, more)
        say(f"written: {given['output']}", err=True)
    if given["output_format"] == "json":
        print_json(json_of(judged, criteria, more))
    else:
        _print_text(judged)
    for subject, error in judged.errors[:MOST_SHOWN]:
        place = f" [{error.where}]" if error.where else ""
        say(f"error {error.code}: {subject}: {error.message}{place}", err=True)
    say_next_steps(error for _, error in judged.errors[:MOST_SHOWN])
    context.exit(_exit_code(judged))


def _what_if(judged: Judged) -> dict[str, list[dict[str, Any]]]:
    from biomarker_cli.response.what_if import what_if_rows

    return {"what_if_targets": [row for one in judged.assessed for row in what_if_rows(one)]}


def _between_readers(judged: Judged) -> dict[str, list[dict[str, Any]]]:
    from biomarker_cli.response.agreement import adjudication_rows, agreement_rows

    if len({one.course.reader for one in judged.assessed}) < 2:
        return {}
    return {
        "reader_agreement": list(agreement_rows(judged.assessed, judged.last_days)),
        "adjudication": list(adjudication_rows(judged.assessed, {}, judged.last_days)),
    }


def _exit_code(judged: Judged) -> ExitCode:
    if not judged.errors:
        return ExitCode.DONE
    return ExitCode.PARTIAL if judged.n_judged else ExitCode.FAILED


def _print_text(judged: Judged) -> None:
    columns = ("subject", "visit", "day", "value", "target", "overall", "flags")
    names = [row["criterion"] for row in judged.response]
    for name in dict.fromkeys(names):
        rows = [row for row in judged.response if row["criterion"] == name and "day" in row]
        table = Listing(name, columns, whole=("day", "overall"))
        for row in rows[:MOST_SHOWN]:
            value = row.get("value")
            subject = "/".join(filter(None, (row["subject_id"], row["reader"])))
            table.add_row(
                subject,
                row["timepoint"],
                str(row["day"]),
                "-" if value is None else f"{value:g}",
                row.get("target", ""),
                row.get("overall", ""),
                row["flags"],
            )
        table.print()
        if len(rows) > MOST_SHOWN:
            say(f"and {len(rows) - MOST_SHOWN} more: -o and --format json give them", err=True)
    _print_best(judged)


def _print_best(judged: Judged) -> None:
    columns = ("criterion", "subject", "best", "confirmed", "progression day")
    table = Listing("best response", columns)
    rows = [row for row in judged.best if "best" in row]
    for row in rows[:MOST_SHOWN]:
        subject = "/".join(filter(None, (row["subject_id"], row["reader"])))
        day = row["progression_day"]
        table.add_row(
            row["criterion"],
            subject,
            row["best"],
            row["best_confirmed"] or "-",
            "-" if day is None else str(day),
        )
    table.print()
    say(f"{counted(len(rows), 'subject')} judged, {len(judged.errors)} not")
