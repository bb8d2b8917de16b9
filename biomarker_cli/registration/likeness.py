"""How alike two images of a modality are inside the body, by any transform between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.registration.anatomy import body_of, coarse, points_within, resampled
from biomarker_cli.registration.deformable.fields import Way
from biomarker_cli.registration.itk_images import geometry_of, one_thread

_LEAST_VOXELS = 10
"""That a correlation is told of."""


@dataclass(frozen=True, eq=False)
class CoarsePair:
    """Two images on voxels of about 4 mm, made once for all transforms between them.

    Attributes
    ----------
    fixed, moving : SimpleITK.Image
        Each on a coarse grid of its own.
    """

    fixed: Any
    moving: Any

    @classmethod
    def of(cls, fixed: Any, moving: Any) -> CoarsePair:
        """Return two images of float32 on coarse voxels."""
        return cls(coarse(fixed), coarse(moving))

    @cached_property
    def body(self) -> BoolArray:
        """The body in the fixed image, shape (z, y, x)."""
        return body_of(self.fixed)

    def body_points_mm(self) -> FloatArray:
        """Return at most 500 points of the body, LPS mm, shape (n, 3); as `body_points_mm`."""
        return points_within(self.body, geometry_of(self.fixed))

    @cached_property
    def _inside(self) -> BoolArray:
        """The body without its outermost voxels: the surface is what two patients share."""
        import SimpleITK

        body = SimpleITK.GetImageFromArray(self.body.astype(np.uint8))
        with one_thread():
            shaved = SimpleITK.BinaryErode(body, [1, 1, 1])
        return np.asarray(SimpleITK.GetArrayFromImage(shaved).astype(bool))

    def similarity(self, matrix: Way) -> float | None:
        """Return the correlation of both images inside the body of the fixed one.

        Parameters
        ----------
        matrix : ndarray, shape (4, 4), or DisplacementField
            Fixed point to moving point, LPS mm.

        Returns
        -------
        float or None
            Pearson's, over voxels that both have; None where they do not vary, or are fewer
            than ten.
        """
        import SimpleITK

        there = resampled(self.moving, self.fixed, matrix)
        a, b = (SimpleITK.GetArrayFromImage(one).astype(np.float64) for one in (self.fixed, there))
        inside = np.isfinite(b) & self._inside
        if np.count_nonzero(inside) < _LEAST_VOXELS or not a[inside].std() or not b[inside].std():
            return None
        return float(np.corrcoef(a[inside], b[inside])[0, 1])
