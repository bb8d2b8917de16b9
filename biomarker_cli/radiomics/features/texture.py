"""The texture families of a discretised region, by name and aggregation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from biomarker_cli.kernels.compiled import emphasise
from biomarker_cli.model.arrays import AnyArray, CountArray, FloatArray, IntArray
from biomarker_cli.radiomics.features.directional import PER_SLICE, Values, aggregate, mean_of
from biomarker_cli.radiomics.features.level_by_size import GLDZM, GLRLM, GLSZM, NGLDM
from biomarker_cli.radiomics.features.pair_values import PairDistributions, pair_values
from biomarker_cli.radiomics.lattice import Lattice, Neighbours, Offset, half_neighbours


@dataclass(frozen=True)
class Texture:
    """A discretised region, whole and by slice.

    Attributes
    ----------
    whole : Lattice
    slices : tuple of Lattice
        Slices that hold voxels.
    distance_3d, distances_2d
        City-block distance of each voxel to the border of the morphological
        mask, in the order of the lattice's voxels.
    """

    whole: Lattice
    slices: tuple[Lattice, ...]
    distance_3d: CountArray
    distances_2d: tuple[CountArray, ...]


def glcm(texture: Texture, aggregation: str) -> dict[str, float]:
    """Return the co-occurrence features (IBSI-1, section 3.6)."""
    top = texture.whole.top_level

    def measure(lattice: Lattice, offsets: tuple[Offset, ...]) -> Values | None:
        pairs = pair_distributions(lattice, offsets)
        return None if pairs is None else pair_values(pairs, top)

    return aggregate(texture.whole, texture.slices, aggregation, measure)


def pair_distributions(lattice: Lattice, offsets: tuple[Offset, ...]) -> PairDistributions | None:
    """Count the pairs of some directions in one matrix; None where there is no pair."""
    counts = _merged(lattice.pairs(offsets), (lattice.values.size, lattice.values.size))
    return PairDistributions.of(counts, lattice.values)


def _merged(tables: Iterator[CountArray], shape: tuple[int, int]) -> FloatArray:
    merged = np.zeros(shape)
    for counts in tables:
        merged += counts
    return merged


def sparse_values(
    matrix: tuple[IntArray, IntArray, AnyArray],
    values: IntArray,
    names: Iterable[str],
    voxels: float | None = None,
) -> Values | None:
    """Return the shared features of a sparse matrix (rank from 0, size, count).

    Parameters
    ----------
    matrix : tuple of ndarray, shape (n,)
    values : ndarray
        Grey level of each rank.
    names : iterable of str
        Names in the order of the IBSI manual.
    voxels : float, optional
        What the number of entries is divided by for the percentage; without it the
        voxels that the entries hold.
    """
    ranks, sizes, counts = (np.ascontiguousarray(part) for part in matrix)
    if counts.size == 0:
        return None
    found = np.zeros(18)
    by_level, by_size = np.zeros(values.size), np.zeros(int(sizes.max()) + 1)
    emphasise(ranks, sizes, counts.astype(np.float64), values, by_level, by_size, found)
    found[12] /= found[17] if voxels is None else voxels
    return dict(zip(names, found.tolist(), strict=False))


def entries_of(table: AnyArray) -> tuple[IntArray, IntArray, AnyArray]:
    """Return rank, size and count of what a table by rank and size - 1 holds."""
    ranks, sizes = np.nonzero(table)
    return ranks, sizes + 1, table[ranks, sizes]


def glrlm(texture: Texture, aggregation: str) -> dict[str, float]:
    """Return the run length features (IBSI-1, section 3.7)."""

    def measure(lattice: Lattice, offsets: tuple[Offset, ...]) -> Values | None:
        shape = (lattice.values.size, max(lattice.ranks.shape) - 1)
        merged = _merged(lattice.runs(offsets), shape)
        voxels = lattice.n_voxels * len(offsets)
        return sparse_values(entries_of(merged), lattice.values, GLRLM, voxels)

    return aggregate(texture.whole, texture.slices, aggregation, measure)


_SMALL = 64

_PAIRS = 2**20
"""Pairs of levels that are looked at together."""


def grouped(ranks: IntArray, sizes: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Count equal (rank, size) entries."""
    small = sizes < _SMALL
    # Nearly all are small: those are counted in a table, without sorting.
    table = np.bincount(ranks[small] * _SMALL + sizes[small])
    keys = np.flatnonzero(table)
    width = int(sizes.max()) + 1
    large, counts = np.unique(ranks[~small] * width + sizes[~small], return_counts=True)
    return (
        np.concatenate([keys // _SMALL, large // width]),
        np.concatenate([keys % _SMALL, large % width]),
        np.concatenate([table[keys], counts]),
    )


def _by_slices(
    texture: Texture, aggregation: str, measure: Callable[..., Values | None]
) -> dict[str, float]:
    planar = not aggregation.startswith("3d")
    if aggregation in PER_SLICE:
        pairs = zip(texture.slices, texture.distances_2d, strict=True)
        return mean_of(measure(part, distance, planar) for part, distance in pairs)
    distance = np.concatenate(texture.distances_2d) if planar else texture.distance_3d
    return mean_of([measure(texture.whole, distance, planar)])


def _by_zones(
    texture: Texture, aggregation: str, column: int, names: Iterable[str]
) -> dict[str, float]:
    """Return the features of zones by their size (column 1) or distance (column 2)."""

    def measure(lattice: Lattice, distance: CountArray, planar: bool) -> Values | None:
        zones = lattice.zones(planar, distance)
        matrix = grouped(zones[:, 0], zones[:, column])
        return sparse_values(matrix, lattice.values, names, lattice.n_voxels)

    return _by_slices(texture, aggregation, measure)


def glszm(texture: Texture, aggregation: str) -> dict[str, float]:
    """Return the size zone features (IBSI-1, section 3.8)."""
    return _by_zones(texture, aggregation, 1, GLSZM)


def gldzm(texture: Texture, aggregation: str) -> dict[str, float]:
    """Return the distance zone features (IBSI-1, section 3.9)."""
    return _by_zones(texture, aggregation, 2, GLDZM)


def _neighbours(lattice: Lattice, planar: bool, alpha: int = 0) -> Neighbours:
    return lattice.neighbours(half_neighbours(1, planar), alpha)


def ngtdm(texture: Texture, aggregation: str) -> dict[str, float]:
    """Return the grey tone difference features (IBSI-1, section 3.10)."""

    def measure(lattice: Lattice, _distance: CountArray, planar: bool) -> Values | None:
        found = _neighbours(lattice, planar)
        return tone_values(found.number, found.difference, lattice.values)

    return _by_slices(texture, aggregation, measure)


def tone_values(number: AnyArray, difference: FloatArray, values: IntArray) -> Values | None:
    """Return coarseness, contrast, busyness, complexity and strength; NaN where undefined."""
    present = number > 0
    if not present.any():
        return None
    voxels = float(number.sum())
    p = number[present] / voxels
    s = difference[present]
    g = values[present].astype(np.float64)
    size = g.size
    weighted = float(p @ s)
    spread, spread_of_squares, complexity, strength = _sums_over_pairs(p, s, g)
    contrast = np.nan
    if size > 1:
        contrast = spread_of_squares / (size * (size - 1)) * float(s.sum()) / voxels
    total = float(s.sum())
    return {
        "coarseness": 1.0 / weighted if weighted > 0 else np.nan,
        "contrast": contrast,
        "busyness": weighted / spread if spread > 0 else np.nan,
        "complexity": complexity / voxels,
        "strength": strength / total if total > 0 else np.nan,
    }


def _sums_over_pairs(
    p: FloatArray, s: FloatArray, g: FloatArray
) -> tuple[float, float, float, float]:
    """Return the sums over all pairs of levels that the tone features need.

    Some rows of pairs at a time: all of 4,096 levels would take a gigabyte. The pairs of a
    thousand levels are summed at once, in the order of numpy.

    Parameters
    ----------
    p, s, g : ndarray, shape (n,)
        Share, difference and level of each level.

    Returns
    -------
    tuple of float
        Of |g p - g' p'|, of p p' (g - g')^2, of |g - g'| (p s + p' s') / (p + p'), and of
        (p + p') (g - g')^2.
    """
    found = [0.0, 0.0, 0.0, 0.0]
    step = max(1, _PAIRS // g.size)
    for start in range(0, g.size, step):
        rows = slice(start, start + step)
        apart = g[rows, None] - g[None, :]
        pair_sum = p[rows, None] + p[None, :]
        found[0] += float(np.sum(np.abs((g * p)[rows, None] - (g * p)[None, :])))
        found[1] += float(p[rows] @ (apart**2 @ p))
        weighted = np.abs(apart) * ((p * s)[rows, None] + (p * s)[None, :]) / pair_sum
        found[2] += float(weighted.sum())
        found[3] += float(np.sum(pair_sum * apart**2))
    return found[0], found[1], found[2], found[3]


def ngldm(texture: Texture, aggregation: str, alpha: int = 0) -> dict[str, float]:
    """Return the dependence features (IBSI-1, section 3.11)."""

    def measure(lattice: Lattice, _distance: CountArray, planar: bool) -> Values | None:
        matrix = entries_of(_neighbours(lattice, planar, alpha).dependence)
        return sparse_values(matrix, lattice.values, NGLDM, lattice.n_voxels)

    return _by_slices(texture, aggregation, measure)


TEXTURE_FAMILIES: Mapping[str, Callable[[Texture, str], dict[str, float]]] = {
    "glcm": glcm,
    "glrlm": glrlm,
    "glszm": glszm,
    "gldzm": gldzm,
    "ngtdm": ngtdm,
    "ngldm": ngldm,
}
"""Function by family."""
