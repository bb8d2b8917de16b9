"""A displacement field: where points of the fixed image lie in the moving one, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.registration.itk_images import placed

_RETURNS_WITHIN_MM = 0.001
"""How near a point that was led back must come to where it started."""

_MOST_TURNS = 200

_SLAB = 8
"""Slices whose derivative is in memory at a time."""


@dataclass(frozen=True, eq=False)
class DisplacementField:
    """A smooth deformation: a point x of the fixed image lies at ``x + u(x)`` in the moving one.

    Between voxel centres u is linear; beyond the grid it keeps the value of the border.

    Attributes
    ----------
    vectors_mm : ndarray of float32, shape (z, y, x, 3)
        LPS mm, along the axes x, y, z of space.
    geometry : Geometry
        Its own grid, often coarser than that of the fixed image.
    """

    vectors_mm: NDArray[np.float32]
    geometry: Geometry

    def there(self, points_mm: FloatArray) -> FloatArray:
        """Return where points of the fixed image lie in the moving one, LPS mm, shape (n, 3)."""
        return points_mm + self._at(points_mm)

    def back(self, points_mm: FloatArray) -> FloatArray:
        """Return where points of the moving image lie in the fixed one, LPS mm, shape (n, 3).

        NaN for a point that nothing within 0.001 mm is led to.
        """
        return points_led_to(self.there, points_mm)

    def _at(self, points_mm: FloatArray) -> FloatArray:
        from scipy.ndimage import map_coordinates

        places = self.geometry.physical_to_index(points_mm)[:, ::-1].T
        parts = (self.vectors_mm[..., axis] for axis in range(3))
        found = [
            map_coordinates(part, places, output=np.float64, order=1, mode="nearest")
            for part in parts
        ]
        return np.stack(found, axis=1)

    def jacobian(self) -> NDArray[np.float32]:
        """Return the determinant of the derivative at each voxel, shape (z, y, x).

        How much larger a small volume is in the moving image; 0 or less where the field
        folds. By central differences, one-sided at the border.
        """
        n_slices = self.geometry.shape[0]
        found = np.empty(self.geometry.shape, dtype=np.float32)
        for first in range(0, n_slices, _SLAB):
            # One slice more on both sides, for the differences of the outermost.
            low, last = max(first - 1, 0), min(first + _SLAB, n_slices)
            part = self._determinants(self.vectors_mm[low : min(last + 1, n_slices)])
            found[first:last] = part[first - low : last - low]
        return found

    def _determinants(self, vectors: NDArray[np.float32]) -> FloatArray:
        spacing = self.geometry.spacing_mm[::-1]
        derivative = np.zeros((*vectors.shape, 3))
        for axis in range(3):
            if vectors.shape[axis] > 1:
                # Columns along the index axes x, y, z.
                derivative[..., 2 - axis] = np.gradient(
                    vectors.astype(np.float64), spacing[axis], axis=axis
                )
        return np.asarray(np.linalg.det(derivative @ self.geometry.axes.T + np.eye(3)))


def points_led_to(there: Callable[[FloatArray], FloatArray], points_mm: FloatArray) -> FloatArray:
    """Return the points that a deformation leads to some points, LPS mm, shape (n, 3).

    NaN for a point that nothing within 0.001 mm is led to. Each turn adds what is missing,
    half of it where that came no nearer.

    Parameters
    ----------
    there : callable
        Points, shape (n, 3), to where they are led.
    points_mm : ndarray, shape (n, 3)
    """
    found = points_mm.copy()
    missing = points_mm - there(found)
    step = np.ones(len(found))
    for _ in range(_MOST_TURNS):
        distance = np.linalg.norm(missing, axis=1)
        (open_ones,) = np.nonzero(distance > _RETURNS_WITHIN_MM)
        if not open_ones.size:
            break
        tried = found[open_ones] + step[open_ones, None] * missing[open_ones]
        left = points_mm[open_ones] - there(tried)
        nearer = np.linalg.norm(left, axis=1) < distance[open_ones]
        found[open_ones[nearer]] = tried[nearer]
        missing[open_ones[nearer]] = left[nearer]
        step[open_ones] = np.where(nearer, 1.0, step[open_ones] / 2.0)
    lost = np.linalg.norm(missing, axis=1) > _RETURNS_WITHIN_MM
    return np.asarray(np.where(lost[:, None], np.nan, found))


Way = FloatArray | DisplacementField
"""From the fixed image to the moving one: a matrix of shape (4, 4), or a field."""


def itk_transform(way: Way) -> Any:
    """Return a way as a transform of SimpleITK; a field moves nothing beyond its grid."""
    import SimpleITK

    if isinstance(way, DisplacementField):
        return SimpleITK.DisplacementFieldTransform(itk_image(way, np.float64))
    affine: Any = SimpleITK.AffineTransform(3)
    affine.SetMatrix(way[:3, :3].ravel().tolist())
    affine.SetTranslation(way[:3, 3].tolist())
    return affine


def itk_image(field: DisplacementField, dtype: Any = np.float32) -> Any:
    """Return a field as a SimpleITK image of three components, LPS mm."""
    import SimpleITK

    image = SimpleITK.GetImageFromArray(field.vectors_mm.astype(dtype), isVector=True)
    return placed(image, field.geometry)
