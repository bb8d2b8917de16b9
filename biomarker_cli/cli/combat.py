"""``biomarker combat``: fit, apply and judge a harmonisation of centres."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.new_files import require_free, require_new_file
from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, print_json, say, say_left_out
from biomarker_cli.cli.strict_command import StrictCommand
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.multicentre.combat_model import Harmonised
    from biomarker_cli.multicentre.observations import Observations
    from biomarker_cli.tables.schema import Table

MOST_SHOWN = 500
"""Rows that are laid out for a terminal; table and JSON hold all."""

_EPILOG = """\b
Examples:
  biomarker combat fit training --batch site_id --covariates subjects.csv \\
      --covariate age --covariate sex -o combat.json
  biomarker combat apply testing --model combat.json --covariates subjects.csv -o harmonised
  biomarker combat report testing --model combat.json --covariates subjects.csv
"""

_FIT_EPILOG = """\b
Examples:
  biomarker combat fit results --batch site_id --feature 'original.*' -o combat.json
  biomarker combat fit results --batch scanner --reference 'Maker|Model|1' -o combat.json
  biomarker combat fit results --batch protocol --covariates subjects.csv \\
      --covariate age --covariate grade:categorical --mode nonparametric -o combat.json
"""

_APPLY_EPILOG = """\b
Examples:
  biomarker combat apply testing --model combat.json -o harmonised
  biomarker repeatability harmonised/harmonised.csv
"""

_REPORT_EPILOG = """\b
Examples:
  biomarker combat report results --model combat.json
  biomarker combat report results --model combat.json --format json
"""


@click.group(epilog=_EPILOG)
def combat() -> None:
    """Take the effect of centre, scanner or protocol out of values, by ComBat.

    Fit on training data, apply to others. Harmonised values go to harmonised.csv
    with the digest of the model, never into measurements.csv.
    """


def _input_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what every command reads."""
    for option in reversed(
        (
            click.argument(
                "tables",
                metavar="TABLE...",
                nargs=-1,
                required=True,
                type=click.Path(path_type=Path),
            ),
            click.option(
                "--covariates",
                metavar="FILE.csv",
                type=click.Path(path_type=Path),
                help="Table by subject_id (site_id, timepoint) with batch or covariates.",
            ),
            click.option(
                "--feature", "features", metavar="PATTERN", multiple=True, help="Only these."
            ),
            click.option("--roi", "rois", metavar="PATTERN", multiple=True, help="Only these."),
        )
    ):
        command = option(command)
    return command


_model_option = click.option(
    "--model",
    metavar="FILE.json",
    required=True,
    type=click.Path(path_type=Path),
    help="As `biomarker combat fit -o` writes it.",
)


@combat.command(cls=StrictCommand, epilog=_FIT_EPILOG, needs={"--stop": "--mode parametric"})
@_input_options
@click.option(
    "--batch", metavar="COLUMN", required=True, help="site_id, scanner, or one of --covariates."
)
@click.option(
    "--covariate",
    "kept",
    metavar="NAME[:categorical]",
    multiple=True,
    help="Column of --covariates whose effect is to survive; repeat it.",
)
@click.option(
    "--mode",
    type=click.Choice(["parametric", "nonparametric", "no-eb", "mean-only"]),
    default="parametric",
    show_default=True,
    help="How location and scale of a batch are estimated.",
)
@click.option("--reference", metavar="BATCH", default="", help="Batch that stays as it is.")
@click.option(
    "--stop",
    type=click.Choice(["usual", "converged"]),
    default="usual",
    show_default=True,
    help="When the parametric iteration ends: at a change of 1e-4, as elsewhere, or of 1e-12.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="Model file to write."
)
@format_option
def fit(output_format: str, **given: Any) -> None:
    """Fit a model and write it as a file, with a summary of its data and its limits.

    A sample without any usable value is left out and named; one that lacks some is
    refused.
    """
    from biomarker_cli.multicentre.combat import CombatRules
    from biomarker_cli.multicentre.combat_model import CombatPlan, fit_model
    from biomarker_cli.multicentre.combat_report import left_out_notes, repeated_note
    from biomarker_cli.multicentre.combat_samples import (
        of_usable,
        require_covariates_used,
        strata_of,
    )
    from biomarker_cli.tables.writing import write_json

    output: Path = given["output"]
    require_new_file(output)
    kept = (text.partition(":")[0] for text in given["kept"])
    require_covariates_used(given["covariates"], (given["batch"], *kept))
    observations = _observations(given)
    say_left_out(observations.left_out)
    strata = strata_of(of_usable(observations), given["covariates"])
    rules = CombatRules(given["mode"], given["reference"], given["stop"])
    plan = CombatPlan(given["batch"], given["kept"], rules)
    model = fit_model(strata, plan, observations.taken.analyses)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_json(model, output)
    if output_format == "json":
        print_json(model)
    else:
        _print_model(model)
    for stratum in strata:
        for note in left_out_notes(stratum):
            say(note, err=True)
        if stratum.n_repeated:
            say(repeated_note(stratum.name, stratum.n_repeated), err=True)
    say(f"written: {output}", err=True)


def _print_model(model: dict[str, Any]) -> None:
    from biomarker_cli.multicentre.combat_model import FEW_SAMPLES

    table = Listing("", ("analysis", "roi", "batch", "samples", "features", "what"))
    for one in model["strata"]:
        for batch in one["batches"]:
            what = []
            if batch["name"] == model["reference"]:
                what.append("reference")
            if batch["n"] < FEW_SAMPLES:
                what.append("few: its scale is poorly known")
            cells = (str(batch["n"]), str(len(one["features"])), ", ".join(what))
            table.add_row(one["analysis_id"], one["roi_id"], batch["name"], *cells)
    table.print()
    say(f"model {model['sha256']}")


@combat.command(cls=StrictCommand, epilog=_APPLY_EPILOG)
@_input_options
@_model_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for harmonised.csv.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier table in that folder.")
@format_option
def apply(output_format: str, **given: Any) -> None:
    """Harmonise values by a fitted model; refuse what it was not fitted for.

    A value that is not usable is harmonised as well, and its row says so.
    """
    from biomarker_cli.multicentre.combat_model import HARMONISED, harmonised_rows

    require_free(given["output"], HARMONISED.file_name, overwrite=given["overwrite"])
    model, found = _harmonised(given, _observations(given))
    rows = list(harmonised_rows(found, model))
    _write(rows, HARMONISED, given["output"])
    n_samples = sum(len(one.samples.batch) for one in found)
    if output_format == "json":
        print_json(rows)
    else:
        said = f"{counted(n_samples, 'sample')}, {counted(len(rows), 'value')} harmonised"
        say(f"{said} by {model['sha256'][:12]}")
    _say_notes(found, model)


@combat.command(cls=StrictCommand, epilog=_REPORT_EPILOG, needs={"--overwrite": "--output"})
@_input_options
@_model_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Folder for combat_report.csv."
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier table in that folder.")
@format_option
def report(output_format: str, **given: Any) -> None:
    """Tell how much of the batch was taken away, and what became of the covariates.

    Of samples whose values are usable.
    """
    from biomarker_cli.multicentre.combat_report import COMBAT_REPORT, report_rows
    from biomarker_cli.multicentre.combat_samples import of_usable

    if given["output"] is not None:
        require_free(given["output"], COMBAT_REPORT.file_name, overwrite=given["overwrite"])
    observations = _observations(given)
    say_left_out(observations.left_out)
    model, found = _harmonised(given, of_usable(observations))
    rows = list(report_rows(found))
    if given["output"] is not None:
        _write(rows, COMBAT_REPORT, given["output"])
    if output_format == "json":
        print_json(rows)
    else:
        _print_report(rows)
    _say_notes(found, model)


def _observations(given: dict[str, Any]) -> Observations:
    from biomarker_cli.multicentre.observations import Observations, read_observations, selected

    frame = read_observations(given["tables"]).frame
    return Observations(selected(frame, given["features"], given["rois"]))


def _harmonised(
    given: dict[str, Any], observations: Observations
) -> tuple[dict[str, Any], list[Harmonised]]:
    from biomarker_cli.multicentre.combat_model import apply_model, load_model
    from biomarker_cli.multicentre.combat_samples import require_covariates_used, strata_of

    model = load_model(given["model"])
    kept = (one["name"] for stratum in model["strata"] for one in stratum["covariates"])
    require_covariates_used(given["covariates"], (model["batch"], *kept))
    strata = strata_of(observations, given["covariates"])
    return model, apply_model(model, strata, observations.analyses)


def _write(rows: Sequence[dict[str, Any]], table: Table, folder: Path) -> None:
    from biomarker_cli.tables.writing import write_table

    folder.mkdir(parents=True, exist_ok=True)
    say(f"written: {write_table(table, rows, folder)}", err=True)


def _say_notes(found: Sequence[Harmonised], model: dict[str, Any]) -> None:
    from biomarker_cli.multicentre.combat_report import notes

    for note in notes(found, model):
        say(note, err=True)


def _print_report(rows: Sequence[dict[str, Any]]) -> None:
    table = Listing("", ("roi", "feature", "effect of", "statistic", "before", "after"))
    shown = [row for row in rows if row["statistic"] not in {"kruskal_h", "variance_explained"}]
    for row in shown[:MOST_SHOWN]:
        sides = ("-" if row[s] is None else f"{row[s]:.3g}" for s in ("before", "after"))
        table.add_row(row["roi_id"], row["feature_id"], row["term"], row["statistic"], *sides)
    table.print()
    if len(shown) > MOST_SHOWN:
        say(f"and {len(shown) - MOST_SHOWN} more: -o and --format json give them", err=True)
