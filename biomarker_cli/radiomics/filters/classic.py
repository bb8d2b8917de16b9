"""Mean, Laplacian of Gaussian and Laws filters (IBSI-2, sections 3.1, 3.2 and 3.3)."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.radiomics.filters.ibsi_rules import LawsFilter, LogFilter, MeanFilter
from biomarker_cli.radiomics.filters.separable import Kernels, convolve, pooled

Spacing = tuple[float, float, float]


def _kernel(*values: float) -> FloatArray:
    array = np.array(values, dtype=np.float64)
    return array / np.linalg.norm(array)


LAWS = MappingProxyType(
    {
        "L3": _kernel(1, 2, 1),
        "E3": _kernel(-1, 0, 1),
        "S3": _kernel(-1, 2, -1),
        "L5": _kernel(1, 4, 6, 4, 1),
        "E5": _kernel(-1, -2, 0, 2, 1),
        "S5": _kernel(-1, 0, 2, 0, -1),
        "W5": _kernel(-1, 2, 0, -2, 1),
        "R5": _kernel(1, -4, 6, -4, 1),
    }
)
"""Level, edge, spot, wave and ripple kernels of unit norm (IBSI-2, table 3.1)."""


def mean_response(image: FloatArray, rules: MeanFilter, planar: bool) -> FloatArray:
    """Return the mean over a cube, or over a square of each slice."""
    kernel = np.full(rules.support_voxels, 1.0 / rules.support_voxels)
    return convolve(image, _along(kernel, planar), rules.boundary)


def log_reach(sigma_voxels: float, truncation: float) -> int:
    """Return how many voxels the kernel of a Laplacian of Gaussian reaches to each side."""
    return int(np.floor(truncation * sigma_voxels + 0.5))


def log_response(
    image: FloatArray, sigma_mm: float, rules: LogFilter, spacing: Spacing, planar: bool
) -> FloatArray:
    """Return the Laplacian of Gaussian, in the unit of the image per square voxel.

    The kernel is sampled at the voxel centres and cut off at `truncation` standard
    deviations. Its sum is a sum of separable kernels, one for each axis.
    """
    axes = range(1, 3) if planar else range(3)
    smooth: list[FloatArray | None] = [None, None, None]
    curved: list[FloatArray | None] = [None, None, None]
    for axis in axes:
        sigma = sigma_mm / spacing[axis]
        reach = log_reach(sigma, rules.truncation)
        k = np.arange(-reach, reach + 1, dtype=np.float64)
        gauss = np.exp(-(k**2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi) * sigma)
        smooth[axis] = gauss
        curved[axis] = (k**2 / sigma**4 - 1 / sigma**2) * gauss
    result = np.zeros_like(image)
    for axis in axes:
        kernels = tuple(curved[a] if a == axis else smooth[a] for a in range(3))
        result += convolve(image, kernels, rules.boundary)
    return result


def laws_response(image: FloatArray, rules: LawsFilter, planar: bool) -> FloatArray:
    """Return the response of a Laws kernel, pooled over rotations, or its texture energy."""
    names = [rules.kernels[k : k + 2] for k in range(0, len(rules.kernels), 2)]
    # The name runs along x, y, z.
    kernels: Kernels = tuple([None] * (3 - len(names)) + [LAWS[name] for name in reversed(names)])
    response = pooled(image, (kernels,), rules.boundary, rules.pooling)
    if rules.energy_distance_voxels is None:
        return response
    support = 2 * rules.energy_distance_voxels + 1
    kernel = np.full(support, 1.0 / support)
    return convolve(np.abs(response), _along(kernel, planar), rules.boundary)


def _along(kernel: FloatArray, planar: bool) -> Kernels:
    return (None if planar else kernel, kernel, kernel)
