"""``biomarker export parquet``: each table of a run with its types."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

_EPILOG = """\b
Examples:
  biomarker export parquet results -o parquet
  biomarker compare reference/measurements.parquet parquet/measurements.parquet
"""


@strict_command(epilog=_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for the files.",
)
@click.option("--overwrite", is_flag=True, help="Replace earlier files in that folder.")
@format_option
def parquet(folder: Path, output: Path, output_format: str, **switches: bool) -> None:
    """Write each table of a run as Parquet, numbers as numbers and text as it is.

    An absent number is null. Needs pyarrow: pip install 'biomarker-cli[parquet]'.
    """
    from biomarker_cli.model.errors import ConfigurationError
    from biomarker_cli.tables.export.parquet import export_parquet, parquet_path, require_pyarrow
    from biomarker_cli.tables.packaged import read_package

    require_pyarrow()
    tables = list(read_package(folder).values())
    taken = [path for table in tables if (path := parquet_path(table, output)).exists()]
    if taken and not switches["overwrite"]:
        raise ConfigurationError(
            "OUTPUT-EXISTS",
            f"{output} holds an earlier {taken[0].name}",
            hint="Choose another folder, or say --overwrite.",
        )
    for table in tables:
        table.require_unchanged()
    output.mkdir(parents=True, exist_ok=True)
    n_rows = {table.name: export_parquet(table, output) for table in tables}
    if output_format == "json":
        files = {table.name: str(parquet_path(table, output)) for table in tables}
        print_json([{"table": t, "rows": n, "file": files[t]} for t, n in n_rows.items()])
        return
    for name, n in n_rows.items():
        say(f"{name}: {counted(n, 'row')}")
    say(f"written: {output}", err=True)
