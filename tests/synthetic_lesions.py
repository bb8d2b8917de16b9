"""Masks of shapes whose diameters are known, on pixels of any size, angle and offset."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from biomarker_cli.size.diameters import Axes, Pixels, axes_of, inside_axes_of
from biomarker_cli.size.outline import parts_of

Shape = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From coordinates in mm (across, down) to what is inside."""

REACH_MM = 25.0


def ellipse(long_mm: float, short_mm: float) -> Shape:
    return lambda u, v: (2 * u / long_mm) ** 2 + (2 * v / short_mm) ** 2 <= 1


def rectangle(long_mm: float, short_mm: float) -> Shape:
    return lambda u, v: (np.abs(u) <= long_mm / 2) & (np.abs(v) <= short_mm / 2)


def crescent(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A disc of radius 20 mm without one of 16 mm whose centre is 10 mm off."""
    return (u**2 + v**2 <= 20**2) & ((u - 10) ** 2 + v**2 > 16**2)


def ring(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Radii 15 and 11 mm."""
    return (u**2 + v**2 <= 15**2) & (u**2 + v**2 > 11**2)


def angle_iron(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """An L of 30 x 30 mm, 8 mm wide."""
    u, v = u + 15, v + 15
    return (u >= 0) & (v >= 0) & (u <= 30) & (v <= 30) & ((u <= 8) | (v <= 8))


def pixels_of(
    shape: Shape,
    pixels: Pixels,
    angle: float = 0.0,
    offset: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """Return a mask, shape (1, rows, columns), of the pixels whose centre is inside.

    Parameters
    ----------
    shape : callable
    pixels : Pixels
    angle : float
        In radians.
    offset : tuple of float
        In pixels (rows, columns).
    """
    half = [int(REACH_MM / step) + 2 for step in (pixels.row_mm, pixels.column_mm)]
    rows, columns = (np.arange(-n, n + 1) + o for n, o in zip(half, offset, strict=True))
    y, x = np.meshgrid(rows * pixels.row_mm, columns * pixels.column_mm, indexing="ij")
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.asarray(shape(u, v))[None]


def both_axes(mask: np.ndarray, pixels: Pixels, *, fill_holes: bool = False) -> tuple[Axes, Axes]:
    """Return the axes over concavities and inside."""
    parts = parts_of(mask, fill_holes=fill_holes)
    return axes_of(parts, pixels), inside_axes_of(parts, pixels)
