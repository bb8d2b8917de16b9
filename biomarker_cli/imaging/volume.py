"""Volume: an array that knows where it lies and what its numbers mean."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from biomarker_cli.dicom.frames import Frames
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.arrays import AnyArray, BoolArray, FloatArray
from biomarker_cli.model.quantity import Quantity


@dataclass(frozen=True)
class Volume:
    """Voxels on a grid.

    Attributes
    ----------
    array : ndarray, shape (z, y, x)
        Voxel values; float64 once arithmetic has started.
    geometry : Geometry
    quantity : Quantity
    frames : Frames
        Header record of each slice, in the order of the z axis; empty for
        volumes that did not come from DICOM.
    volume_id : str
        Identifier of the catalogue.
    flags : frozenset of str
        What the rows measured on this volume must carry.
    padding : ndarray of bool, shape (z, y, x), or None
        Voxels where the scanner measured nothing; None where there are none.
    """

    array: AnyArray
    geometry: Geometry
    quantity: Quantity
    frames: Frames = field(default_factory=Frames)
    volume_id: str = ""
    flags: frozenset[str] = frozenset()
    padding: BoolArray | None = None

    def __post_init__(self) -> None:
        if self.array.shape != self.geometry.shape:
            raise ValueError(f"array {self.array.shape} on a grid of {self.geometry.shape}")

    def with_array(self, array: AnyArray, quantity: Quantity, *flags: str) -> Volume:
        """Return the same place with other numbers."""
        return replace(self, array=array, quantity=quantity, flags=self.flags | frozenset(flags))

    def without_padding(self) -> Volume:
        """Return the volume with NaN in place of padding, which is no signal."""
        if self.padding is None:
            return self
        array = np.where(self.padding, np.nan, self.as_float64())
        return self.with_array(array, self.quantity)

    def as_float64(self) -> FloatArray:
        """Return the array as float64, without a copy where it already is."""
        return np.asarray(self.array, dtype=np.float64)
