"""Separable filters: one kernel along each axis, with a rule for what lies beyond the border."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.radiomics.filters.ibsi_rules import Boundary

Kernels = tuple[FloatArray | None, ...]
"""One kernel for each axis z, y, x; none leaves the axis alone."""

SCIPY_MODE = {"zero": "constant", "nearest": "nearest", "periodic": "wrap", "mirror": "reflect"}
"""IBSI-2 boundary in the words of scipy.ndimage (its `reflect` repeats the edge voxel)."""


def convolve(image: FloatArray, kernels: Kernels, boundary: Boundary) -> FloatArray:
    """Convolve along each axis.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
    kernels : tuple
        Of odd length, centred.
    boundary : str
    """
    from scipy.ndimage import convolve1d

    result = image
    for axis, kernel in enumerate(kernels):
        if kernel is not None:
            result = convolve1d(result, kernel, axis=axis, mode=SCIPY_MODE[boundary], cval=0.0)
    return np.asarray(result)


@dataclass(frozen=True)
class Rotation:
    """A right-angle rotation: where each axis comes from, and whether it is turned round."""

    order: tuple[int, int, int]
    flips: tuple[int, int, int]

    def apply(self, kernels: Kernels) -> Kernels:
        """Return the kernels of the rotated filter."""
        turned: list[FloatArray | None] = []
        for axis, flip in zip(self.order, self.flips, strict=True):
            kernel = kernels[axis]
            turned.append(None if kernel is None else np.ascontiguousarray(kernel[::flip]))
        return tuple(turned)


def rotations(planar: bool) -> tuple[Rotation, ...]:
    """Return the 24 rotations of a cube, or the 4 of a square within a slice."""
    return tuple(
        Rotation((a, b, c), (f, g, h))
        for a, b, c in permutations(range(3))
        for f, g, h in product((1, -1), repeat=3)
        if _parity((a, b, c)) * f * g * h > 0 and not (planar and (a, f) != (0, 1))
    )


def _parity(order: tuple[int, ...]) -> int:
    inversions = sum(order[a] > order[b] for a in range(3) for b in range(a + 1, 3))
    return -1 if inversions % 2 else 1


def pooled(
    image: FloatArray, stages: Sequence[Kernels], boundary: Boundary, pooling: str | None
) -> FloatArray:
    """Return the response, or its maximum or mean over all right-angle rotations.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
    stages : sequence of kernels
        Applied one after the other; a first kernel of none means 2D.
    boundary : str
    pooling : str, optional
    """
    if pooling is None:
        return _cascade(image, stages, boundary)
    # Symmetric kernels give one filter for several rotations: compute it once.
    filters: dict[tuple[bytes, ...], tuple[list[Kernels], int]] = {}
    for rotation in rotations(stages[0][0] is None):
        turned = [rotation.apply(kernels) for kernels in stages]
        key = tuple(b"" if k is None else k.tobytes() for kernels in turned for k in kernels)
        filters[key] = (turned, filters.get(key, (turned, 0))[1] + 1)
    number = sum(count for _, count in filters.values())
    result = np.full(image.shape, -np.inf) if pooling == "max" else np.zeros(image.shape)
    for turned, count in filters.values():
        response = _cascade(image, turned, boundary)
        if pooling == "max":
            np.maximum(result, response, out=result)
        else:
            result += response * (count / number)
    return result


def _cascade(image: FloatArray, stages: Sequence[Kernels], boundary: Boundary) -> FloatArray:
    for kernels in stages:
        image = convolve(image, kernels, boundary)
    return image
