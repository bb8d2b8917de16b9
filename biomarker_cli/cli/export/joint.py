"""``biomarker export joint``: all quantities of a visit side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import print_json, say
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.tables.export.wide import Least

_EPILOG = """\b
Examples:
  biomarker export joint results -o joint.csv
  biomarker export joint results -o joint.csv --role ct --role pet --usable yes

Columns: quantity.case_id, .status, .usable and .flags of each quantity, then
quantity.feature of all, with .analysis behind it where several have one feature.
Beside it joint.units.csv has the units, and joint.absent.csv says of each empty cell
why it is empty. A value that two cases of a visit have is ambiguous and left empty:
choose with --role or --analysis.

Exit codes: 0 done, 2 the file exists, 3 no such run, analysis or role.
"""


@click.command(epilog=_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File to write [default: joint.csv in DIR].",
)
@click.option(
    "--usable",
    type=click.Choice(["yes", "caution", "all"]),
    default="caution",
    show_default=True,
    help="Values that are filled in: usable ones, also those under caution, or all there are.",
)
@click.option(
    "--analysis", "analyses", metavar="ID[@V]", multiple=True, help="Only this; repeat it."
)
@click.option(
    "--role", "roles", metavar="ROLE", multiple=True, help="Only cases of this role; repeat it."
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier export.")
@format_option
def joint(folder: Path, output: Path | None, overwrite: bool, **given: Any) -> None:
    """Write one row per subject, timepoint and ROI, with all quantities side by side.

    Each number is that of its own image under its own mask; no image is moved.
    """
    from biomarker_cli.cli.export.destinations import require_free_files
    from biomarker_cli.tables.export.joint import JointRules, absent_path, export_joint
    from biomarker_cli.tables.export.wide import units_path

    output_format: str = given.pop("output_format")
    least: Least = given["usable"]
    output = output or folder / "joint.csv"
    files = (output, units_path(output), absent_path(output))
    require_free_files(folder, files, overwrite=overwrite)
    output.parent.mkdir(parents=True, exist_ok=True)
    rules = JointRules(least, given["analyses"], given["roles"])
    summary = export_joint(folder, output, rules)
    if output_format == "json":
        names = ("file", "units_file", "absent_file")
        print_json(dict(zip(names, map(str, files), strict=True)) | summary.as_json())
        return
    said = f"{counted(summary.rows, 'row')}, {counted(summary.columns, 'value column')}"
    say(f"{said}: {counted(summary.values, 'value')}")
    if summary.ambiguous:
        say(f"{counted(summary.ambiguous, 'value')} of two cases: choose with --role or --analysis")
    for path in files:
        say(f"written: {path}", err=True)
