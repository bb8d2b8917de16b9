"""Diameters of any mask: against slow definitions, and of the same mask seen otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from synthetic_lesions import both_axes

from biomarker_cli.size.diameters import Axes, Pixels
from biomarker_cli.size.outline import Island, parts_of

STEPS = st.sampled_from([0.5, 0.7, 1.0, 2.5])
MASKS = arrays(np.bool_, st.tuples(st.integers(1, 2), st.integers(1, 6), st.integers(1, 6))).filter(
    lambda mask: bool(mask.any())
)


def numbers(mask: np.ndarray, row_mm: float, column_mm: float, fill: bool) -> list[float]:
    axes = both_axes(mask, Pixels(row_mm, column_mm), fill_holes=fill)
    return [line.length_mm for one in axes for line in (one.longest, one.short)]


@settings(max_examples=80, deadline=None)
@given(MASKS, STEPS, STEPS, st.booleans())
def test_flips_and_turns_change_no_number(mask, row_mm, column_mm, fill):
    expected = pytest.approx(numbers(mask, row_mm, column_mm, fill), rel=1e-9)
    for axis in range(3):
        assert numbers(np.flip(mask, axis), row_mm, column_mm, fill) == expected
    assert numbers(mask.swapaxes(1, 2), column_mm, row_mm, fill) == expected


@settings(max_examples=60, deadline=None)
@given(MASKS, st.permutations(range(2)), STEPS)
def test_the_order_of_slices_and_what_is_around_changes_no_number(mask, order, step):
    expected = pytest.approx(numbers(mask, step, 1.0, True), rel=1e-9)
    shuffled = mask[[place for place in order if place < len(mask)]]
    assert numbers(shuffled, step, 1.0, True) == expected
    assert numbers(np.pad(shuffled, 2), step, 1.0, True) == expected


@settings(max_examples=60, deadline=None)
@given(MASKS, STEPS, st.integers(2, 5))
def test_lengths_scale_with_the_pixels(mask, step, factor):
    scaled = [factor * length for length in numbers(mask, step, 1.0, False)]
    assert numbers(mask, factor * step, float(factor), False) == pytest.approx(scaled, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(MASKS, STEPS, STEPS)
def test_what_is_inside_is_never_longer_than_over_concavities(mask, row_mm, column_mm):
    hull, _, inside, _ = numbers(mask, row_mm, column_mm, False)
    assert inside <= hull * (1 + 1e-12)
    filled_hull, _, filled_inside, _ = numbers(mask, row_mm, column_mm, True)
    assert filled_hull == hull
    assert inside <= filled_inside * (1 + 1e-12)


@settings(max_examples=50, deadline=None)
@given(MASKS, STEPS, STEPS)
def test_the_longest_lines_are_those_of_the_slow_search(mask, row_mm, column_mm):
    pixels = Pixels(row_mm, column_mm)
    parts = parts_of(mask, fill_holes=False)
    longest, inside = 0.0, 0.0
    for part in parts:
        for number, start in enumerate(part.corners):
            for stop in part.corners[number + 1 :]:
                length = float(np.sqrt(pixels.squared(stop - start)))
                longest = max(longest, length)
                if length > inside and _is_inside(part, start, stop):
                    inside = length
    found = both_axes(mask, pixels)
    lengths = [axes.longest.length_mm for axes in found]
    assert lengths == pytest.approx([longest, inside], rel=1e-9)
    for axes in found:
        _require_short_axis(axes, pixels)


def _require_short_axis(axes: Axes, pixels: Pixels) -> None:
    """Hold that the short axis is inside, perpendicular, and no other line is longer."""
    step = np.array([pixels.row_mm, pixels.column_mm]) / 2
    start, stop, low, high = (
        np.array(end) for line in (axes.longest, axes.short) for end in (line.start, line.stop)
    )
    along = (stop - start) * step
    along /= np.hypot(*along)
    assert np.hypot(*((high - low) * step)) == pytest.approx(axes.short.length_mm, rel=1e-9)
    assert abs((high - low) * step @ along) < 1e-9
    assert _is_inside(axes.part, low, high, 1e-7)
    rng = np.random.default_rng(3)
    edges = axes.part.edges.reshape(-1, 2, 2) * step
    u = edges @ along
    v = edges @ np.array([-along[1], along[0]])
    for at in rng.uniform(u.min(), u.max(), 40):
        crossed = (u.min(axis=1) < at) & (at < u.max(axis=1))
        one, other = v[crossed, 0], v[crossed, 1]
        share = (at - u[crossed, 0]) / (u[crossed, 1] - u[crossed, 0])
        places = np.sort(one + share * (other - one))
        assert (places[1::2] - places[::2]).max() <= axes.short.length_mm + 1e-9


def _is_inside(part: Island, start: np.ndarray, stop: np.ndarray, slack: float = 1e-9) -> bool:
    """Tell whether many points of a line are within the contour, or on it."""
    share = np.linspace(0, 1, 61)[:, None]
    points = start + share * (stop - start)
    edges = part.edges.reshape(-1, 2, 2).astype(np.float64)
    a, b = edges[:, 0], edges[:, 1]
    row, column = points[:, :1], points[:, 1:]
    spans = (a[:, 0] > row) != (b[:, 0] > row)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = a[:, 1] + (row - a[:, 0]) * (b[:, 1] - a[:, 1]) / (b[:, 0] - a[:, 0])
    within = (spans & (column < crossing)).sum(axis=1) % 2 == 1
    way = b - a
    along = np.clip(((points[:, None] - a) * way).sum(-1) / (way**2).sum(-1), 0, 1)
    nearest = a + along[..., None] * way
    apart = np.hypot(*np.moveaxis(points[:, None] - nearest, -1, 0)).min(axis=1)
    return bool((within | (apart < slack)).all())


def test_a_line_of_the_slow_search_that_leaves_the_contour_is_outside():
    """The oracle itself can fail."""
    mask = np.ones((1, 3, 3), dtype=np.bool_)
    mask[0, 0, 1] = False
    (part,) = parts_of(mask, fill_holes=False)
    assert not _is_inside(part, np.array([2, 1]), np.array([2, 7]))
    assert _is_inside(part, np.array([4, 1]), np.array([4, 7]))
