"""``biomarker passport check``: which sites have what is asked of them at a date."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.tables.passports import PassportRequirement

_EPILOG = """\b
Examples:
  biomarker passport check passports.csv --test pet_phantom --max-age-days 365
  biomarker passport check passports.csv --study study.yaml
  biomarker passport check passports.csv --study study.yaml --at 2026-03-01 --site A

\b
Exit codes: 0 every site holds all that is asked, 7 one does not; 2 a bad file
of passports or study, 3 no site to ask.
"""


@strict_command(
    epilog=_EPILOG,
    needs={"--max-age-days": "--test"},
    excludes={"--study": ("--test", "--max-age-days")},
)
@click.argument("book", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--study", type=click.Path(path_type=Path), help="Ask what this study asks (study.yaml)."
)
@click.option("--test", default="", metavar="NAME", help="Ask for this test.")
@click.option("--max-age-days", type=click.IntRange(min=0), help="With --test: its largest age.")
@click.option("--site", "sites", multiple=True, metavar="ID", help="Only this site; repeat it.")
@click.option(
    "--at", default="", metavar="YYYY-MM-DD", help="Day of an examination; without it, today."
)
@format_option
@click.pass_context
def check(
    context: click.Context, /, book: Path, sites: tuple[str, ...], output_format: str, **given: Any
) -> None:
    """Tell which sites have a valid passport at a date.

    Without --site, the sites of the study are asked, else those of the file.
    """
    from biomarker_cli.model.errors import InputNotFoundError
    from biomarker_cli.tables.passports import passport_state, read_passports

    asked, of_study = _asked(given["study"], given["test"], given["max_age_days"])
    at = _day(given["at"])
    rows = read_passports(book)
    names = sites or of_study or tuple(sorted({row.site_id for row in rows}))
    if not names:
        raise InputNotFoundError(
            "PASSPORT-NO-SITE", f"no site stands in {book}", hint="Name one with --site."
        )
    found = [
        (site, wanted, passport_state(rows, site, wanted, at)) for site in names for wanted in asked
    ]
    if output_format == "json":
        keys = ("site_id", "test", "state", "said")
        print_json(
            [
                dict(zip(keys, (site, w.test, state.word, state.said), strict=True))
                for site, w, state in found
            ]
        )
    else:
        table = Listing("", ("site", "test", "state", "found"), whole=("state",))
        for site, wanted, state in found:
            table.add_row(site, wanted.test, state.word, state.said)
        table.print()
        bad = sum(state.word != "valid" for _, _, state in found)
        say(f"{counted(len(found), 'passport')} asked for on {at}, {bad} not valid")
    is_valid = all(state.word == "valid" for _, _, state in found)
    context.exit(ExitCode.DONE if is_valid else ExitCode.OUT_OF_TOLERANCE)


def _asked(
    study: Path | None, test: str, max_age_days: int | None
) -> tuple[list[PassportRequirement], tuple[str, ...]]:
    """Return what is asked for, and the sites of the study that asks."""
    from biomarker_cli.tables.passports import PassportRequirement

    if study is None:
        if not test or max_age_days is None:
            raise click.UsageError("Say --study, or --test with --max-age-days.")
        return [PassportRequirement(test, max_age_days)], ()
    from biomarker_cli.study.study_file import load_study

    loaded = load_study(study)
    if loaded.passports is None:
        raise click.UsageError(
            f"{study} asks for no passports: add the key `passports`, or say --test with "
            "--max-age-days."
        )
    sites = tuple(dict.fromkeys(entry.site_id for entry in loaded.entries))
    return [wanted.requirement for wanted in loaded.passports.rules.requires], sites


def _day(text: str) -> date:
    from biomarker_cli.tables.passports import day_of

    if not text:
        return datetime.now(UTC).date()
    found = day_of(text)
    if found is None:
        raise click.UsageError("--at is a day, YYYY-MM-DD.")
    return found
