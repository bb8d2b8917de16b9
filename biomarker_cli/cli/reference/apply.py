"""``biomarker reference apply``: hold values against the ranges of a cohort."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

from biomarker_cli.cli.new_files import require_new_file, write_new_file
from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

MOST_SHOWN = 500

_EPILOG = """\b
Examples:
  biomarker reference apply pool --reference liver.json -o referenced.csv
  biomarker reference apply pool --reference ranges.json --covariates subjects.csv --format json
"""


@strict_command(epilog=_EPILOG)
@click.argument(
    "tables", metavar="TABLE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--reference",
    "reference_file",
    metavar="FILE.json",
    required=True,
    type=click.Path(path_type=Path),
    help="As `biomarker reference fit` writes it.",
)
@click.option(
    "--feature", "features", metavar="PATTERN", multiple=True, help="Only these; repeat it."
)
@click.option("--roi", "rois", metavar="PATTERN", multiple=True, help="Only these; repeat it.")
@click.option(
    "--covariates",
    metavar="FILE.csv",
    type=click.Path(path_type=Path),
    help="Covariates by subject_id.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write referenced.csv here.")
@format_option
def apply(tables: tuple[Path, ...], reference_file: Path, output_format: str, **given: Any) -> None:
    """Tell where each value stands: z-score, percentile and range, with their limits.

    A value that the reference does not hold for (another analysis or unit, an age that
    it does not reach, a group that it has not) is not_applicable, with the reason.
    """
    from biomarker_cli.multicentre.errors import ReferenceRangeError
    from biomarker_cli.multicentre.observations import Observations, read_observations, selected
    from biomarker_cli.multicentre.reference_ranges import load_reference
    from biomarker_cli.multicentre.referenced import REFERENCED, referenced_rows
    from biomarker_cli.tables.cells import csv_line
    from biomarker_cli.tables.writing import table_lines

    output: Path | None = given["output"]
    if output is not None:
        require_new_file(output)
    reference = load_reference(reference_file)
    if given["covariates"] is not None and not reference.covariates:
        raise ReferenceRangeError(
            "REFERENCE-COVARIATES",
            "there is a table of covariates, and the reference has none",
            where=given["covariates"].name,
            hint="Leave --covariates out, or fit a reference with --by NAME.",
        )
    frame = selected(read_observations(tables).frame, given["features"], given["rois"])
    observations = Observations(frame.reset_index(drop=True))
    rows = referenced_rows(observations, reference, given["covariates"])
    if output is not None:
        write_new_file(output, csv_line(REFERENCED.column_names) + table_lines(REFERENCED, rows))
        say(f"written: {output}", err=True)
    if output_format == "json":
        print_json([{name: row.get(name) for name in REFERENCED.column_names} for row in rows])
        return
    _print(rows)


def _print(rows: list[dict[str, Any]]) -> None:
    table = Listing("", ("subject", "roi", "feature", "value", "range", "z", "%", "verdict"))
    order = {"below": 0, "above": 0, "within": 1, "not_applicable": 2}
    for row in sorted(rows, key=lambda row: order[row["verdict"]])[:MOST_SHOWN]:
        who = "/".join(filter(None, (row["site_id"], row["subject_id"], row["timepoint"])))
        value = "-" if row["value"] is None else f"{row['value']:.4g}"
        cells = ("-", "-", "-")
        if "z" in row:
            cells = (
                f"{row['low']:.4g}..{row['high']:.4g}",
                f"{row['z']:+.2f}",
                f"{row['percentile']:.1f}",
            )
        table.add_row(who, row["roi_id"], row["feature_id"], value, *cells, row["verdict"])
    table.print()
    if len(rows) > MOST_SHOWN:
        say(f"and {len(rows) - MOST_SHOWN} more: -o and --format json give them", err=True)
    outside = sum(row["verdict"] in {"below", "above"} for row in rows)
    judged = sum("z" in row for row in rows)
    say(
        f"{outside} of {counted(judged, 'value')} outside of their range; {0.05 * judged:.1f} of a "
        "cohort like the reference would be (5 %)"
    )
    reasons = Counter(row["reason"] for row in rows if row.get("reason"))
    for reason, number in sorted(reasons.items()):
        say(f"not applicable: {counted(number, 'value')}: {reason}", err=True)
