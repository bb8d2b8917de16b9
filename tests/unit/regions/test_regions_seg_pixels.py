"""Pixels of a frame: which labels occur, where, and which fractions count."""

from __future__ import annotations

import numpy as np
import pytest

from biomarker_cli.regions.seg_frames import FramePlane
from biomarker_cli.regions.seg_pixels import boxed, label_frame, reaches

PLANE = FramePlane(np.zeros(3), np.eye(3), (1.0, 1.0), None, None)


def labels(dtype=np.uint8):
    pixels = np.full((6, 8), 255, dtype=dtype)
    pixels[2:5, 3:7] = 0
    pixels[3, 4:6] = 2
    return pixels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32])
def test_a_label_map_is_the_box_without_its_padding(dtype):
    frame = label_frame(labels(dtype), 255, {2})
    assert (frame.row, frame.column) == (2, 3)
    np.testing.assert_array_equal(frame.pixels, labels(dtype)[2:5, 3:7])
    assert frame.values == {2}


def test_zero_is_a_label_where_the_object_describes_it():
    assert label_frame(labels(), 255, {0, 2}).values == {0, 2}
    assert label_frame(labels(), 0, {0, 2}).values == {2, 255}


def test_a_frame_of_padding_holds_nothing():
    frame = label_frame(np.full((4, 4), 9, np.uint8), 9, {1})
    assert frame.pixels.size == 0
    assert frame.values == frozenset()


def test_a_mask_is_boxed_where_it_lies_in_the_frame():
    mask = np.zeros((5, 6), dtype=np.bool_)
    mask[1:3, 4] = True
    found = boxed(PLANE, mask, row=10, column=20)
    assert (found.row, found.column, found.mask.shape) == (11, 24, (2, 1))
    assert found.mask.all()
    # Only the box is kept, not the frame that it was cut from.
    assert found.mask.base is None
    assert boxed(PLANE, np.zeros((5, 6), dtype=np.bool_)).mask.size == 0


def test_a_fraction_that_equals_the_threshold_counts():
    pixels = np.array([[0, 127, 128, 255]], dtype=np.uint8)
    assert reaches(pixels, 256.0, 0.5).tolist() == [[False, False, True, True]]
    assert reaches(pixels, 255.0, 1.0).tolist() == [[False, False, False, True]]
