"""Values of the morphology of a region of one plane."""

from __future__ import annotations

import numpy as np

from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.radiomics.features.shape_values import farthest_pair


def planar_shape_values(mask: BoolArray, spacing_mm: tuple[float, float]) -> dict[str, float]:
    """Return the features of a region in a plane, by name.

    The outline joins the midpoints between a pixel inside and its neighbour outside;
    pixels that touch at a corner only are kept apart.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)
        Holds pixels.
    spacing_mm : tuple of float
        Along the two axes.
    """
    padded = np.pad(mask, 1)
    a, b = spacing_mm
    # The four corners of each square of pixels.
    one, two = padded[:-1, :-1], padded[:-1, 1:]
    three, four = padded[1:, :-1], padded[1:, 1:]
    inside = one.astype(np.int64) + two + three + four
    pairs = inside == 2
    diagonal = pairs & (one == four)
    along_first = int(np.count_nonzero(pairs & (one == three)))
    along_second = int(np.count_nonzero(pairs & (one == two)))
    corners = int(np.count_nonzero((inside == 1) | (inside == 3)))
    cuts = corners + 2 * int(np.count_nonzero(diagonal))
    perimeter = along_first * a + along_second * b + cuts * float(np.hypot(a, b)) / 2
    eighths = np.array([0, 1, 4, 7, 8])[inside].sum() - 2 * np.count_nonzero(diagonal)
    area = float(eighths) / 8 * a * b
    found = {
        "mesh_area": area,
        "approximate_area": float(np.count_nonzero(mask)) * a * b,
        "perimeter": perimeter,
        "perimeter_to_area_ratio": perimeter / area,
        "sphericity": 2 * float(np.sqrt(np.pi * area)) / perimeter,
        "maximum_diameter": farthest_pair(_vertices(padded) * np.array(spacing_mm)),
    }
    places = np.argwhere(mask) * np.array(spacing_mm)
    centred = places - places.mean(axis=0)
    minor, major = np.sqrt(np.maximum(np.linalg.eigvalsh(centred.T @ centred / len(places)), 0))
    found["major_axis_length"] = 4 * float(major)
    found["minor_axis_length"] = 4 * float(minor)
    found["elongation"] = float(minor / major) if major > 0 else np.nan
    return found


def _vertices(padded: BoolArray) -> FloatArray:
    """Return the midpoints of the cut edges, in indices, shape (n, 2)."""
    first = np.argwhere(padded[1:] != padded[:-1]) + np.array([0.5, 0.0])
    second = np.argwhere(padded[:, 1:] != padded[:, :-1]) + np.array([0.0, 0.5])
    return np.concatenate([first, second])
