"""The type of number that an image has in its file, which pyradiomics resamples it in."""

from __future__ import annotations

import numpy as np

from biomarker_cli.dicom.frames import Frames
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import AnyArray

_UNSIGNED = (np.uint8, np.uint16, np.uint32)
_SIGNED = (np.int8, np.int16, np.int32)


def in_type_of_file(volume: Volume) -> AnyArray:
    """Return the voxels in the type that SimpleITK reads them in.

    An image file keeps its type. DICOM has the type that the series reader of SimpleITK
    gives after rescale: float64 where slope or intercept is no whole number, else the
    smallest integer that holds what the first slice can store. A quantity that was
    computed, such as SUV, stays float64.

    Parameters
    ----------
    volume : Volume

    Returns
    -------
    ndarray, shape (z, y, x)

    References
    ----------
    GDCM, ``gdcm::Rescaler::ComputeInterceptSlopePixelType``.
    """
    array = volume.array
    if not len(volume.frames) or array.dtype.kind != "f":
        return array
    kind = _rescaled_type(volume.frames)
    if kind is None or not np.isfinite(array).all():
        return array
    bounds = np.iinfo(kind)
    if array.min() < bounds.min or array.max() > bounds.max:
        return array
    whole = array.astype(kind)
    # What was computed since the file was read holds fractions.
    return whole if np.array_equal(whole, array) else array


def _rescaled_type(frames: Frames) -> type[np.integer] | None:
    """Return the integer type of the first slice after rescale; None for float64."""
    first = frames.first
    allocated, stored = first.get("BitsAllocated"), first.get("BitsStored")
    slope, intercept = first.get("RescaleSlope", 1), first.get("RescaleIntercept", 0)
    try:
        slope, intercept = float(slope), float(intercept)
        allocated, stored = int(allocated), int(stored)
        signed = int(first.get("PixelRepresentation", 0)) == 1
    except (TypeError, ValueError):
        return None
    if not (slope.is_integer() and intercept.is_integer()):
        return None
    if (slope, intercept) == (1.0, 0.0):
        names = _SIGNED if signed else _UNSIGNED
        return next((kind for kind in names if np.iinfo(kind).bits == allocated), None)
    lowest, highest = (
        (-(2 ** (stored - 1)), 2 ** (stored - 1) - 1) if signed else (0, 2**stored - 1)
    )
    ends = sorted((slope * lowest + intercept, slope * highest + intercept))
    names = _UNSIGNED if ends[0] >= 0 else _SIGNED
    fitting = (k for k in names if np.iinfo(k).min <= ends[0] and ends[1] <= np.iinfo(k).max)
    return next(fitting, None)
