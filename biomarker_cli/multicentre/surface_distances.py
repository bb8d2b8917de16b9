"""Distances between the surfaces of two masks on one grid.

The surface of a mask is the faces between a voxel inside and one outside; beyond
the grid is outside. A face counts by its area and stands at its centre; its
distance is that to the nearest centre of a face of the other mask. Lengths are
in mm, whatever the spacing.

References
----------
Nikolov et al. 2021, J Med Internet Res 23:e26151 (surface Dice); Reinke et al.
2024, Nat Methods 21:182 (pitfalls of boundary metrics).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biomarker_cli.model.arrays import BoolArray, FloatArray

ROUNDING_MM = 1e-9
"""What a distance may exceed a tolerance by, and still be within it."""


@dataclass(frozen=True)
class Surface:
    """Boundary faces of a mask.

    Attributes
    ----------
    centres_mm : ndarray, shape (n, 3)
        Along the index axes z, y, x.
    areas_mm2 : ndarray, shape (n,)
    """

    centres_mm: FloatArray
    areas_mm2: FloatArray


def boundary_faces(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> Surface:
    """Return the surface of a mask.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
    spacing_mm : tuple of float
        Along x, y, z, as `Geometry` has it.
    """
    spacing = np.asarray(spacing_mm[::-1], dtype=np.float64)
    padded = np.pad(mask, 1)
    centres, areas = [], []
    for axis in range(3):
        before = np.take(padded, range(padded.shape[axis] - 1), axis=axis)
        after = np.take(padded, range(1, padded.shape[axis]), axis=axis)
        index = np.argwhere(before != after).astype(np.float64) - 1.0
        index[:, axis] += 0.5
        centres.append(index * spacing)
        areas.append(np.full(len(index), np.prod(np.delete(spacing, axis))))
    return Surface(np.concatenate(centres), np.concatenate(areas))


@dataclass(frozen=True)
class SurfaceDistances:
    """Distance of each face to the other surface, in both directions.

    Attributes
    ----------
    there_mm, back_mm : ndarray, shape (n,) and (m,)
        From the first to the second surface, and back.
    there_mm2, back_mm2 : ndarray
        Areas of the faces.
    """

    there_mm: FloatArray
    back_mm: FloatArray
    there_mm2: FloatArray
    back_mm2: FloatArray

    def dice(self, tolerance_mm: float) -> float:
        """Return the part of both surfaces that lies within a tolerance of the other."""
        limit = tolerance_mm + ROUNDING_MM
        near = self.there_mm2[self.there_mm <= limit].sum()
        near += self.back_mm2[self.back_mm <= limit].sum()
        return float(near / (self.there_mm2.sum() + self.back_mm2.sum()))

    @property
    def mean_mm(self) -> float:
        """Mean distance over both surfaces, weighted by area."""
        total = (self.there_mm * self.there_mm2).sum() + (self.back_mm * self.back_mm2).sum()
        return float(total / (self.there_mm2.sum() + self.back_mm2.sum()))

    def hausdorff_mm(self, percent: float) -> float:
        """Return the larger of the two directed percentiles, weighted by area."""
        return max(
            weighted_percentile(self.there_mm, self.there_mm2, percent),
            weighted_percentile(self.back_mm, self.back_mm2, percent),
        )


def surface_distances(first: Surface, second: Surface) -> SurfaceDistances:
    """Return the distances between two surfaces; each has a face.

    Parameters
    ----------
    first, second : Surface
        In one system of coordinates.
    """
    from scipy.spatial import cKDTree

    there, _ = cKDTree(second.centres_mm).query(first.centres_mm)
    back, _ = cKDTree(first.centres_mm).query(second.centres_mm)
    return SurfaceDistances(there, back, first.areas_mm2, second.areas_mm2)


def weighted_percentile(values: FloatArray, weights: FloatArray, percent: float) -> float:
    """Return the smallest value at or below which `percent` of the weight lies.

    Parameters
    ----------
    values, weights : ndarray, shape (n,)
        n >= 1; weights are positive.
    percent : float
        0-100.
    """
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    place = int(np.searchsorted(share, percent / 100 - 1e-12))
    return float(values[order][min(place, len(values) - 1)])
