"""Feature values where pyradiomics defines them otherwise than IBSI.

On flat regions the package gives numbers where a definition has none; they are
part of its conventions and stand here by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import assert_never

import numpy as np

from biomarker_cli.kernels.compiled import has_pair, information_entropies
from biomarker_cli.model.arrays import AnyArray, BoolArray, FloatArray, IntArray
from biomarker_cli.radiomics.features.directional import Values
from biomarker_cli.radiomics.features.first_order import intensity_values
from biomarker_cli.radiomics.features.level_by_size import GLRLM, GLSZM, NGLDM
from biomarker_cli.radiomics.features.one_way_pairs import maximal_correlation, one_way_values
from biomarker_cli.radiomics.features.pair_values import (
    PairDistributions,
    entropy_bits,
    pair_values,
)
from biomarker_cli.radiomics.features.shape_values import (
    farthest_pair,
    mesh_of,
    planar_diameter,
    principal_variances,
)
from biomarker_cli.radiomics.features.surface_cases import surface_of_pyradiomics
from biomarker_cli.radiomics.features.texture import (
    entries_of,
    grouped,
    sparse_values,
    tone_values,
)
from biomarker_cli.radiomics.lattice import Lattice, Neighbours, Offset, half_neighbours
from biomarker_cli.radiomics.rules import PyradiomicsRules

Spacing = tuple[float, float, float]

_EPSILON = float(np.spacing(1.0))
_COARSENESS_OF_FLAT = 1e6


@dataclass(frozen=True)
class Measured:
    """A discretised region and the choices that decide its neighbours.

    Attributes
    ----------
    lattice : Lattice
        The first axis is the one across planes.
    box : tuple of int
        Size of the region's box along the axes of the lattice.
    spacing : tuple of float
        In mm, along the axes of the lattice.
    rules : PyradiomicsRules
    """

    lattice: Lattice
    box: tuple[int, int, int]
    spacing: Spacing
    rules: PyradiomicsRules

    def offsets(self, distances: tuple[int, ...]) -> tuple[Offset, ...]:
        """Return one of each pair of opposite steps that fit into the box."""
        return tuple(
            offset
            for distance in distances
            for offset in half_neighbours(distance, self.rules.force_2d)
            if all(abs(step) < size for step, size in zip(offset, self.box, strict=True))
        )

    @cached_property
    def neighbours(self) -> Neighbours:
        """What the neighbours of all voxels say: two families need it."""
        offsets = tuple(
            offset
            for distance in self.rules.distances
            for offset in half_neighbours(distance, self.rules.force_2d)
        )
        return self.lattice.neighbours(offsets, self.rules.dependence_alpha)

    def weight(self, offset: Offset) -> float:
        """Return the weight of a direction in a merged matrix."""
        squared = self._squared_length(offset)
        return 1.0 if squared is None else float(np.exp(-squared))

    def run_weight(self, offset: Offset) -> float:
        """Return the weight of a direction for runs: its length."""
        squared = self._squared_length(offset)
        return 1.0 if squared is None else float(np.sqrt(squared))

    def _squared_length(self, offset: Offset) -> float | None:
        """Return the square of the length of a step by the norm; None without weighting."""
        steps = np.abs(np.array(offset) * np.array(self.spacing))
        norm = self.rules.weighting_norm
        match norm:
            case "infinity":
                return float(steps.max() ** 2)
            case "euclidean":
                return float(np.sum(steps**2))
            case "manhattan":
                return float(steps.sum() ** 2)
            case "no_weighting" | None:
                return None
            case _:
                assert_never(norm)


def shape_as_pyradiomics(mask: BoolArray, spacing_zyx: Spacing) -> dict[str, float]:
    """Return the features of size and shape; covariances are divided by n."""
    mesh = mesh_of(mask, spacing_zyx, surface_of_pyradiomics())
    # The holes of its surface may leave less than nothing of a sparse region.
    volume = mesh.volume_mm3 if mesh.volume_mm3 > 0 else np.nan
    area = mesh.area_mm2
    variances = principal_variances(mask, spacing_zyx, 0)
    major, minor, least = (4 * float(v) ** 0.5 for v in variances)
    found = {
        "volume": volume,
        "approximate_volume": float(np.count_nonzero(mask)) * float(np.prod(spacing_zyx)),
        "surface_area": area,
        "surface_to_volume_ratio": area / volume,
        "sphericity": (36 * np.pi * volume**2) ** (1 / 3) / area,
        "maximum_3d_diameter": farthest_pair(mesh.vertices_mm),
        "major_axis_length": major,
        "minor_axis_length": minor,
        "least_axis_length": least,
        "elongation": minor / major if major > 0 else np.nan,
        "flatness": least / major if major > 0 else np.nan,
    }
    found["maximum_2d_diameter_slice"] = mesh.widest_mm
    for axis, name in ((1, "column"), (2, "row")):
        found[f"maximum_2d_diameter_{name}"] = planar_diameter(mask, spacing_zyx, axis)
    return found


def intensity_as_pyradiomics(
    values: FloatArray, shift: float, voxel_volume_mm3: float
) -> dict[str, float]:
    """Return the first-order statistics."""
    found = intensity_values(values)
    flat = found["variance"] == 0
    found["skewness"] = 0.0 if flat else found["skewness"]
    found["kurtosis_not_excess"] = 0.0 if flat else found["kurtosis"] + 3.0
    shifted = values + shift
    found["energy"] = float(np.sum(shifted**2))
    found["total_energy"] = found["energy"] * voxel_volume_mm3
    found["root_mean_square"] = float(np.sqrt(np.mean(shifted**2)))
    return found


def histogram_as_pyradiomics(levels: IntArray) -> dict[str, float]:
    """Return entropy and uniformity of the grey levels."""
    counts = np.bincount(levels)
    p = counts[counts > 0] / levels.size
    return {"entropy": entropy_bits(p), "uniformity": float(np.sum(p**2))}


def glcm_as_pyradiomics(measured: Measured) -> dict[str, float]:
    """Return the co-occurrence features, averaged over directions or of the weighted matrix."""
    lattice = measured.lattice
    offsets = measured.offsets(measured.rules.distances)
    values_of = _pairs_of if measured.rules.symmetrical_glcm else _one_way_pairs_of
    tables = lattice.pairs(offsets)
    if measured.rules.weighting_norm is None:
        return _mean_of_numbers(
            [values_of(counts.astype(np.float64), lattice) for counts in tables]
        )
    merged = np.zeros((lattice.values.size, lattice.values.size))
    for offset, counts in zip(offsets, tables, strict=True):
        merged += measured.weight(offset) * counts
    return dict(values_of(merged, lattice) or {})


def _pairs_of(counts: FloatArray, lattice: Lattice) -> Values | None:
    pairs = PairDistributions.of(counts, lattice.values)
    if pairs is None:
        return None
    found = pair_values(pairs, int(lattice.values[-1]))
    if found["joint_variance"] <= 0:
        found["correlation"] = 1.0
    found.update(_information(counts, pairs))
    found["maximal_correlation_coefficient"] = maximal_correlation(
        (counts + counts.T) / pairs.pairs, pairs.margin, pairs.margin
    )
    return found


def _one_way_pairs_of(counts: FloatArray, lattice: Lattice) -> Values | None:
    if not counts.any():
        return None
    return one_way_values(counts, lattice.values, int(lattice.values[-1]))


def _information(counts: FloatArray, pairs: PairDistributions) -> dict[str, float]:
    """Return both measures of information correlation, with the epsilon of pyradiomics."""
    found = np.empty(4)
    information_entropies(counts, pairs.pairs, pairs.margin, _EPSILON, found)
    joint, crossed, independent, own = found.tolist()
    gain = independent - joint
    return {
        "information_correlation_1": (joint - crossed) / own if own > _EPSILON else 0.0,
        "information_correlation_2": float(np.sqrt(-np.expm1(-2.0 * gain))) if gain > 0 else 0.0,
    }


def _mean_of_numbers(found: list[Values | None]) -> dict[str, float]:
    """Return the mean of each feature over the directions that have it."""
    rows = [values for values in found if values is not None]
    if not rows:
        return {}
    means = {}
    for name in rows[0]:
        numbers = np.array([row[name] for row in rows])
        numbers = numbers[~np.isnan(numbers)]
        means[name] = float(numbers.mean()) if numbers.size else np.nan
    return means


def glrlm_as_pyradiomics(measured: Measured) -> dict[str, float]:
    """Return the run length features; runs always step by one voxel."""
    lattice = measured.lattice
    offsets = tuple(o for o in measured.offsets((1,)) if _has_pair_on_line(lattice, o))
    tables = lattice.runs(offsets)
    if measured.rules.weighting_norm is None:
        return _mean_of_numbers([_runs_of(counts, lattice) for counts in tables])
    merged = np.zeros((lattice.values.size, max(lattice.ranks.shape) - 1))
    for offset, counts in zip(offsets, tables, strict=True):
        merged += measured.run_weight(offset) * counts
    return dict(_runs_of(merged, lattice) or {})


def _has_pair_on_line(lattice: Lattice, offset: Offset) -> bool:
    """Tell whether a line in this direction meets two voxels; else pyradiomics leaves it out."""
    if has_pair(lattice.ranks, lattice.ends, np.array(offset)):
        return True
    places = np.argwhere(lattice.ranks)
    axis = next(a for a in range(3) if offset[a])
    # Move each voxel along its line to where that axis is 0.
    starts = places - np.outer(places[:, axis] * offset[axis], offset)
    return len(np.unique(starts, axis=0)) < len(starts)


def _runs_of(counts: AnyArray, lattice: Lattice) -> Values | None:
    return sparse_values(entries_of(counts), lattice.values, GLRLM)


def glszm_as_pyradiomics(measured: Measured) -> dict[str, float]:
    """Return the size zone features."""
    lattice = measured.lattice
    zones = lattice.zones(measured.rules.force_2d)
    matrix = grouped(zones[:, 0], zones[:, 1])
    return dict(sparse_values(matrix, lattice.values, GLSZM) or {})


def ngtdm_as_pyradiomics(measured: Measured) -> dict[str, float]:
    """Return the grey tone difference features."""
    visited = measured.neighbours
    # Voxels without a neighbour count here, with a difference of 0.
    number = visited.dependence.sum(axis=1)
    found = dict(tone_values(number, visited.difference, measured.lattice.values) or {})
    if found:
        instead = {
            "coarseness": _COARSENESS_OF_FLAT,
            "contrast": 0.0,
            "busyness": 0.0,
            "strength": 0.0,
        }
        found = {k: instead.get(k, v) if np.isnan(v) else v for k, v in found.items()}
    return found


def ngldm_as_pyradiomics(measured: Measured) -> dict[str, float]:
    """Return the dependence features."""
    matrix = entries_of(measured.neighbours.dependence)
    lattice = measured.lattice
    return dict(sparse_values(matrix, lattice.values, NGLDM, lattice.n_voxels) or {})


TEXTURE_AS_PYRADIOMICS: Mapping[str, Callable[[Measured], dict[str, float]]] = {
    "glcm": glcm_as_pyradiomics,
    "glrlm": glrlm_as_pyradiomics,
    "glszm": glszm_as_pyradiomics,
    "ngtdm": ngtdm_as_pyradiomics,
    "ngldm": ngldm_as_pyradiomics,
}
"""Function by family."""
