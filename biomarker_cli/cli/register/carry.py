"""``biomarker register carry``: a mask of one image, on the grid of another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, nothing_found, print_json, require_free, say
from biomarker_cli.cli.register.files import write_registration, write_tables
from biomarker_cli.cli.register.images import (
    image_options,
    regions_on,
    transform_at,
    transform_option,
    volume_at,
)
from biomarker_cli.model.exit_codes import ExitCode

if TYPE_CHECKING:
    from biomarker_cli.imaging.region import Region
    from biomarker_cli.registration.carrying import CarriedMask

_EPILOG = """\b
Examples:
  biomarker register carry ct_baseline/ ct_month3/ --mask gtv.dcm \\
      --protocol rigid-same-modality -o carried
  biomarker register carry ct/ mr/ --mask gtv.dcm --protocol rigid-mr-ct \\
      --accept "JD 2026-11-29: femur and lesion agree in overlay.png" -o carried

carried.nii.gz holds the masks whose registration and volume are ok, and with --accept
the others. As the mask of a case, its rows have the flag mask_propagated and the
registration, and registration_accepted where a reason was needed.

Exit codes: 0 all carried, 2 a bad protocol, 3 no such image, 5 some were carried, 6
none was.
"""


@click.command(epilog=_EPILOG)
@image_options
@transform_option
@click.option("--protocol", metavar="ID[@V]|FILE", required=True, help="Registration protocol.")
@click.option("--roi", "rois", metavar="NAME", multiple=True, help="Only this one; repeat it.")
@click.option("--accept", metavar="REASON", default="", help="Who takes what is not ok, and why.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for the files."
)
@click.option("--overwrite", is_flag=True, help="Replace earlier files in that folder.")
@format_option
@click.pass_context
def carry(
    context: click.Context,
    /,
    protocol: str,
    output: Path,
    accept: str,
    overwrite: bool,
    output_format: str,
    **given: Any,
) -> None:
    """Carry the ROIs of --mask from FIXED to MOVING, as a start for a reader.

    Rigidly: the mask keeps its shape, and so shows no change of the lesion. The image
    stays as it is. What failed a check, or needs a look, is not carried without a reason.
    """
    from biomarker_cli.registration.carried_table import CARRIED, carried_rows, taken, write_masks
    from biomarker_cli.registration.carrying import carry as carry_region
    from biomarker_cli.registration.registering import register
    from biomarker_cli.registration.rules import load_registration
    from biomarker_cli.registration.tables import REGISTRATION, registration_rows

    if given["mask"] is None:
        raise click.UsageError("Name the segmentation on FIXED with --mask.")
    loaded = load_registration(protocol)
    _require_free(output, overwrite=overwrite)
    fixed = volume_at(given["fixed"], given["series"], given["quantity"])
    moving = volume_at(given["moving"], given["moving_series"], given["quantity"])
    regions = _wanted(regions_on(given["mask"], fixed), given["rois"], given["mask"])
    transform = transform_at(given["transform"], fixed, moving)
    found = register(fixed, moving, loaded, regions, transform)
    masks = [carry_region(one, found, moving.geometry) for one in regions]
    reason = accept.strip()
    rows = carried_rows(found, masks, reason)
    output.mkdir(parents=True, exist_ok=True)
    write_masks(found, masks, reason, moving.geometry, output)
    write_registration(found, fixed, moving, regions, output)
    write_tables({REGISTRATION: registration_rows(found, fixed, moving), CARRIED: rows}, output)
    if output_format == "json":
        print_json(rows)
    else:
        _print_text(masks)
    say(f"written: {output}", err=True)
    n_taken = len(taken(masks, reason))
    whole = ExitCode.DONE if n_taken == len(masks) else ExitCode.PARTIAL
    context.exit(whole if n_taken else ExitCode.FAILED)


def _require_free(folder: Path, *, overwrite: bool) -> None:
    from biomarker_cli.registration.carried_table import MASK_FILE, NAMES_FILE
    from biomarker_cli.registration.tables import FILES

    for name in (*FILES, "carried.csv", MASK_FILE, NAMES_FILE):
        require_free(folder, name, overwrite=overwrite)


def _wanted(regions: list[Region], names: tuple[str, ...], mask: Path) -> list[Region]:
    """Return the regions that have voxels and are asked for."""
    found = [one for one in regions if one.n_voxels and (not names or one.name in names)]
    missing = sorted(set(names) - {one.name for one in found})
    if missing or not found:
        raise nothing_found(f"ROI {', '.join(missing)}".strip(), [mask])
    return found


def _print_text(masks: list[CarriedMask]) -> None:
    table = Listing("", ("roi", "mL", "carried mL", "change %", "cut %", "status"))
    for one in masks:
        figures = (
            one.volume_ml,
            one.carried_volume_ml,
            one.volume_change_percent,
            one.cut_percent,
        )
        table.add_row(one.region.name, *(f"{value:.2f}" for value in figures), one.status)
    table.print()
