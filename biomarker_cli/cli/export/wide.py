"""``biomarker export wide``: one row per case and ROI, one column per feature."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from biomarker_cli.cli.export.destinations import require_free_files
from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.usability import Least
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.tables.export.wide import Names

_EPILOG = """\b
Examples:
  biomarker export wide results -o wide.csv
  biomarker export wide results -o pet.csv --analysis fdg-suv --usable yes
  biomarker export wide results -o every.csv --usable all
  biomarker export wide results -o theirs.csv --names pyradiomics

Units stand beside it, in wide.units.csv: the same columns, one row. With several
analyses a column is called analysis:feature, with one by the feature alone.
"""


@strict_command(epilog=_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="FILE.csv",
    type=click.Path(path_type=Path),
    help="File to write [default: wide.csv in DIR].",
)
@click.option(
    "--usable",
    type=click.Choice(get_args(Least)),
    default="caution",
    show_default=True,
    help="Values that are filled in: usable ones, also those under caution, or all there are.",
)
@click.option(
    "--analysis",
    "analyses",
    metavar="ID[@V]",
    multiple=True,
    help="Only this analysis; repeat it.",
)
@click.option(
    "--names",
    type=click.Choice(["feature_id", "pyradiomics"]),
    default="feature_id",
    show_default=True,
    help="What columns of features are called by; what the package has no name for keeps ours.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier export.")
@format_option
def wide(
    folder: Path,
    output: Path | None,
    usable: Least,
    analyses: tuple[str, ...],
    names: Names,
    output_format: str,
    **switches: bool,
) -> None:
    """Write one row per case and ROI, with one column per feature.

    A value that may not be pooled (usable: no) is left empty; the columns usable,
    flags and n_left_out of its row say so. --usable all fills in every value.
    """
    from biomarker_cli.tables.export.column_heads import units_path
    from biomarker_cli.tables.export.wide import WideRules, export_wide

    output = output or folder / "wide.csv"
    require_free_files(folder, (output, units_path(output)), overwrite=switches["overwrite"])
    output.parent.mkdir(parents=True, exist_ok=True)
    summary = export_wide(folder, output, WideRules(usable, analyses, names))
    if output_format == "json":
        files = {"file": str(output), "units_file": str(units_path(output)), "usable": usable}
        print_json(files | summary.as_json())
        return
    said = f"{counted(summary.rows, 'row')}, {counted(summary.columns, 'feature column')}"
    say(f"{said}: {counted(summary.values, 'value')}")
    if summary.left_out:
        say(
            f"{counted(summary.left_out, 'value')} left out, as they may not be pooled: "
            "usable and flags of their rows say why"
        )
    for path in (output, units_path(output)):
        say(f"written: {path}", err=True)
