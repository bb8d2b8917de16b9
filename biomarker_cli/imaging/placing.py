"""From the affine of an image file to a `Geometry`; what places nothing is refused."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.refusals import bad_geometry
from biomarker_cli.model.arrays import FloatArray

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

ORTHOGONAL_TOLERANCE = 1e-4
"""Largest dot product of two unit axes of a grid without shear (float32 headers); the same
for the length of an axis that should be a unit vector."""

LARGEST_MM = 1e6
"""A spacing or position beyond a kilometre is no place in a patient."""

SMALLEST_MM = 1e-6
"""A spacing below a nanometre is none either."""


_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def numbers_of(words: Iterable[str]) -> list[float]:
    """Return the numbers of a text header.

    Raises
    ------
    ValueError
        Where a word is no finite number as C writes it.
    """
    found = [word.strip() for word in words]
    if not all(len(word) < 100 and _NUMBER.fullmatch(word) for word in found):
        raise ValueError("no number")
    numbers = [float(word) for word in found]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("no finite number")
    return numbers


def grid_of(shape_xyz: tuple[int, ...], affine: FloatArray, path: Path) -> Geometry:
    """Return the grid that an affine places.

    Parameters
    ----------
    shape_xyz : tuple of int
    affine : ndarray, shape (4, 4)
        From indices ``(x, y, z, 1)`` to LPS mm.
    path : Path
        For messages.

    Raises
    ------
    ImageFileError
        ``IMAGE-FILE-GEOMETRY`` where it is sheared or no place at all.
    """
    if not np.isfinite(affine).all() or np.abs(affine).max() > LARGEST_MM:
        raise bad_geometry(path, f"its place is no number of mm below {LARGEST_MM:g}")
    columns = affine[:3, :3]
    spacing = np.linalg.norm(columns, axis=0)
    if spacing.min() < SMALLEST_MM:
        raise bad_geometry(path, f"the voxel spacing is {spacing.tolist()} mm")
    axes = columns / spacing
    cosine = float(np.abs(axes.T @ axes - np.eye(3)).max())
    if cosine > ORTHOGONAL_TOLERANCE:
        raise bad_geometry(path, f"the axes are not perpendicular (cosine {cosine:.3g})")
    nx, ny, nz = shape_xyz
    x, y, z = spacing.tolist()
    origin = affine[:3, 3].tolist()
    return Geometry(
        shape=(nz, ny, nx),
        spacing_mm=(x, y, z),
        origin_mm=(origin[0], origin[1], origin[2]),
        direction=tuple(axes.ravel().tolist()),
    )
