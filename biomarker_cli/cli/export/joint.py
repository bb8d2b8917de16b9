"""``biomarker export joint``: all quantities of a visit side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import click

from biomarker_cli.cli.options import format_option, quiet_option
from biomarker_cli.cli.output import note, print_json, progress, say, say_next_steps
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.model.usability import Least
from biomarker_cli.model.wording import counted

_EPILOG = """\b
Examples:
  biomarker export joint results -o joint.csv
  biomarker export joint results -o joint.csv --role ct --role pet --usable yes
  biomarker export joint results --voxels --registration none -o voxels.parquet
  biomarker export joint results --voxels --registration registered/registration.csv \\
      --roi GTV -o voxels.parquet

Columns: quantity.case_id, .status, .usable and .flags of each quantity, then
quantity.feature of all, with .analysis behind it where several have one feature.
Beside it joint.units.csv has the units, and joint.absent.csv says of each empty cell
why it is empty. A value that two cases of a visit have is ambiguous and left empty:
choose with --role or --analysis.

--voxels writes the maps that the run kept (`keep: [masks, maps]`) at the voxels of the
ROIs of the coarsest map of each visit: x_mm, y_mm, z_mm, and of each map its value with
the unit in its name, .status and .registration_id. voxels.maps.csv has the overlap and
the share without a value. A registration that failed or asks for a person is refused.

Exit codes: 0 done, 2 the file exists, 3 no such run, analysis or role, or nothing kept;
with --voxels 5 where some map or visit is not in the table, 6 where none is.
"""


@strict_command(
    epilog=_EPILOG,
    needs=dict.fromkeys(("--registration", "--roi"), "--voxels"),
    excludes={"--voxels": ("--usable",)},
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="FILE|DIR",
    type=click.Path(path_type=Path),
    help="File to write, or a folder for it [default: joint.csv in DIR].",
)
@click.option(
    "--usable",
    type=click.Choice(get_args(Least)),
    help="Values that are filled in: usable ones, also those under caution, or all there are "
    "[default: caution].",
)
@click.option(
    "--analysis", "analyses", metavar="ID[@V]", multiple=True, help="Only this; repeat it."
)
@click.option(
    "--role", "roles", metavar="ROLE", multiple=True, help="Only cases of this role; repeat it."
)
@click.option("--voxels", is_flag=True, help="Write kept maps voxel by voxel, as Parquet.")
@click.option(
    "--registration",
    "registrations",
    metavar="none|FILE",
    multiple=True,
    help="How images of a visit lie: none (their headers), or a registration.csv; repeat it.",
)
@click.option(
    "--roi", "rois", metavar="NAME", multiple=True, help="Of --voxels only this; repeat it."
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier export.")
@quiet_option
@format_option
@click.pass_context
def joint(context: click.Context, /, folder: Path, output: Path | None, **given: Any) -> None:
    """Write one row per subject, timepoint and ROI, with all quantities side by side.

    Each number is that of its own image under its own mask; no image is moved.
    With --voxels one row per voxel, in one registered grid.
    """
    if given["voxels"]:
        context.exit(_write_voxels(folder, _file(output or folder, "voxels.parquet"), given))
    _write_rows(folder, _file(output or folder, "joint.csv"), given)


def _file(output: Path, name: str) -> Path:
    return output / name if output.is_dir() else output


def _write_rows(folder: Path, output: Path, given: Mapping[str, Any]) -> None:
    from biomarker_cli.cli.export.destinations import require_free_files
    from biomarker_cli.tables.export.column_heads import units_path
    from biomarker_cli.tables.export.joint import JointRules, absent_path, export_joint

    least: Least = given["usable"] or "caution"
    files = (output, units_path(output), absent_path(output))
    require_free_files(folder, files, overwrite=given["overwrite"])
    output.parent.mkdir(parents=True, exist_ok=True)
    summary = export_joint(folder, output, JointRules(least, given["analyses"], given["roles"]))
    if given["output_format"] == "json":
        names = ("file", "units_file", "absent_file")
        print_json(dict(zip(names, map(str, files), strict=True)) | summary.as_json())
        return
    said = f"{counted(summary.rows, 'row')}, {counted(summary.columns, 'value column')}"
    say(f"{said}: {counted(summary.values, 'value')}")
    if summary.ambiguous:
        say(f"{counted(summary.ambiguous, 'value')} of two cases: choose with --role or --analysis")
    for path in files:
        note(f"written: {path}")


def _write_voxels(folder: Path, output: Path, given: Mapping[str, Any]) -> ExitCode:
    from biomarker_cli.cli.export.destinations import require_free_files
    from biomarker_cli.registration.joint_voxels import (
        VoxelRules,
        export_joint_voxels,
        figures_path,
    )
    from biomarker_cli.registration.recorded import read_registrations
    from biomarker_cli.tables.export.parquet import require_pyarrow

    require_pyarrow()
    files = (output, figures_path(output))
    require_free_files(folder, files, overwrite=given["overwrite"], suffix=".parquet")
    chosen = (frozenset(given[name]) for name in ("roles", "analyses", "rois"))
    rules = VoxelRules(read_registrations(given["registrations"]), *chosen)
    output.parent.mkdir(parents=True, exist_ok=True)
    with progress("joining", "visits") as advance:
        summary, faults = export_joint_voxels(folder, output, rules, advance)
    if given["output_format"] == "json":
        names = ("file", "figures_file")
        print_json(dict(zip(names, map(str, files), strict=True)) | summary.as_json())
    else:
        said = f"{counted(summary.voxels, 'voxel')} of {counted(summary.visits, 'visit')}"
        say(f"{said}: {counted(summary.joined, 'map')} brought to another grid")
    for place, error in faults:
        say(f"{place}: {error.code} {error.message}", err=True)
    say_next_steps(error for _, error in faults)
    for path in files:
        note(f"written: {path}")
    if not faults:
        return ExitCode.DONE
    return ExitCode.PARTIAL if summary.joined or summary.whole else ExitCode.FAILED
