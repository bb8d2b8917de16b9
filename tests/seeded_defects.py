"""Defects that are seeded into the installed code, and which suite must find each.

Nothing of the product knows this list: each defect is a patch of a function that a run
uses, as a wrong edit, another version of a library or a broken installation would be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import biomarker_cli.catalogue.reading as reading
import biomarker_cli.catalogue.series as series
import biomarker_cli.catalogue.stacking as stacking
import biomarker_cli.diffusion.direction_mean as direction_mean
import biomarker_cli.diffusion.fitting as fitting
import biomarker_cli.diffusion.volumes as dwi_volumes
import biomarker_cli.pet.factor as factor
import biomarker_cli.pet.normalisation as normalisation
import biomarker_cli.pet.reference_candidates as reference_candidates
import biomarker_cli.pet.uptake as uptake
import biomarker_cli.radiomics.engines.native as native
import biomarker_cli.radiomics.engines.native_pyradiomics as native_pyradiomics
import biomarker_cli.radiomics.features.first_order as first_order
import biomarker_cli.regions.dicom_seg as dicom_seg
import biomarker_cli.regions.planes as planes
import biomarker_cli.statistics.intensity as intensity
import biomarker_cli.statistics.percentiles as percentiles
from biomarker_cli.diffusion.shells import Shell
from biomarker_cli.multicentre.qualification.qualifying import SUITES
from biomarker_cli.radiomics.rules import FixedBinSize

Patch = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Defect:
    """A defect.

    Attributes
    ----------
    patch : callable
    suite : str
        The suite of verify that must find it.
    cause : str
        Words that must stand in the first cause that is told.
    certainty : str
        With which it must be told.
    """

    patch: Patch
    suite: str
    cause: str
    certainty: str = "certain"


def _wider_bins(patch: pytest.MonkeyPatch) -> None:
    exact = native.discretise

    def wrong(values: Any, bins: Any, rules: Any) -> Any:
        if isinstance(bins, FixedBinSize):
            bins = bins.model_copy(update={"width": 1.04 * bins.width})
        return exact(values, bins, rules)

    patch.setattr(native, "discretise", wrong)


def _bins_from_the_minimum(patch: pytest.MonkeyPatch) -> None:
    exact = native.discretise

    def wrong(values: Any, bins: Any, rules: Any) -> Any:
        if isinstance(bins, FixedBinSize):
            bins = bins.model_copy(update={"anchor": float(values.min())})
        return exact(values, bins, rules)

    patch.setattr(native, "discretise", wrong)


def _maximum_beyond_the_last_bin(patch: pytest.MonkeyPatch) -> None:
    exact = native.discretise

    def wrong(values: Any, bins: Any, rules: Any) -> Any:
        levels = exact(values, bins, rules)
        if bins.method == "fixed_bin_number":
            levels = np.where(values == values.max(), bins.bins + 1, levels)
        return levels

    patch.setattr(native, "discretise", wrong)


def _unrounded_hu(patch: pytest.MonkeyPatch) -> None:
    exact = native.resampled_image
    patch.setattr(
        native,
        "resampled_image",
        lambda array, grid, rules: exact(array, grid, rules.model_copy(update={"round_to": None})),
    )


def _grid_from_the_corner(patch: pytest.MonkeyPatch) -> None:
    exact = native.grid_of

    def wrong(volume: Any, rules: Any) -> Any:
        grid = exact(volume, rules)
        return replace(
            grid, axes=tuple(replace(a, places=a.places - a.places[0]) for a in grid.axes)
        )

    patch.setattr(native, "grid_of", wrong)


def _stretched_spacing(patch: pytest.MonkeyPatch) -> None:
    exact = stacking._slice_spacing

    def wrong(heights: Any, thickness: Any) -> Any:
        spacing, jitter = exact(heights, thickness)
        return 1.01 * spacing, jitter

    patch.setattr(stacking, "_slice_spacing", wrong)


def _lost_slice(patch: pytest.MonkeyPatch) -> None:
    exact = series.stack

    def wrong(found: Any) -> Any:
        kept, geometry, jitter = exact(found)
        if len(kept) < 6:
            return kept, geometry, jitter
        shape = (geometry.shape[0] - 1, *geometry.shape[1:])
        return kept[:-1], replace(geometry, shape=shape), jitter

    patch.setattr(series, "stack", wrong)


def _flipped(axis: int) -> Patch:
    def patch_it(patch: pytest.MonkeyPatch) -> None:
        exact = reading._read_arrays

        def wrong(*arguments: Any) -> Any:
            array, padding, frames = exact(*arguments)
            return np.ascontiguousarray(np.flip(array, axis)), padding, frames

        patch.setattr(reading, "_read_arrays", wrong)

    return patch_it


def _first_slope(patch: pytest.MonkeyPatch) -> None:
    exact = reading._read_arrays

    def wrong(*arguments: Any) -> Any:
        array, padding, frames = exact(*arguments)
        slopes = np.array([float(f.get("RescaleSlope") or 1.0) for f in frames])
        if np.ptp(slopes) > 0 and str(frames.first.get("Modality")) == "PT":
            array = array * (slopes[0] / slopes)[:, None, None]
        return array, padding, frames

    patch.setattr(reading, "_read_arrays", wrong)


def _no_decay(patch: pytest.MonkeyPatch) -> None:
    facts = reference_candidates.DecayFacts
    patch.setattr(
        facts,
        "suv_per_bqml",
        lambda self, reference: np.asarray(self.weight_g / self.activity_bq + 0.0 * reference),
    )


def _longer_half_life(patch: pytest.MonkeyPatch) -> None:
    exact = factor.read_nuclide

    def wrong(*arguments: Any) -> Any:
        nuclide, half_life = exact(*arguments)
        return nuclide, 1.01 * half_life

    patch.setattr(factor, "read_nuclide", wrong)


def _other_lean_mass(patch: pytest.MonkeyPatch) -> None:
    masses = {**normalisation._MASS_KG, "sul_janma": normalisation._MASS_KG["sul_james128"]}
    patch.setattr(normalisation, "_MASS_KG", MappingProxyType(masses))


def _population_sd(patch: pytest.MonkeyPatch) -> None:
    known = dict(uptake.UPTAKE_STATISTICS)
    known["sd"] = (known["sd"][0], lambda v: float(v.std()))
    known["cov"] = (known["cov"][0], lambda v: float(v.std() / v.mean()))
    patch.setattr(uptake, "UPTAKE_STATISTICS", MappingProxyType(known))


def _arithmetic_directions(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(direction_mean, "geometric_log_mean", direction_mean.arithmetic_log_mean)


def _console_b(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Shell, "b", lambda self, which: self.nominal)


def _unscaled_philips(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(dwi_volumes, "is_philips", lambda header: False)


def _unweighted_line(patch: pytest.MonkeyPatch) -> None:
    estimators = {**fitting.ESTIMATORS, "wls": fitting.fit_lls}
    patch.setattr(fitting, "ESTIMATORS", MappingProxyType(estimators))


def _nearest_rank(patch: pytest.MonkeyPatch) -> None:
    def wrong(percent: float, size: int) -> tuple[int, int, float]:
        place = max(int(np.ceil(percent / 100 * size)), 1) - 1
        return place, place, 0.0

    patch.setattr(percentiles, "neighbours", wrong)
    patch.setattr(first_order, "neighbours", wrong)


def _plain_kurtosis(patch: pytest.MonkeyPatch) -> None:
    definition, exact = intensity.STATISTICS["kurtosis"]
    known = {**intensity.STATISTICS, "kurtosis": (definition, lambda v: exact(v) + 3.0)}
    patch.setattr(intensity, "STATISTICS", MappingProxyType(known))


def _filled_holes(patch: pytest.MonkeyPatch) -> None:
    exact = planes.nest

    def wrong(*arguments: Any) -> Any:
        nesting = exact(*arguments)
        return replace(nesting, depth=tuple(min(depth, 0) for depth in nesting.depth))

    patch.setattr(planes, "nest", wrong)
    patch.setattr("biomarker_cli.regions.contours.nest", wrong, raising=False)


def _any_fraction(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(dicom_seg, "reaches", lambda pixels, maximum, threshold: pixels > 0)


def _engine_bins(patch: pytest.MonkeyPatch) -> None:
    exact = native_pyradiomics.discretise_as_pyradiomics
    patch.setattr(
        native_pyradiomics,
        "discretise_as_pyradiomics",
        lambda values, bins: exact(values + 1.0, bins),
    )


DEFECTS = {
    "bin width off by 4 %": Defect(_wider_bins, "ibsi-1", "bins: their width", "suspected"),
    "bins from the minimum": Defect(_bins_from_the_minimum, "ibsi-1", "begin at the minimum"),
    "maximum in a bin of its own": Defect(
        _maximum_beyond_the_last_bin, "ibsi-1", "maximum has a bin of its own"
    ),
    "HU not rounded": Defect(_unrounded_hu, "ibsi-1", "not rounded"),
    "grid from the corner": Defect(_grid_from_the_corner, "ibsi-1", "first voxel"),
    "slice distance off by 1 %": Defect(
        _stretched_spacing, "regions", "voxel distance along z is off by +1 %", "likely"
    ),
    "one slice missing": Defect(_lost_slice, "regions", "a slice is lost", "likely"),
    "x axis flipped": Defect(_flipped(2), "regions", "columns are in reverse order", "likely"),
    "z axis flipped": Defect(_flipped(0), "regions", "slices are in reverse order", "likely"),
    "slope of the first slice": Defect(_first_slope, "suv", "slope of the first slice"),
    "no decay to the scan": Defect(_no_decay, "suv", "no decay is counted"),
    "half-life off by 1 %": Defect(
        _longer_half_life, "suv", "half-life in use is off by +", "likely"
    ),
    "another lean mass": Defect(_other_lean_mass, "suv", "James, male term 128 in place of"),
    "population sd": Defect(_population_sd, "suv", "that of the population"),
    "arithmetic mean of directions": Defect(_arithmetic_directions, "adc", "arithmetic mean"),
    "b of the console": Defect(_console_b, "adc", "b-value of the console"),
    "Philips not scaled": Defect(_unscaled_philips, "adc", "scale slope of Philips"),
    "line without weights": Defect(
        _unweighted_line, "adc", "line through ln S weighted", "suspected"
    ),
    "nearest-rank percentiles": Defect(_nearest_rank, "adc", "nearest order statistic (1)"),
    "kurtosis without minus 3": Defect(_plain_kurtosis, "adc", "kurtosis", "suspected"),
    "holes filled": Defect(_filled_holes, "regions", "inside others do not take away", "likely"),
    "any fraction inside": Defect(_any_fraction, "regions", "SEG, fractional", "suspected"),
    "bins of the native engine": Defect(_engine_bins, "engines", "engine native", "suspected"),
}
"""Name -> defect."""

MEASURING = tuple(name for name in SUITES if name not in {"ibsi-2", "tables"})
"""Suites in which a defect is looked for: without data, and in one process."""
