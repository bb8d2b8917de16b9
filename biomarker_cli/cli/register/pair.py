"""``biomarker register pair``: the transform between two images, and whether to believe it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.new_files import require_free
from biomarker_cli.cli.options import format_option, quiet_option
from biomarker_cli.cli.output import Listing, note, print_json, say
from biomarker_cli.cli.register.files import write_registration, write_tables
from biomarker_cli.cli.register.images import (
    image_options,
    regions_on,
    transform_at,
    transform_option,
    volumes_of,
)
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from biomarker_cli.imaging.volume import Volume
    from biomarker_cli.registration.registering import Registration

_EPILOG = """\b
Examples:
  biomarker register ct_baseline/ ct_month3/ --protocol rigid-same-modality
  biomarker register ct/ mr/ --protocol rigid-mr-ct --mask gtv.dcm -o registered
  biomarker register ct_planning/ ct_week3/ --protocol demons-ct-ct -o registered
  biomarker register a.nii.gz b.nii.gz --quantity hu --protocol rigid-same-modality
  biomarker register ct/ mr/ --protocol none --transform approved.tfm -o registered

With -o the folder gets registration.csv, overlay.png, transform.tfm, which leads a point of
FIXED to the same anatomy in MOVING (LPS mm, as ITK resamples), and, of two DICOM
series that name two frames of reference, transform.dcm (Spatial Registration),
unless a check failed. A deformation is displacement.nii.gz in place of both
transforms: vectors in LPS mm, as ITK reads a displacement field.

Exit codes: 0 done, 2 a bad protocol, 3 no such image, 5 a check asks for a person, 6
a check failed or there is no result.
"""

_SHOWN = (
    ("overlap_percent", "overlap %"),
    ("displacement_mm", "moved mm"),
    ("restart_spread_mm", "spread mm"),
    ("inverse_consistency_mm", "inverse mm"),
)

_EXIT = {"ok": ExitCode.DONE, "review": ExitCode.PARTIAL, "failed": ExitCode.FAILED}


@strict_command(
    epilog=_EPILOG,
    needs=dict.fromkeys(("--identity", "--resampled", "--overwrite"), "--output"),
)
@click.option(
    "--protocol",
    metavar="ID[@V]|FILE",
    required=True,
    help="Registration protocol. `biomarker protocol list --kind registration` shows them.",
)
@image_options
@transform_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the files.")
@click.option(
    "--identity",
    type=click.Choice(["study", "keep"]),
    default="study",
    show_default=True,
    help="Whom transform.dcm names: a subject and UIDs of ours, or those of the source.",
)
@click.option("--resampled", is_flag=True, help="Also write MOVING on the grid of FIXED, as NIfTI.")
@click.option("--overwrite", is_flag=True, help="Replace earlier files in that folder.")
@quiet_option
@format_option
@click.pass_context
def pair(
    context: click.Context,
    /,
    protocol: str,
    output: Path | None,
    overwrite: bool,
    identity: str,
    output_format: str,
    **given: Any,
) -> None:
    """Register two images of a subject, and say whether to believe it.

    The transform is found from the geometry of the headers on, and again from moved
    starts, backwards, and with left and right exchanged; each figure is held against
    the limits of the protocol.
    """
    from biomarker_cli.registration.registering import register
    from biomarker_cli.registration.rules import load_registration
    from biomarker_cli.registration.tables import FILES, REGISTRATION, registration_rows

    loaded = load_registration(protocol)
    for name in FILES:
        require_free(output, name, overwrite=overwrite)
    fixed, moving = volumes_of(given)
    regions = regions_on(given["mask"], fixed)
    transform = transform_at(given["transform"], fixed, moving)
    found = register(fixed, moving, loaded, regions, transform)
    rows = registration_rows(found, fixed, moving)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        write_registration(found, fixed, moving, regions, output)
        write_tables({REGISTRATION: rows}, output)
        _write_object(found, fixed, moving, output, keep=identity == "keep")
        _write_resampled(found, fixed, moving, output, wanted=given["resampled"])
        note(f"written: {output}")
    if output_format == "json":
        print_json(rows)
    else:
        _print_text(found, rows)
    context.exit(_EXIT[found.status])


def _write_object(
    found: Registration, fixed: Volume, moving: Volume, folder: Path, *, keep: bool
) -> None:
    """Write a rigid transform as DICOM where two frames are named and no check has failed.

    An archive would not show the checks beside it.
    """
    from biomarker_cli.registration.leaving import identity_of
    from biomarker_cli.registration.pairs import frame_of_reference_of
    from biomarker_cli.registration.spatial_objects import write_spatial_registration
    from biomarker_cli.registration.tables import OBJECT_FILE

    (folder / OBJECT_FILE).unlink(missing_ok=True)
    frames = {frame_of_reference_of(one) for one in (fixed, moving)} - {""}
    if found.status == "failed" or found.deformation is not None or len(frames) != 2:
        return
    identity = identity_of((fixed, moving), keep=keep)
    write_spatial_registration(
        found.matrix, fixed, moving, folder / OBJECT_FILE, identity, found.registration_id
    )


def _write_resampled(
    found: Registration, fixed: Volume, moving: Volume, folder: Path, *, wanted: bool
) -> None:
    from biomarker_cli.imaging.files import write_nifti
    from biomarker_cli.registration.anatomy import on_grid
    from biomarker_cli.registration.tables import RESAMPLED_FILE

    (folder / RESAMPLED_FILE).unlink(missing_ok=True)
    if wanted:
        array = on_grid(moving, fixed, found.way)
        write_nifti(array, fixed.geometry, folder / RESAMPLED_FILE)


def _print_text(found: Registration, rows: Sequence[dict[str, Any]]) -> None:
    table = Listing("", ("roi", *(title for _, title in _SHOWN), "status"), whole=("status",))
    for row in rows:
        cells = ("-" if row[name] is None else f"{row[name]:.2f}" for name, _ in _SHOWN)
        table.add_row(row["roi_id"] or "(body)", *cells, row["status"])
    table.print()
    for row in rows:
        if row["checks"]:
            note(f"{row['roi_id'] or '(body)'}: {row['checks']}")
    say(f"{found.protocol.ident}: {found.status}, turned by {found.rotation_deg:.2f} degrees")
