"""Entropy of a histogram with fixed bins."""

from __future__ import annotations

import numpy as np
import pytest

from biomarker_cli.statistics.histogram import HISTOGRAM, histogram_entropy


def test_one_bin_has_no_entropy() -> None:
    # Nor has it a sign: the tables would show it.
    assert str(histogram_entropy(np.full(10, 1.01e-3), 5e-5)) == "0.0"


def test_equal_bins_have_the_log_of_their_number() -> None:
    assert histogram_entropy(np.repeat([0.5, 1.5, 2.5, 3.5], 3), 1.0) == pytest.approx(2.0)


def test_unequal_bins() -> None:
    # Shares 3/4 and 1/4.
    expected = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))
    assert histogram_entropy(np.array([0.1, 0.2, 0.9, 1.5]), 1.0) == pytest.approx(expected)


def test_the_width_of_the_bins_is_that_of_the_values() -> None:
    # Bins of 0.05: two, one and one of the values.
    values = np.array([0.01, 0.04, 0.06, 0.11])
    assert histogram_entropy(values, 0.05) == pytest.approx(1.5)
    assert histogram_entropy(values, 0.5) == 0.0
    assert histogram_entropy(100 * values, 5.0) == pytest.approx(1.5)


def test_a_negative_value_has_a_bin_of_its_own() -> None:
    assert histogram_entropy(np.array([-0.1, 0.1]), 1.0) == pytest.approx(1.0)


def test_the_definition_names_its_ibsi_feature() -> None:
    assert HISTOGRAM["histogram.entropy"].ibsi_id == "TLU2"
