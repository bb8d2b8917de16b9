"""Boxes around labels: those that scipy finds, for few labels and many."""

import numpy as np
import pytest
from scipy.ndimage import find_objects

from biomarker_cli.regions import label_boxes
from biomarker_cli.regions.label_boxes import boxes_of


def _expected(array, n_labels):
    native = array.astype(array.dtype.newbyteorder("="))
    found = enumerate(find_objects(native, n_labels), start=1)
    return {value: box for value, box in found if box is not None}


@pytest.mark.parametrize("looks", [0, label_boxes.MOST_LOOKS], ids=["scipy", "numpy"])
@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i2", "u4", "i8"])
def test_boxes_are_those_of_scipy(monkeypatch, dtype, looks):
    monkeypatch.setattr(label_boxes, "MOST_LOOKS", looks)
    rng = np.random.default_rng(11)
    for _ in range(150):
        array = np.zeros(rng.integers(1, 12, 3), dtype=dtype)
        inside = rng.random(array.shape) < rng.choice([0.0, 0.02, 0.4])
        n_labels = int(rng.integers(1, 15))
        array[inside] = rng.integers(1, n_labels + 1, np.count_nonzero(inside))
        if rng.random() < 0.3:
            array = array.transpose(2, 1, 0)
        expected = _expected(array, n_labels)
        assert boxes_of(array, range(1, n_labels + 1)) == expected
        # Those that nobody asks for are not there, and do not matter.
        some = [value for value in range(1, n_labels + 1) if value % 3]
        assert boxes_of(array, some) == {v: b for v, b in expected.items() if v % 3}
