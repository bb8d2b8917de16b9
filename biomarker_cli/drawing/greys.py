"""Intensities as greys: which values are black and white, and what no value looks like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biomarker_cli.model.arrays import ByteArray, FloatArray
from biomarker_cli.statistics.percentiles import percentile

SHOWN_PERCENTILES = (1.0, 99.0)

NO_VALUE_COLOUR = (0, 0, 60)
"""Dark blue: no grey, so that a gap is not taken for a dark tissue."""


@dataclass(frozen=True)
class GreyScale:
    """The window of intensities that is shown.

    Attributes
    ----------
    black, white : float
        Values that are drawn so, with all beyond them; in the unit of the image. Black
        may be the higher one.
    """

    black: float
    white: float


def scale_of(values: FloatArray) -> GreyScale:
    """Return the scale between percentiles of what a picture shows.

    Parameters
    ----------
    values : ndarray of any shape
        NaN and infinities are left out; without any other value the scale is
        zero to zero.
    """
    shown = values[np.isfinite(values)]
    if not shown.size:
        return GreyScale(0.0, 0.0)
    black, white = (percentile(shown, percent) for percent in SHOWN_PERCENTILES)
    return GreyScale(black, white)


def grey_pixels(values: FloatArray, scale: GreyScale) -> ByteArray:
    """Return the pixels of an image.

    Parameters
    ----------
    values : ndarray, shape (y, x)
    scale : GreyScale

    Returns
    -------
    ndarray of uint8, shape (y, x, 3)
        Red, green and blue; `NO_VALUE_COLOUR` where a value is not finite.
    """
    width = scale.white - scale.black or 1.0
    scaled = (values - scale.black) / width
    grey = (np.clip(np.nan_to_num(scaled), 0.0, 1.0) * 255).astype(np.uint8)
    pixels = np.stack([grey] * 3, axis=-1)
    pixels[~np.isfinite(values)] = NO_VALUE_COLOUR
    return pixels
