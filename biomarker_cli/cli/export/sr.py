"""``biomarker export sr``: what was measured, as DICOM structured reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from biomarker_cli.cli.export.handing_out import ObjectOrder, handing_out_options, say_objects
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.usability import Least

_EPILOG = """\b
Examples:
  biomarker export sr results --study study.yaml -o objects
  biomarker export sr results --study study.yaml --usable yes -o objects
  biomarker export sr results --study study.yaml --response response -o objects
  biomarker export sr results --image archive --identity keep -o objects

Exit codes: 5 where a case could not be handed out, 6 where none could.
"""


@strict_command(epilog=_EPILOG)
@handing_out_options
@click.option(
    "--usable",
    type=click.Choice(get_args(Least)),
    default="caution",
    show_default=True,
    help="Values that leave: usable ones, also those under caution, or all there are.",
)
@click.option(
    "--response",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder that `biomarker response` wrote of the run: its calls leave as well.",
)
@click.option(
    "--maps", is_flag=True, help="Kept maps leave as Parametric Maps, to which numbers refer."
)
@click.pass_context
def sr(
    context: click.Context, /, usable: Least, response: Path | None, maps: bool, **given: Any
) -> None:
    """Write a report (TID 1500) of each case, and the SEG of the regions it refers to.

    Each number has its code, its unit and all its digits; analysis and feature stand
    beside it as parameters of the algorithm. The run must have kept its masks
    (`keep: [masks]` in the study).
    """
    from biomarker_cli.exchange.results.reporting import ReportRules, export_reports

    order = ObjectOrder(**given)
    outgoing, cases = order.outgoing()
    rows = export_reports(outgoing, order.output, cases, ReportRules(usable, response, maps))
    context.exit(say_objects(rows, order, "object"))
