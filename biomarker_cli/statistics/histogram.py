"""Statistics of the histogram of the values under a mask (IBSI-1, section 3.4)."""

from __future__ import annotations

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.features import FeatureDefinition, FeatureRegistry

HISTOGRAM = FeatureRegistry()
"""Definitions of the family for maps in physical units."""

ENTROPY = HISTOGRAM.register(
    FeatureDefinition(
        family="histogram",
        name="entropy",
        title="Entropy of the histogram, bins of fixed width from zero",
        unit="1",
        ibsi_id="TLU2",
        reference="IBSI-1 v11, section 3.4.18; fixed bin size, section 2.7",
    )
)


def histogram_entropy(values: FloatArray, bin_width: float) -> float:
    """Return the entropy of a histogram, in bits.

    Bins are ``[k w, (k + 1) w)`` for every integer k, so that the number does
    not depend on the range of the values; negative values keep their bins.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Without NaN; n >= 1.
    bin_width : float
        In the unit of the values.
    """
    _, counts = np.unique(np.floor(values / bin_width), return_counts=True)
    share = counts / counts.sum()
    return float(-np.sum(share * np.log2(share))) + 0.0
