"""``biomarker scan``: what lies in a folder."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from biomarker_cli.cli.options import format_option, paths_argument
from biomarker_cli.cli.output import (
    Listing,
    nothing_found,
    print_json,
    progress,
    require_new_file,
    say,
    write_new_file,
)
from biomarker_cli.model.wording import counted, valid_unicode

if TYPE_CHECKING:
    from biomarker_cli.catalogue.catalogue import Catalogue

_EPILOG = """\b
Examples:
  biomarker scan /data/trial
  biomarker scan /data/trial -o volumes.csv
  biomarker scan /data/trial --format json | jq '.[] | select(.status == "refused")'
"""


@click.command(epilog=_EPILOG)
@paths_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write the table to this file: .csv, or .parquet (pip install 'biomarker-cli[parquet]').",
)
@format_option
def scan(paths: tuple[Path, ...], output: Path | None, output_format: str) -> None:
    """List the volumes and segmentations below PATH, and what was refused and why."""
    from biomarker_cli.catalogue.catalogue import scan as scan_paths

    if output is not None:
        _require_table_suffix(output)
    with progress("reading headers", "files") as advance:
        catalogue = scan_paths(paths, advance)
    rows = [candidate.row() for candidate in catalogue.candidates]
    if not rows:
        raise nothing_found("file", paths, hint="Name a folder that holds DICOM files.")
    if output is not None:
        _write_table(output, rows)
    if output_format == "json":
        print_json(rows)
    else:
        _print_text(catalogue)
        if output is not None:
            say(f"written: {output}", err=True)


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
    from biomarker_cli.catalogue.candidate import COLUMN_TYPES
    from biomarker_cli.tables.cells import csv_text

    if output.suffix.lower() == ".csv":
        write_new_file(output, csv_text(list(rows[0]), rows))
        return
    import pyarrow as pa
    from pyarrow import parquet

    output.parent.mkdir(parents=True, exist_ok=True)
    # Every column has its type even where a scan leaves it empty.
    types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    schema = pa.schema([(name, types[kind]) for name, kind in COLUMN_TYPES.items()])
    texts = [name for name, kind in COLUMN_TYPES.items() if kind is str]
    # The bytes of a file name that is no UTF-8 are the one text that Parquet does not hold.
    held = [row | {name: valid_unicode(str(row[name])) for name in texts} for row in rows]
    parquet.write_table(pa.Table.from_pylist(held, schema=schema), output)


def _print_text(catalogue: Catalogue) -> None:

    table = Listing("", ("volume", "what", "split by", "size", "spacing mm", "status"))
    for c in catalogue.candidates:
        grid = c.geometry
        table.add_row(
            c.volume_id or c.refs[0].path.name,
            " ".join(filter(None, (c.modality, c.kind, c.description))),
            c.split_by,
            " x ".join(map(str, reversed(grid.shape))) if grid else "",
            " x ".join(f"{s:.4g}" for s in grid.spacing_mm) if grid else "",
            " ".join(filter(None, (c.status.value, c.error_code))),
        )
    table.print()
    for c in catalogue.volumes:
        if c.error_code:
            say(f"{c.error_code} {c.volume_id}: {c.error_message}")
    n_ok = sum(c.status == "ok" for c in catalogue.volumes)
    n_skipped = len(catalogue.candidates) - len(catalogue.volumes)
    n_refused = len(catalogue.volumes) - n_ok
    others = counted(n_skipped, "other object")
    say(f"{counted(n_ok, 'volume')}, {n_refused} refused, {others}")
