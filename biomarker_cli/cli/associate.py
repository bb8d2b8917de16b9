"""``biomarker associate``: hold features against an outcome, as a plan says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.new_files import require_free
from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.evidence.associating import Evidence

MOST_SHOWN = 200
"""Rows that are laid out for a terminal; the table holds all."""

_EPILOG = """\b
Examples:
  biomarker associate evidence --plan plan.yaml -o association
  biomarker associate testing --plan plan.yaml --harmonised harmonised/harmonised.csv \\
      --model combat.json -o association

Needs statsmodels: pip install 'biomarker-cli[evidence]'.
Exit codes: 5 where the planned test of a feature is undefined, 6 where every one is.
"""


@strict_command(epilog=_EPILOG, needs={"--harmonised": "--model", "--model": "--harmonised"})
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--plan",
    "plan_file",
    metavar="FILE.yaml",
    required=True,
    type=click.Path(path_type=Path),
    help="Features, endpoint, covariates and the test, named before data are opened.",
)
@click.option(
    "--harmonised",
    "harmonised_file",
    metavar="FILE.csv",
    type=click.Path(path_type=Path),
    help="Values of `biomarker combat apply` in the place of the measured ones.",
)
@click.option(
    "--model",
    metavar="FILE.json",
    type=click.Path(path_type=Path),
    help="The model that made them: refused where it was fitted on these rows.",
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder for associations.csv and its neighbours.",
)
@click.option("--overwrite", is_flag=True, help="Replace earlier tables in that folder.")
@format_option
def associate(folder: Path, plan_file: Path, output_format: str, **given: Any) -> int:
    """Hold the features of DIR against an outcome that was joined to it.

    The unit is the subject. AUC with DeLong's interval, sensitivity and
    specificity at a stated threshold, Spearman's correlation, C-index, odds and
    hazard ratios, and what a feature adds to covariates: of all subjects, of
    each site, and combined. Rows that may not be pooled are left out and
    counted. The digest of the plan stands on every row.
    """
    from biomarker_cli.evidence.associating import associate as carry_out
    from biomarker_cli.evidence.associating import association_rows, flow_rows, write_evidence
    from biomarker_cli.evidence.association_plan import load_plan
    from biomarker_cli.evidence.association_tables import ASSOCIATIONS
    from biomarker_cli.evidence.harmonised_values import load_harmonisation

    output: Path = given["output"]
    # Before anything of the data is opened.
    plan, plan_sha256 = load_plan(plan_file)
    require_free(output, ASSOCIATIONS.file_name, overwrite=given["overwrite"])
    harmonisation = None
    if given["model"] is not None:
        harmonisation = load_harmonisation(given["harmonised_file"], given["model"])
    found = carry_out(folder, plan, plan_sha256, harmonisation)
    write_evidence(found, output)
    rows = association_rows(found)
    if output_format == "json":
        flow = list(flow_rows(found))
        print_json({"plan_sha256": plan_sha256, "associations": rows, "flow": flow})
    else:
        _print_text(found, rows)
    say(f"written: {output}", err=True)
    undefined = [row for row in rows if row["is_planned_test"] and row["p_value"] is None]
    if len(undefined) == len(plan.features):
        return ExitCode.FAILED
    return ExitCode.PARTIAL if undefined else ExitCode.DONE


def _print_text(found: Evidence, rows: list[dict[str, Any]]) -> None:
    plan = found.plan
    say(f"plan {plan.id}, {plan.made}, sha256 {found.plan_sha256}")
    _print_flow(found)
    table = Listing("", ("feature", "scope", "statistic", "value", "95 %", "p", "adjusted", "n"))
    # What a threshold makes of each site, associations.csv has.
    shown = [row for row in rows if row["scope"] != "site" or row["method"] != "count"]
    for row in shown[:MOST_SHOWN]:
        low, high = _said(row["ci95_low"]), _said(row["ci95_high"])
        table.add_row(
            row["name"],
            row["site_id"] or row["scope"],
            row["statistic"],
            _said(row["value"]) or row["status"],
            f"{low} .. {high}" if low and high else "",
            _said(row["p_value"]),
            _said(row["p_adjusted"]),
            str(row["n_subjects"]),
        )
    table.print()
    if len(shown) > MOST_SHOWN:
        say(f"and {len(shown) - MOST_SHOWN} more: associations.csv has all", err=True)
    tests = counted(len(plan.features), "planned test")
    say(f"{tests} ({plan.test}), adjusted by {plan.multiplicity}")
    if plan.made == "post_hoc":
        say("post hoc: the plan was made after the data were seen; nothing here confirms anything")
    for row in rows:
        if row["is_planned_test"] and row["note"]:
            say(f"{row['name']} {row['statistic']}: {row['note']}", err=True)


def _print_flow(found: Evidence) -> None:
    from biomarker_cli.evidence.associating import flow_rows

    flow: dict[str, list[str]] = {}
    for row in flow_rows(found):
        if row["scope"] == "all" and (row["n_subjects"] or row["step"] in {"subjects", "analysed"}):
            flow.setdefault(row["name"], []).append(f"{row['step']} {row['n_subjects']}")
    for name, steps in flow.items():
        say(f"{name}: {', '.join(steps)}")


def _said(number: float | None) -> str:
    return "" if number is None else f"{number:.4g}"
