"""Volumes and their grids as SimpleITK has them, and its filters on one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.volume import Volume

THREADS = 1
"""Sums of several threads depend on their number."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Run filters of SimpleITK on one thread within the block."""
    import SimpleITK

    before = SimpleITK.ProcessObject.GetGlobalDefaultNumberOfThreads()
    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(THREADS)
    try:
        yield
    finally:
        SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def single_precision(volume: Volume) -> NDArray[np.float32]:
    """Return the values as the engine takes them; infinite where they are beyond its range."""
    with np.errstate(over="ignore"):
        return np.asarray(volume.array, dtype=np.float32)


def image_of(volume: Volume) -> Any:
    """Return a volume as a SimpleITK image of float32.

    Voxels without a value, and padding, get the lowest value that was measured.
    """
    import SimpleITK

    array = single_precision(volume)
    empty = ~np.isfinite(array)
    if volume.padding is not None:
        empty |= volume.padding
    if empty.any():
        array = np.where(empty, array[~empty].min() if not empty.all() else 0.0, array)
    return placed(SimpleITK.GetImageFromArray(array), volume.geometry)


def empty_image(geometry: Geometry) -> Any:
    """Return an image of zeros of one byte: a grid to resample on."""
    import SimpleITK

    return placed(SimpleITK.Image(list(geometry.shape[::-1]), SimpleITK.sitkUInt8), geometry)


def placed(image: Any, geometry: Geometry) -> Any:
    """Return a SimpleITK image, now lying where a grid of its size does."""
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    return image


def geometry_of(image: Any) -> Geometry:
    """Return the grid of a SimpleITK image."""
    x, y, z = image.GetSize()
    return Geometry((z, y, x), image.GetSpacing(), image.GetOrigin(), image.GetDirection())
