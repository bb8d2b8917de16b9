"""Which applied b-values are one nominal value."""

from __future__ import annotations

import pytest

from biomarker_cli.dicom.nominal_b import is_same_b, nominal_of


@pytest.mark.parametrize(
    ("lowest", "value", "same"),
    [
        (0.0, 0.004, True),
        (0.0, 4.9, True),
        (0.0, 5.0, False),
        (995.0, 1010.0, True),
        (1000.0, 1020.0, False),
        (50.0, 54.0, True),
        (50.0, 60.0, False),
    ],
)
def test_closer_than_five_or_two_percent(lowest: float, value: float, same: bool) -> None:
    assert is_same_b(value, lowest) is same


@pytest.mark.parametrize(
    ("cluster", "nominal"),
    [([0.0, 0.001, 0.002], 0.0), ([998.0, 1003.0], 1000.0), ([47.0, 49.0], 50.0)],
)
def test_the_name_is_the_mean_rounded_to_five(cluster: list[float], nominal: float) -> None:
    assert nominal_of(cluster) == nominal
