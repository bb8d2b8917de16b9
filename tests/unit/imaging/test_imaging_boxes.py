"""The box around the voxels of a mask, and with a margin."""

from __future__ import annotations

import numpy as np
import pytest

from biomarker_cli.imaging.boxes import EMPTY, filled_box, widened
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Crop, Region


def expected_box(array: np.ndarray) -> tuple[slice, ...]:
    places = np.argwhere(array)
    if not len(places):
        return EMPTY
    first, last = places.min(axis=0).tolist(), places.max(axis=0).tolist()
    return tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))


@pytest.mark.parametrize("dtype", ["?", "u1", "<i2", ">i2", "i8"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_the_filled_box_is_the_smallest_with_every_voxel(dtype, order):
    rng = np.random.default_rng(3)
    for _ in range(100):
        array = np.zeros(rng.integers(1, 13, 3), dtype=dtype)
        inside = rng.random(array.shape) < rng.choice([0.0, 0.01, 0.2])
        # A low byte of zero is no zero.
        array[inside] = 1 if array.itemsize == 1 else -256
        array = array.transpose(order)
        assert filled_box(array) == expected_box(array)


def test_of_nothing_the_box_is_empty():
    assert filled_box(np.zeros((0, 0, 0), bool)) == filled_box(np.zeros((3, 4, 5), bool)) == EMPTY


def test_a_margin_ends_where_the_grid_ends():
    box = (slice(0, 2), slice(3, 5), slice(4, 6))
    assert widened(box, (1, 2, 3), (9, 6, 12)) == (slice(0, 3), slice(1, 6), slice(1, 9))


def test_a_region_lies_in_its_filled_box():
    mask = np.zeros((5, 6, 7), bool)
    mask[1, 2, 3] = mask[3, 4, 3] = True
    region = Region(mask, Geometry(mask.shape, (1.0, 1.0, 1.0)), "a", "a")
    assert region.box == filled_box(mask)
    assert np.array_equal(region.crop.mask, mask[filled_box(mask)])
    assert np.array_equal(Crop(mask[:, 1:], (0, 1, 0)).tight().whole(mask.shape), mask)
