"""``biomarker readers``: how segmentations of one image by several readers agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.new_files import require_free
from biomarker_cli.cli.options import format_option, quiet_option
from biomarker_cli.cli.output import Listing, note, print_json, progress, say_left_out
from biomarker_cli.cli.strict_command import strict_command

if TYPE_CHECKING:
    from biomarker_cli.model.exit_codes import ExitCode
    from biomarker_cli.regions.target import ImageTarget
    from biomarker_cli.tables.schema import Table

MOST_SHOWN = 500
"""Rows that are laid out for a terminal; table and JSON hold all."""

_EPILOG = """\b
Examples:
  biomarker readers alice=a/gtv.nii.gz bob=b/gtv.nii.gz program=c/gtv.nii.gz -o agreement
  biomarker readers first.rtstruct.dcm second.rtstruct.dcm --image ct/ --roi GTV
  biomarker readers alice=results_alice bob=results_bob --feature 'original.*'
  biomarker readers alice=results_alice bob=results_bob --case A/S1/T1/ct
  biomarker readers --scores scores.csv --truth truth.csv --order none,mild,severe

Segmentations give reader_pairs.csv; runs (folders with measurements.csv, or CSV
files), each with the ROIs of one reader, give reader_features.csv. With --case the
masks that the runs kept of that case (keep: [masks]) give reader_pairs.csv.
Scores (case_id, reader_id, category; item and occasion where there are several) give
reader_scores.csv.

Exit codes: 0 done, 5 a ROI of a reader could not be compared, 6 none could.
"""


@strict_command(
    epilog=_EPILOG,
    needs={
        "--series": "--image",
        "--truth": "--scores",
        "--order": "--scores",
        "--positive": "--truth",
        "--overwrite": "--output",
    },
    excludes={
        "--scores": ("--image", "--series", "--roi", "--feature", "--case"),
        "--case": ("--image", "--feature"),
    },
)
@click.argument("readers", metavar="[NAME=]PATH...", nargs=-1)
@click.option(
    "--image",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Image whose grid holds; without it that of the first label image.",
)
@click.option(
    "--series", metavar="UID|VOLUME_ID", default="", help="Which image, of several below PATH."
)
@click.option("--roi", "rois", metavar="NAME", multiple=True, help="Only this ROI; repeat it.")
@click.option(
    "--feature", "features", metavar="PATTERN", multiple=True, help="Only these; repeat it."
)
@click.option("--case", "case_id", metavar="CASE_ID", help="Compare the kept masks of this case.")
@click.option(
    "--scores",
    metavar="FILE.csv",
    type=click.Path(path_type=Path),
    help="Compare readings in categories instead.",
)
@click.option(
    "--truth", metavar="FILE.csv", type=click.Path(path_type=Path), help="case_id and category."
)
@click.option(
    "--order",
    "orders",
    metavar="[ITEM=]A,B,C",
    multiple=True,
    help="Categories of scores from the least to the most; numbers have their own.",
)
@click.option(
    "--positive", metavar="CATEGORY", default="", help="From this one on a case is positive."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the table.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier table in that folder.")
@quiet_option
@format_option
@click.pass_context
def readers(context: click.Context, /, output_format: str, **given: Any) -> None:
    """Compare what several readers, or programs, drew on one image.

    Dice, surface Dice at 1, 2 and 3 mm, mean and 95 % Hausdorff distance, volume and
    centroid, of each pair and of each reader with the majority. Of runs: ICC(A,1) of
    every feature between readers, of values that are usable. Of scores: agreement,
    kappa and weighted kappa of readers, of two occasions of one reader, and with the
    truth.
    """
    if given["scores"] is not None:
        if given["readers"]:
            raise click.UsageError("Name segmentations or runs, or --scores, but not both.")
        from biomarker_cli.cli.scoring import compare_scores

        compare_scores(given["scores"], given, output_format)
        return
    if not given["readers"]:
        raise click.UsageError("Name the readers, or a table with --scores.")
    from biomarker_cli.multicentre.reader_features import (
        READER_FEATURES,
        read_readings,
        reader_features,
    )
    from biomarker_cli.multicentre.reader_masks import reader_names
    from biomarker_cli.multicentre.readers import READER_PAIRS

    paths = reader_names(given["readers"])
    case_id = given["case_id"]
    is_table = {path.is_dir() or path.suffix.lower() == ".csv" for path in paths.values()}
    if len(is_table) > 1:
        raise click.UsageError("Name segmentations, or runs, but not both.")
    if case_id is not None and not all(path.is_dir() for path in paths.values()):
        raise click.UsageError("--case goes with folders of runs.")
    _require_use(given, of_runs=is_table == {True})
    table = READER_FEATURES if is_table == {True} and case_id is None else READER_PAIRS
    require_free(given["output"], table.file_name, overwrite=given["overwrite"])
    if table is READER_FEATURES:
        readings = read_readings(paths.values(), given["features"], given["rois"])
        say_left_out(readings.left_out)
        rows = reader_features(readings, len(paths))
    else:
        rows = _pairs(paths, given) if case_id is None else _pairs_of_case(paths, given)
    _write(rows, table, given["output"])
    if output_format == "json":
        print_json([{name: row.get(name) for name in table.column_names} for row in rows])
    elif table is READER_FEATURES:
        _print_features(rows)
    else:
        _print_pairs(rows)
    context.exit(_exit_code(rows))


def _require_use(given: Mapping[str, Any], *, of_runs: bool) -> None:
    """Refuse what is of segmentations beside runs, and the other way round."""
    if of_runs and given["image"] is not None:
        raise click.UsageError("--image is of segmentations: features have been measured.")
    if not of_runs and given["features"]:
        raise click.UsageError("--feature is of runs: segmentations have no features.")


def _pairs(paths: Mapping[str, Path], given: Mapping[str, Any]) -> list[dict[str, Any]]:
    from biomarker_cli.multicentre.reader_masks import read_readers
    from biomarker_cli.multicentre.readers import reader_rows

    target = _target(paths, given)
    return reader_rows(read_readers(paths, target, given["rois"]), target.geometry)


def _pairs_of_case(runs: Mapping[str, Path], given: Mapping[str, Any]) -> list[dict[str, Any]]:
    from biomarker_cli.multicentre.reader_runs import kept_reader_rows

    return kept_reader_rows(runs, given["case_id"], given["rois"])


def _target(paths: Mapping[str, Path], given: Mapping[str, Any]) -> ImageTarget:
    from biomarker_cli.multicentre.reader_masks import grid_of
    from biomarker_cli.regions.image_target import image_target

    segmentations = list(paths.values())
    if given["image"] is None:
        return grid_of(segmentations)
    with progress("reading headers", "files") as advance:
        target, _ = image_target(given["image"], given["series"], segmentations[0], advance)
    return target


def _write(rows: Sequence[Mapping[str, Any]], table: Table, folder: Path | None) -> None:
    from biomarker_cli.tables.writing import write_table

    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        note(f"written: {write_table(table, rows, folder)}")


def _shown(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _print_pairs(rows: Sequence[Mapping[str, Any]]) -> None:
    names = (
        "dice",
        "surface 1 mm",
        "2 mm",
        "3 mm",
        "mean mm",
        "HD95 mm",
        "volume %",
        "centroid mm",
    )
    columns = (
        ("dice", 3),
        *((f"surface_dice_{t}mm", 3) for t in (1, 2, 3)),
        ("mean_surface_distance_mm", 2),
        ("hausdorff95_mm", 2),
        ("volume_difference_percent", 1),
        ("centroid_distance_mm", 2),
    )
    table = Listing("", ("roi", "readers", *names, "what"))
    for row in rows[:MOST_SHOWN]:
        cells = (_shown(row.get(name), digits) for name, digits in columns)
        what = " ".join(filter(None, (row["status"], row["reason"])))
        table.add_row(row["roi_id"], f"{row['reader_a']} - {row['reader_b']}", *cells, what)
    table.print()
    _say_more(rows)
    for flag in sorted({flag for row in rows for flag in row["flags"].split(";") if flag}):
        note(f"{flag}: one slice more or less is farther than that")


def _print_features(rows: Sequence[Mapping[str, Any]]) -> None:
    table = Listing("", ("roi", "feature", "cases", "ICC(A,1)", "95 % limits", "why not"))
    for row in rows[:MOST_SHOWN]:
        limits = f"{_shown(row.get('ci95_low'), 3)} {_shown(row.get('ci95_high'), 3)}"
        cells = (str(row["n_targets"]), _shown(row.get("icc_a_1"), 3), limits, row["reason"])
        table.add_row(row["roi_id"], row["feature_id"], *cells)
    table.print()
    _say_more(rows)


def _say_more(rows: Sequence[Mapping[str, Any]]) -> None:
    if len(rows) > MOST_SHOWN:
        note(f"and {len(rows) - MOST_SHOWN} more: -o and --format json give them")


def _exit_code(rows: Sequence[Mapping[str, Any]]) -> ExitCode:
    from biomarker_cli.model.exit_codes import ExitCode

    n_failed = sum(row["status"] == "failed" for row in rows)
    if not n_failed:
        return ExitCode.DONE
    return ExitCode.FAILED if n_failed == len(rows) else ExitCode.PARTIAL
