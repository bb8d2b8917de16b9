"""Rows of a region: statistics, shares, and when there is none."""

from __future__ import annotations

import numpy as np
import pytest

from biomarker_cli.diffusion import AdcError, AdcRules, adc_measurements, declared_adc
from biomarker_cli.imaging import Geometry, Region, Volume
from biomarker_cli.model import MeasurementStatus
from biomarker_cli.model.quantity import ADC, SIGNAL

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
