"""The sphere of 1 ml that peaks are measured in, and the voxels of a sphere.

Said once: SUVpeak and the local intensity features mean the same sphere.
"""

from __future__ import annotations

import math

import numpy as np

from biomarker_cli.model.arrays import BoolArray

ONE_ML_RADIUS_MM = 10.0 * (3.0 / (4.0 * math.pi)) ** (1.0 / 3.0)
"""Radius of a sphere of 1 ml, 6.2035 mm."""


def voxels_in_sphere(
    spacing_zyx: tuple[float, float, float], radius_mm: float = ONE_ML_RADIUS_MM
) -> BoolArray:
    """Tell which voxels around one have their centre in a sphere around its centre.

    Parameters
    ----------
    spacing_zyx : tuple of float
        mm.
    radius_mm : float

    Returns
    -------
    ndarray of bool, shape (2 n_z + 1, 2 n_y + 1, 2 n_x + 1)
        With the central voxel in its middle; a centre on the sphere lies in it.
    """
    # What lies on the sphere but for rounding lies on it.
    limit = radius_mm**2 * (1.0 + 1e-12)
    squares = []
    for step in spacing_zyx:
        reach = math.floor(math.sqrt(limit) / step)
        squares.append((np.arange(-reach, reach + 1) * step) ** 2)
    z, y, x = squares
    return np.asarray(z[:, None, None] + y[:, None] + x <= limit)
