"""Geometry: where the voxels of an array lie in the patient.

Said once, for the whole package: arrays are indexed ``[z, y, x]``; physical
vectors are ``(x, y, z)`` in DICOM patient coordinates (LPS), in mm. ``x`` runs
along a row (column index), ``y`` down the columns (row index), ``z`` over the
slices. `Geometry.direction` holds the unit vectors of the three index axes as
the columns of a 3x3 matrix, in the order x, y, z (as ITK does).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from biomarker_cli.model.arrays import FloatArray

SAME_GRID_TOLERANCE_MM = 1e-2
"""Largest distance between equal corners of two grids that count as the same."""


@dataclass(frozen=True)
class Geometry:
    """A regular grid in patient space.

    Attributes
    ----------
    shape : tuple of int
        Number of voxels ``(z, y, x)``.
    spacing_mm : tuple of float
        Distance between voxel centres ``(x, y, z)``.
    origin_mm : tuple of float
        Centre of voxel ``[0, 0, 0]``, ``(x, y, z)``, LPS.
    direction : tuple of float
        Nine numbers, row by row: the columns are the unit vectors of the
        index axes x, y, z.

    References
    ----------
    DICOM PS3.3 C.7.6.2.1.1 (Image Plane).
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        if min(self.shape) < 1:
            raise ValueError(f"empty grid {self.shape}")
        if min(self.spacing_mm) <= 0 or not all(map(math.isfinite, self.spacing_mm)):
            raise ValueError(f"spacing must be positive, found {self.spacing_mm}")

    @cached_property
    def axes(self) -> FloatArray:
        """Unit vectors of the index axes as columns, shape (3, 3)."""
        return np.asarray(self.direction, dtype=np.float64).reshape(3, 3)

    @cached_property
    def affine(self) -> FloatArray:
        """Map ``(x, y, z, 1)`` indices to LPS mm, shape (4, 4)."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.axes * np.asarray(self.spacing_mm)
        matrix[:3, 3] = self.origin_mm
        return matrix

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel, ml."""
        return self.voxel_volume_mm3 / 1000.0

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel."""
        return float(np.prod(self.spacing_mm))

    @property
    def normal(self) -> FloatArray:
        """Unit vector along increasing slice index, shape (3,)."""
        return self.axes[:, 2].copy()

    def index_to_physical(self, index_xyz: npt.ArrayLike) -> FloatArray:
        """Return LPS mm of fractional indices, shape (..., 3)."""
        index = np.asarray(index_xyz, dtype=np.float64)
        return index @ self.affine[:3, :3].T + self.affine[:3, 3]

    def physical_to_index(self, point_mm: npt.ArrayLike) -> FloatArray:
        """Return fractional ``(x, y, z)`` indices of LPS points, shape (..., 3)."""
        offset = np.asarray(point_mm, dtype=np.float64) - self.affine[:3, 3]
        return offset @ np.linalg.inv(self.affine[:3, :3]).T

    def corners_mm(self) -> FloatArray:
        """Return the centres of the eight corner voxels, shape (8, 3)."""
        z, y, x = (n - 1 for n in self.shape)
        corners = [(i, j, k) for k in (0, z) for j in (0, y) for i in (0, x)]
        return self.index_to_physical(corners)

    def same_grid(self, other: Geometry, tolerance_mm: float = SAME_GRID_TOLERANCE_MM) -> bool:
        """Tell whether both grids have their voxels at the same places."""
        if self.shape != other.shape:
            return False
        distance = np.linalg.norm(self.corners_mm() - other.corners_mm(), axis=1)
        return bool(distance.max() <= tolerance_mm)

    def difference(self, other: Geometry) -> str:
        """Say how another grid differs, in voxels, mm and degrees."""
        parts = []
        if self.shape != other.shape:
            parts.append(f"size (z, y, x) {self.shape} against {other.shape}")
        spacing = np.abs(np.subtract(self.spacing_mm, other.spacing_mm)).max()
        if spacing > 1e-6:
            ours = " x ".join(f"{s:g}" for s in self.spacing_mm)
            theirs = " x ".join(f"{s:g}" for s in other.spacing_mm)
            parts.append(f"spacing {ours} against {theirs} mm")
        origin = float(np.linalg.norm(np.subtract(self.origin_mm, other.origin_mm)))
        if origin > 1e-6:
            parts.append(f"origin {origin:.3f} mm apart")
        cosines = np.clip(np.sum(self.axes * other.axes, axis=0), -1.0, 1.0)
        angle = float(np.degrees(np.arccos(cosines)).max())
        if angle > 1e-3:
            parts.append(f"axes {angle:.2f} degrees apart")
        return "; ".join(parts) or "no difference"
