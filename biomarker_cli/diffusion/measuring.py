"""Measure maps of diffusion parameters in a region."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from biomarker_cli.diffusion import features
from biomarker_cli.diffusion.adc import AdcResult, Doubt
from biomarker_cli.diffusion.direction_mean import ShellSignals
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.model_maps import DRAFT_FEATURE
from biomarker_cli.diffusion.phantom import phantom_values
from biomarker_cli.diffusion.quality import model_quality
from biomarker_cli.diffusion.region_ivim import RegionFit, RegionIvim
from biomarker_cli.diffusion.roi_signal import roi_signal_adc
from biomarker_cli.diffusion.rules import AdcRules, RoiSignalRules
from biomarker_cli.imaging.region import Region
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.features import FeatureDefinition
from biomarker_cli.model.measurement import Measurement, MeasurementStatus, measured
from biomarker_cli.model.quantity import ADC
from biomarker_cli.statistics.histogram import ENTROPY, histogram_entropy
from biomarker_cli.statistics.intensity import intensity_measurements
from biomarker_cli.statistics.percentiles import percentile

Value = tuple[FeatureDefinition, float]

_MM3_PER_ML = 1000.0


def map_measurements(
    results: Sequence[AdcResult],
    region: Region,
    rules: AdcRules,
    whole: RegionFit | None = None,
) -> list[Measurement]:
    """Measure every map of an analysis under a region.

    Parameters
    ----------
    results : sequence of AdcResult
    region : Region
    rules : AdcRules
    whole : RegionFit, optional
        Of the mean signal, where it was fitted with those of other regions.

    Raises
    ------
    AdcError
        ``ADC-REGION-GRID`` where the region lies on another grid.
    """
    if whole is None:
        whole = RegionIvim(results, rules).of(region, {})
    rows = []
    for result in results:
        found = adc_measurements(result, region, rules)
        rows += found
        if result.image in whole:
            rows.append(_of_mean_signal(result, region, found, whole[result.image], rules))
    return rows


def _of_mean_signal(
    result: AdcResult,
    region: Region,
    voxels: Sequence[Measurement],
    found: tuple[float, frozenset[str]],
    rules: AdcRules,
) -> Measurement:
    """Return the row of the mean signal; what is said of voxels alone does not hold for it."""
    value, flags = found
    flags |= region.flags | (result.volume.flags - {DRAFT_FEATURE})
    # Averaging magnitudes lets the floor stand: the mean is as biased as its voxels.
    flags |= {"noise_floor"} & frozenset.union(*(row.flags for row in voxels))
    if math.isfinite(value):
        flags |= implausible(np.array([value]), result.image, rules)
    unit = result.volume.quantity.unit
    return _row(result.image, (features.ROI_SIGNAL_FIT, value), unit, flags)


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
    n_missing = inside.size - values.size
    missing = n_missing / inside.size if inside.size else math.nan
    trust, below_floor = _trust_values(result, region, inside, missing, rules)
    flags = volume.flags | region.flags
    if missing > rules.nan_flag_above:
        flags |= {"voxels_nan"}
    if rules.noise is not None and below_floor > rules.noise.flag_above:
        flags |= {"noise_floor"}
    flags |= implausible(values, result.image, rules)
    shares = _doubtful(result, region, inside)
    flags |= {one.flag for one, share in shares if share > one.flag_above}
    trust += [(one.definition, share) for one, share in shares]
    unit, image = volume.quantity.unit, result.image
    rows = intensity_measurements(image, unit, values, rules.statistics, flags)
    derived = _map_values(result, region, values, rules)
    rows += [_row(image, one, unit, flags) for one in derived]
    if rules.vendor_map.use == "compare" and image == rules.image:
        compared, vendor_flags = _vendor_values(result, region, rules)
        rows += [_row(image, one, unit, flags | vendor_flags) for one in compared]
    if missing > rules.nan_undefined_above:
        rows = [_undefined(row, missing, rules.nan_undefined_above) for row in rows]
    return rows + [_row(image, one, unit, flags) for one in trust]


def _row(image: str, value: Value, unit: str, flags: frozenset[str]) -> Measurement:
    definition, number = value
    row = measured(image, definition, number, unit, flags)
    needs = features.NEEDS.get(definition)
    if row.value is None and needs is not None:
        return replace(row, reason=needs)
    return row


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


def _map_values(
    result: AdcResult, region: Region, values: FloatArray, rules: AdcRules
) -> list[Value]:
    """Return what is measured on the values themselves, beside the shared statistics."""
    found: list[Value] = []
    is_coefficient = result.volume.quantity == ADC
    if is_coefficient and rules.entropy_bin_mm2_s is not None:
        entropy = histogram_entropy(values, rules.entropy_bin_mm2_s) if values.size else math.nan
        found.append((ENTROPY, entropy))
    if result.image != rules.image:
        return found
    for one in rules.burden:
        low, high = one.limits
        inside = np.count_nonzero((values >= low) & (values < high))
        volume_ml = inside * region.geometry.voxel_volume_mm3 / _MM3_PER_ML
        share = inside / values.size if values.size else math.nan
        found.append((features.burden_volume(one.name), volume_ml))
        found.append((features.burden_fraction(one.name), share))
    if rules.phantom is not None:
        found += phantom_values(result, region, rules.phantom)
    return found


def _doubtful(result: AdcResult, region: Region, inside: FloatArray) -> list[tuple[Doubt, float]]:
    """Return each doubt with its share of the fitted voxels; NaN where none is fitted."""
    fitted = np.isfinite(inside)
    if not fitted.any():
        return [(one, math.nan) for one in result.doubts]
    return [(one, float(np.mean(one.voxels[region.mask][fitted]))) for one in result.doubts]


def implausible(values: FloatArray, image: str, rules: AdcRules) -> frozenset[str]:
    """Return the flag of values whose median no tissue has."""
    if values.size == 0:
        return frozenset()
    low, high = rules.plausible.limits_of(image)
    return frozenset() if low <= float(np.median(values)) <= high else frozenset({"implausible"})


def _vendor_values(
    result: AdcResult, region: Region, rules: AdcRules
) -> tuple[list[Value], frozenset[str]]:
    """Return how the scanner's map differs, and the flags of that comparison."""
    median, p95 = math.nan, math.nan
    flags = result.vendor_flags
    if result.vendor is not None:
        theirs = result.vendor[region.mask]
        flags |= implausible(theirs[np.isfinite(theirs)], result.image, rules)
        difference = (result.vendor - result.volume.as_float64())[region.mask]
        difference = difference[np.isfinite(difference)]
        if difference.size:
            median = float(np.median(difference))
            p95 = percentile(np.abs(difference), 95)
    return [(features.VENDOR_MEDIAN, median), (features.VENDOR_P95, p95)], flags


def _trust_values(
    result: AdcResult, region: Region, inside: FloatArray, missing: float, rules: AdcRules
) -> tuple[list[Value], float]:
    """Return what says how far the numbers can be trusted, and the share below the floor."""
    values = inside[np.isfinite(inside)]
    negative = float(np.mean(values < 0)) if values.size else math.nan
    found = [(features.FRACTION_NAN, missing), (features.FRACTION_NEGATIVE, negative)]
    if result.shells:
        found.append((features.N_B_VALUES, float(len(result.shells))))
    if result.signals is None or result.model is None:
        return found, 0.0
    signals = result.signals.under(region.mask)
    below_floor = 0.0
    if rules.noise is not None:
        quality = model_quality(
            signals,
            result.model.predicted(signals.b, region.mask),
            result.model.n_parameters,
            floor_snr=rules.noise.floor_snr,
        )
        below_floor = quality.below_floor
        found += [
            (features.R_SQUARED, quality.r_squared),
            (features.RESIDUAL_SD, quality.residual_sd),
            (features.SNR_REPEATS, quality.snr_repeats),
            (features.SNR_RESIDUAL, quality.snr_residual),
            (features.BELOW_FLOOR, below_floor),
        ]
    if rules.roi_signal is not None and any(one.image == result.image for one in rules.maps):
        found += _roi_signal_values(result, region, signals, rules, rules.roi_signal)
    return found, below_floor


def _roi_signal_values(
    result: AdcResult,
    region: Region,
    signals: ShellSignals,
    rules: AdcRules,
    roi_signal: RoiSignalRules,
) -> list[Value]:
    estimator = next(one.estimator for one in rules.maps if one.image == result.image)

    def adc(sigma: float | None) -> float:
        if region.n_voxels == 0:
            return math.nan
        return roi_signal_adc(
            result.shells, region.mask, signals.b, estimator=estimator, sigma=sigma
        )

    found = [(features.ROI_SIGNAL, adc(None))]
    if roi_signal.correct_noise == "none":
        return found
    sigma = roi_signal.sigma
    if roi_signal.correct_noise == "repeats":
        sigma = None
        if signals.repeat_sd is not None and signals.repeat_sd.size:
            sigma = math.sqrt(float(np.nanmean(signals.repeat_sd**2)))
    corrected = math.nan if sigma is None else adc(sigma)
    return [*found, (features.ROI_SIGNAL_CORRECTED, corrected)]
