"""``biomarker register check``: whether images of one frame of reference lie as they claim."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import print_json, say
from biomarker_cli.cli.register.images import image_options, regions_on, volumes_of
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.exit_codes import ExitCode

_EPILOG = """\b
Examples:
  biomarker register check ct/ pet/
  biomarker register check ct/ mr/ --mask gtv.dcm

plausible: the answers agree within 2 mm, and lie at most 10 mm from the headers;
shifted: they agree, and lie further away; not_assessable: they disagree.

Exit codes: 0 plausible, 2 a bad protocol, 3 no such image, 5 shifted or not
assessable, 6 no common frame of reference or nothing to align.
"""

_SAME, _OTHER = "rigid-same-modality", "rigid-mr-ct"


@strict_command(epilog=_EPILOG)
@image_options
@click.option(
    "--protocol",
    metavar="ID[@V]|FILE",
    help=f"How to align: {_SAME} within one modality, else {_OTHER}.",
)
@format_option
@click.pass_context
def check(
    context: click.Context, /, protocol: str | None, output_format: str, **given: Any
) -> None:
    """Ask whether two images of one frame of reference lie as the headers claim.

    They are aligned by two metrics, values and edges, from three starts each. Nothing
    is moved by the answer.
    """
    from biomarker_cli.registration.pairs import modality_of
    from biomarker_cli.registration.rules import load_registration
    from biomarker_cli.registration.same_frame import check_frame

    fixed, moving = volumes_of(given)
    alike = modality_of(fixed) == modality_of(moving)
    loaded = load_registration(protocol or (_SAME if alike else _OTHER))
    found = check_frame(fixed, moving, loaded, regions_on(given["mask"], fixed))
    if output_format == "json":
        print_json({"protocol_id": loaded.ident, **asdict(found)})
    else:
        shift = "" if found.shift_mm is None else f", {found.shift_mm:.1f} mm from the headers"
        spread = "" if found.spread_mm is None else f"; answers {found.spread_mm:.1f} mm apart"
        say(f"{loaded.ident}: {found.claim}{shift}{spread}")
    context.exit(ExitCode.DONE if found.claim == "plausible" else ExitCode.PARTIAL)
