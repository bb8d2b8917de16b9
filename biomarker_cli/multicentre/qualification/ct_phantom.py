"""The CT phantom of IBSI, which may not be shipped: found below a folder, and read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from biomarker_cli.imaging.files import read_image_file
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU, UNITLESS
from biomarker_cli.multicentre.errors import QualificationError

PLACE = Path("ibsi") / "ct_phantom" / "nifti"
"""Below the folder of the reference data."""

IMAGE = PLACE / "image" / "phantom.nii.gz"
MASK = PLACE / "mask" / "mask.nii.gz"

SHAPE = (60, 201, 204)
N_VOXELS = 125_256
"""Of its region."""

WHERE_FROM = "github.com/theibsi/data_sets"


def ct_phantom_lacks(data: Path | None) -> str:
    """Return what is lacking to read it; empty where nothing is."""
    if data is None:
        return f"need --data DIR with {PLACE} ({WHERE_FROM})"
    absent = [str(path) for path in (IMAGE, MASK) if not (data / path).is_file()]
    return f"no {' and no '.join(absent)} below --data ({WHERE_FROM})" if absent else ""


def ct_phantom(data: Path) -> tuple[Volume, Region]:
    """Return image and region.

    Raises
    ------
    ImageFileError
        Where a file cannot be read.
    QualificationError
        ``VERIFY-DATA`` where it is another image.
    """
    image = read_image_file(data / IMAGE, HU)
    mask = read_image_file(data / MASK, UNITLESS)
    inside = mask.array > 0
    if image.array.shape != SHAPE or inside.shape != SHAPE or np.sum(inside) != N_VOXELS:
        raise QualificationError(
            "VERIFY-DATA",
            f"expected an image of {SHAPE} voxels (z, y, x) with {N_VOXELS} inside, found "
            f"{image.array.shape} with {np.sum(inside)}",
            where=str(data / PLACE),
            hint=f"It is not the CT phantom of IBSI: take it from {WHERE_FROM}.",
        )
    return image, Region(inside, image.geometry, "GTV-1", "gtv-1")
