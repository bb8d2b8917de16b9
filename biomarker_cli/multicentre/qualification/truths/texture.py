"""Images of known grey levels for engines and whole runs: whole numbers, made by hashing.

No generator of random numbers has a part in them: they are the same on every machine and
with every version of numpy.
"""

from __future__ import annotations

import numpy as np

from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.multicentre.objects.instances import ObjectGrid

_PRIMES = (83492791, 19349663, 73856093)


def texture(grid: ObjectGrid, levels: int, seed: int = 0) -> FloatArray:
    """Return whole numbers from 0 to `levels` - 1 that rise along x, shape (z, y, x).

    Half of a level is the place, half a hash of it, so that neighbours are alike.
    """
    z, y, x = np.indices(grid.shape).astype(np.int64)
    mixed = (z + seed) * _PRIMES[0] ^ y * _PRIMES[1] ^ x * _PRIMES[2]
    hashed = (mixed ^ mixed >> 13) % levels
    placed = (levels * (x + y)) // (grid.shape[2] + grid.shape[1])
    found: FloatArray = ((hashed + placed) // 2).astype(np.float64)
    return found


def ellipsoid(
    grid: ObjectGrid, centre: tuple[float, float, float], half_axes: tuple[float, float, float]
) -> BoolArray:
    """Return the voxels whose centres lie in an ellipsoid, in indices ``(x, y, z)``."""
    z, y, x = np.indices(grid.shape)
    parts = ((x, 0), (y, 1), (z, 2))
    squared = sum(((index - centre[i]) / half_axes[i]) ** 2 for index, i in parts)
    found: BoolArray = np.asarray(squared <= 1.0)
    return found
