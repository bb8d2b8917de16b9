"""Voxel arrays of the phantom: spheres, body, checkerboard and seeded noise.

All arrays have the shape (z, y, x) of their grid.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import numpy.typing as npt

from synthetic_trial.trial import BODY_RADIUS_MM, Ball, Grid

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_TERMS = 24


def coordinates(grid: Grid) -> tuple[Floats, Floats, Floats]:
    """Return broadcastable patient coordinates z, y, x in mm of voxel centres."""
    nx, ny, nz = grid.size
    x = grid.origin_mm[0] + grid.spacing_mm[0] * np.arange(nx, dtype=np.float64)
    y = grid.origin_mm[1] + grid.spacing_mm[1] * np.arange(ny, dtype=np.float64)
    z = np.array([grid.z_mm(k) for k in range(nz)], dtype=np.float64)
    return z[:, None, None], y[None, :, None], x[None, None, :]


def squared_distance(grid: Grid, ball: Ball) -> Floats:
    """Return the squared distance in mm2 of each voxel centre to the ball's centre."""
    z, y, x = coordinates(grid)
    cx, cy, cz = ball.centre_mm
    return (x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2


def inside(grid: Grid, ball: Ball) -> Mask:
    """Return the voxels whose centres lie inside the segmented sphere."""
    return squared_distance(grid, ball) <= ball.radius_mm**2


def material(grid: Grid, ball: Ball) -> Mask:
    """Return the voxels made of the ball's material.

    The material ends one voxel diagonal and a bit outside the segmented sphere:
    a mask that is off by a voxel, or an interpolation at its border, still
    meets this material only.
    """
    outer = ball.radius_mm + 2.0 * grid.half_diagonal_mm + 0.2
    return squared_distance(grid, ball) <= outer**2


def body(grid: Grid) -> Mask:
    """Return the voxels of the water cylinder along z."""
    z, y, x = coordinates(grid)
    return (x**2 + y**2 + 0.0 * z) <= BODY_RADIUS_MM**2


def checkerboard(grid: Grid) -> npt.NDArray[np.int64]:
    """Return +1 and -1 alternating along every axis."""
    nx, ny, nz = grid.size
    parity = np.indices((nz, ny, nx)).sum(axis=0) % 2
    return np.asarray(1 - 2 * parity, dtype=np.int64)


def noise(key: str, grid: Grid) -> Floats:
    """Return seeded noise, nearly normal, of mean 0 and SD 1.

    It is the sum of eight bytes of the raw PCG64 stream: NumPy promises that
    stream for ever, but not what ``Generator`` methods make of it.
    """
    nx, ny, nz = grid.size
    seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    raw = np.random.PCG64(seed).random_raw(nx * ny * nz)
    octets = np.asarray(raw, dtype="<u8").view(np.uint8).reshape(nz, ny, nx, 8)
    total = octets.sum(axis=-1, dtype=np.int64)
    return np.asarray((total - 1020) / math.sqrt(8 * (256**2 - 1) / 12), dtype=np.float64)


def sphere_volume(radius_mm: float) -> float:
    """Return the volume of a sphere in mm3."""
    return 4.0 / 3.0 * math.pi * radius_mm**3


def counted_volume_sd(radius_mm: float, spacing_mm: tuple[float, float, float]) -> float:
    """Return the standard deviation in mm3 of a sphere's volume by counting voxel centres.

    For a centre anywhere in its voxel the mean of the count is exact, and its
    variance is the sum of |F|^2 over the reciprocal lattice without the origin, F the
    Fourier transform of the sphere (Kendall, Quart J Math 19:1, 1948). Terms beyond
    `_TERMS` lattice lines are replaced by the integral over their mean.
    """
    x, y, z = (np.arange(-_TERMS, _TERMS + 1) / spacing for spacing in spacing_mm)
    k = np.sqrt(x[:, None, None] ** 2 + y[None, :, None] ** 2 + z[None, None, :] ** 2)
    farthest = _TERMS / max(spacing_mm)
    k = k[(k > 0) & (k <= farthest)]
    turns = 2 * math.pi * radius_mm * k
    transform = (np.sin(turns) - turns * np.cos(turns)) / (2 * math.pi**2 * k**3)
    voxel_mm3 = math.prod(spacing_mm)
    rest = 2 * radius_mm**2 * voxel_mm3 / (math.pi * farthest)
    return math.sqrt(float(np.sum(transform**2)) + rest)
