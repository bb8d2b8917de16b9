"""Intensities become greys between two percentiles; what is no number has another colour."""

from __future__ import annotations

import numpy as np
import pytest

from biomarker_cli.drawing.greys import NO_VALUE_COLOUR, GreyScale, grey_pixels, scale_of


def test_the_scale_leaves_a_hundredth_at_both_ends():
    assert scale_of(np.arange(101.0)) == GreyScale(1.0, 99.0)


def test_what_is_no_number_does_not_move_the_scale():
    values = np.r_[np.arange(101.0), np.nan, np.inf, -np.inf]
    assert scale_of(values) == GreyScale(1.0, 99.0)
    assert scale_of(np.full((2, 2), np.nan)) == GreyScale(0.0, 0.0)


def test_black_white_and_what_lies_beyond():
    values = np.array([[-5.0, 10.0, 20.0, 30.0, 99.0]])
    greys = grey_pixels(values, GreyScale(10.0, 30.0))
    assert greys.dtype == np.uint8
    np.testing.assert_array_equal(greys[0, :, 0], [0, 0, 127, 255, 255])
    np.testing.assert_array_equal(greys[..., 0], greys[..., 1])
    np.testing.assert_array_equal(greys[..., 0], greys[..., 2])


@pytest.mark.parametrize("hole", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_no_grey(hole):
    pixel = grey_pixels(np.array([[hole]]), GreyScale(0.0, 1.0))[0, 0]
    assert tuple(pixel) == NO_VALUE_COLOUR
    assert len(set(NO_VALUE_COLOUR)) > 1


def test_an_image_of_one_value_is_drawn():
    values = np.full((3, 3), 7.0)
    assert not grey_pixels(values, scale_of(values)).any()
