"""``biomarker protocol sheet``: what a radiographer enters at the console."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from biomarker_cli.cli.headers import read_headers
from biomarker_cli.cli.new_files import require_new_file, write_new_file
from biomarker_cli.cli.options import format_option, quiet_option
from biomarker_cli.cli.output import Listing, note, nothing_found, print_json, say
from biomarker_cli.cli.strict_command import strict_command

if TYPE_CHECKING:
    from biomarker_cli.acquisition.protocol import AcquisitionProtocol
    from biomarker_cli.acquisition.results import CheckResult
    from biomarker_cli.acquisition.sheet import ConsoleLine

_EPILOG = """\b
Examples:
  biomarker protocol sheet recist-ct -o recist-ct.html
  biomarker protocol sheet site.yaml --vendor siemens --names names.csv -o sheet.csv
  biomarker protocol sheet recist-ct --against /data/patient/ct -o found.html

Exit codes: 0 written, whatever was found; 2 a bad protocol or table of names;
3 nothing to hold it against.
"""

_VENDORS = ("siemens", "ge", "philips", "canon")


@strict_command(epilog=_EPILOG, needs={"--names": "--vendor"})
@click.argument("protocol", metavar="ID[@V]|FILE")
@click.option("--vendor", type=click.Choice(_VENDORS), help="Limits of this vendor's scanners.")
@click.option(
    "--names",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="What the vendor's console calls the parameters, and by which document.",
)
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    metavar="SERIES",
    help="Add what the series below this path have, and what to do.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE.html|FILE.csv",
    help="Write a page for printing, or a table; else the terminal.",
)
@quiet_option
@format_option
def sheet(
    protocol: str,
    vendor: str | None,
    names: Path | None,
    against: Path | None,
    output: Path | None,
    output_format: str,
) -> None:
    """Print what a protocol asks of the scanner, as who sits there reads it.

    Each parameter with its name at the console where a document gives one, its
    limit, its unit and why it matters.
    """
    from dataclasses import asdict

    from biomarker_cli.acquisition.console_names import load_console_names
    from biomarker_cli.acquisition.protocol import load_acquisition
    from biomarker_cli.acquisition.sheet import sheet_csv, sheet_rows
    from biomarker_cli.acquisition.sheet_page import sheet_html

    if output is not None:
        if output.suffix not in {".html", ".csv"}:
            raise click.UsageError(f"-o ends in .html or .csv, not {output.suffix or 'in nothing'}")
        require_new_file(output)
    loaded = load_acquisition(protocol)
    called = load_console_names(names, vendor) if names and vendor else {}
    results = None if against is None else _judge(loaded, against)
    rows = sheet_rows(loaded, vendor or "", called, results)
    is_against = against is not None
    if output is not None:
        text = (
            sheet_csv(rows, against=is_against)
            if output.suffix == ".csv"
            else sheet_html(loaded, rows, vendor or "", against=is_against)
        )
        write_new_file(output, text)
        note(f"written: {output}")
    if output_format == "json":
        print_json([asdict(row) for row in rows])
    elif output is None:
        _print_table(loaded.ident, rows, against=is_against)


def _judge(protocol: AcquisitionProtocol, path: Path) -> list[CheckResult]:
    """Return what the series below a path make of the rules; refuse where none is meant."""
    from biomarker_cli.acquisition.evaluating import evaluate
    from biomarker_cli.acquisition.results import Outcome

    results = evaluate(protocol, read_headers((path,)).series)
    if all(result.outcome is Outcome.NOT_APPLICABLE for result in results):
        raise nothing_found(f"series that {protocol.ident} speaks of", (path,))
    return results


def _print_table(ident: str, rows: Sequence[ConsoleLine], *, against: bool) -> None:
    columns = ["parameter", "console name", "limit", "found", "outcome", "why"]
    shown = [name for name in columns if against or name not in {"found", "outcome"}]
    table = Listing(ident, shown, whole=("outcome",))
    for row in rows:
        series = f"{row.series}: " if row.series else ""
        where = f" ({row.applies})" if row.applies else ""
        cells = {
            "parameter": f"{series}{row.parameter}{where}",
            "console name": row.console_name,
            "limit": f"{row.limit} {row.unit}".strip(),
            "found": row.found,
            "outcome": row.outcome,
            "why": row.why,
        }
        table.add_row(*(cells[name] for name in shown))
    table.print()
    if against:
        for text in dict.fromkeys(f"{row.rule_id}: {row.fix}" for row in rows if row.fix):
            say(text)
