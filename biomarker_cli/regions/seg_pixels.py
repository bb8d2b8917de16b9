"""What the pixels of one frame of a segmentation hold, as the box around it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import NamedTuple

import numpy as np

from biomarker_cli.imaging.boxes import filled_box
from biomarker_cli.model.arrays import AnyArray, BoolArray
from biomarker_cli.regions.seg_frames import FramePlane, SegmentFrame


class LabelFrame(NamedTuple):
    """A frame of a label map, as the box around what is no padding."""

    pixels: AnyArray
    row: int
    column: int
    values: frozenset[int]


def label_frame(pixels: AnyArray, padding: int, named: AbstractSet[int | None]) -> LabelFrame:
    """Return a frame of a label map without its padding.

    Parameters
    ----------
    pixels : ndarray of int, shape (rows, columns)
    padding : int
        Number that stands for no segment.
    named : set of int
        Numbers that the object describes: 0 is a label only where it is one of them.
    """
    _, rows, columns = filled_box((pixels != padding)[np.newaxis])
    inside = pixels[rows, columns].copy()
    values = _values(inside) - {padding} - ({0} - named)
    return LabelFrame(inside, rows.start, columns.start, values)


def boxed(plane: FramePlane, mask: BoolArray, row: int = 0, column: int = 0) -> SegmentFrame:
    """Return the part of a frame that belongs to a segment.

    Parameters
    ----------
    plane : FramePlane
        Where the frame lies.
    mask : ndarray of bool, shape (n, m)
        A part of the frame.
    row, column : int
        Where in the frame the mask begins.
    """
    _, rows, columns = filled_box(mask[np.newaxis])
    part = mask[rows, columns]
    return SegmentFrame(plane, part.copy(), row + rows.start, column + columns.start)


def reaches(pixels: AnyArray, maximum: float, threshold: float) -> BoolArray:
    """Return where a fraction reaches a threshold.

    Parameters
    ----------
    pixels : ndarray, shape (rows, columns)
        As stored.
    maximum : float
        What stands for 1 (MaximumFractionalValue).
    threshold : float
        In (0, 1].
    """
    return np.asarray(pixels.astype(np.float64) / maximum >= threshold)


def _values(pixels: AnyArray) -> frozenset[int]:
    """Return the numbers that occur; labels have one byte or two."""
    if pixels.itemsize > 2:
        return frozenset(np.unique(pixels).tolist())
    return frozenset(np.flatnonzero(np.bincount(pixels.ravel())).tolist())
