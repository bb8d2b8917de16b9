"""Boxes of voxels, and closed forms of what a linear image has in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from biomarker_cli.model.arrays import BoolArray


class Box(NamedTuple):
    """Voxels of a half-open range along each axis.

    Attributes
    ----------
    z0, z1, y0, y1, x0, x1 : int
        First voxel, and the one behind the last.
    """

    z0: int
    z1: int
    y0: int
    y1: int
    x0: int
    x1: int

    @property
    def n(self) -> int:
        """Number of voxels."""
        return (self.z1 - self.z0) * (self.y1 - self.y0) * (self.x1 - self.x0)

    @property
    def per_slice(self) -> int:
        """Number of voxels of one slice."""
        return (self.y1 - self.y0) * (self.x1 - self.x0)

    @property
    def centre(self) -> tuple[float, float, float]:
        """Mean index ``(z, y, x)`` of the voxels."""
        return (
            (self.z0 + self.z1 - 1) / 2.0,
            (self.y0 + self.y1 - 1) / 2.0,
            (self.x0 + self.x1 - 1) / 2.0,
        )

    def cut(self, mask: BoolArray, *, inside: bool = True) -> None:
        """Set the voxels of the box in a mask."""
        mask[self.z0 : self.z1, self.y0 : self.y1, self.x0 : self.x1] = inside


Boxes = Sequence[Box]
"""Boxes that do not overlap."""


def count(boxes: Boxes) -> int:
    """Return the number of voxels."""
    return sum(box.n for box in boxes)


def centroid(boxes: Boxes) -> tuple[float, float, float]:
    """Return the mean index ``(z, y, x)`` of the voxels."""
    n = count(boxes)
    z, y, x = (sum(box.n * box.centre[axis] for box in boxes) / n for axis in range(3))
    return z, y, x
