"""Rows of a region: statistics, shares, and when there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_dwi import ADC_MM2_S, SHAPE, Spec, candidates, write_dwi

from biomarker_cli.diffusion.declared import declared_adc
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.features import DIFFUSION
from biomarker_cli.diffusion.maps import diffusion_maps
from biomarker_cli.diffusion.measuring import adc_measurements, map_measurements
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.measurement import MeasurementStatus
from biomarker_cli.model.quantity import ADC, SIGNAL
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.statistics.histogram import HISTOGRAM
from biomarker_cli.statistics.intensity import INTENSITY, STATISTICS

GEOMETRY = Geometry((1, 10, 10), (1.0, 1.0, 3.0))
RULES = AdcRules.model_validate(
    {"estimator": "lls", "b_set": {"kind": "all"}, "statistics": ["mean", "median", "p10"]}
)


def rows_of(array: np.ndarray) -> dict[str, object]:
    result = declared_adc(Volume(array, GEOMETRY, ADC), RULES)
    region = Region(np.ones(GEOMETRY.shape, dtype=np.bool_), GEOMETRY, "GTV", "gtv")
    return {row.feature_id: row for row in adc_measurements(result, region, RULES)}


def holes(count: int) -> np.ndarray:
    array = np.full(GEOMETRY.shape, 1e-3)
    array.reshape(-1)[:count] = np.nan
    return array


def test_rows_and_units() -> None:
    rows = rows_of(holes(0))
    assert rows["adc.intensity.mean"].value == pytest.approx(1e-3)
    assert rows["adc.intensity.mean"].unit == "mm2/s"
    assert rows["adc.fit.fraction_nan"].value == 0.0
    assert "quantity_declared" in rows["adc.intensity.mean"].flags


def test_five_percent_without_a_fit_is_still_silent() -> None:
    rows = rows_of(holes(5))
    assert "voxels_nan" not in rows["adc.intensity.mean"].flags


def test_above_five_percent_is_flagged() -> None:
    rows = rows_of(holes(6))
    assert "voxels_nan" in rows["adc.intensity.mean"].flags
    assert rows["adc.intensity.mean"].status is MeasurementStatus.OK


def test_above_twenty_percent_is_undefined_and_the_share_still_leaves() -> None:
    rows = rows_of(holes(21))
    assert rows["adc.intensity.median"].status is MeasurementStatus.UNDEFINED
    assert rows["adc.intensity.median"].value is None
    assert "21.0%" in rows["adc.intensity.median"].reason
    assert rows["adc.fit.fraction_nan"].value == pytest.approx(0.21)


def test_all_voxels_without_a_fit() -> None:
    array = holes(0)
    array[0, 5:, :] = np.nan
    result = declared_adc(Volume(array, GEOMETRY, ADC), RULES)
    region = Region(np.isnan(array), GEOMETRY, "GTV", "gtv")
    rows = {row.feature_id: row for row in adc_measurements(result, region, RULES)}
    assert rows["adc.intensity.mean"].value is None
    assert rows["adc.fit.fraction_nan"].value == 1.0
    assert rows["adc.fit.fraction_negative"].value is None


def test_negative_values_are_reported_not_clamped() -> None:
    array = holes(0)
    array[0, 0, :] = -0.2e-3
    rows = rows_of(array)
    assert rows["adc.fit.fraction_negative"].value == pytest.approx(0.1)
    assert rows["adc.intensity.mean"].value == pytest.approx(0.88e-3)


def test_the_roi_signal_takes_its_noise_from_repeats(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    sigma, b_high, adc = 150.0, 1400.0, 1.5e-3

    def noisy(b: float) -> np.ndarray:
        clean = 4000.0 * np.exp(-b * adc)
        return np.hypot(clean + rng.normal(0, sigma, SHAPE), rng.normal(0, sigma, SHAPE))

    repeats = [Spec(0.001 * i, array=noisy(0.0)) for i in range(8)]
    angles = np.linspace(0.0, 0.4, 40)
    high = [Spec(b_high, (np.cos(a), 0.0, np.sin(a)), noisy(b_high)) for a in angles]
    write_dwi(tmp_path, [*repeats, *high])
    rules = AdcRules.model_validate(
        {
            **RULES.model_dump(),
            "noise": {"floor_snr": 3.0, "flag_above": 0.05},
            "roi_signal": {"correct_noise": "repeats"},
        }
    )
    maps = diffusion_maps(candidates(tmp_path), rules)
    geometry = maps[0].volume.geometry
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, "all", "all")
    rows = {row.feature_id: row for row in map_measurements(maps, region, rules)}
    assert rows["adc.fit.snr_repeats"].value == pytest.approx(4000 / sigma, rel=0.1)
    plain = rows["adc.roi_signal.adc"].value
    corrected = rows["adc.roi_signal.adc_noise_corrected"].value
    assert abs(corrected - adc) < 0.3 * abs(plain - adc)
    assert corrected == pytest.approx(adc, rel=0.01)


def test_undefined_rows_say_what_they_need(tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(0), Spec(800)])
    rules = AdcRules.model_validate(
        {**RULES.model_dump(), "noise": {"floor_snr": 3.0, "flag_above": 0.05}}
    )
    maps = diffusion_maps(candidates(tmp_path), rules)
    geometry = maps[0].volume.geometry
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, "all", "all")
    rows = {row.feature_id: row for row in map_measurements(maps, region, rules)}
    assert "three or more" in rows["adc.fit.r_squared"].reason
    assert "repeated" in rows["adc.fit.snr_repeats"].reason


def test_burden_classes_share_the_volume(tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(0), Spec(800)])
    classes = [
        {"name": "total"},
        {"name": "low", "to_mm2_s": 1e-3},
        {"name": "high", "from_mm2_s": 1e-3},
    ]
    rules = AdcRules.model_validate({**RULES.model_dump(), "burden": classes})
    maps = diffusion_maps(candidates(tmp_path), rules)
    geometry = maps[0].volume.geometry
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, "all", "all")
    rows = {row.feature_id: row for row in map_measurements(maps, region, rules)}
    total = rows["adc.burden.volume_total"]
    assert total.unit == "mL"
    assert total.value == pytest.approx(region.volume_mm3 / 1000)
    parts = [rows[f"adc.burden.volume_{name}"].value for name in ("low", "high")]
    assert sum(parts) == pytest.approx(total.value)
    low = np.count_nonzero(ADC_MM2_S < 1e-3) / ADC_MM2_S.size
    assert rows["adc.burden.fraction_low"].value == pytest.approx(low)


def test_every_row_of_a_map_carries_the_flags_of_the_map() -> None:
    rules = AdcRules.model_validate(
        {
            **RULES.model_dump(),
            "entropy_bin_mm2_s": 1e-4,
            "burden": [{"name": "low", "to_mm2_s": 1e-3}],
        }
    )
    array = holes(6)
    array[0, 5:] = 2e-3
    result = declared_adc(Volume(array, GEOMETRY, ADC), rules)
    region = Region(np.ones(GEOMETRY.shape, dtype=np.bool_), GEOMETRY, "GTV", "gtv")
    rows = {row.feature_id: row for row in adc_measurements(result, region, rules)}
    assert {row.flags for row in rows.values()} == {frozenset({"quantity_declared", "voxels_nan"})}
    # 44 voxels of one value and 50 of another.
    p = np.array([44, 50]) / 94
    entropy = next(row for name, row in rows.items() if name.endswith("entropy"))
    assert entropy.value == pytest.approx(float(-(p * np.log2(p)).sum()))
    fractions = [name for name in rows if ".fit." in name]
    assert fractions
    assert {rows[name].unit for name in fractions} == {"1"}


def test_of_a_region_without_a_fit_no_share_is_told() -> None:
    rules = AdcRules.model_validate(
        {
            **RULES.model_dump(),
            "entropy_bin_mm2_s": 1e-4,
            "burden": [{"name": "low", "to_mm2_s": 1e-3}],
            "nan_undefined_above": 1.0,
        }
    )
    array = holes(0)
    array[0, 5:, :] = np.nan
    result = declared_adc(Volume(array, GEOMETRY, ADC), rules)
    region = Region(np.isnan(array), GEOMETRY, "GTV", "gtv")
    rows = {row.feature_id: row for row in adc_measurements(result, region, rules)}
    assert rows["adc.burden.fraction_low"].value is None
    assert rows["adc.burden.volume_low"].value == 0.0


def test_the_difference_to_the_map_of_the_scanner_is_told_by_median_and_95th_percentile() -> None:
    rules = AdcRules.model_validate({**RULES.model_dump(), "vendor_map": {"use": "compare"}})
    ours = np.full((1, 10, 10), 1e-3)
    # Vendor minus ours: 0, -1, 2, -3 ... in steps of 1e-6, and one voxel that is not there.
    steps = np.arange(100.0)
    steps[1::2] *= -1
    steps[99] = np.nan
    vendor = ours + 1e-6 * steps.reshape(ours.shape)
    result = replace(declared_adc(Volume(ours, GEOMETRY, ADC), rules), vendor=vendor)
    region = Region(np.ones(GEOMETRY.shape, dtype=np.bool_), GEOMETRY, "GTV", "gtv")
    rows = {row.feature_id: row for row in adc_measurements(result, region, rules)}
    # Of 99 magnitudes from 0 to 98 the 95th percentile is 93.1.
    assert rows["adc.vendor.p95_absolute_difference"].value == pytest.approx(93.1e-6)
    assert rows["adc.vendor.median_difference"].value == pytest.approx(0.0, abs=1e-12)
    assert rows["adc.vendor.median_difference"].unit == "mm2/s"


def test_a_region_on_another_grid_is_refused() -> None:
    result = declared_adc(Volume(holes(0), GEOMETRY, ADC), RULES)
    other = Geometry((1, 10, 10), (1.0, 1.0, 3.0), origin_mm=(0.5, 0.0, 0.0))
    region = Region(np.ones(other.shape, dtype=np.bool_), other, "GTV", "gtv")
    with pytest.raises(AdcError) as caught:
        adc_measurements(result, region, RULES)
    assert caught.value.code == "ADC-REGION-GRID"


@pytest.mark.parametrize("factor", [1e3, 1e6])
def test_a_declared_map_in_another_unit_is_refused(factor: float) -> None:
    with pytest.raises(AdcError) as caught:
        rows_of(holes(0) * factor)
    assert caught.value.code == "ADC-DECLARED-UNIT"


def test_a_declared_map_without_values_is_refused() -> None:
    with pytest.raises(AdcError) as caught:
        rows_of(holes(100))
    assert caught.value.code == "ADC-DECLARED-EMPTY"


def test_rules_refuse_unknown_statistics_and_missing_b_set() -> None:
    good = {"estimator": "lls", "b_set": {"kind": "all"}, "statistics": ["mean"]}
    for change in ({"statistics": ["average"]}, {"b_set": None}, {"statistics": []}, {"x": 1}):
        with pytest.raises(ValueError, match="validation error"):
            AdcRules.model_validate({**good, **change})


def test_a_map_that_nobody_declared_to_be_adc_is_refused():
    with pytest.raises(AdcError) as caught:
        declared_adc(Volume(holes(0), GEOMETRY, SIGNAL), RULES)
    assert caught.value.code == "ADC-NO-B-VALUES"


def median_of(
    value: float, rules: AdcRules = RULES, image: str = "adc", n_odd: int = 0
) -> set[str]:
    """Return the flags of a region with this median; some voxels are far away from it."""
    array = np.full(GEOMETRY.shape, value)
    array.reshape(-1)[:n_odd] = 0.04
    result = declared_adc(Volume(holes(0), GEOMETRY, ADC), rules)
    result = replace(result, image=image, volume=result.volume.with_array(array, ADC))
    region = Region(np.ones(GEOMETRY.shape, dtype=np.bool_), GEOMETRY, "GTV", "gtv")
    found = adc_measurements(result, region, rules)
    flags = {flag for row in found for flag in row.flags}
    # All rows of the image carry it, or none.
    assert all(row.flags == frozenset(flags) for row in found)
    return flags


@pytest.mark.parametrize("median", [0.0, 4.9e-5, 5.1e-3, -1e-3, 0.03])
def test_a_median_that_no_tissue_has_is_flagged(median: float) -> None:
    assert "implausible" in median_of(median)


@pytest.mark.parametrize("median", [5e-5, 1e-3, 3e-3, 5e-3])
def test_a_median_within_the_limits_is_not_flagged_whatever_single_voxels_say(
    median: float,
) -> None:
    assert "implausible" not in median_of(median, n_odd=49)


@pytest.mark.parametrize(
    ("image", "right", "wrong"),
    [
        ("ivim_d", 1e-3, 6e-3),
        ("ivim_dstar", 3e-2, 4e-4),
        ("ivim_f", 0.9, 1.1),
        ("dki_d", 1e-3, 6e-3),
        ("dki_k", 2.9, 3.1),
        ("adc_b100plus", 1e-3, 6e-3),
    ],
)
def test_each_map_has_limits_of_its_own(image: str, right: float, wrong: float) -> None:
    assert "implausible" not in median_of(right, image=image)
    assert "implausible" in median_of(wrong, image=image)


def test_the_limits_stand_in_the_protocol() -> None:
    own = AdcRules.model_validate(
        {**RULES.model_dump(), "plausible": {"diffusion_mm2_s": [1e-4, 2e-3]}}
    )
    assert "implausible" in median_of(2.5e-3, own)
    assert "implausible" not in median_of(1.5e-3, own)
    for limits in ([2e-3, 1e-3], [1e-3, 1e-3], [float("nan"), 1e-3]):
        with pytest.raises(ValueError, match="validation error"):
            AdcRules.model_validate(
                {**RULES.model_dump(), "plausible": {"diffusion_mm2_s": limits}}
            )


def test_every_definition_is_measured_and_every_row_defined(tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(0), Spec(400), Spec(800)])
    document = load_document(ProtocolKind.ANALYSIS, "dwi-phantom")
    phantom = validate_section(AdcRules, document, "adc").model_dump()["phantom"]
    rules = AdcRules.model_validate(
        {
            **RULES.model_dump(),
            "statistics": list(STATISTICS),
            "entropy_bin_mm2_s": 1e-5,
            "noise": {"floor_snr": 3.0, "flag_above": 0.05},
            "roi_signal": {"correct_noise": "repeats"},
            "vendor_map": {"use": "compare"},
            "phantom": phantom,
            "ivim": {
                "diffusion_from": 400,
                "pseudo_diffusion": [5e-3, 0.2],
                "method": "refit",
                "range_mm2_s": [1e-4, 5e-3],
            },
            "kurtosis": {"b_max": 800, "expansion_flag_above": 0.05},
        }
    )
    maps = diffusion_maps(candidates(tmp_path), rules)
    geometry = maps[0].volume.geometry
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, "all", "all")
    measured = {row.definition.key for row in map_measurements(maps, region, rules)}
    defined = {one.key for registry in (DIFFUSION, INTENSITY, HISTOGRAM) for one in registry}
    assert measured == defined
