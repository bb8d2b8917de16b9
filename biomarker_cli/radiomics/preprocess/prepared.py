"""An image and a region after preprocessing: what the families measure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from biomarker_cli.imaging.boxes import Box, filled_box
from biomarker_cli.imaging.region import Crop
from biomarker_cli.imaging.resampling import (
    Axis,
    InterpolationKind,
    centred_axis,
    interpolate,
    interpolate_mask,
    length_on,
)
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.radiomics.bounds import require_axes, require_grid
from biomarker_cli.radiomics.preprocess.intensities import resegment
from biomarker_cli.radiomics.rules import RadiomicsRules

_SPLINE_REACH = 40
_SLACK = 1e-6


@dataclass(frozen=True)
class Grid:
    """The grid that is measured on.

    Attributes
    ----------
    axes : tuple of Axis
        z, y, x.
    """

    axes: tuple[Axis, Axis, Axis]

    @property
    def spacing_zyx(self) -> tuple[float, float, float]:
        """Spacing in mm."""
        z, y, x = self.axes
        return z.spacing_mm, y.spacing_mm, x.spacing_mm


def grid_of(volume: Volume, rules: RadiomicsRules) -> Grid:
    """Return the grid that the rules ask for on an image.

    Parameters
    ----------
    volume : Volume
    rules : RadiomicsRules

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-LARGE-GRID``, for the whole image where filters need all of it.
    """
    x, y, z = volume.geometry.spacing_mm
    wanted = rules.interpolation.spacing_mm if rules.interpolation else (None, None, None)
    axes = list(zip(volume.array.shape, (z, y, x), wanted[::-1], strict=True))
    sizes = [length_on(*axis) for axis in axes]
    require_axes(sizes)
    if rules.interpolation is not None and rules.filtered:
        require_grid(sizes, "the resampled image")
    z_axis, y_axis, x_axis = (centred_axis(*axis) for axis in axes)
    return Grid((z_axis, y_axis, x_axis))


def part_of(
    grid: Grid, tight: Box, shape: tuple[int, ...], reach_mm: float, kind: InterpolationKind
) -> tuple[Box, Grid]:
    """Return what is needed of an image around a region.

    Parameters
    ----------
    grid : Grid
        New axes for the whole image.
    tight : tuple of slice
        The box of the region on the old grid; holds voxels.
    shape : tuple of int
        Of the old grid.
    reach_mm : float
        How far beyond the region voxels are looked at.
    kind : str
        Of interpolation; the spline looks far, with weights that fall by 0.27 a voxel.

    Returns
    -------
    tuple
        Box on the old grid, and the new axes inside it, in its indices.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-LARGE-GRID``.
    """
    support = _SPLINE_REACH if kind == "cubic" else 1
    slices, axes = [], []
    for bounds, axis, length in zip(tight, grid.axes, shape, strict=True):
        step = axis.places[1] - axis.places[0] if axis.places.size > 1 else 1.0
        reach = reach_mm * step / axis.spacing_mm + 1
        low, high = bounds.start - reach, bounds.stop - 1 + reach
        kept = axis.places[(axis.places >= low) & (axis.places <= high)]
        first = max(int(np.floor(low)) - support, 0)
        last = min(int(np.ceil(high)) + support + 1, length)
        slices.append(slice(first, last))
        axes.append(Axis(kept - first, axis.spacing_mm))
    require_grid([axis.places.size for axis in axes], "the resampled region")
    return (slices[0], slices[1], slices[2]), Grid((axes[0], axes[1], axes[2]))


def mask_in(crop: Crop, box: Box) -> BoolArray:
    """Return the mask of a region within a box around it.

    A region is a thousandth of its image: the whole mask of each of thousands of regions
    takes longer to make than they take to measure.
    """
    mask = np.zeros([bounds.stop - bounds.start for bounds in box], dtype=np.bool_)
    z, y, x = (
        slice(own.start - outer.start, own.stop - outer.start)
        for own, outer in zip(crop.box, box, strict=True)
    )
    mask[z, y, x] = crop.mask
    return mask


def resampled_image(array: FloatArray, grid: Grid, rules: RadiomicsRules) -> FloatArray:
    """Return the image on the grid, rounded where the rules say so."""
    if rules.interpolation is not None:
        array = interpolate(array, grid.axes, rules.interpolation.image)
    if rules.round_to is not None:
        array = np.rint(array / rules.round_to) * rules.round_to
    return array


def resampled_mask(mask: BoolArray, grid: Grid, rules: RadiomicsRules) -> BoolArray:
    """Return the morphological mask on the grid."""
    if rules.interpolation is None:
        return mask
    return interpolate_mask(mask, grid.axes, rules.interpolation.mask)


@dataclass(frozen=True)
class PreparedRegion:
    """A region on the measured grid, cropped to its box.

    Attributes
    ----------
    morphological, intensity : ndarray of bool, shape (z, y, x)
    box : tuple of slice
        Place of both masks on the grid.
    spacing_zyx : tuple of float
    """

    morphological: BoolArray
    intensity: BoolArray
    box: Box
    spacing_zyx: tuple[float, float, float]


def prepare_region(
    image: FloatArray, mask: BoolArray, grid: Grid, rules: RadiomicsRules
) -> PreparedRegion | None:
    """Return a region ready for measuring; None where resampling left no voxel."""
    if not mask.any():
        return None
    box = filled_box(mask)
    morphological = mask[box]
    intensity = resegment(image[box], morphological, rules.resegmentation)
    return PreparedRegion(morphological, intensity, box, grid.spacing_zyx)


def prepare_on_whole(
    image: FloatArray, grid: Grid, mask: BoolArray, rules: RadiomicsRules
) -> PreparedRegion | None:
    """Return a region ready for measuring on an image that was resampled as a whole.

    Only what is near the region is resampled of the mask.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
        On the grid.
    grid : Grid
    mask : ndarray of bool, shape (z, y, x)
        On the old grid; holds voxels.
    rules : RadiomicsRules
    """
    if rules.interpolation is None:
        return prepare_region(image, mask, grid, rules)
    tight = filled_box(mask)
    box, part = part_of(grid, tight, mask.shape, 0.0, rules.interpolation.mask)
    corner = [
        int(np.searchsorted(whole.places, bounds.start + own.places[0] - _SLACK))
        if own.places.size
        else 0
        for whole, bounds, own in zip(grid.axes, box, part.axes, strict=True)
    ]
    z, y, x = (
        slice(first, first + own.places.size) for first, own in zip(corner, part.axes, strict=True)
    )
    found = prepare_region(image[z, y, x], resampled_mask(mask[box], part, rules), part, rules)
    if found is None:
        return None
    a, b, c = (
        slice(first + bounds.start, first + bounds.stop)
        for first, bounds in zip(corner, found.box, strict=True)
    )
    return replace(found, box=(a, b, c))
