"""Mosaics: files that hold a whole volume as the tiles of one frame.

Siemens writes ``MOSAIC`` into ImageType, United Imaging (UIH) ``VFRAME``. Both
lay the slices out row by row on a grid of tiles. Siemens gives the position of
the frame as a whole; UIH lists a position for each tile.

References
----------
Siemens: private elements of ``SIEMENS MR HEADER`` and ``SIEMENS CSA HEADER``.
UIH: private elements of ``Image Private Header``.
"""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.private_values import creator_name
from biomarker_cli.model.arrays import AnyArray

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MOSAIC_WORDS = frozenset({"MOSAIC", "VFRAME"})
"""Words of ImageType that name a mosaic."""

SIEMENS_CREATOR = "SIEMENS MR HEADER"
SIEMENS_CSA_CREATOR = "SIEMENS CSA HEADER"
UIH_CREATOR = "Image Private Header"


# What the reader of damaged bytes raises beside its own error.
_CSA_ERRORS = (ValueError, LookupError, TypeError, AssertionError, struct.error)


@dataclass(frozen=True, slots=True)
class Tile:
    """One slice of a mosaic.

    Attributes
    ----------
    top, left : int
        Pixel of the frame where the tile begins.
    rows, columns : int
        Size of the tile.
    overrides : mapping
        Elements, by keyword, that hold for the slice in place of those of the
        frame: position, rows, columns.
    """

    top: int
    left: int
    rows: int
    columns: int
    overrides: Mapping[str, Any]

    def cut(self, frame: AnyArray) -> AnyArray:
        """Return the tile of a frame, shape (rows, columns)."""
        return frame[self.top : self.top + self.rows, self.left : self.left + self.columns]


def is_mosaic(dataset: Dataset) -> bool:
    """Tell whether the one frame of a file is a grid of slices."""
    image_type = dataset.get("ImageType") or ()
    words = {image_type} if isinstance(image_type, str) else set(image_type)
    return bool(words & MOSAIC_WORDS) and int(dataset.get("NumberOfFrames") or 1) == 1


def read_tiles(dataset: Dataset) -> tuple[Tile, ...]:
    """Return the slices of a mosaic, in the order of its tiles.

    Returns
    -------
    tuple of Tile
        Empty where the file is no mosaic.

    Raises
    ------
    HeaderError
        ``MOSAIC-INCOMPLETE`` where the number or the places of the tiles are
        not told: a volume would have to be guessed.
    """
    if not is_mosaic(dataset):
        return ()
    uih = _private(dataset, 0x0065, UIH_CREATOR, 0x51)
    overrides = _uih_slices(uih) if uih else _siemens_slices(dataset)
    return _lay_out(dataset, overrides)


def _lay_out(dataset: Dataset, slices: list[dict[str, Any]]) -> tuple[Tile, ...]:
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    across = math.ceil(math.sqrt(len(slices)))
    # UIH leaves out empty rows of tiles, Siemens keeps the grid square.
    down = across if "MOSAIC" in dataset.ImageType else math.ceil(len(slices) / across)
    if rows % down or columns % across:
        raise _incomplete(f"{len(slices)} slices do not tile a frame of {rows} x {columns}")
    height, width = rows // down, columns // across
    return tuple(
        Tile(
            top=(index // across) * height,
            left=(index % across) * width,
            rows=height,
            columns=width,
            overrides=MappingProxyType({**own, "Rows": height, "Columns": width}),
        )
        for index, own in enumerate(slices)
    )


def _uih_slices(items: Any) -> list[dict[str, Any]]:
    slices = [{e.keyword: e.value for e in item if e.keyword} for item in items]
    if any("ImagePositionPatient" not in own for own in slices):
        raise _incomplete("a tile has no ImagePositionPatient in (0065,xx51)")
    return slices


def _siemens_slices(dataset: Dataset) -> list[dict[str, Any]]:
    csa = siemens_csa(dataset)
    count = _private(dataset, 0x0019, SIEMENS_CREATOR, 0x0A) or next(
        iter(csa.get("NumberOfImagesInMosaic", ())), None
    )
    normal = csa.get("SliceNormalVector", ())
    spacing = dataset.get("SpacingBetweenSlices") or dataset.get("SliceThickness")
    needed = (dataset.get(k) for k in ("ImagePositionPatient", "ImageOrientationPatient"))
    position, orientation = (None if v is None else np.array(v, dtype=np.float64) for v in needed)
    pixel = dataset.get("PixelSpacing")
    if position is None or orientation is None or pixel is None or not spacing:
        raise _incomplete("position, orientation or spacing of the frame is absent")
    if not count or int(count) < 1:
        raise _incomplete("the number of slices, (0019,xx0A), is absent")
    if len(normal) != 3:
        raise _incomplete("SliceNormalVector is absent from (0029,xx10)")
    count = int(count)
    across = math.ceil(math.sqrt(count))
    # The position is that of a frame of full size around the centre of the slice.
    frame = np.array([dataset.Columns, dataset.Rows])
    margin = (frame - frame // across) / 2
    corner = position + (
        orientation[:3] * margin[0] * float(pixel[1])
        + orientation[3:] * margin[1] * float(pixel[0])
    )
    step = np.array(normal, dtype=np.float64) * float(spacing)
    return [{"ImagePositionPatient": (corner + k * step).tolist()} for k in range(count)]


def siemens_csa(dataset: Dataset) -> dict[str, list[Any]]:
    """Return name -> values of the CSA image header, empty where there is none.

    Raises
    ------
    HeaderError
        ``MOSAIC-INCOMPLETE`` where it cannot be read.
    """
    stored = _private(dataset, 0x0029, SIEMENS_CSA_CREATOR, 0x10)
    if not isinstance(stored, bytes):
        return {}
    with warnings.catch_warnings():
        # nibabel announces its DICOM part as experimental when it is imported.
        warnings.simplefilter("ignore")
        from nibabel.nicom.csareader import CSAReadError, read
    try:
        tags = read(stored)["tags"]
    except (*_CSA_ERRORS, CSAReadError) as error:
        raise _incomplete("the CSA header (0029,xx10) cannot be read") from error
    return {name: tag["items"] for name, tag in tags.items()}


def _private(dataset: Dataset, group: int, creator: str, offset: int) -> Any:
    for block in range(0x10, 0x100):
        owner = dataset.get((group, block))
        if owner is not None and creator_name(owner.VR, owner.value) == creator:
            found = dataset.get((group, (block << 8) + offset))
            return None if found is None else found.value
    return None


def _incomplete(found: str) -> HeaderError:
    return HeaderError(
        "MOSAIC-INCOMPLETE",
        f"the file holds slices as tiles of one frame, but {found}",
        hint="Export the series as enhanced (multi-frame) or single-slice DICOM.",
    )
