"""Where the labels of an image lie: the boxes around them."""

from __future__ import annotations

from collections.abc import Iterable

from biomarker_cli.imaging.boxes import EMPTY, Box, filled_box
from biomarker_cli.model.arrays import AnyArray

MOST_LOOKS = 64 * 1024 * 1024
"""To look at so many voxels takes as long as to load scipy, which looks once for all labels."""


def boxes_of(layer: AnyArray, values: Iterable[int]) -> dict[int, Box]:
    """Return the box around each of some values, without those that have no voxel.

    Parameters
    ----------
    layer : ndarray of int, shape (z, y, x)
    values : iterable of int
        Above zero.
    """
    wanted = sorted(set(values))
    box = filled_box(layer)
    filled = layer[box]
    if len(wanted) * filled.size > MOST_LOOKS:
        from scipy.ndimage import find_objects

        native = filled.astype(filled.dtype.newbyteorder("="), copy=False)
        parts = find_objects(native, wanted[-1])
        found = {value: parts[value - 1] for value in wanted}
        return {value: _moved(part, box) for value, part in found.items() if part is not None}
    boxes = {value: filled_box(filled == value) for value in wanted}
    return {value: _moved(part, box) for value, part in boxes.items() if part != EMPTY}


def _moved(part: Box, box: Box) -> Box:
    """Return a part of a box in the indices of the whole image."""
    z, y, x = (
        slice(outer.start + inner.start, outer.start + inner.stop)
        for outer, inner in zip(box, part, strict=True)
    )
    return z, y, x
