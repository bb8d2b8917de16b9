"""Region: a set of voxels on a grid, with its name and its origin."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from biomarker_cli.imaging.boxes import Box, filled_box
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.arrays import AnyArray, BoolArray, FloatArray

AuditValue = str | int | float | bool | None

_NO_AUDIT: Mapping[str, AuditValue] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Crop:
    """The part of a mask that holds its voxels.

    A lesion fills a thousandth of its image: a mask is kept as the box around
    it, and made whole only where somebody asks.

    Attributes
    ----------
    mask : ndarray of bool, shape (z, y, x)
        Empty (0, 0, 0) where there is no voxel.
    offset : tuple of int
        Index ``(z, y, x)`` of its first voxel in the whole grid.
    """

    mask: BoolArray
    offset: tuple[int, int, int] = (0, 0, 0)

    @property
    def box(self) -> Box:
        """Where the crop lies in the whole grid."""
        z, y, x = (
            slice(start, start + size)
            for start, size in zip(self.offset, self.mask.shape, strict=True)
        )
        return z, y, x

    def tight(self) -> Crop:
        """Return the smallest crop with the same voxels."""
        box = filled_box(self.mask)
        part = self.mask[box]
        if part.shape == self.mask.shape:
            return self
        if not part.size:
            return Crop(np.zeros((0, 0, 0), dtype=np.bool_))
        z, y, x = (o + b.start for o, b in zip(self.offset, box, strict=True))
        return Crop(part.copy(), (z, y, x))

    def whole(self, shape: tuple[int, int, int]) -> BoolArray:
        """Return the mask on its whole grid, a new array of `shape`."""
        mask = np.zeros(shape, dtype=np.bool_)
        mask[self.box] = self.mask
        return mask


@dataclass(frozen=True, init=False, eq=False)
class Region:
    """Voxels that belong to one structure.

    Attributes
    ----------
    crop : Crop
        The voxels, as the box around them.
    geometry : Geometry
        Of the whole grid.
    label : str
        Name as the segmentation file has it.
    name : str
        Canonical name (`roi_id` in the tables).
    audit : mapping
        What the import did, by column name of ``rois.csv``.
    flags : frozenset of str
    """

    crop: Crop
    geometry: Geometry
    label: str
    name: str
    audit: Mapping[str, AuditValue]
    flags: frozenset[str]

    def __init__(
        self,
        mask: BoolArray | Crop,
        geometry: Geometry,
        label: str,
        name: str,
        audit: Mapping[str, AuditValue] = _NO_AUDIT,
        flags: frozenset[str] = frozenset(),
    ) -> None:
        crop = mask if isinstance(mask, Crop) else _crop(mask, geometry)
        if any(b.stop > n for b, n in zip(crop.box, geometry.shape, strict=True)):
            raise ValueError(f"mask {crop.box} on {geometry.shape}")
        for attribute, value in {
            "crop": crop.tight(),
            "geometry": geometry,
            "label": label,
            "name": name,
            "audit": audit,
            "flags": flags,
        }.items():
            object.__setattr__(self, attribute, value)

    @property
    def mask(self) -> BoolArray:
        """Mask on the whole grid, shape (z, y, x): a new array at each call."""
        return self.crop.whole(self.geometry.shape)

    @property
    def box(self) -> Box:
        """Slices ``[z, y, x]`` of the box around the voxels."""
        return self.crop.box

    @property
    def n_voxels(self) -> int:
        """Number of voxels inside."""
        return int(np.count_nonzero(self.crop.mask))

    @property
    def points_mm(self) -> FloatArray:
        """Centres of its voxels in index order, LPS mm, shape (n, 3)."""
        places = np.argwhere(self.crop.mask) + np.asarray(self.crop.offset)
        return self.geometry.index_to_physical(places[:, ::-1])

    @property
    def mask_sha256(self) -> str:
        """Digest of the voxels and of their places in the grid (docs/size.md)."""
        places = (*self.geometry.shape, *self.crop.offset, *self.crop.mask.shape)
        head = f"biomarker-mask/1 {' '.join(map(str, places))}\n"
        return hashlib.sha256(head.encode() + np.packbits(self.crop.mask).tobytes()).hexdigest()

    @property
    def flags_for_others(self) -> frozenset[str]:
        """What rows of another region carry where this one is their reference.

        A doubt of the voxels is one of the mean over them; that they are few is not.
        """
        return self.flags - {"roi_small"}

    @property
    def volume_mm3(self) -> float:
        """Number of voxels times the volume of one."""
        return self.n_voxels * self.geometry.voxel_volume_mm3


def _crop(mask: AnyArray, geometry: Geometry) -> Crop:
    if mask.dtype != np.bool_ or mask.shape != geometry.shape:
        raise ValueError(f"mask {mask.dtype} {mask.shape} on {geometry.shape}")
    crop = Crop(mask).tight()
    return Crop(crop.mask.copy(), crop.offset) if crop.mask is mask else crop
