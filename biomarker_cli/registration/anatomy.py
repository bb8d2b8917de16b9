"""What the checks look at: points of the body, and images on other grids or mirrored."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.registration.deformable.fields import DisplacementField, Way, itk_transform
from biomarker_cli.registration.itk_images import empty_image, geometry_of, image_of, one_thread

COARSE_MM = 4.0
"""Voxels of the images that likeness is judged on: noise is averaged, organs are left."""

MOST_POINTS = 500


def coarse(image: Any) -> Any:
    """Return an image of voxels of about 4 mm, each the mean of what it covers."""
    import SimpleITK

    pairs = zip(image.GetSpacing(), image.GetSize(), strict=True)
    factors = [max(1, min(round(COARSE_MM / mm), n)) for mm, n in pairs]
    with one_thread():
        return SimpleITK.BinShrink(image, factors)


def body_points_mm(image: Any) -> FloatArray:
    """Return points of what is brighter than its surroundings (Otsu), LPS mm.

    Returns
    -------
    ndarray, shape (n, 3)
        At most 500, spread evenly over the voxels of a coarse image; of every voxel where
        nothing is brighter.
    """
    small = coarse(image)
    return points_within(body_of(small), geometry_of(small))


def points_within(mask: BoolArray, geometry: Geometry) -> FloatArray:
    """Return at most 500 voxel centres of a mask, spread evenly, LPS mm, shape (n, 3)."""
    return _spread(np.argwhere(mask), geometry)


def body_of(image: Any) -> BoolArray:
    """Return what is brighter than its surroundings, shape (z, y, x)."""
    import SimpleITK

    with one_thread():
        bright = SimpleITK.GetArrayFromImage(SimpleITK.OtsuThreshold(image, 0, 1)).astype(bool)
    return np.asarray(bright if bright.any() else np.ones_like(bright))


def region_points_mm(region: Region) -> FloatArray:
    """Return at most 500 voxel centres of a region, spread evenly, LPS mm, shape (n, 3)."""
    places = np.argwhere(region.crop.mask) + np.asarray(region.crop.offset)
    return _spread(places, region.geometry)


def _spread(places_zyx: Any, geometry: Geometry) -> FloatArray:
    wanted = np.unique(np.linspace(0, len(places_zyx) - 1, MOST_POINTS).round().astype(int))
    return geometry.index_to_physical(places_zyx[wanted][:, ::-1])


def transformed(matrix: Way, points_mm: FloatArray) -> FloatArray:
    """Return where a transform, or a field, leads points, shape (n, 3)."""
    if isinstance(matrix, DisplacementField):
        return matrix.there(points_mm)
    return np.asarray(points_mm @ matrix[:3, :3].T + matrix[:3, 3])


def largest_spread_mm(answers: Sequence[FloatArray]) -> float:
    """Return the largest distance of two answers at any of their points, mm.

    Parameters
    ----------
    answers : sequence of ndarray, shape (n, 3)
        Where each of them leads the same points; two or more.
    """
    return max(float(distances_mm(a, b).max()) for a, b in combinations(answers, 2))


def distances_mm(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return how far points lie from those of another list, shape (n,)."""
    return np.asarray(np.linalg.norm(a - b, axis=1))


def overlap_percent(matrix: Way, points_mm: FloatArray, moving: Geometry) -> float:
    """Return how many of the points of the fixed image the moving image shows, percent."""
    places = moving.physical_to_index(transformed(matrix, points_mm))
    most = np.asarray(moving.shape[::-1]) - 0.5
    return float(np.mean(((places >= -0.5) & (places <= most)).all(axis=1)) * 100)


def resampled(moving: Any, fixed: Any, matrix: Way) -> Any:
    """Return a moving image on the grid of the fixed one, linear; NaN where it shows nothing."""
    import SimpleITK

    way = itk_transform(matrix)
    with one_thread():
        return SimpleITK.Resample(
            moving, fixed, way, SimpleITK.sitkLinear, float("nan"), SimpleITK.sitkFloat32
        )


def on_grid(moving: Volume, fixed: Volume, matrix: Way) -> FloatArray:
    """Return the values of a moving volume on the grid of the fixed one, shape (z, y, x).

    Linear, interpolated once; NaN where it shows nothing.
    """
    import SimpleITK

    there = resampled(image_of(moving), empty_image(fixed.geometry), matrix)
    return np.asarray(SimpleITK.GetArrayFromImage(there), dtype=np.float64)


def mirrored(image: Any) -> Any:
    """Return an image whose left and right are exchanged, on the same grid."""
    import SimpleITK

    # The index axis that lies closest to left and right.
    across = int(np.argmax(np.abs(np.reshape(image.GetDirection(), (3, 3))[0])))
    array = np.flip(SimpleITK.GetArrayFromImage(image), axis=2 - across)
    flipped: Any = SimpleITK.GetImageFromArray(np.ascontiguousarray(array))
    flipped.CopyInformation(image)
    return flipped
