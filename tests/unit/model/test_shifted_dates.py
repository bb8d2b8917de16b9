"""Which words of a header say that its dates are those of no calendar."""

from __future__ import annotations

import pytest

from biomarker_cli.model.shifted_dates import are_shifted


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", False),
        ("  ", False),
        ("UNMODIFIED", False),
        ("unmodified ", False),
        ("UNMODIFIED\\UNMODIFIED", False),
        ("MODIFIED", True),
        ("modified ", True),
        ("REMOVED", True),
        # What nobody defined is no promise that they were left alone.
        ("YES", True),
        ("UNMODIFIED\\MODIFIED", True),
        ("UNMODIFIED;MODIFIED", True),
    ],
)
def test_any_word_but_unmodified_says_that_dates_were_moved(said, expected):
    assert are_shifted(said) is expected
