"""Resampling by the conventions of pyradiomics: its grid, on ITK's interpolators.

The new grid starts at the outer corner of the first voxel of the old one, unlike that
of IBSI, which shares its centre. Only the region's box and a padding are resampled,
so every region gets an image of its own, and filters see nothing beyond that.

References
----------
pyradiomics documentation, ``radiomics.imageoperations.resampleImage``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from biomarker_cli.imaging.boxes import filled_box, widened
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.resampling import InterpolationKind
from biomarker_cli.model.arrays import AnyArray, BoolArray
from biomarker_cli.radiomics.bounds import require_axes, require_grid
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.rules import InterpolationRules

Spacing = tuple[float, float, float]

ITK_INTERPOLATORS: Mapping[InterpolationKind, str] = MappingProxyType(
    {"linear": "sitkLinear", "cubic": "sitkBSpline", "nearest": "sitkNearestNeighbor"}
)
"""Interpolator of SimpleITK by our word."""


def resample_as_pyradiomics(
    array: AnyArray, mask: BoolArray, geometry: Geometry, rules: InterpolationRules, pad: int
) -> tuple[AnyArray, BoolArray, Spacing]:
    """Return image and mask around a region on the new grid, and its spacing.

    Parameters
    ----------
    array : ndarray, shape (z, y, x)
        The whole image: a spline looks far. What is found has its type.
    mask : ndarray of bool, shape (z, y, x)
        Holds voxels.
    geometry : Geometry
        Of both. Its origin and direction count: a new voxel halfway between two old
        ones falls to the side that the rounding of its physical place says.
    rules : InterpolationRules
        The mask always takes the nearest voxel.
    pad : int
        New voxels around the region's box, as far as the image goes.

    Returns
    -------
    tuple
        Image, mask, and spacing z, y, x in mm.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-LARGE-GRID``.
    """
    grid = grid_around(mask, geometry, rules, pad)
    if grid is None:
        z, y, x = widened(filled_box(mask), (pad, pad, pad), mask.shape)
        x_mm, y_mm, z_mm = geometry.spacing_mm
        return array[z, y, x], mask[z, y, x], (z_mm, y_mm, x_mm)
    region = as_itk(mask.astype(np.uint8), geometry)
    resampler = _resampler(region, grid)
    inside = _array(resampler, region, "nearest") > 0
    found = _array(resampler, as_itk(array, geometry), rules.image)
    return found, inside, grid.spacing_zyx


@dataclass(frozen=True)
class GridAround:
    """The new grid around a region, along z, y, x.

    Attributes
    ----------
    starts : tuple of float
        Index of its first voxel on the old grid.
    sizes : tuple of int
    spacing_zyx : tuple of float
        In mm.
    """

    starts: tuple[float, ...]
    sizes: tuple[int, ...]
    spacing_zyx: Spacing


def grid_around(
    mask: BoolArray, geometry: Geometry, rules: InterpolationRules, pad: int
) -> GridAround | None:
    """Return the new grid around a region; None where the old one stays.

    Parameters
    ----------
    mask, geometry, rules, pad
        As for `resample_as_pyradiomics`.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-LARGE-GRID``.
    """
    x_mm, y_mm, z_mm = geometry.spacing_mm
    own = (z_mm, y_mm, x_mm)
    box = filled_box(mask)
    # A region of one voxel along an axis is not resampled along it.
    wanted = [
        old if new is None or bounds.stop - bounds.start == 1 else new
        for new, old, bounds in zip(rules.spacing_mm[::-1], own, box, strict=True)
    ]
    if np.array_equal(wanted, own):
        return None
    require_axes([n * (old / new) for n, old, new in zip(mask.shape, own, wanted, strict=True)])
    starts, sizes = [], []
    for bounds, length, old, new in zip(box, mask.shape, own, wanted, strict=True):
        # Quotients are formed first, as the package does: their rounding decides a ceiling.
        ratio = old / new
        low = max(math.floor((bounds.start - 0.5) * ratio - pad), 0)
        high = math.ceil((bounds.stop - 0.5) * ratio + pad)
        high = min(high, math.ceil(length * ratio) - 1)
        starts.append(0.5 * (new - old) / old + low / ratio)
        sizes.append(high - low + 1)
    require_grid(sizes, "the resampled region")
    return GridAround(tuple(starts), tuple(sizes), (wanted[0], wanted[1], wanted[2]))


def check_resampling(array: AnyArray, rules: InterpolationRules | None) -> None:
    """Refuse an image that ITK's spline cannot interpolate.

    Along an axis of two voxels its mirrored neighbours lie outside the array: it reads
    memory that is not its own, and gives other values each time.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-THIN-IMAGE``.
    """
    if rules is not None and rules.image == "cubic" and 2 in array.shape:
        raise RadiomicsError(
            "RADIOMICS-THIN-IMAGE",
            f"the image has {' x '.join(map(str, array.shape))} voxels (z, y, x); a spline "
            "needs another number than 2 along each axis",
            hint="Interpolate linearly, or take the series with all its slices.",
        )


def as_itk(array: AnyArray, geometry: Geometry) -> Any:
    """Return an array as an image of SimpleITK."""
    import SimpleITK

    image: Any = SimpleITK.GetImageFromArray(np.ascontiguousarray(array))
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    return image


def _resampler(image: Any, grid: GridAround) -> Any:
    """Return a filter for a new grid on an image."""
    import SimpleITK

    resampler: Any = SimpleITK.ResampleImageFilter()
    resampler.SetOutputSpacing(grid.spacing_zyx[::-1])
    resampler.SetOutputDirection(image.GetDirection())
    resampler.SetOutputOrigin(image.TransformContinuousIndexToPhysicalPoint(grid.starts[::-1]))
    resampler.SetSize(grid.sizes[::-1])
    return resampler


def _array(resampler: Any, image: Any, kind: InterpolationKind) -> AnyArray:
    import SimpleITK

    resampler.SetInterpolator(getattr(SimpleITK, ITK_INTERPOLATORS[kind]))
    return np.asarray(SimpleITK.GetArrayFromImage(resampler.Execute(image)))
