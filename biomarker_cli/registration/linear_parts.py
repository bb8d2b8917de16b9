"""Transforms of one matrix: what their linear part may be, and the way back."""

from __future__ import annotations

import numpy as np

from biomarker_cli.model.arrays import FloatArray

ORTHONORMAL_WITHIN = 1e-4
"""How far the axes of a rotation may be from unit vectors at right angles."""

_SMALLEST_DETERMINANT = 1e-6
"""Below it a transform mirrors an image, or leaves nothing of it; the way back is held as well."""


def is_orthonormal(turn: FloatArray) -> bool:
    """Tell whether the axes of a linear part, shape (3, 3), are unit vectors at right angles."""
    return bool(np.abs(turn.T @ turn - np.eye(3)).max() <= ORTHONORMAL_WITHIN)


def keeps_sides(turn: FloatArray) -> bool:
    """Tell whether a linear part, shape (3, 3), neither mirrors nor flattens one of two images."""
    determinant = np.linalg.det(turn)
    return bool(_SMALLEST_DETERMINANT <= determinant <= 1 / _SMALLEST_DETERMINANT)


def inverse_of(matrix: FloatArray) -> FloatArray:
    """Return the transform that leads back, shape (4, 4)."""
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)
