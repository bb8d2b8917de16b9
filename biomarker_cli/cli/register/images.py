"""The images and the mask of a registration, as its commands name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.output import nothing_found, say

if TYPE_CHECKING:
    from biomarker_cli.imaging.region import Region
    from biomarker_cli.imaging.volume import Volume
    from biomarker_cli.model.arrays import FloatArray
    from biomarker_cli.regions.rules import RoiNames

_OPTIONS = (
    click.argument("fixed", metavar="FIXED", type=click.Path(path_type=Path)),
    click.argument("moving", metavar="MOVING", type=click.Path(path_type=Path)),
    click.option("--series", metavar="UID|VOLUME_ID", default="", help="Which one, in FIXED."),
    click.option(
        "--moving-series", metavar="UID|VOLUME_ID", default="", help="Which one, in MOVING."
    ),
    click.option(
        "--quantity",
        type=click.Choice(["hu", "suvbw", "adc", "signal"]),
        help="What the numbers of files without header mean.",
    ),
    click.option(
        "--mask",
        type=click.Path(path_type=Path),
        help="RTSTRUCT, SEG, NIfTI, NRRD or MHA on FIXED: figures for each of its ROIs.",
    ),
)


def image_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add both images, and what says which of them is meant, to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


transform_option = click.option(
    "--transform",
    type=click.Path(path_type=Path),
    help="ITK text file (.tfm) or Spatial Registration object (DICOM), FIXED to MOVING: judged "
    "instead of one that is found.",
)


def transform_at(path: Path | None, fixed: Volume, moving: Volume) -> FloatArray | None:
    """Return the transform in a file between two volumes; None where none is named."""
    if path is None:
        return None
    from biomarker_cli.registration.given_transforms import read_transform
    from biomarker_cli.registration.pairs import frame_of_reference_of

    if not path.is_file():
        raise nothing_found("transform", [path])
    frames = [frame_of_reference_of(one) for one in (fixed, moving)]
    return read_transform(path, *frames)


def volumes_of(given: Mapping[str, Any]) -> tuple[Volume, Volume]:
    """Return FIXED and MOVING; the quantity is of those that have no header.

    Raises
    ------
    ConfigurationError
        ``QUANTITY-UNUSED`` where both have one; ``SERIES-UNUSED``.
    """
    from biomarker_cli.api.images import read_volume
    from biomarker_cli.imaging.files import is_image_file

    fixed, moving, quantity = given["fixed"], given["moving"], given["quantity"]
    is_declared = is_image_file(fixed) or is_image_file(moving)

    def volume_at(path: Path, series: str) -> Volume:
        declared = quantity if is_image_file(path) or not is_declared else None
        return read_volume(path, series=series, quantity=declared)

    return volume_at(fixed, given["series"]), volume_at(moving, given["moving_series"])


def regions_on(mask: Path | None, fixed: Volume, names: RoiNames | None = None) -> list[Region]:
    """Return the ROIs of a mask that could be imported, called as a map says; others are told."""
    if mask is None:
        return []
    from biomarker_cli.regions.importing import import_regions
    from biomarker_cli.regions.rules import RegionRules
    from biomarker_cli.regions.target import ImageTarget

    results = import_regions(mask, ImageTarget.from_volume(fixed), RegionRules(), names)
    for result in results:
        if result.region is None:
            say(
                f"{result.roi_id}: {result.status} {result.error_code} {result.error_message}",
                err=True,
            )
    regions = [result.region for result in results if result.region is not None]
    if not regions:
        raise nothing_found("ROI on the fixed image", [mask])
    return regions
