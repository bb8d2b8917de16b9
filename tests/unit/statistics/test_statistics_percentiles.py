"""The percentile rule, and that every room takes it from one place."""

from __future__ import annotations

import numpy as np
import pytest

from biomarker_cli.diffusion import declared, measuring
from biomarker_cli.pet import phantom
from biomarker_cli.radiomics.features import first_order
from biomarker_cli.statistics import intensity, percentiles
from biomarker_cli.statistics.percentiles import between, neighbours, percentile

PERCENTS = (0, 1, 10, 25, 50, 75, 90, 95, 99.9, 100)


def test_a_percentile_lies_between_its_neighbours():
    assert neighbours(50, 4) == (1, 2, 0.5)
    assert neighbours(100, 4) == (3, 3, 0.0)
    assert percentile(np.array([4.0, 1.0, 8.0, 2.0]), 10) == pytest.approx(1.3)
    assert between(0.1, 0.1, 0.7) == 0.1


@pytest.mark.parametrize("size", [1, 2, 3, 10, 4095, 4096, 10_001])
def test_the_rule_has_the_bits_of_numpy(size):
    values = np.random.default_rng(size).normal(size=size) * 1e3
    expected = np.percentile(values, PERCENTS, method="linear")
    assert [percentile(values, percent) for percent in PERCENTS] == expected.tolist()
    assert percentile(values.reshape(1, -1), 90) == percentile(values, 90)


@pytest.mark.parametrize("size", [1, 2, 5, 4096, 20_000])
def test_radiomics_and_maps_have_one_rule(size):
    values = np.random.default_rng(size).gamma(2.0, size=size)
    expected = [percentile(values, percent) for percent in (10, 25, 50, 75, 90)]
    assert first_order.percentiles_of(values) == expected
    by_name = {name: function(values) for name, (_, function) in intensity.STATISTICS.items()}
    assert [by_name[name] for name in ("p10", "p25", "median", "p75", "p90")] == pytest.approx(
        expected, rel=1e-15
    )


@pytest.mark.parametrize("room", [declared, intensity, measuring, phantom])
def test_every_room_takes_it_from_one_place(room):
    assert room.percentile is percentiles.percentile
