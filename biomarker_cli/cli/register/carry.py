"""``biomarker register carry``: a mask of one image, on the grid of another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.new_files import require_free
from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, nothing_found, print_json, say
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

    from biomarker_cli.imaging.region import Region
    from biomarker_cli.regions.rules import RoiNames
    from biomarker_cli.registration.carrying import CarriedMask
    from biomarker_cli.registration.rules import RegistrationProtocol

_EPILOG = """\b
Examples:
  biomarker register carry ct_baseline/ ct_month3/ --mask gtv.dcm \\
      --protocol rigid-same-modality -o carried
  biomarker register carry ct/ mr/ --mask gtv.dcm --protocol rigid-mr-ct \\
      --accept "JD 2026-11-29: femur and lesion agree in overlay.png" -o carried
  biomarker register carry ct_planning/ ct_week3/ --mask organs.dcm \\
      --protocol demons-ct-ct --roi-map study.yaml -o carried

carried.nii.gz holds the masks whose registration and volume are ok, and with --accept
the others. As the mask of a case, its rows have the flag mask_propagated and the
registration, and registration_accepted where a reason was needed.

Exit codes: 0 all carried, 2 a bad protocol, 3 no such image, 5 some were carried, 6
none was.
"""


@strict_command(epilog=_EPILOG)
@image_options
@transform_option
@click.option("--protocol", metavar="ID[@V]|FILE", required=True, help="Registration protocol.")
@click.option(
    "--roi-map",
    type=click.Path(path_type=Path),
    help="How ROIs are called and carried: a study.yaml, or a ROI map of its own.",
)
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

    Rigidly: the mask keeps its shape, and so shows no change of the lesion. Only a ROI
    whose entry in the ROI map says `carry: deformable` is deformed, by a protocol that
    does; `carry: never` is not carried at all. What failed a check, or needs a look, is
    not carried without a reason.
    """
    from biomarker_cli.registration.carried_table import CARRIED, carried_rows, taken, write_masks
    from biomarker_cli.registration.carrying import carry_each
    from biomarker_cli.registration.registering import register
    from biomarker_cli.registration.rules import load_registration
    from biomarker_cli.registration.tables import REGISTRATION, registration_rows

    if given["mask"] is None:
        raise click.UsageError("Name the segmentation on FIXED with --mask.")
    loaded = load_registration(protocol)
    _require_free(output, overwrite=overwrite)
    fixed, moving = volumes_of(given)
    names = _names(given["roi_map"])
    regions = _wanted(regions_on(given["mask"], fixed, names), given["rois"], given["mask"])
    _require_one(regions, names, loaded)
    transform = transform_at(given["transform"], fixed, moving)
    found = register(fixed, moving, loaded, regions, transform)
    masks, refused = carry_each(regions, found, moving.geometry, names.carry_of)
    reason = accept.strip()
    rows = carried_rows(found, masks, reason, refused)
    output.mkdir(parents=True, exist_ok=True)
    write_masks(found, masks, reason, moving.geometry, output)
    write_registration(found, fixed, moving, regions, output)
    write_tables({REGISTRATION: registration_rows(found, fixed, moving), CARRIED: rows}, output)
    if output_format == "json":
        print_json(rows)
    else:
        _print_text(masks)
    for one in refused:
        say(str(one.error), err=True)
    say(f"written: {output}", err=True)
    n_taken = len(taken(masks, reason))
    if n_taken < len(masks) and not reason:
        say(
            f"  next   Look at {output / 'overlay.png'}; who takes the others says so: "
            "--overwrite --accept REASON.",
            err=True,
        )
    whole = ExitCode.DONE if n_taken == len(regions) else ExitCode.PARTIAL
    context.exit(whole if n_taken else ExitCode.FAILED)


def _names(path: Path | None) -> RoiNames:
    from biomarker_cli.regions.roi_maps import load_roi_map
    from biomarker_cli.regions.rules import RoiNames

    return RoiNames({}) if path is None else load_roi_map(path)


def _require_one(
    regions: Sequence[Region], names: RoiNames, protocol: RegistrationProtocol
) -> None:
    """Refuse before anything is aligned where no region may be carried."""
    from biomarker_cli.registration.carry_rules import require_carried
    from biomarker_cli.registration.errors import RegistrationError

    refusals = []
    for one in regions:
        try:
            require_carried(one.name, names.carry_of(one.name), protocol)
        except RegistrationError as error:
            refusals.append(error)
    if len(refusals) == len(regions):
        raise refusals[0]


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
