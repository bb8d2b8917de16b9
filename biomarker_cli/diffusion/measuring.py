"""Measure a diffusion coefficient map in a region."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from biomarker_cli.diffusion.adc import AdcResult
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.imaging.region import Region
from biomarker_cli.model import FeatureDefinition, FeatureRegistry, Measurement, MeasurementStatus
from biomarker_cli.model.measurement import measured
from biomarker_cli.statistics import intensity_measurements

FEATURES = FeatureRegistry()
"""Definitions that say how far a fit can be trusted."""


def _define(name: str, title: str, unit: str = "1") -> FeatureDefinition:
    return FEATURES.register(FeatureDefinition("fit", name, title, unit))


FRACTION_NAN = _define("fraction_nan", "Share of the voxels without a fit")
FRACTION_NEGATIVE = _define("fraction_negative", "Share of the fitted voxels below zero")
N_B_VALUES = _define("b_values", "Number of b-values that were fitted")


def adc_measurements(result: AdcResult, region: Region, rules: AdcRules) -> list[Measurement]:
    """Measure a map under a region.

    Voxels without a fit are left out of the statistics. Above
    ``rules.nan_flag_above`` their share is flagged; above
    ``rules.nan_undefined_above`` no statistic leaves, because the voxels that
    remain are the bright ones.

    Parameters
    ----------
    result : AdcResult
    region : Region
        On the grid of the map.
    rules : AdcRules

    Raises
    ------
    AdcError
        ``ADC-REGION-GRID`` where the region lies on another grid.
    """
    _require_same_grid(result, region)
    volume = result.volume
    inside = volume.as_float64()[region.mask]
    values = inside[np.isfinite(inside)]
    flags = volume.flags | region.flags
    missing = (inside.size - values.size) / inside.size if inside.size else 0.0
    if missing > rules.nan_flag_above:
        flags |= {"voxels_nan"}
    unit = volume.quantity.unit
    rows = intensity_measurements(result.image, unit, values, rules.statistics, flags)
    if missing > rules.nan_undefined_above:
        rows = [_undefined(row, missing, rules.nan_undefined_above) for row in rows]
    return rows + _trust_rows(result, inside.size, values, flags)


def _require_same_grid(result: AdcResult, region: Region) -> None:
    if not region.geometry.same_grid(result.volume.geometry):
        raise AdcError(
            "ADC-REGION-GRID",
            "the region is not on the grid of the map: "
            f"{region.geometry.difference(result.volume.geometry)}",
            where=region.label,
            hint="Resample the region to the grid of the diffusion series.",
        )


def _undefined(row: Measurement, missing: float, limit: float) -> Measurement:
    return replace(
        row,
        value=None,
        status=MeasurementStatus.UNDEFINED,
        reason=f"{missing:.1%} of the voxels have no fit, the limit is {limit:.0%}",
    )


def _trust_rows(
    result: AdcResult, n_inside: int, values: np.ndarray, flags: frozenset[str]
) -> list[Measurement]:
    nan_share = (n_inside - values.size) / n_inside if n_inside else float("nan")
    negative = float(np.mean(values < 0)) if values.size else float("nan")
    rows = [(FRACTION_NAN, nan_share), (FRACTION_NEGATIVE, negative)]
    if result.signals is not None:
        rows.append((N_B_VALUES, float(len(result.signals.b))))
    unit = result.volume.quantity.unit
    return [measured(result.image, definition, value, unit, flags) for definition, value in rows]
