"""``biomarker response DIR``: judge the lesions of a run, with the ledger of a person."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

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
  biomarker response results --criterion recist-1.1 --ledger lesions.csv -o response
  biomarker response results --criterion recist-1.1 --criterion percist-1.0 \\
      --ledger anna.csv --ledger ben.csv --subjects subjects.csv -o response

Exit codes: 0 done, 2 a ledger or policy that cannot be used, 3 no such run, 5 some
subjects cannot be judged, 6 none can.
"""


@strict_command(epilog=_EPILOG, needs=JUDGING_NEEDS)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--ledger",
    "ledgers",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Lesion ledger; DIR/lesions.csv without it. Repeat it: one of each reader.",
)
@judging_options
@click.pass_context
def judge(context: click.Context, /, folder: Path, **given: Any) -> None:
    """Judge the lesions that a run measured, visit by visit.

    The ledger tells what no mask can: which lesion is a target, what became of it,
    what is new. `response init DIR` proposes one. Several ledgers are those of several
    readers, and their agreement is written as well.
    """
    from biomarker_cli.response.judging import judge as judge_courses
    from biomarker_cli.response.ledger import read_ledger
    from biomarker_cli.response.measured_run import MeasuredRun
    from biomarker_cli.response.run_courses import RunSource, axis_of, run_courses

    require_output(given)
    criteria = load_criteria(given["criteria"])
    choices = choices_of(given)
    ledgers = given["ledgers"] or (folder / "lesions.csv",)
    run = MeasuredRun(folder)
    names = [path.stem if len(ledgers) > 1 else "" for path in ledgers]
    if len(set(names)) < len(names):
        raise click.UsageError("two ledgers have one name: it is that of the reader")
    pairs = zip(ledgers, names, strict=True)
    rows = [row for path, name in pairs for row in read_ledger(path, name)]
    source = RunSource(run, choices.subjects)
    choices = replace(choices, axis=axis_of(source, rows))
    outcomes = [(one, run_courses(source, rows, one)) for one in criteria]
    inputs = [folder / "measurements.csv", *ledgers]
    inputs += [given["subjects"]] if given["subjects"] else []
    finish(context, judge_courses(outcomes, choices), criteria, given, inputs)
