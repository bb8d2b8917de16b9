"""``biomarker export seg``: the regions that were measured, as DICOM Segmentations."""

from __future__ import annotations

from typing import Any

import click

from biomarker_cli.cli.export.handing_out import ObjectOrder, handing_out_options, say_objects
from biomarker_cli.cli.strict_command import strict_command

_EPILOG = """\b
Examples:
  biomarker export seg results --study study.yaml -o objects
  biomarker export seg results --image archive --identity keep -o objects

Exit codes: 5 where a case could not be handed out, 6 where none could.
"""


@strict_command(epilog=_EPILOG)
@handing_out_options
@click.pass_context
def seg(context: click.Context, /, **given: Any) -> None:
    """Write the measured mask of each region as a segment, one SEG for each image.

    The run must have kept its masks (`keep: [masks]` in the study). TrackingUIDs of
    segments that were imported stay; under --identity study they are mapped as all UIDs.
    """
    from biomarker_cli.exchange.results.handing_out import export_segmentations

    order = ObjectOrder(**given)
    outgoing, cases = order.outgoing()
    rows = export_segmentations(outgoing, order.output, cases)
    context.exit(say_objects(rows, order, "segmentation"))
