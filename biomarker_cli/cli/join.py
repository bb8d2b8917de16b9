"""``biomarker join``: clinical, pathology and outcome tables beside the measurements."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from biomarker_cli.cli.new_files import require_free
from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.evidence.joining import Join

MOST_SHOWN = 50
"""Rows that are laid out for a terminal; the table holds all."""

_EPILOG = """\b
Examples:
  biomarker join results --table biopsies.csv --schema pathology.yaml -o joined
  biomarker join joined --table outcome.csv --schema outcome.yaml -o evidence
  biomarker export parquet evidence -o parquet

Exit codes: 5 where a cell cannot be what its column says, or two rows meet
and no rule decides; 6 where nothing met at all.
"""


@strict_command(epilog=_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--table",
    "table_file",
    metavar="FILE.csv",
    required=True,
    type=click.Path(path_type=Path),
    help="Clinical table, in CSV.",
)
@click.option(
    "--schema",
    "schema_file",
    metavar="FILE.yaml",
    required=True,
    type=click.Path(path_type=Path),
    help="What its columns mean, and how its rows meet the cases.",
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder for the tables of DIR and the joined ones.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier join in that folder.")
@format_option
def join(
    folder: Path,
    table_file: Path,
    schema_file: Path,
    output: Path,
    output_format: str,
    **switches: bool,
) -> int:
    """Join a clinical table to the tables of a run, a pool or an earlier join.

    Rows meet cases by site, subject, timepoint and lesion, and by how many days
    they lie from the scan. Each cell is held against the unit, limits and codes
    that the schema states. What met nothing is listed, of both sides, in
    <id>_left_out.csv. Identifiers of persons are refused, and dates stay out.
    """
    from biomarker_cli.evidence.joining import join_table, write_join
    from biomarker_cli.model.errors import ConfigurationError
    from biomarker_cli.tables.package import DATA_PACKAGE

    if output.resolve() == folder.resolve():
        raise ConfigurationError(
            "OUTPUT-EXISTS", "the folder is the one that is read", hint="Choose another with -o."
        )
    require_free(output, DATA_PACKAGE, overwrite=switches["overwrite"])
    found = join_table(folder, table_file, schema_file)
    write_join(found, folder, output)
    if output_format == "json":
        print_json(_summary(found))
    else:
        _print_text(found)
    say(f"written: {output}", err=True)
    if not found.matched.matches:
        return ExitCode.FAILED
    return ExitCode.PARTIAL if found.n_refused else ExitCode.DONE


def _summary(found: Join) -> dict[str, object]:
    from biomarker_cli.evidence.joining import left_out_rows

    return {
        "id": found.schema.id,
        "schema_sha256": found.schema_sha256,
        "table_sha256": found.table_sha256,
        "n_rows": found.n_rows,
        "n_rows_matched": found.n_matched_rows,
        "n_matches": len(found.matched.matches),
        "left_out": list(left_out_rows(found)),
    }


def _print_text(found: Join) -> None:
    from biomarker_cli.evidence.matching import REFUSED

    what = "region" if found.schema.keys.lesion else "case"
    say(
        f"{found.schema.id}: {found.n_matched_rows} of {counted(found.n_rows, 'row')} met "
        f"{counted(len(found.matched.matches), what)}"
    )
    left_out = sorted(found.matched.left_out, key=lambda one: one.reason not in REFUSED)
    if not left_out:
        return
    table = Listing("left out", ("where", "reason", "detail"), whole=("reason",))
    for one in left_out[:MOST_SHOWN]:
        where = f"line {one.row.line}" if one.row else ""
        if one.target:
            where = " ".join(filter(None, (one.target.case.case_id, one.target.roi_id)))
        table.add_row(where, one.reason, one.detail)
    table.print()
    if len(left_out) > MOST_SHOWN:
        say(f"and {len(left_out) - MOST_SHOWN} more: {found.schema.id}_left_out.csv has all")
