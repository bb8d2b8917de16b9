"""``biomarker reference fit``: learn the ranges of features in a cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from biomarker_cli.cli.new_files import require_new_file
from biomarker_cli.cli.output import Listing, say, say_left_out
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

MOST_SHOWN = 500

_EPILOG = """\b
Examples:
  biomarker reference fit controls --roi LIVER --feature adc.intensity.median -o liver.json
  biomarker reference fit controls --covariates subjects.csv --by age --by sex -o ranges.json \\
      --id liver-adc --version 1.1.0

TABLE is a run, a pool, or a CSV file with one row per value. A range takes 40 subjects
in each group; from 120 on its limits are ranks, below they are those of a normal
distribution.
"""


@strict_command(epilog=_EPILOG, needs={"--covariates": "--by"})
@click.argument(
    "tables", metavar="TABLE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--feature", "features", metavar="PATTERN", multiple=True, help="Only these; repeat it."
)
@click.option("--roi", "rois", metavar="PATTERN", multiple=True, help="Only these; repeat it.")
@click.option("--timepoint", metavar="T", default="", help="Only this visit.")
@click.option(
    "--covariates",
    metavar="FILE.csv",
    type=click.Path(path_type=Path),
    help="Covariates by subject_id.",
)
@click.option(
    "--by",
    metavar="NAME[:categorical]",
    multiple=True,
    help="A number is a slope, a category makes groups; repeat it.",
)
@click.option("--id", "ident", metavar="ID", default="reference", show_default=True)
@click.option("--version", metavar="X.Y.Z", default="1.0.0", show_default=True)
@click.option(
    "-o",
    "--output",
    metavar="FILE.json",
    required=True,
    type=click.Path(path_type=Path),
    help="File of ranges to write.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier file.")
def fit(tables: tuple[Path, ...], output: Path, **given: Any) -> None:
    """Learn the 95 % range of every feature, with limits, by covariates.

    One usable value of each subject. The file holds its conditions (analyses, scanners,
    sites), how far the covariates reach, and a digest of itself.
    """
    import json

    from biomarker_cli.multicentre.observations import Observations, read_observations, selected
    from biomarker_cli.multicentre.reference_ranges import fit_ranges

    if not given["overwrite"]:
        require_new_file(output)
    frame = selected(read_observations(tables).frame, given["features"], given["rois"])
    if given["timepoint"]:
        frame = frame[frame["timepoint"] == given["timepoint"]]
    observations = Observations(frame.reset_index(drop=True))
    say_left_out(observations.left_out)
    ident = (given["ident"], given["version"])
    found = fit_ranges(observations, given["covariates"], given["by"], ident)
    from biomarker_cli.model.outputs import replace_file

    output.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found.content, indent=1, allow_nan=False) + "\n"
    replace_file(output, text.encode())
    table = Listing("", ("roi", "feature", "group", "n", "low", "high", "unit"), ("n",))
    for one in found.content["ranges"][:MOST_SHOWN]:
        low, high = (_shown(one[name]) for name in ("low", "high"))
        n = str(one["model"]["n"])
        table.add_row(one["roi_id"], one["feature_id"], one["group"], n, low, high, one["unit"])
    table.print()
    if len(found.ranges) > MOST_SHOWN:
        say(f"and {len(found.ranges) - MOST_SHOWN} more: the file has them", err=True)
    for name, reason in found.refused[:MOST_SHOWN]:
        say(f"no range of {name}: {reason}", err=True)
    said = counted(len(found.ranges), "range")
    say(f"{said}, at the means of the covariates; limits of the limits are of 90 %")
    say(f"written: {output}", err=True)


def _shown(limit: list[float | None]) -> str:
    value, low, high = ("-" if number is None else f"{number:.4g}" for number in limit)
    return f"{value} ({low}..{high})"
