"""Area that the contours of one plane enclose, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from biomarker_cli.regions.planes import ContourPlane, nest
from biomarker_cli.regions.polygons import PixelWindow


def box(x0, y0, x1, y1):
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], dtype=float)


def plane(closed=(), exclusive=()):
    return ContourPlane(0.0, list(closed), list(exclusive), nest([*closed]), nest([*exclusive]))


# Edges of all boxes lie on multiples of a 512th of what is compared: the samples are exact.
CROSS = [box(100, 2, 104, 18), box(96, 6, 112, 14)]
"""Two bars that cross, of 4 x 16 and of 16 x 8 pixels; 4 x 8 of them are common."""


def test_contours_that_cross_enclose_their_union():
    assert plane(CROSS).area() == pytest.approx(4 * 16 + 16 * 8 - 4 * 8, rel=1e-12)


def test_exclusive_contours_enclose_what_an_odd_number_encloses():
    crossing = plane(exclusive=CROSS)
    assert crossing.area() == pytest.approx(4 * 16 + 16 * 8 - 2 * 4 * 8, rel=1e-12)
    twice = plane(exclusive=[CROSS[0], CROSS[0]])
    assert twice.area() == 0.0


def test_an_exclusive_contour_takes_away_from_a_closed_one_and_adds_beside_it():
    mixed = plane([CROSS[0]], [CROSS[1]])
    assert mixed.area() == pytest.approx(4 * 16 + 16 * 8 - 2 * 4 * 8, rel=1e-12)


@pytest.mark.parametrize(
    ("window", "area"),
    [
        # A pixel reaches half a unit to each side of its centre.
        (PixelWindow(row=0, column=90, rows=40, columns=40), 160.0),
        (PixelWindow(row=0, column=90, rows=40, columns=12), 5.5 * 8 + 1.5 * 8),
        (PixelWindow(row=10, column=90, rows=40, columns=40), 4.5 * 16 + 4 * 4),
        (PixelWindow(row=0, column=102, rows=10, columns=40), 2.5 * 7.5 + 8 * 3.5),
        (PixelWindow(row=30, column=90, rows=40, columns=40), 0.0),
    ],
)
def test_of_contours_that_cross_a_window_counts_what_lies_in_its_pixels(window, area):
    assert plane(CROSS).area(window) == pytest.approx(area, abs=0.05)
    whole = plane(CROSS[:1]).area(window) + plane(CROSS[1:]).area(window)
    common = plane([box(100, 6, 104, 14)]).area(window)
    assert whole - common == pytest.approx(area, rel=1e-12)


def test_a_long_and_narrow_crossing_is_sampled_as_finely_across_as_along():
    """Two needles of a tenth of a pixel, a thousand pixels long."""
    needles = [box(0, 500, 1000, 500.1), box(400, 500.05, 600, 500.15)]
    union = 1000 * 0.1 + 200 * 0.05
    assert plane(needles).area() == pytest.approx(union, rel=5e-3)


def test_an_island_in_a_hole_counts_again():
    rings = [box(0, 0, 20, 20), box(4, 4, 16, 16), box(8, 8, 12, 12)]
    assert plane(rings).area() == pytest.approx(400 - 144 + 16)
    assert plane(exclusive=rings).area() == pytest.approx(400 - 144 + 16)
