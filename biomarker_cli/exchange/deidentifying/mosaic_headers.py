"""The CSA header of a Siemens mosaic, reduced to the two elements that place its tiles.

As it comes it holds free text and the whole protocol. What is written instead is a
header of the same form with numbers alone.

References
----------
Form SV10 as `nibabel.nicom.csareader` reads it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.headers import ELEMENT_ERRORS
from biomarker_cli.dicom.mosaics import SIEMENS_CSA_CREATOR, Tile, read_tiles, siemens_csa
from biomarker_cli.exchange.errors import ObjectRefusedError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_CHECK = 77
_GROUP, _ELEMENT = 0x0029, 0x10
_LARGEST_COSINE = 1.000001


def _places_of(dataset: Dataset) -> list[tuple[float, ...]]:
    """Return where the tiles of a mosaic lie, in the frame and in space; empty where it is none.

    Raises
    ------
    ObjectRefusedError
        ``DEID-MOSAIC`` where they have no place in space.
    """
    try:
        return [_place(tile) for tile in read_tiles(dataset)]
    except (HeaderError, *ELEMENT_ERRORS) as error:
        raise ObjectRefusedError(
            "DEID-MOSAIC", "the slices of the mosaic have no place in space"
        ) from error


def put_reduced_header(copy: Dataset, source: Dataset) -> None:
    """Write into a cleaned mosaic of Siemens what its tiles need.

    Raises
    ------
    ObjectRefusedError
        ``DEID-MOSAIC``.
    """
    tiles = _places_of(source)
    csa = siemens_csa(source) if tiles else {}
    normal = [float(one) for one in csa.get("SliceNormalVector", ())]
    if normal and all(abs(one) <= _LARGEST_COSINE for one in normal):
        block = copy.private_block(_GROUP, SIEMENS_CSA_CREATOR, create=True)
        header = _sv10({"NumberOfImagesInMosaic": [len(tiles)], "SliceNormalVector": normal})
        block.add_new(_ELEMENT, "OB", header)


def require_same_tiles(copy: Dataset, source: Dataset) -> None:
    """Refuse a mosaic whose copy has its slices elsewhere, or nowhere.

    Raises
    ------
    ObjectRefusedError
        ``DEID-MOSAIC``.
    """
    if _places_of(copy) != _places_of(source):
        raise ObjectRefusedError("DEID-MOSAIC", "the slices of the copy lie elsewhere")


def _place(tile: Tile) -> tuple[float, ...]:
    position = tile.overrides["ImagePositionPatient"]
    return tile.top, tile.left, tile.rows, tile.columns, *map(float, position)


def _sv10(tags: dict[str, Sequence[float]]) -> bytes:
    parts = [b"SV10\4\3\2\1", struct.pack("<II", len(tags), _CHECK)]
    for name, values in tags.items():
        vr = "IS" if isinstance(values[0], int) else "FD"
        parts.append(
            struct.pack(
                "<64si4siii", name.encode(), len(values), vr.encode(), 0, len(values), _CHECK
            )
        )
        for value in values:
            text = (str(value) if vr == "IS" else repr(value)).encode() + b"\0"
            padded = text.ljust((len(text) + 3) // 4 * 4, b"\0")
            parts += [struct.pack("<iiii", len(text), len(text), _CHECK, len(text)), padded]
    return b"".join(parts)
