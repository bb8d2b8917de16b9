"""Transforms as ITK text files (``.tfm``): written with the same bytes for the same numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.outputs import replace_file

_HEAD = "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"


def write_tfm(matrix: FloatArray, centre: FloatArray, path: Path) -> None:
    """Write a rigid or affine transform.

    As an affine one, which every program that reads ITK transforms knows: matrix row by row,
    translation, and the centre that the matrix turns about.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4)
        Fixed point to moving point, LPS mm, as ITK resamples.
    centre : ndarray, shape (3,)
        LPS mm.
    path : Path
        In a folder that exists.
    """
    turn = matrix[:3, :3]
    shift = turn @ centre + matrix[:3, 3] - centre
    numbers = [*turn.ravel().tolist(), *shift.tolist()]
    lines = [
        f"{_HEAD}Parameters: {' '.join(map(repr, numbers))}",
        f"FixedParameters: {' '.join(map(repr, np.asarray(centre).tolist()))}",
    ]
    replace_file(path, ("\n".join(lines) + "\n").encode())
