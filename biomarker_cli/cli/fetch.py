"""``biomarker fetch``: series out of a PACS, as they are stored there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.options import format_option, quiet_option
from biomarker_cli.cli.output import Listing, note, print_json, progress, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.model.wording import SHORT_UID, counted, cut_in_middle

if TYPE_CHECKING:
    from biomarker_cli.exchange.fetching.fetching import Advanced, Fetch
    from biomarker_cli.exchange.fetching.listing import Listed
    from biomarker_cli.exchange.fetching.queries import AskedFor
    from biomarker_cli.exchange.fetching.remote import Remote

MOST_SHOWN = 50
"""Series that are laid out for a terminal; ``fetched.csv`` and JSON have all."""

_MEGABYTE = 1e6

_EPILOG = """\b
Examples:
  biomarker fetch archive --patient 4711 --modality PT -o data
  biomarker fetch https://pacs.example.org/dicom-web --study 1.2.3 -o data
  biomarker fetch archive --list patients.csv --dry-run
  biomarker fetch archive --date 2024-01-01..2024-03-31 -o data

The same command again fetches what is missing. Exit codes: 3 where nothing
matches; 5 where some series are not complete, or part of the list matches
nothing; 6 where none is complete, or the source does not let us in.
"""


@strict_command(epilog=_EPILOG)
@click.argument("source", metavar="SOURCE")
@click.option("-o", "--output", metavar="DIR", type=click.Path(path_type=Path), help="Folder.")
@click.option("--patient", metavar="ID", default="", help="PatientID, exactly.")
@click.option("--study", metavar="UID", default="", help="StudyInstanceUID.")
@click.option("--series", metavar="UID", default="", help="SeriesInstanceUID.")
@click.option("--modality", metavar="CODE", default="", help="Modality of the series: PT, CT, MR.")
@click.option("--date", metavar="FROM..TO", default="", help="Dates of the study, or one.")
@click.option(
    "--list",
    "list_file",
    metavar="FILE.csv",
    type=click.Path(path_type=Path),
    help="Columns patient_id, study_uid, series_uid, modality, date: a query a row.",
)
@click.option("--all", "everything", is_flag=True, help="Everything that the source has.")
@click.option(
    "--sources",
    "sources_file",
    metavar="FILE.yaml",
    type=click.Path(path_type=Path),
    help="Where SOURCE is described; else biomarker-sources.yaml here.",
)
@click.option("--dry-run", is_flag=True, help="List the series and their instances alone.")
@quiet_option
@format_option
def fetch(
    source: str,
    output: Path | None,
    sources_file: Path | None,
    output_format: str,
    *,
    everything: bool,
    dry_run: bool,
    **wanted: Any,
) -> int:
    """Copy series out of a PACS, by DICOMweb or DIMSE, as they are stored there.

    SOURCE is a name in the file of sources, or https://host/path, or
    dimse://CALLED@host:port. Files lie in DIR by UIDs of study, series and
    instance, and fetched.csv says what became of each series: complete where each
    instance that the source lists is here, with all its pixel bytes. Passwords
    come from the environment (BIOMARKER_SOURCE_<NAME>_USER, _PASSWORD, _TOKEN) or
    the keyring.
    """
    from biomarker_cli.exchange.fetching.choosing import choose_source
    from biomarker_cli.exchange.fetching.listing import list_series
    from biomarker_cli.exchange.fetching.opening import remote_of

    if output is None and not dry_run:
        raise click.UsageError("say -o DIR, or --dry-run")
    asked = _asked(everything=everything, **wanted)
    chosen = choose_source(source, sources_file)
    with remote_of(chosen) as remote:
        listed = list_series(remote, asked)
        _say_unanswered(listed)
        if not listed.series:
            return _nothing(listed)
        if dry_run or output is None:
            return _show(remote, listed, output, output_format)
        found = _fetched(remote, listed, output)
    if output_format == "json":
        print_json(_summary(found, listed))
    else:
        _print_text(found)
    return _exit_code(found, listed)


def _asked(
    *,
    everything: bool,
    patient: str,
    study: str,
    series: str,
    modality: str,
    date: str,
    list_file: Path | None,
) -> list[AskedFor]:
    from biomarker_cli.exchange.fetching.queries import AskedFor, range_of_dates, read_queries
    from biomarker_cli.exchange.fetching.remote import Query

    first, last = range_of_dates(date)
    query = Query(patient, study, series, modality, first, last)
    if everything and (list_file is not None or not query.is_empty):
        raise click.UsageError("--all asks for everything: leave out the conditions, or --all")
    if list_file is not None:
        return read_queries(list_file, query)
    if query.is_empty and not everything:
        raise click.UsageError(
            "nothing is asked for, which would be all that the source has: say --patient, "
            "--study, --series, --modality, --date or --list (or --all, if that is meant)"
        )
    return [AskedFor(query)]


def _say_unanswered(listed: Listed) -> None:
    for one in listed.unmatched:
        if one.where:
            say(f"{one.where}: nothing matches", err=True)
    for one, error in listed.problems:
        say(f"{one.where}: {error.code} {error}", err=True)


def _nothing(listed: Listed) -> int:
    from biomarker_cli.model.errors import InputNotFoundError

    if listed.problems:
        return ExitCode.FAILED
    raise InputNotFoundError(
        "NOTHING-FOUND",
        "the source has no series that matches",
        hint="Ask with fewer conditions and --dry-run; an id is looked for exactly.",
    )


def _show(remote: Remote, listed: Listed, output: Path | None, output_format: str) -> int:
    """List the series, with how many instances each has and how many are here."""
    from biomarker_cli.exchange.fetching.listing import counted_series

    rows = counted_series(remote, listed.series, output)
    if output_format == "json":
        print_json({"series": rows, "unmatched": [one.where for one in listed.unmatched]})
    else:
        table = Listing("", ("study", "series", "modality", "instances", "here", "problem"))
        for row in rows[:MOST_SHOWN]:
            uids = (cut_in_middle(row[name], SHORT_UID) for name in ("study_uid", "series_uid"))
            table.add_row(*uids, *map(_cell, list(row.values())[2:]))
        table.print()
        _say_rest(len(rows))
        say(f"{counted(len(rows), 'series', 'series')}; nothing was written")
    n_bad = sum(bool(row["error_code"]) for row in rows)
    if n_bad == len(rows):
        return ExitCode.FAILED
    return ExitCode.PARTIAL if n_bad or _is_partial(listed) else ExitCode.DONE


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def _say_rest(n_rows: int) -> None:
    if n_rows > MOST_SHOWN:
        say(f"and {n_rows - MOST_SHOWN} more: --format json has all")


def _fetched(remote: Remote, listed: Listed, output: Path) -> Fetch:
    from biomarker_cli.exchange.fetching.fetching import Fetch

    start = time.monotonic()
    with progress("fetching", "files") as advance:

        def tell(now: Advanced) -> None:
            megabytes = now.n_bytes / _MEGABYTE / max(time.monotonic() - start, 1e-3)
            advance(now.n_files, now.n_expected, f"{megabytes:.1f} MB/s")

        found = Fetch(remote, output, tell)
        found.run(listed.series)
    seconds = max(time.monotonic() - start, 1e-3)
    size = found.n_bytes_received / _MEGABYTE
    note(
        f"{counted(found.n_files_received, 'file')}, {size:.1f} MB in {seconds:.1f} s: "
        f"{found.n_files_received / seconds:.0f} files/s, {size / seconds:.1f} MB/s"
    )
    note(f"written: {output}")
    return found


def _summary(found: Fetch, listed: Listed) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "series": [asdict(row) for row in found.rows],
        "n_files_received": found.n_files_received,
        "n_bytes_received": found.n_bytes_received,
        "problems": [
            {"series_uid": series.series_uid, "code": error.code, "message": error.message}
            for series, error in found.problems
        ],
        "unmatched": [one.where for one in listed.unmatched],
        "unanswered": [
            {"where": one.where, "code": error.code, "message": error.message}
            for one, error in listed.problems
        ],
    }


def _print_text(found: Fetch) -> None:
    rows = [row for row in found.rows if row.error_code]
    if rows:
        table = Listing("not complete", ("series", "here", "listed", "code"), whole=("code",))
        for row in rows[:MOST_SHOWN]:
            series = cut_in_middle(row.series_uid, SHORT_UID)
            table.add_row(series, str(row.n_on_disk), _cell(row.n_expected), row.error_code)
        table.print()
        _say_rest(len(rows))
    for one, error in found.problems[:MOST_SHOWN]:
        say(f"{cut_in_middle(one.series_uid, SHORT_UID)}: {error.code} {error}", err=True)
    n_files = sum(row.n_on_disk for row in found.rows)
    say(
        f"{len(found.rows) - len(rows)} of {counted(len(found.rows), 'series', 'series')} "
        f"complete, {counted(n_files, 'file')}"
    )


def _is_partial(listed: Listed) -> bool:
    return bool(listed.unmatched or listed.problems)


def _exit_code(found: Fetch, listed: Listed) -> ExitCode:
    n_bad = sum(bool(row.error_code) for row in found.rows)
    if n_bad == len(found.rows):
        return ExitCode.FAILED
    return ExitCode.PARTIAL if n_bad or _is_partial(listed) else ExitCode.DONE
