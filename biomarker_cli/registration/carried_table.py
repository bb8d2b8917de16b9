"""What is written of carried masks: the table, the label image and its names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.outputs import replace_file
from biomarker_cli.registration.carrying import CarriedMask, RefusedMask
from biomarker_cli.registration.checks import VERDICTS
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.registering import Registration
from biomarker_cli.tables.cells import csv_text
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table

MASK_FILE = "carried.nii.gz"
NAMES_FILE = "carried.labels.csv"

_NAMES = ("value", "name", "registration_id", "registration_status")

CARRIED = Table(
    "carried",
    "registration x ROI of a mask that was carried to another image",
    (
        Column("registration_id", "string", "protocol and digest of it and of both images"),
        Column("roi_id", "string", "region of the fixed image"),
        Column(
            "carried_by", "string", "kind of transform; empty for none", ("", "rigid", "deformable")
        ),
        Column("volume_ml", "number", "volume on the fixed image"),
        Column("carried_volume_ml", "number", "volume on the moving image"),
        Column("volume_change_percent", "number", "carried less original, of the original"),
        Column("cut_percent", "number", "voxels that the moving image does not show"),
        Column("status", "string", "the worst of registration and mask", VERDICTS),
        Column("accepted_because", "string", "why a person takes it all the same"),
        Column("error_code", "string", "why it is not carried at all"),
        Column("label_value", "integer", "value in the label image; empty where it is not there"),
    ),
    ("registration_id", "roi_id"),
)


def taken(masks: Sequence[CarriedMask], reason: str) -> list[CarriedMask]:
    """Return the masks that may be measured: those that are ok, and all with a reason."""
    return [one for one in masks if one.region.n_voxels and (one.status == "ok" or reason)]


def carried_rows(
    registration: Registration,
    masks: Sequence[CarriedMask],
    reason: str,
    refused: Sequence[RefusedMask] = (),
) -> list[dict[str, Any]]:
    """Return a row for each mask, and for each that is refused.

    Label values are counted from 1 over the masks that are taken.
    """
    values = {one.region.name: place for place, one in enumerate(taken(masks, reason), 1)}
    by = "rigid" if registration.deformation is None else "deformable"
    rows: list[dict[str, Any]] = [
        {
            "registration_id": registration.registration_id,
            "roi_id": one.region.name,
            "carried_by": by,
            "volume_ml": one.volume_ml,
            "carried_volume_ml": one.carried_volume_ml,
            "volume_change_percent": one.volume_change_percent,
            "cut_percent": one.cut_percent,
            "status": one.status,
            "accepted_because": reason if one.status != "ok" else "",
            "label_value": values.get(one.region.name),
        }
        for one in masks
    ]
    return rows + [
        {
            "registration_id": registration.registration_id,
            "roi_id": one.region.name,
            "volume_ml": one.region.volume_mm3 / 1000.0,
            "status": "failed",
            "error_code": one.error.code,
        }
        for one in refused
    ]


def write_masks(
    registration: Registration,
    masks: Sequence[CarriedMask],
    reason: str,
    target: Geometry,
    folder: Path,
) -> None:
    """Write the masks that are taken as a label image, with their names beside it.

    Where none is taken, an earlier image is gone.

    Raises
    ------
    RegistrationError
        ``REGISTRATION-MASKS-OVERLAP`` where a voxel belongs to two of them.
    """
    labels = np.zeros(target.shape, dtype=np.uint16)
    names = []
    for value, one in enumerate(taken(masks, reason), 1):
        part = labels[one.region.box]
        if (part[one.region.crop.mask] != 0).any():
            raise RegistrationError(
                "REGISTRATION-MASKS-OVERLAP",
                f"{one.region.name} and another region have voxels in common: a label image "
                "holds one value in each",
                hint="Carry them one by one (--roi).",
            )
        part[one.region.crop.mask] = value
        status = "ok" if one.status == "ok" else "accepted"
        words = (str(value), one.region.name, registration.registration_id, status)
        names.append(dict(zip(_NAMES, words, strict=True)))
    for name in (MASK_FILE, NAMES_FILE):
        (folder / name).unlink(missing_ok=True)
    if taken(masks, reason):
        write_nifti(labels, target, folder / MASK_FILE)
        replace_file(folder / NAMES_FILE, csv_text(_NAMES, names).encode())
