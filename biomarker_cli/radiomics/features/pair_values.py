"""The features of a grey level co-occurrence matrix, from its distributions.

A matrix that is counted both ways round is symmetrical, and then all features
but four follow from the distributions of difference, sum and one margin: no
loop over the matrix is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


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
    highest, energy, entropy : float
        Joint maximum, angular second moment, joint entropy (bits).
    """

    difference: Floats
    total: Floats
    margin: Floats
    values: npt.NDArray[np.int64]
    highest: float
    energy: float
    entropy: float


def entropy_bits(probabilities: Floats) -> float:
    """Return the Shannon entropy in bits; absent classes count nothing."""
    present = probabilities[probabilities > 0]
    return -float(np.sum(present * np.log2(present))) + 0.0


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
    k = np.arange(pairs.difference.size, dtype=np.float64)
    p_difference = pairs.difference
    sums = np.arange(pairs.total.size, dtype=np.float64)
    mean = float(pairs.margin @ pairs.values)
    variance = float(pairs.margin @ (pairs.values - mean) ** 2)
    contrast = float(p_difference @ k**2)
    dissimilarity = float(p_difference @ k)
    sum_average = float(pairs.total @ sums)
    centred = sums - 2.0 * mean
    tendency = float(pairs.total @ centred**2)
    entropy_margin = entropy_bits(pairs.margin)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = {
            "joint_maximum": pairs.highest,
            "joint_average": mean,
            "joint_variance": variance,
            "joint_entropy": pairs.entropy,
            "difference_average": dissimilarity,
            "difference_variance": float(p_difference @ (k - dissimilarity) ** 2),
            "difference_entropy": entropy_bits(p_difference),
            "sum_average": sum_average,
            "sum_variance": float(pairs.total @ (sums - sum_average) ** 2),
            "sum_entropy": entropy_bits(pairs.total),
            "angular_second_moment": pairs.energy,
            "contrast": contrast,
            "dissimilarity": dissimilarity,
            "inverse_difference": float(np.sum(p_difference / (1.0 + k))),
            "normalised_inverse_difference": float(np.sum(p_difference / (1.0 + k / top_level))),
            "inverse_difference_moment": float(np.sum(p_difference / (1.0 + k**2))),
            "normalised_inverse_difference_moment": float(
                np.sum(p_difference / (1.0 + (k / top_level) ** 2))
            ),
            "inverse_variance": float(np.sum(p_difference[1:] / k[1:] ** 2)),
            "correlation": (variance - 0.5 * contrast) / variance if variance > 0 else np.nan,
            "autocorrelation": variance + mean**2 - 0.5 * contrast,
            "cluster_tendency": tendency,
            "cluster_shade": float(pairs.total @ centred**3),
            "cluster_prominence": float(pairs.total @ centred**4),
        }
    values.update(_information(pairs.entropy, entropy_margin))
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
