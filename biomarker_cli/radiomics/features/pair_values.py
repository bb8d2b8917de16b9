"""The features of a grey level co-occurrence matrix, from its distributions.

A matrix that is counted both ways round is symmetrical, and then all features
but four follow from the distributions of difference, sum and one margin: no
loop over the matrix is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biomarker_cli.kernels.compiled import (
    difference_features,
    sum_features,
    summarise,
)
from biomarker_cli.model.arrays import FloatArray, IntArray


@dataclass(frozen=True)
class PairDistributions:
    """What is known of one symmetrical matrix.

    Attributes
    ----------
    difference : ndarray
        Probability of |i - j| = k at index k.
    total : ndarray
        Probability of i + j = k at index k.
    margin : ndarray, shape (g,)
        Probability of each grey level in `values`.
    values : ndarray, shape (g,)
    pairs : float
        Number of pairs, both ways round.
    highest, energy, entropy : float
        Joint maximum, angular second moment, joint entropy (bits).
    """

    difference: FloatArray
    total: FloatArray
    margin: FloatArray
    values: IntArray
    pairs: float
    highest: float
    energy: float
    entropy: float

    @classmethod
    def of(cls, counts: FloatArray, values: IntArray) -> PairDistributions | None:
        """Take a matrix that is counted one way, shape (g, g), both ways; None if it is empty."""
        top = int(values[-1])
        difference, total = np.zeros(top + 1), np.zeros(2 * top + 1)
        margin, found = np.zeros(values.size), np.empty(4)
        summarise(counts, values, difference, total, margin, found)
        pairs, highest, energy, entropy = found.tolist()
        if pairs == 0:
            return None
        return cls(difference, total, margin, values, pairs, highest, energy, entropy)


def entropy_bits(probabilities: FloatArray) -> float:
    """Return the Shannon entropy in bits; absent classes count nothing."""
    present = probabilities[probabilities > 0]
    return -float(np.sum(present * np.log2(present))) + 0.0


_DIFFERENCE_NAMES = (
    "dissimilarity",
    "contrast",
    "difference_variance",
    "difference_entropy",
    "inverse_difference",
    "normalised_inverse_difference",
    "inverse_difference_moment",
    "normalised_inverse_difference_moment",
    "inverse_variance",
)
_SUM_NAMES = (
    "sum_average",
    "sum_variance",
    "sum_entropy",
    "cluster_tendency",
    "cluster_shade",
    "cluster_prominence",
)


def pair_values(pairs: PairDistributions, top_level: int) -> dict[str, float]:
    """Return the features by name; NaN where one is undefined.

    Parameters
    ----------
    pairs : PairDistributions
    top_level : int
        Number of grey levels of the region.

    References
    ----------
    IBSI-1 v11, section 3.6.
    """
    mean = float(pairs.margin @ pairs.values)
    variance = float(pairs.margin @ (pairs.values - mean) ** 2)
    differences, sums = np.empty(len(_DIFFERENCE_NAMES)), np.empty(len(_SUM_NAMES))
    difference_features(pairs.difference, float(top_level), differences)
    sum_features(pairs.total, mean, sums)
    values = dict(zip(_DIFFERENCE_NAMES, differences.tolist(), strict=True))
    values |= zip(_SUM_NAMES, sums.tolist(), strict=True)
    contrast = values["contrast"]
    values["difference_average"] = values["dissimilarity"]
    values["joint_maximum"] = pairs.highest
    values["joint_average"] = mean
    values["joint_variance"] = variance
    values["joint_entropy"] = pairs.entropy
    values["angular_second_moment"] = pairs.energy
    values["autocorrelation"] = variance + mean**2 - 0.5 * contrast
    values["correlation"] = (variance - 0.5 * contrast) / variance if variance > 0 else np.nan
    values.update(_information(pairs.entropy, entropy_bits(pairs.margin)))
    return values


def _information(joint: float, margin: float) -> dict[str, float]:
    # With equal margins both HXY1 and HXY2 are twice the entropy of a margin.
    if margin <= 0:
        return {"information_correlation_1": np.nan, "information_correlation_2": np.nan}
    gain = max(2.0 * margin - joint, 0.0)
    return {
        "information_correlation_1": (joint - 2.0 * margin) / margin,
        "information_correlation_2": float(np.sqrt(-np.expm1(-2.0 * gain))),
    }
