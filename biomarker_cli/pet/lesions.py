"""Tumour voxels of a region: thresholds, lesions, and how far they spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.arrays import BoolArray, FloatArray, IndexArray
from biomarker_cli.pet.rules import LesionRule, ThresholdRule

_FACES = 1
_CONNECTIVITY_OF = {6: _FACES, 18: 2, 26: 3}


@dataclass(frozen=True)
class ReferenceUptake:
    """Uptake of a reference region, in the unit of the image, and the doubts of that region."""

    mean: float
    sd: float
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TumourVoxels:
    """What a threshold leaves of a region.

    Attributes
    ----------
    mask : ndarray of bool, shape (z, y, x)
    labels : ndarray of int, shape (z, y, x)
        Lesion number from 1 (the largest) on, 0 outside; all 1 where lesions
        are not told apart.
    n_lesions : int
    """

    mask: BoolArray
    labels: IndexArray
    n_lesions: int


def threshold_value(
    rule: ThresholdRule, maximum: float, reference: ReferenceUptake | None
) -> float:
    """Return the value from which on a voxel counts as tumour.

    Parameters
    ----------
    rule : ThresholdRule
    maximum : float
        Of the region or lesion.
    reference : ReferenceUptake or None
        NaN is returned where the rule needs one and there is none.
    """
    if rule.percent_of_max is not None:
        return rule.percent_of_max / 100.0 * maximum
    if rule.fixed is not None:
        return rule.fixed
    if reference is None or rule.reference is None:
        return float("nan")
    return rule.reference.times_mean * reference.mean + rule.reference.plus_sd * reference.sd


def label_components(mask: BoolArray, connectivity: int) -> tuple[IndexArray, int]:
    """Give each connected component of a mask a number.

    Returns
    -------
    labels : ndarray of int, shape (z, y, x)
    n : int
    """
    from scipy.ndimage import generate_binary_structure, label

    structure = generate_binary_structure(3, _CONNECTIVITY_OF[connectivity])
    labels, n = label(mask, structure)
    return np.asarray(labels, dtype=np.intp), int(n)


def tumour_voxels(
    array: FloatArray,
    region: BoolArray,
    rule: ThresholdRule,
    lesions: LesionRule | None,
    voxel_ml: float,
    reference: ReferenceUptake | None = None,
) -> TumourVoxels | None:
    """Apply a threshold to a region, lesion by lesion.

    A share of the maximum is taken of each part of the region that hangs
    together, where lesions are told apart: the hottest lesion does not hide the
    others.

    Returns
    -------
    TumourVoxels or None
        None where the threshold has no value (a reference region is missing).
    """
    maximum = float(array[region].max())
    if rule.percent_of_max is not None and not maximum > 0:
        # A share of nothing lies above it.
        return None
    if lesions is None:
        value = threshold_value(rule, maximum, reference)
        if np.isnan(value):
            return None
        mask = region & (array >= value)
        return TumourVoxels(mask, mask.astype(np.intp), int(mask.any()))
    if rule.percent_of_max is not None:
        parts, n_parts = label_components(region, lesions.connectivity)
        maxima = _maxima(array, parts, n_parts)
        mask = region & (array >= rule.percent_of_max / 100.0 * maxima[parts])
    else:
        value = threshold_value(rule, 0.0, reference)
        if np.isnan(value):
            return None
        mask = region & (array >= value)
    return _large_enough(mask, lesions, voxel_ml)


def _maxima(array: FloatArray, labels: IndexArray, n: int) -> FloatArray:
    maxima = np.full(n + 1, -np.inf)
    np.maximum.at(maxima, labels.ravel(), array.ravel())
    return maxima


def _large_enough(mask: BoolArray, rule: LesionRule, voxel_ml: float) -> TumourVoxels:
    labels, n = label_components(mask, rule.connectivity)
    volumes = np.bincount(labels.ravel(), minlength=n + 1) * voxel_ml
    keep = volumes >= rule.smallest_ml * (1.0 - 1e-9)
    keep[0] = False
    kept = np.flatnonzero(keep)
    number = np.zeros(n + 1, dtype=np.intp)
    # Largest first; of equal ones the first along z, y, x.
    number[kept[np.argsort(-volumes[kept], kind="stable")]] = np.arange(1, kept.size + 1)
    labels = number[labels]
    return TumourVoxels(labels > 0, labels, int(kept.size))


def largest_distance_mm(tumour: TumourVoxels, geometry: Geometry) -> float:
    """Return the largest distance between the centroids of two lesions, mm.

    NaN where there are fewer than two.

    Notes
    -----
    Dmax of lymphoma is taken between lesion centroids; the name of the feature
    says so, because farthest voxels give another number.
    """
    if tumour.n_lesions < 2:
        return float("nan")
    index = np.argwhere(tumour.mask)
    number = tumour.labels[tumour.mask] - 1
    count = np.bincount(number)
    centroid = np.stack(
        [np.bincount(number, weights=index[:, axis]) / count for axis in (2, 1, 0)], axis=1
    )
    places = geometry.index_to_physical(centroid)
    distance = np.linalg.norm(places[:, None, :] - places[None, :, :], axis=2)
    return float(distance.max())
