"""Read label images: NIfTI, NRRD, MetaImage, and the .seg.nrrd of 3D Slicer.

Every whole number but 0 is a label. A single label 1 without a name is named
like the file. Names come from the header of a .seg.nrrd, or from a table beside
the file: ``NAME.labels.csv`` with the columns ``value`` and ``name``.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from biomarker_cli.imaging.files import IMAGE_SUFFIXES, read_image_file
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Crop
from biomarker_cli.model.quantity import UNITLESS
from biomarker_cli.regions.entries import Drawing, References, RoiEntry
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.grids import transfer
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

_KIND_OF_SUFFIX = {
    ".nii": "nifti",
    ".nii.gz": "nifti",
    ".nrrd": "nrrd",
    ".nhdr": "nrrd",
    ".mha": "mha",
    ".mhd": "mha",
}

MOST_LABELS = 1000
"""More different values than this are an image, not labels."""


@dataclass(frozen=True)
class LabelImage:
    """An image whose whole numbers name structures.

    Attributes
    ----------
    path : Path
    kind : str
    array : ndarray of int, shape (z, y, x)
    geometry : Geometry
    names : mapping
        Name of each label value.
    """

    path: Path
    kind: str
    array: npt.NDArray[Any]
    geometry: Geometry
    names: Mapping[int, str]
    uid = ""

    @cached_property
    def entries(self) -> tuple[RoiEntry, ...]:
        """The label values that occur, and named ones that do not."""
        present = [int(v) for v in np.unique(self.array) if v != 0]
        if len(present) > MOST_LABELS:
            raise RegionError(
                "REGION-LABELS",
                f"expected at most {MOST_LABELS} labels, found {len(present)} different values",
                where=self.path.name,
                hint="This looks like an image, not like a mask.",
            )
        only = len(present) == 1 and not self.names
        return tuple(
            RoiEntry(
                number=value,
                label=self.names.get(value) or (stem(self.path) if only else f"label_{value}"),
                detail="label" if value in present else "label without a voxel",
            )
            for value in sorted({*present, *self.names})
        )

    def references(self, _entry: RoiEntry, /) -> References:
        """Return nothing: these files do not say what they were made on."""
        return References()

    def draw(self, entry: RoiEntry, target: ImageTarget, rules: RegionRules) -> Drawing:
        """Return the voxels of a label on the grid of an image."""
        crop = Crop(self.array == entry.number)
        return transfer(crop, self.geometry, target.geometry, rules, entry.label)


def stem(path: Path) -> str:
    """Return the name of a file without the suffixes of its format."""
    name = path.name
    for suffix in sorted(IMAGE_SUFFIXES, key=len, reverse=True):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def open_label_image(path: Path) -> LabelImage:
    """Open a label image with its names.

    Raises
    ------
    ImageFileError
        Where the file cannot be read.
    RegionError
        ``REGION-LABELS`` where its values are no whole numbers.
    """
    volume = read_image_file(path, UNITLESS)
    array = volume.array
    if array.dtype.kind == "f":
        whole = np.rint(array)
        if not np.array_equal(whole, array):
            raise RegionError(
                "REGION-LABELS",
                "expected whole numbers, found values between them",
                where=path.name,
                hint="Cut a probability map into a label image first.",
            )
        array = whole.astype(np.int64)
    suffix = path.name[len(stem(path)) :].lower()
    return LabelImage(path, _KIND_OF_SUFFIX[suffix], array, volume.geometry, _sidecar_names(path))


def _sidecar_names(path: Path) -> dict[int, str]:
    sidecar = path.with_name(f"{stem(path)}.labels.csv")
    if not sidecar.is_file():
        return {}
    try:
        with sidecar.open(encoding="utf-8", newline="") as file:
            return {int(row["value"]): row["name"].strip() for row in csv.DictReader(file)}
    except (AttributeError, KeyError, TypeError, UnicodeDecodeError, ValueError) as error:
        raise RegionError(
            "REGION-LABEL-TABLE",
            "expected the columns value and name, with a whole number and a name in every row",
            where=sidecar.name,
        ) from error
