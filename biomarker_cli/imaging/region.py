"""Region: a set of voxels on a grid, with its name and its origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from biomarker_cli.imaging.geometry import Geometry

AuditValue = str | int | float | bool | None


@dataclass(frozen=True)
class Region:
    """Voxels that belong to one structure.

    Attributes
    ----------
    mask : ndarray of bool, shape (z, y, x)
    geometry : Geometry
    label : str
        Name as the segmentation file has it.
    name : str
        Canonical name (`roi_id` in the tables).
    audit : mapping
        What the import did, by column name of ``rois.csv``.
    flags : frozenset of str
    """

    mask: npt.NDArray[np.bool_]
    geometry: Geometry
    label: str
    name: str
    audit: Mapping[str, AuditValue] = field(default_factory=lambda: MappingProxyType({}))
    flags: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.mask.dtype != np.bool_ or self.mask.shape != self.geometry.shape:
            raise ValueError(f"mask {self.mask.dtype} {self.mask.shape} on {self.geometry.shape}")

    @property
    def n_voxels(self) -> int:
        """Number of voxels inside."""
        return int(np.count_nonzero(self.mask))

    @property
    def volume_mm3(self) -> float:
        """Number of voxels times the volume of one."""
        return self.n_voxels * self.geometry.voxel_volume_mm3
