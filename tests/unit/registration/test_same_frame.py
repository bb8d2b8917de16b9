"""A frame of reference is a claim: what is said of it, and when nothing is."""

from __future__ import annotations

import pytest

from biomarker_cli.registration.same_frame import judged


@pytest.mark.parametrize(
    ("shift_mm", "spread_mm", "claim"),
    [
        (0.0, 0.0, "plausible"),
        (10.0, 2.0, "plausible"),
        (10.1, 2.0, "shifted"),
        (10.1, 2.1, "not_assessable"),
        (0.0, 2.1, "not_assessable"),
    ],
)
def test_a_shift_is_told_only_where_the_answers_agree(shift_mm, spread_mm, claim):
    found = judged(shift_mm, spread_mm)
    assert found.claim == claim
    assert (found.shift_mm is None) == (claim == "not_assessable")
    assert found.spread_mm == spread_mm
