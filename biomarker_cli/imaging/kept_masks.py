"""Masks as a run keeps them: one bit for each voxel of the box around a region.

::

    {"format": "biomarker-mask/1", "roi_id": "GTV", "image": "ct", "shape": [40, 512, 512], ...}
    the bits of the box, zlib-compressed: index order z, y, x, first voxel in the highest bit

The first line places the box in the grid of the image, digit by digit as it was measured.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from isal import isal_zlib

from biomarker_cli.imaging.errors import KeptFileError
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.inflating import DAMAGE, MOST_INFLATED, gathered, inflated
from biomarker_cli.imaging.region import Crop, Region
from biomarker_cli.model.inputs import MOST_BYTES

MASK_FORMAT = "biomarker-mask/1"

MOST_HEAD_BYTES = 64 * 1024
"""The first line ends before this."""

MOST_GRID_VOXELS = 2**34
"""A grid of more voxels is no image."""

_COMPRESSION = 1

_BROKEN: tuple[type[Exception], ...] = (*DAMAGE, KeyError, TypeError, RecursionError)


@dataclass(frozen=True, eq=False)
class KeptMask:
    """A mask as it was measured.

    Attributes
    ----------
    region : Region
        Its name and label are the `roi_id` of the tables.
    image : str
        Name of the image of the case whose grid it lies on.
    """

    region: Region
    image: str


def mask_bytes(region: Region, roi_id: str, image: str) -> bytes:
    """Return the content of a mask file, the same bytes for the same mask.

    Parameters
    ----------
    region : Region
    roi_id : str
        As in the tables.
    image : str
        Name of the image of the case.
    """
    crop, geometry = region.crop, region.geometry
    head = {
        "format": MASK_FORMAT,
        "roi_id": roi_id,
        "image": image,
        "shape": list(geometry.shape),
        "spacing_mm": list(map(float, geometry.spacing_mm)),
        "origin_mm": list(map(float, geometry.origin_mm)),
        "direction": list(map(float, geometry.direction)),
        "offset": list(crop.offset),
        "size": list(crop.mask.shape),
        "n_voxels": region.n_voxels,
    }
    bits = np.packbits(crop.mask.ravel())
    packed: bytes = isal_zlib.compress(bits.tobytes(), _COMPRESSION)
    return json.dumps(head, allow_nan=False).encode() + b"\n" + packed


def mask_from_bytes(content: bytes, where: str) -> KeptMask:
    """Return the mask that a file holds.

    Parameters
    ----------
    content : bytes
    where : str
        Name of the file, for messages.

    Raises
    ------
    KeptFileError
        ``KEPT-DAMAGED`` where it is not as it was written.
    """
    line, newline, packed = content[:MOST_HEAD_BYTES].partition(b"\n")
    try:
        if not newline:
            raise ValueError("its first line does not end")
        return _mask(_head(line), content[len(line) + 1 :] if packed else b"")
    except _BROKEN as error:
        raise damaged(where, f"it is no mask of ours ({type(error).__name__}: {error})") from error


def damaged(where: str, what: str) -> KeptFileError:
    """Return the refusal of a kept file, by its name."""
    return KeptFileError(
        "KEPT-DAMAGED",
        f"a kept file cannot be used: {what}",
        where=where,
        hint="Delete it and run the same `biomarker run` again, which makes it anew.",
    )


def _head(line: bytes) -> dict[str, Any]:
    head = json.loads(line)
    if not isinstance(head, dict) or head.get("format") != MASK_FORMAT:
        raise ValueError(f"it does not say {MASK_FORMAT}")
    if not isinstance(head["roi_id"], str) or not isinstance(head["image"], str):
        raise TypeError("a name is no text")
    return head


def _mask(head: dict[str, Any], packed: bytes) -> KeptMask:
    shape, offset, size = (_counts(head[name]) for name in ("shape", "offset", "size"))
    geometry = geometry_from_plain({**head, "shape": shape})
    if any(o + n > whole for o, n, whole in zip(offset, size, shape, strict=True)):
        raise ValueError("the box lies outside the grid")
    n_voxels = math.prod(size)
    n_bytes = -(-n_voxels // 8)
    if n_bytes > len(packed) * MOST_INFLATED:
        raise EOFError(f"{n_bytes} bytes promised, found {len(packed)} compressed")
    if n_voxels > MOST_BYTES:
        raise ValueError(f"{n_voxels} voxels, at most {MOST_BYTES} are read")
    bits = gathered(inflated(memoryview(packed), "zlib"), n_bytes)
    voxels = np.unpackbits(bits)
    if voxels[n_voxels:].any() or int(np.count_nonzero(voxels)) != head["n_voxels"]:
        raise ValueError("another number of voxels than the first line says")
    mask = voxels[:n_voxels].astype(np.bool_).reshape(size)
    name = head["roi_id"]
    return KeptMask(Region(Crop(mask, offset), geometry, name, name), head["image"])


def geometry_from_plain(head: dict[str, Any]) -> Geometry:
    """Return the grid that plain values say.

    Parameters
    ----------
    head : dict
        With shape, spacing_mm, origin_mm and direction.

    Raises
    ------
    ValueError, TypeError, KeyError
        Where it is none.
    """
    shape = _counts(head["shape"])
    if math.prod(shape) > MOST_GRID_VOXELS:
        raise ValueError("the grid is larger than an image may be")
    spacing, origin = _numbers(head["spacing_mm"], 3), _numbers(head["origin_mm"], 3)
    direction = _numbers(head["direction"], 9)
    return Geometry(
        shape,
        (spacing[0], spacing[1], spacing[2]),
        (origin[0], origin[1], origin[2]),
        direction,
    )


def _counts(values: Any) -> tuple[int, int, int]:
    z, y, x = values
    if not all(type(one) is int and one >= 0 for one in (z, y, x)):
        raise TypeError("a size is no count")
    return z, y, x


def _numbers(values: Any, n: int) -> tuple[float, ...]:
    if len(values) != n or not all(type(one) in (int, float) for one in values):
        raise TypeError("a place is no number")
    found = tuple(float(one) for one in values)
    if not all(map(math.isfinite, found)):
        raise ValueError("a place is no finite number")
    return found
