"""Re-segmentation and discretisation by the conventions of pyradiomics."""

from __future__ import annotations

from typing import assert_never

import numpy as np

from biomarker_cli.kernels.compiled import levels_between
from biomarker_cli.model.arrays import AnyArray, BoolArray, FloatArray, IntArray
from biomarker_cli.radiomics.bounds import require_bins
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.preprocess.intensities import require_range
from biomarker_cli.radiomics.rules import (
    Discretisation,
    FixedBinNumber,
    FixedBinSize,
    PyradiomicsRules,
)


def resegment_as_pyradiomics(
    image: AnyArray, mask: BoolArray, rules: PyradiomicsRules
) -> BoolArray:
    """Return the voxels within the thresholds.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
    mask : ndarray of bool, shape (z, y, x)
    rules : PyradiomicsRules
        Thresholds are intensities, parts of the region's maximum, or numbers of
        standard deviations around its mean.
    """
    limits = sorted(rules.resegment_range)
    if not limits:
        return mask
    image = image.astype(np.float64)
    values = image[mask]
    mode = rules.resegment_mode
    match mode:
        case "absolute":
            pass
        case "relative":
            limits = [limit * float(values.max()) for limit in limits]
        case "sigma":
            limits = [float(values.mean()) + limit * float(values.std()) for limit in limits]
        case _:
            assert_never(mode)
    kept = mask & (image >= limits[0])
    if len(limits) > 1:
        kept &= image <= limits[1]
    return kept


def discretise_as_pyradiomics(values: FloatArray, bins: Discretisation) -> IntArray:
    """Return the grey levels from 1 of the values of a region.

    The edges are built step by step as pyradiomics builds them: their rounding
    decides the level of values that lie on an edge.

    Parameters
    ----------
    values : ndarray, shape (n,)
    bins : FixedBinSize or FixedBinNumber

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-MANY-LEVELS``, ``RADIOMICS-NOT-DISCRETE``.
    """
    low, high = float(values.min()), float(values.max())
    if isinstance(bins, FixedBinNumber):
        edges = _equal_edges(values, bins)
        edges[-1] += 1
    elif isinstance(bins, FixedBinSize):
        first = low - low % bins.width
        with np.errstate(over="ignore"):
            require_bins(float((np.float64(high) - first) / bins.width))
        edges = np.arange(first, high + 2 * bins.width, bins.width)
        if edges.size == 1:
            edges = np.array([edges[0] - 0.5, edges[0] + 0.5])
    else:
        raise TypeError("pyradiomics always discretises")
    levels = np.empty(values.size, dtype=np.int64)
    levels_between(np.ascontiguousarray(values), np.ascontiguousarray(edges), levels)
    return levels


def _equal_edges(values: FloatArray, bins: FixedBinNumber) -> FloatArray:
    low, high = float(values.min()), float(values.max())
    require_range(low, high, bins)
    try:
        return np.histogram_bin_edges(values, bins.bins)
    except ValueError as error:
        # Fewer doubles lie between the two than there are bins.
        raise RadiomicsError(
            "RADIOMICS-NOT-DISCRETE",
            f"intensities from {low!r} to {high!r} cannot be parted into {bins.bins} bins",
            hint="The region is flat but for rounding: name a bin width.",
        ) from error
