"""``biomarker response init``: a lesion ledger as a proposal, for a person to sign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from biomarker_cli.cli.new_files import require_new_file, write_new_file
from biomarker_cli.cli.output import nothing_found, say, say_next_steps
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from biomarker_cli.response.matched_ledger import MatchedLedger
    from biomarker_cli.tables.schema import Table

_EPILOG = """\b
Examples:
  biomarker response init results
  biomarker response init results -o reader_anna.csv
  biomarker response init results --match --role ct \\
      --registration s1_month3/registration.csv --registration none

--match compares the masks that the run kept (`keep: [masks]`) in the space of the
baseline, and writes matches.csv beside the ledger: Dice, distance of the centroids,
ties, parts of a split lesion or of a mass, new and vanished lesions. Nothing of it is
a call: `response` refuses a ledger until a person has emptied the column basis.

Exit codes: 0 done, 2 the file exists, 3 no ROI; with --match 5 where a visit has no
proposal, 6 where none has.
"""


@strict_command(epilog=_EPILOG, needs=dict.fromkeys(("--registration", "--role"), "--match"))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write to this file; DIR/lesions.csv without it.",
)
@click.option("--match", is_flag=True, help="Propose which lesion is which by overlap.")
@click.option(
    "--registration",
    "registrations",
    metavar="none|FILE",
    multiple=True,
    help="How a visit lies to the baseline: none (the headers), or a registration.csv; repeat it.",
)
@click.option(
    "--role", metavar="ROLE", default="", help="Image whose masks are compared, of several."
)
@click.pass_context
def init(
    context: click.Context,
    /,
    folder: Path,
    output: Path | None,
    match: bool,
    registrations: tuple[str, ...],
    role: str,
) -> None:
    """Propose a ledger from the ROIs of a run: their names and tracking UIDs, or --match.

    What no mask tells stays empty: role, organ, node, new lesions. A person fills it
    in, corrects the rest, and empties the column basis.
    """
    from biomarker_cli.response.ledger import LEDGER
    from biomarker_cli.response.measured_run import MeasuredRun
    from biomarker_cli.response.proposing import proposed_rows

    path = output or folder / LEDGER.file_name
    if match:
        context.exit(_match(folder, path, registrations, role))
    rows = proposed_rows(MeasuredRun(folder))
    if not rows:
        raise nothing_found("ROI", [folder], hint="Name the folder that `biomarker run` wrote.")
    _write(path, LEDGER, rows)
    say(f"written: {path}, {counted(len(rows), 'row')}: to be filled in and signed", err=True)


def _match(folder: Path, path: Path, registrations: tuple[str, ...], role: str) -> ExitCode:
    from biomarker_cli.registration.recorded import read_registrations
    from biomarker_cli.response.ledger import LEDGER
    from biomarker_cli.response.matched_ledger import matched_ledger
    from biomarker_cli.response.matches_table import MATCHES

    matches = path.with_name(MATCHES.file_name)
    if matches == path:
        raise click.UsageError(f"{matches.name} is the name of the figures: choose another one")
    for one in (path, matches):
        require_new_file(one)
    found = matched_ledger(folder, read_registrations(registrations), role)
    _write(path, LEDGER, found.ledger)
    _write(matches, MATCHES, found.matches)
    _say_proposal(found)
    say(
        f"written: {path}, {counted(len(found.ledger), 'row')}: to be filled in and signed",
        err=True,
    )
    say(f"written: {matches}", err=True)
    if not found.faults:
        return ExitCode.DONE
    return ExitCode.PARTIAL if found.n_visits else ExitCode.FAILED


def _write(path: Path, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    from biomarker_cli.tables.cells import csv_line
    from biomarker_cli.tables.writing import table_lines

    write_new_file(path, csv_line(table.column_names) + table_lines(table, rows))


def _say_proposal(found: MatchedLedger) -> None:
    from collections import Counter

    kinds = Counter(str(row["kind"]) for row in found.matches if row["kind"] != "no_proposal")
    said = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()))
    say(f"{counted(found.n_visits, 'visit')} proposed{': ' if said else ''}{said}")
    for place, error in found.faults:
        say(f"{place}: {error.code} {error.message}", err=True)
    say_next_steps(error for _, error in found.faults)
