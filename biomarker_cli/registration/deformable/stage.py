"""The deformable stage of a registration, and the figures that say whether to believe it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomarker_cli.imaging.region import Region
from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.registration.anatomy import (
    body_of,
    distances_mm,
    resampled,
    transformed,
)
from biomarker_cli.registration.deformable.demons import deform
from biomarker_cli.registration.deformable.fields import DisplacementField, itk_image
from biomarker_cli.registration.deformable.rules import DemonsRules
from biomarker_cli.registration.linear_parts import inverse_of


@dataclass(frozen=True, eq=False)
class Deformation:
    """A field, and the one that leads back where that was asked for.

    Attributes
    ----------
    field : DisplacementField
        The rigid stage is in it.
    similarity : float or None
        Of both images in the body, after it.
    returning : DisplacementField or None
    jacobian : ndarray, shape (z, y, x)
        Of the field, on its grid.
    body : ndarray of bool, shape (z, y, x)
        The body in the fixed image, on that grid.
    """

    field: DisplacementField
    similarity: float | None
    returning: DisplacementField | None
    jacobian: NDArray[np.float32]
    body: BoolArray


@dataclass(frozen=True)
class DeformedFigures:
    """Figures of a field in a region.

    Attributes
    ----------
    deformed_inverse_mm : float or None
        Distance from themselves that 95 % of the points keep within, there by the field and
        back by that which was found the other way. At the border of an image the demons
        see nothing, so that the largest says little.
    folded_percent : float
        Voxels where the field folds, of the whole field for the body.
    jacobian_min, jacobian_max : float
        By how much a small volume shrinks and grows.
    """

    deformed_inverse_mm: float | None
    folded_percent: float
    jacobian_min: float
    jacobian_max: float


def deformation_of(
    images: tuple[Any, Any],
    matrix: FloatArray,
    rules: DemonsRules,
    likeness: Callable[[DisplacementField], float | None] | None,
    *,
    both_ways: bool,
) -> Deformation:
    """Deform two images that a rigid transform has brought together.

    Parameters
    ----------
    images : tuple of SimpleITK.Image
        Fixed and moving, of float32.
    matrix : ndarray, shape (4, 4)
        Fixed point to moving point, LPS mm.
    rules : DemonsRules
    likeness : callable, optional
        How alike both images are after it.
    both_ways : bool
        Whether the field from the moving image to the fixed one is found as well.
    """
    fixed, moving = images
    field = deform(fixed, moving, matrix, rules)
    returning = deform(moving, fixed, inverse_of(matrix), rules) if both_ways else None
    similarity = likeness(field) if likeness is not None else None
    body = body_of(resampled(fixed, itk_image(field), np.eye(4)))
    return Deformation(field, similarity, returning, field.jacobian(), body)


def figures_of(found: Deformation, points_mm: FloatArray, region: Region | None) -> DeformedFigures:
    """Return the figures in a region, or in the body where none is named.

    Parameters
    ----------
    found : Deformation
    points_mm : ndarray, shape (n, 3)
        Of the region, where the way there and back is followed.
    region : Region, optional
    """
    inverse = None
    if found.returning is not None:
        again = transformed(found.returning, transformed(found.field, points_mm))
        inverse = float(np.percentile(distances_mm(again, points_mm), 95))
    inside = found.jacobian[found.body] if region is None else _in_region(found, region)
    every = found.jacobian if region is None else inside
    folded = float(np.mean(every <= 0) * 100)
    return DeformedFigures(inverse, folded, float(inside.min()), float(inside.max()))


def _in_region(found: Deformation, region: Region) -> NDArray[np.float32]:
    """Return the Jacobian at the voxel centres of a region, at the nearest of the field."""
    nearest = np.rint(found.field.geometry.physical_to_index(region.points_mm)).astype(int)[:, ::-1]
    z, y, x = np.clip(nearest, 0, np.asarray(found.field.geometry.shape) - 1).T
    return np.asarray(found.jacobian[z, y, x])
