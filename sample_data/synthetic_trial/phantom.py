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
