"""``biomarker response from-table``: judge readings that were measured elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from biomarker_cli.cli.output import nothing_found
from biomarker_cli.cli.response.options import (
    JUDGING_NEEDS,
    choices_of,
    finish,
    judging_options,
    load_criteria,
    require_output,
)
from biomarker_cli.cli.strict_command import strict_command

_EPILOG = """\b
Examples:
  biomarker response from-table readings.csv --criterion recist-1.1 -o response
  biomarker response from-table readings.csv --criterion recist-1.1@1.0.0 \\
      --policy confirmation=required --policy confirm=28 --format json

Columns: subject_id, timepoint (BL is the baseline), day, target (a sum, diameters
such as 20x15, or T1=21;N2=18), and where there are any criterion, organ, non_target,
new_lesion, new_lesion_sizes, extra, reader. Others are not read.

Exit codes: 0 done, 2 a table or policy that cannot be used, 3 no row of the
criterion, 5 some subjects cannot be judged, 6 none can.
"""


@strict_command("from-table", epilog=_EPILOG, needs=JUDGING_NEEDS)
@click.argument("table", metavar="FILE", type=click.Path(path_type=Path))
@judging_options
@click.pass_context
def from_table(context: click.Context, /, table: Path, **given: Any) -> None:
    """Judge a table of sizes from a report form or reading software.

    Rows are taken whose column criterion names the criterion, or is empty.
    """
    from biomarker_cli.response.from_table import read_rows, table_courses, unknown_criteria
    from biomarker_cli.response.judging import judge

    require_output(given)
    criteria = load_criteria(given["criteria"])
    choices = choices_of(given)
    rows = read_rows(table)
    unknown = unknown_criteria(rows, criteria)
    outcomes = [(one, table_courses(rows, one, unknown)) for one in criteria]
    if not any(courses for _, courses in outcomes):
        names = ", ".join(one.file.id for one in criteria)
        raise nothing_found(
            f"row of {names}", [table], hint="The column criterion names others, or nothing."
        )
    inputs = [table, *([given["subjects"]] if given["subjects"] else [])]
    finish(context, judge(outcomes, choices), criteria, given, inputs)
