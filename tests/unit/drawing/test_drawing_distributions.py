"""Strips of values by site: an axis whose ticks can be told apart."""

from __future__ import annotations

import re

import pytest

from biomarker_cli.drawing.distributions import StripMark, strips_svg


@pytest.mark.parametrize(
    "values",
    [
        (1.431038, 1.431038 + 8e-8),
        (2.0, 2.00009),
        (9e-4, 9e-4),
        (-1000.0, -1000.0),
        (0.0, 0.0),
        (3.0, 3.002),
    ],
)
def test_no_two_ticks_say_the_same(values):
    """SUV of a liver that is 1.43104 at both visits was drawn as far apart as 3 and 6."""
    marks = [StripMark(value, "x") for value in values]
    text = strips_svg([("A", marks)], "title", "label")
    ticks = re.findall(r'text-anchor="middle">([^<]*)<', text)
    assert len(ticks) >= 2
    assert len(set(ticks)) == len(ticks)


def test_values_that_are_alike_stand_in_the_middle_of_an_axis_of_their_size():
    marks = [StripMark(9e-4, "x"), StripMark(9e-4 + 1e-12, "x")]
    text = strips_svg([("A", marks)], "title", "label")
    ticks = [float(tick) for tick in re.findall(r'text-anchor="middle">([^<]*)<', text)]
    assert min(ticks) >= 4.5e-4
    assert max(ticks) <= 1.35e-3
