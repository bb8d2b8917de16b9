"""Which ROI of a visit is which lesion, by overlap in the space of the baseline: a proposal.

The cost of a pair is ``(1 - Dice) + min(distance / 20 mm, 1)``, and that of a lesion, or a
ROI, without partner 1. The assignment with the least sum is proposed; a pair that another
assignment of the same sum does without is a tie, and is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from biomarker_cli.imaging.region import Crop
from biomarker_cli.model.arrays import FloatArray

NEAR_MM = 20.0
"""Centroids that lie closer may be one lesion, whether the masks overlap or not."""

OVERLAPPING = 0.1
"""Above this Dice coefficient two masks may be one lesion, however far their centroids lie."""

PART = 0.5
"""A mask of which as much lies in another one may be a part of it: split, or merged."""

_ALONE = 1.0
_NEVER = 1e6
_CHEAP = 1e3
_ONE_SUM = 1e-9

Kind = Literal["match", "tie", "split", "merge", "new", "gone"]


@dataclass(frozen=True, eq=False)
class Placed:
    """A mask in the space of the baseline.

    Attributes
    ----------
    name : str
        Of the lesion, or the ROI of a visit.
    crop : Crop
        Its voxels on the grid of the baseline; none where that does not show it.
    centroid_mm : ndarray, shape (3,)
        LPS, of all its voxels.
    """

    name: str
    crop: Crop
    centroid_mm: FloatArray


@dataclass(frozen=True)
class PairFigures:
    """How two masks lie to each other.

    Attributes
    ----------
    dice : float
    distance_mm : float
        Of the centroids.
    lesion_in_roi, roi_in_lesion : float
        Share of the voxels of the one that the other has.
    """

    dice: float
    distance_mm: float
    lesion_in_roi: float
    roi_in_lesion: float

    @property
    def may_be_one(self) -> bool:
        """Whether they may be one lesion at all."""
        return self.dice > OVERLAPPING or self.distance_mm < NEAR_MM

    @property
    def cost(self) -> float:
        """What the pair costs."""
        return (1.0 - self.dice) + min(self.distance_mm / NEAR_MM, 1.0)


@dataclass(frozen=True)
class LesionMatch:
    """What is proposed of a lesion and a ROI.

    Attributes
    ----------
    kind : str
        ``match``: one lesion; ``tie``: it might as well be another; ``split``: the ROI is a
        further part of the lesion; ``merge``: the lesion is a further part of the ROI;
        ``new``: a ROI without lesion; ``gone``: a lesion without ROI.
    lesion, roi : str
        Empty where there is none.
    figures : PairFigures or None
    """

    kind: Kind
    lesion: str
    roi: str
    figures: PairFigures | None = None


def pair_figures(lesion: Placed, roi: Placed) -> PairFigures:
    """Return how a lesion and a ROI lie to each other."""
    n_lesion, n_roi = (int(np.count_nonzero(one.crop.mask)) for one in (lesion, roi))
    common = _n_common(lesion.crop, roi.crop) if n_lesion and n_roi else 0
    distance = float(np.linalg.norm(lesion.centroid_mm - roi.centroid_mm))
    if not common:
        return PairFigures(0.0, distance, 0.0, 0.0)
    return PairFigures(2 * common / (n_lesion + n_roi), distance, common / n_lesion, common / n_roi)


def _n_common(one: Crop, other: Crop) -> int:
    first = np.maximum(one.offset, other.offset)
    last = np.minimum(np.add(one.offset, one.mask.shape), np.add(other.offset, other.mask.shape))
    if (last <= first).any():
        return 0
    parts = []
    for crop in (one, other):
        box = tuple(
            slice(int(a - o), int(b - o)) for a, b, o in zip(first, last, crop.offset, strict=True)
        )
        parts.append(crop.mask[box])
    return int(np.count_nonzero(parts[0] & parts[1]))


def match_lesions(lesions: Sequence[Placed], rois: Sequence[Placed]) -> list[LesionMatch]:
    """Return what is proposed, sorted by lesion and ROI; the order of either changes nothing.

    Parameters
    ----------
    lesions : sequence of Placed
        Known ones; names are unique.
    rois : sequence of Placed
        Of one visit; names are unique.
    """
    lesions = sorted(lesions, key=lambda one: one.name)
    rois = sorted(rois, key=lambda one: one.name)
    figures = {
        (i, j): pair_figures(lesion, roi)
        for i, lesion in enumerate(lesions)
        for j, roi in enumerate(rois)
    }
    costs = {pair: one.cost for pair, one in figures.items() if one.may_be_one}
    pairs, ties = assigned(costs)
    found = [LesionMatch("match", lesions[i].name, rois[j].name, figures[i, j]) for i, j in pairs]
    taken = {i for i, _ in pairs}, {j for _, j in pairs}
    parts: list[tuple[Kind, int, int]] = []
    for j in range(len(rois)):
        inside = [i for i in range(len(lesions)) if figures[i, j].roi_in_lesion >= PART]
        if j not in taken[1]:
            parts += [("split", i, j) for i in inside]
    for i in range(len(lesions)):
        around = [j for j in range(len(rois)) if figures[i, j].lesion_in_roi >= PART]
        if i not in taken[0]:
            parts += [("merge", i, j) for j in around]
    # A part stands beside another one: of a lesion that is found, or of a ROI of two lesions.
    parts = [one for one in parts if _has_company(one, pairs, parts)]
    said = {(i, j) for _, i, j in parts}
    found += [
        LesionMatch(kind, lesions[i].name, rois[j].name, figures[i, j]) for kind, i, j in parts
    ]
    found += [
        LesionMatch("tie", lesions[i].name, rois[j].name, figures[i, j])
        for i, j in sorted(ties - said)
    ]
    lone = ties | said
    of_lesions, of_rois = taken[0] | {i for i, _ in lone}, taken[1] | {j for _, j in lone}
    found += [
        LesionMatch("gone", one.name, "") for i, one in enumerate(lesions) if i not in of_lesions
    ]
    found += [LesionMatch("new", "", one.name) for j, one in enumerate(rois) if j not in of_rois]
    return sorted(found, key=lambda one: (one.lesion, one.roi, one.kind))


def _has_company(
    part: tuple[Kind, int, int],
    pairs: Sequence[tuple[int, int]],
    parts: Sequence[tuple[Kind, int, int]],
) -> bool:
    kind, i, j = part
    place, mine = (0, i) if kind == "split" else (1, j)
    others = [pair for pair in pairs if pair[place] == mine]
    others += [(a, b) for k, a, b in parts if k == kind and (a, b) != (i, j)]
    return any(other[place] == mine for other in others)


def assigned(
    costs: Mapping[tuple[int, int], float],
) -> tuple[list[tuple[int, int]], set[tuple[int, int]]]:
    """Return the pairs of the least sum, and those that are a tie.

    Parameters
    ----------
    costs : mapping
        Pair of a lesion and a ROI that may be one -> what it costs.

    Returns
    -------
    pairs : list of tuple
        That every assignment of the least sum has.
    ties : set of tuple
        Pairs that one assignment of the least sum has and another one has not.
    """
    pairs: list[tuple[int, int]] = []
    ties: set[tuple[int, int]] = set()
    for part in _components(costs):
        group = _Group.of(part)
        least, best = group.least()
        sure = {pair for pair in best if group.least(pair, _NEVER)[0] - least > _ONE_SUM}
        pairs += sure
        # A pair costs less than two that stay alone: what another assignment of the same
        # sum has, stands in the place of a pair of this one.
        if len(sure) < len(best):
            ties |= {pair for pair in part if pair not in sure and group.may_have(pair, least)}
    return sorted(pairs), ties


def _components(
    costs: Mapping[tuple[int, int], float],
) -> list[dict[tuple[int, int], float]]:
    """Return the pairs in groups that have no lesion and no ROI in common."""
    found: list[dict[tuple[int, int], float]] = []
    for pair, cost in sorted(costs.items()):
        near = [one for one in found if any(pair[0] == i or pair[1] == j for i, j in one)]
        found = [one for one in found if not any(one is other for other in near)]
        merged = {pair: cost}
        for one in near:
            merged |= one
        found.append(merged)
    return found


@dataclass(frozen=True, eq=False)
class _Group:
    """Pairs that hang together, and what each costs.

    Attributes
    ----------
    rows, columns : list of int
        Lesions and ROIs.
    matrix : ndarray, shape (n + m, n + m)
        Of n lesions and m ROIs; each has a partner of its own that stands for none.
    """

    rows: list[int]
    columns: list[int]
    matrix: FloatArray

    @classmethod
    def of(cls, costs: Mapping[tuple[int, int], float]) -> _Group:
        """Return the group of some pairs."""
        rows, columns = sorted({i for i, _ in costs}), sorted({j for _, j in costs})
        n, m = len(rows), len(columns)
        matrix = np.full((n + m, n + m), _NEVER)
        matrix[n:, m:] = 0.0
        matrix[:n, m:][np.diag_indices(n)] = _ALONE
        matrix[n:, :m][np.diag_indices(m)] = _ALONE
        for (i, j), cost in costs.items():
            matrix[rows.index(i), columns.index(j)] = cost
        return cls(rows, columns, matrix)

    def least(
        self, pair: tuple[int, int] | None = None, cost: float = 0.0
    ) -> tuple[float, list[tuple[int, int]]]:
        """Return the least sum of an assignment and its pairs, were one pair of another cost."""
        from scipy.optimize import linear_sum_assignment

        matrix = self.matrix
        if pair is not None:
            matrix = matrix.copy()
            matrix[self.rows.index(pair[0]), self.columns.index(pair[1])] = cost
        chosen = linear_sum_assignment(matrix)
        n, m = len(self.rows), len(self.columns)
        pairs = [
            (self.rows[i], self.columns[j]) for i, j in zip(*chosen, strict=True) if i < n and j < m
        ]
        return float(matrix[chosen].sum()), pairs

    def may_have(self, pair: tuple[int, int], least: float) -> bool:
        """Return whether an assignment of the least sum has a pair."""
        cost = float(self.matrix[self.rows.index(pair[0]), self.columns.index(pair[1])])
        # So cheap that it is taken, whatever the others then cost.
        found, _ = self.least(pair, cost - _CHEAP)
        return found + _CHEAP - least <= _ONE_SUM * _CHEAP
