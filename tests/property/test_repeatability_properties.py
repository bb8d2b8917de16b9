"""What must not move a number of repeatability, and what must move it in a known way."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from biomarker_cli.multicentre.repeatability import STATISTICS, repeatability
from biomarker_cli.multicentre.repeats import Repeats

TABLES = arrays(
    np.float64,
    st.tuples(st.integers(3, 8), st.integers(2, 4)),
    elements=st.floats(0.5, 50.0).map(lambda x: round(x, 3)),
)


def _found(values, unit="mm", clustered=False):
    subjects = tuple(f"S{i // 2 if clustered else i}" for i in range(len(values)))
    return repeatability(Repeats(values, subjects, unit, is_ratio=True))


@given(TABLES, st.sampled_from([1e-6, 0.001, 1000.0, 7.5]))
@settings(max_examples=40, deadline=None)
def test_another_unit_scales_what_has_it_and_moves_no_percentage(values, factor):
    plain, scaled = _found(values), _found(values * factor)
    for name, unit in STATISTICS.items():
        one, other = plain[name].estimate, scaled[name].estimate
        assert (one is None) == (other is None), name
        if one is None:
            continue
        times = 1.0 if unit else factor
        for a, b in zip((one.value, one.low), (other.value, other.low), strict=True):
            if a is None or b is None:
                continue
            # An ICC near 0 is a difference of two numbers of the size of 1.
            assert abs(b - a * times) <= 1e-7 * (abs(a * times) + (1.0 if unit else times)), name


@given(TABLES, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_targets_moves_no_estimate(values, random):
    order = list(range(len(values)))
    random.shuffle(order)
    plain, mixed = _found(values), _found(values[order])
    for name in STATISTICS:
        one, other = plain[name].estimate, mixed[name].estimate
        assert (one is None) == (other is None), name
        if one is not None:
            assert abs(one.value - other.value) <= 1e-9 * (1 + abs(one.value)), name


@given(TABLES)
@settings(max_examples=30, deadline=None)
def test_limits_stand_around_their_value(values):
    for name, statistic in _found(values).items():
        estimate = statistic.estimate
        if estimate is not None and estimate.low is not None:
            slack = 1e-9 * (1 + abs(estimate.value))
            assert estimate.low <= estimate.value + slack, name
            assert estimate.value <= estimate.high + slack, name
