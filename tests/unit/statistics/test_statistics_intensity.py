"""Each statistic under a mask is the one of its definition, by numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from biomarker_cli.model.measurement import MeasurementStatus
from biomarker_cli.statistics.intensity import STATISTICS, intensity_measurements
from biomarker_cli.statistics.percentiles import percentile

# Mean 5, squared deviations 9 + 3 x 1 + 0 + 0 + 4 + 16 = 32.
EIGHT = (2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0)
QUARTER = (0.0, 0.0, 0.0, 1.0)
"""A Bernoulli variable of p = 1/4: its moments stand in every textbook."""


def value(name: str, values: tuple[float, ...]) -> float:
    return STATISTICS[name][1](np.array(values))


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("mean", EIGHT, 5.0),
        ("median", EIGHT, 4.5),
        ("minimum", EIGHT, 2.0),
        ("maximum", EIGHT, 9.0),
        # Of the population: sqrt(32 / 8), not sqrt(32 / 7).
        ("sd", EIGHT, 2.0),
        # (1 - 2p) / sqrt(pq)
        ("skewness", QUARTER, 0.5 / math.sqrt(3 / 16)),
        ("skewness", (1.0, 0.0, 1.0, 1.0), -0.5 / math.sqrt(3 / 16)),
        # Excess: (1 - 6pq) / pq; of two equal halves -2.
        ("kurtosis", QUARTER, -2 / 3),
        ("kurtosis", (0.0, 1.0), -2.0),
    ],
)
def test_a_statistic_is_the_one_of_its_definition(name, values, expected):
    assert value(name, values) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "place"), [("p10", 0.3), ("p25", 0.75), ("p75", 2.25), ("p90", 2.7)]
)
def test_a_percentile_lies_between_its_neighbours_in_proportion(name, place):
    """At (n - 1) p / 100 of the ordered values, Hyndman and Fan's definition 7."""
    ordered = (1.0, 2.0, 4.0, 8.0)
    below = int(place)
    expected = ordered[below] + (place - below) * (ordered[below + 1] - ordered[below])
    assert value(name, (4.0, 1.0, 8.0, 2.0)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("percent", "expected"), [(0, 1.0), (50, 3.0), (95, 7.4), (100, 8.0)])
def test_percentiles_run_from_the_minimum_to_the_maximum(percent, expected):
    assert percentile(np.array([4.0, 1.0, 8.0, 2.0]), percent) == pytest.approx(expected)


def test_a_single_value_is_every_percentile():
    assert {percentile(np.array([7.0]), p) for p in (0, 10, 50, 90, 100)} == {7.0}


def test_the_rows_stand_in_the_order_asked_for_with_unit_and_flags():
    names = ("maximum", "kurtosis", "mean")
    rows = intensity_measurements("adc", "mm2/s", np.array(EIGHT), names, frozenset({"deviates"}))
    assert [row.feature_id for row in rows] == [f"adc.intensity.{name}" for name in names]
    assert [row.unit for row in rows] == ["mm2/s", "1", "mm2/s"]
    assert {row.flags for row in rows} == {frozenset({"deviates"})}
    assert [row.value for row in rows][::2] == [9.0, 5.0]


def test_of_a_flat_region_shape_has_no_value_and_spread_is_zero():
    rows = intensity_measurements("adc", "mm2/s", np.full(5, 1e-3), tuple(STATISTICS), frozenset())
    undefined = {row.definition.name for row in rows if row.value is None}
    assert undefined == {"skewness", "kurtosis"}
    assert next(row.value for row in rows if row.definition.name == "sd") == 0.0


def test_of_no_value_nothing_is_measured():
    rows = intensity_measurements(
        "adc", "mm2/s", np.array([]), ("mean", "skewness"), frozenset({"deviates"})
    )
    assert [row.feature_id for row in rows] == ["adc.intensity.mean", "adc.intensity.skewness"]
    assert [row.value for row in rows] == [None, None]
    assert {row.status for row in rows} == {MeasurementStatus.UNDEFINED}
    assert [row.unit for row in rows] == ["mm2/s", "1"]
    assert {row.flags for row in rows} == {frozenset({"deviates"})}
    assert all(row.reason for row in rows)


def test_each_statistic_has_the_identifier_of_ibsi_1():
    found = {name: definition.ibsi_id for name, (definition, _) in STATISTICS.items()}
    assert found == {
        "mean": "Q4LE",
        "median": "Y12H",
        "sd": "",
        "minimum": "1GSF",
        "maximum": "84IY",
        "p10": "QG58",
        "p25": "",
        "p75": "",
        "p90": "8DWT",
        "skewness": "KE2A",
        "kurtosis": "IPH6",
    }
