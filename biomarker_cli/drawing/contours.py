"""The outline of a mask on a slice."""

from __future__ import annotations

from typing import Any

import numpy as np

from biomarker_cli.model.arrays import BoolArray, FloatArray


def outlines(mask: BoolArray) -> list[FloatArray]:
    """Return the lines half-way between the voxels of a mask and those around them.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)

    Returns
    -------
    list of ndarray, shape (n, 2)
        Closed lines of ``(column, row)``; whole numbers are the centres of voxels.
        A hole has a line of its own.
    """
    import contourpy

    padded = np.pad(mask, 1).astype(np.float64)
    lines: Any = contourpy.contour_generator(z=padded).lines(0.5)
    return [np.asarray(line) - 1.0 for line in lines]
