"""``biomarker repeatability``: what test-retest values say of a feature."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.new_files import require_free, write_new_file
from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, print_json, say, say_left_out
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.multicentre.repeatability_table import FeatureRepeatability

MOST_SHOWN = 500
"""Rows that are laid out for a terminal; table and JSON hold all."""

_EPILOG = """\b
Examples:
  biomarker repeatability results -o repeatability
  biomarker repeatability results --roi 'GTV*' --pool-rois --interval '1 day' --plots -o out
  biomarker repeatability pairs.csv --repeat reading --format json

TABLE is the folder of a run, or a CSV file with the columns subject_id, feature_id,
value and repeat_id or timepoint. With -o the folder gets repeatability.csv, and
repeatability.json, which `biomarker change` reads.
"""


@strict_command(
    epilog=_EPILOG,
    needs=dict.fromkeys(("--interval", "--roi-method", "--plots", "--overwrite"), "--output"),
)
@click.argument(
    "tables", metavar="TABLE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--repeat",
    metavar="COLUMN",
    default="",
    help="Column that tells the repeats.  [default: repeat_id, else timepoint]",
)
@click.option(
    "--feature", "features", metavar="PATTERN", multiple=True, help="Only these; repeat it."
)
@click.option("--roi", "rois", metavar="PATTERN", multiple=True, help="Only these; repeat it.")
@click.option(
    "--pool-rois",
    is_flag=True,
    help="ROIs of a subject are of one kind, such as lesions; limits by a bootstrap of subjects.",
)
@click.option("--interval", metavar="TEXT", default="", help="Time between the repeats.")
@click.option("--roi-method", metavar="TEXT", default="", help="How the ROIs were drawn.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the tables.")
@click.option("--plots", is_flag=True, help="Write Bland-Altman plots (SVG) into it as well.")
@click.option("--overwrite", is_flag=True, help="Replace earlier files in that folder.")
@format_option
def repeatability(tables: tuple[Path, ...], output_format: str, **given: Any) -> None:
    """Tell from repeated measurements how large noise is: wSD, wCV, RC, limits, ICC, CCC.

    Per feature, overall and per site, with 95 % confidence limits. Percentages are
    given of ratio-scale features only, whose values are all above 0. Values that
    are not usable, and sizes of masks of another visit, are left out and counted.
    """
    from biomarker_cli.multicentre.observations import Observations, read_observations, selected
    from biomarker_cli.multicentre.repeatability_table import (
        repeat_column,
        repeatability_file,
        study_repeats,
    )

    output: Path | None = given["output"]
    require_free(output, "repeatability.csv", overwrite=given["overwrite"])
    observations = read_observations(tables)
    column = repeat_column(observations, given["repeat"])
    chosen = Observations(selected(observations.frame, given["features"], given["rois"]))
    say_left_out(chosen.left_out)
    found = study_repeats(chosen.frame, column, pool_rois=given["pool_rois"])
    conditions = {
        "repeat": column,
        "interval": given["interval"],
        "roi_method": given["roi_method"],
    }
    content = repeatability_file(found, chosen, conditions)
    if output is not None:
        _write(found, content, output, plots=given["plots"])
    if output_format == "json":
        print_json([row for one in found for row in one.rows()])
        return
    _print_text(found)


def _write(
    found: Sequence[FeatureRepeatability], content: dict[str, Any], folder: Path, *, plots: bool
) -> None:
    from biomarker_cli.multicentre.repeatability_table import REPEATABILITY
    from biomarker_cli.tables.writing import write_json, write_table

    folder.mkdir(parents=True, exist_ok=True)
    write_table(REPEATABILITY, [row for one in found for row in one.rows()], folder)
    write_json(content, folder / "repeatability.json")
    n_plots = _write_plots(found, folder / "plots") if plots else 0
    drawn = f" and {counted(n_plots, 'plot')}" if plots else ""
    say(f"written: {folder / 'repeatability.csv'}, repeatability.json{drawn}", err=True)


def _write_plots(found: Sequence[FeatureRepeatability], folder: Path) -> int:
    from biomarker_cli.model.file_names import FileNames
    from biomarker_cli.multicentre.bland_altman_plot import repeats_svg

    names, n_plots = FileNames(), 0
    for one in found:
        text = repeats_svg(one) if one.is_overall else None
        if text is None:
            continue
        path = folder / f"{names.of('_'.join(filter(None, one.key[2:])))}.svg"
        write_new_file(path, text, overwrite=True)
        n_plots += 1
    return n_plots


def _print_text(found: Sequence[FeatureRepeatability]) -> None:
    columns = ("site", "roi", "feature", "n", "wSD", "RC", "wCV %", "a change beyond", "ICC(2,1)")
    table = Listing("", columns, whole=("n",))
    for one in found[:MOST_SHOWN]:
        table.add_row(one.key[1] or "all", one.key[4] or "all", one.key[5], *_cells(one))
    table.print()
    if len(found) > MOST_SHOWN:
        say(f"and {len(found) - MOST_SHOWN} more: -o and --format json give them", err=True)
    _print_notes(found)


def _cells(one: FeatureRepeatability) -> tuple[str, ...]:
    def value(name: str) -> str:
        estimate = one.statistics[name].estimate
        return "-" if estimate is None else f"{estimate.value:.4g}"

    n_subjects = one.repeats.n_subjects if one.repeats else 0
    limits = f"{value('change_low')} / {value('change_high')} %"
    if one.statistics["change_low"].estimate is None:
        limits = f"-+ {value('RC')} {one.statistics['RC'].unit}"
    return str(n_subjects), value("wSD"), value("RC"), value("wCV"), limits, value("ICC(2,1)")


def _print_notes(found: Sequence[FeatureRepeatability]) -> None:
    from biomarker_cli.multicentre.repeatability import upper_factor

    overall = [one for one in found if one.is_overall and one.repeats is not None]
    fewest = min((one.repeats.degrees for one in overall if one.repeats), default=0)
    if fewest:
        more = 100 * (upper_factor(fewest) - 1)
        say(
            f"{fewest} degrees of freedom at the least: with 95 % confidence the true wSD is no "
            f"more than {more:.0f} % higher"
        )
    say(
        f"{counted(len(overall), 'feature')}: if nothing changed, {0.05 * len(overall):.1f} "
        "changes would exceed their RC all the same (5 %)"
    )
    for reason in sorted({s.reason for one in found for s in one.statistics.values() if s.reason}):
        say(f"undefined: {reason}", err=True)
