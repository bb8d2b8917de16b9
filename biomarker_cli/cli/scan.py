"""``biomarker scan``: what lies in a folder."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from biomarker_cli.cli.new_files import require_new_file, write_new_file
from biomarker_cli.cli.options import format_option, paths_argument, quiet_option, verbose_option
from biomarker_cli.cli.output import (
    WIDTH,
    note,
    nothing_found,
    print_json,
    progress,
    say,
    say_cells,
    say_title,
)
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.collector import collector_paused
from biomarker_cli.model.wording import (
    SHORT_UID,
    counted,
    cut_in_middle,
    shown,
    valid_unicode,
)

if TYPE_CHECKING:
    from biomarker_cli.catalogue.rows import Row

_EPILOG = """\b
Examples:
  biomarker scan /data/trial
  biomarker scan /data/trial -o volumes.csv --dates
  biomarker scan /data/trial --format json | jq '.[] | select(.status == "refused")'
"""


@strict_command(epilog=_EPILOG)
@paths_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write the table to this file: .csv, or .parquet (pip install 'biomarker-cli[parquet]').",
)
@click.option("--dates", is_flag=True, help="Tell the date of each examination as well.")
@click.option("--fresh", is_flag=True, help="Read every file, whatever the index knows.")
@quiet_option
@verbose_option("file that makes no volume")
@format_option
def scan(
    paths: tuple[Path, ...],
    output: Path | None,
    *,
    dates: bool,
    fresh: bool,
    verbose: bool,
    output_format: str,
) -> None:
    """List the volumes and segmentations below PATH, and what was refused and why.

    A table on the screen shortens UIDs in their middle; files and JSON hold them
    whole. Patients are told apart by digests with a key of yours.
    """
    from biomarker_cli.catalogue.catalogue import scan as scan_paths
    from biomarker_cli.catalogue.index import FileIndex
    from biomarker_cli.catalogue.rows import scan_rows
    from biomarker_cli.catalogue.second_process import usable_cores

    if output is not None:
        _require_table_suffix(output)
    # What is found stays to the end: there is nothing to collect in it.
    with collector_paused():
        with progress("reading headers", "files") as advance:
            index = FileIndex.of_user(trusted=not fresh)
            catalogue = scan_paths(paths, advance, index, by_two=usable_cores() > 1)
        rows = scan_rows(catalogue, dates=dates)
    if not rows:
        raise nothing_found("file", paths, hint="Name a folder that holds DICOM files.")
    if output is not None:
        _write_table(output, rows)
        note(f"written: {output}")
    if verbose:
        _say_left_out(rows)
    if output_format == "json":
        print_json(rows)
    else:
        _print_text(rows)


def _say_left_out(rows: Iterable[Row]) -> None:
    for row in rows:
        if row["error_code"]:
            say(f"{row['error_code']} {row['error_message']}", err=True)


def _require_table_suffix(output: Path) -> None:
    """Refuse an output that could not be written, before an hour of reading."""
    from biomarker_cli.model.errors import ConfigurationError

    suffix = output.suffix.lower()
    if suffix not in {".csv", ".parquet"}:
        raise ConfigurationError(
            "OUTPUT-FORMAT", f"expected a name that ends in .csv or .parquet, found {output.name}"
        )
    if suffix == ".parquet" and find_spec("pyarrow") is None:
        raise ConfigurationError(
            "OUTPUT-NO-PARQUET",
            "writing Parquet needs pyarrow, which is not installed",
            hint="pip install 'biomarker-cli[parquet]', or name a .csv file.",
        )
    require_new_file(output)


def _write_table(output: Path, rows: list[dict[str, object]]) -> None:
    from biomarker_cli.catalogue.rows import COLUMN_TYPES
    from biomarker_cli.tables.cells import csv_text

    if output.suffix.lower() == ".csv":
        write_new_file(output, csv_text(list(rows[0]), rows))
        return
    import pyarrow as pa
    from pyarrow import parquet

    output.parent.mkdir(parents=True, exist_ok=True)
    # Every column has its type even where a scan leaves it empty.
    types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    kinds = {name: COLUMN_TYPES.get(name, str) for name in rows[0]}
    schema = pa.schema([(name, types[kind]) for name, kind in kinds.items()])
    texts = [name for name, kind in kinds.items() if kind is str]
    # The bytes of a file name that is no UTF-8 are the one text that Parquet does not hold.
    held = [row | {name: valid_unicode(str(row[name])) for name in texts} for row in rows]
    parquet.write_table(pa.Table.from_pylist(held, schema=schema), output)


def _print_text(rows: list[Row]) -> None:
    """Print a line for each row, below the folder or file that it was found in."""
    say_cells(("volume", "what", "size", "spacing or reason"), _WIDTHS)
    place = None
    for row in rows:
        if (where := f"{row.get('study_date', '')} {row['path']}".strip()) != place:
            place = where
            say_title(cut_in_middle(shown(where), WIDTH))
        grid = [row[name] for name in ("columns", "rows", "slices")]
        spacing = [row[f"spacing_{axis}_mm"] for axis in "xyz"]
        cells = (
            _short(row),
            " ".join(str(row[name]) for name in _WHAT if row.get(name)),
            "x".join(map(str, grid)) if None not in grid else "",
            str(row["error_code"]) or " ".join(f"{s:.4g}" for s in spacing if s is not None),
        )
        say_cells(cells, _WIDTHS)
    say()
    images = [row for row in rows if row["status"] != "skipped"]
    for row in images:
        if row["error_code"]:
            say(f"{row['error_code']} {_short(row)}: {row['error_message']}")
    _print_copies(rows)
    n_ok = sum(row["status"] == "ok" for row in images)
    others = counted(len(rows) - len(images), "other object")
    say(f"{counted(n_ok, 'volume')}, {len(images) - n_ok} refused, {others}")


_WHAT = ("modality", "kind", "description", "split_by")

_WIDTHS = (SHORT_UID, 23, 12, 20)
"""Of the cells of a line, which with two blanks before each are 80."""


def _short(row: Row) -> str:
    return cut_in_middle(str(row["volume_id"]), SHORT_UID)


def _print_copies(rows: list[Row]) -> None:
    for row in rows:
        copies = str(row["duplicates"]).split(";") if row["duplicates"] else []
        if copies:
            more = f" and {len(copies) - 1} more" if len(copies) > 1 else ""
            what = counted(len(copies), "copy", "copies")
            say(f"{_short(row)}: {what} left out, {copies[0]}{more}")
