"""The signal of the voxels of regions, read frame by frame: one volume in memory at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import AnyArray, BoolArray, FloatArray, SingleArray
from biomarker_cli.perfusion.errors import PerfusionError


class Readable(Protocol):
    """An image that is read when it is asked for."""

    def read(self, files: DicomFiles) -> Volume:
        """Return the signal."""


@dataclass(frozen=True)
class MaskedSignals:
    """The signal of some voxels in every image.

    Attributes
    ----------
    signal : ndarray of float32, shape (images, voxels)
        16 bits of storage are exact in it.
    mask : ndarray of bool, shape (z, y, x)
        Which voxels.
    """

    signal: SingleArray
    mask: BoolArray

    def under(self, region: Region) -> FloatArray:
        """Return the signal of the voxels of a region, shape (images, voxels), float64."""
        return self.signal[:, region.mask[self.mask]].astype(np.float64)


def read_signals(images: Sequence[Readable], mask: BoolArray, files: DicomFiles) -> MaskedSignals:
    """Read images one after the other and keep the voxels of a mask."""
    signal = np.empty((len(images), int(np.count_nonzero(mask))), dtype=np.float32)
    for row, image in zip(signal, images, strict=True):
        row[:] = image.read(files).array[mask]
    return MaskedSignals(signal, mask)


def union_of(regions: Sequence[Region], geometry: Geometry) -> BoolArray:
    """Return the voxels of any region.

    Raises
    ------
    PerfusionError
        ``DCE-REGION-GRID`` where a region lies on another grid.
    """
    mask = np.zeros(geometry.shape, dtype=np.bool_)
    for region in regions:
        if not region.geometry.same_grid(geometry):
            raise PerfusionError(
                "DCE-REGION-GRID",
                "the region is not on the grid of the series: "
                f"{region.geometry.difference(geometry)}",
                where=region.label,
                hint="Resample the region to the grid of the series.",
            )
        mask[region.crop.box] |= region.crop.mask
    return mask


def on_grid(values: AnyArray, mask: BoolArray) -> FloatArray:
    """Return the values of a mask in their places, NaN elsewhere."""
    array = np.full(mask.shape, np.nan)
    array[mask] = values
    return array
