"""The wavelet bands on a box have the bits of PyWavelets on the whole image."""

import numpy as np
import pytest
import pywt
from hypothesis import given, settings
from hypothesis import strategies as st

from biomarker_cli.radiomics.filters.pyradiomics_rules import PyradiomicsWavelet
from biomarker_cli.radiomics.filters.stationary_wavelet import wavelet_images


def whole_bands(image, name, axes, levels=1):
    """Return the bands of the last level by letters, of the whole image made even."""
    even = np.pad(image, [(0, n % 2) for n in image.shape], mode="wrap")
    for _ in range(levels):
        bands = {"": even}
        for axis in axes:
            split = {}
            for letters, data in bands.items():
                ((low, high),) = pywt.swt(data, name, level=1, axis=axis)
                split[letters + "L"], split[letters + "H"] = low, high
            bands = split
        even = bands["L" * len(axes)]
    z, y, x = image.shape
    return {letters: band[:z, :y, :x] for letters, band in bands.items()}


def assert_same_bits(image, box, axes, name, levels=1):
    rules = PyradiomicsWavelet(
        filter="pyradiomics_wavelet", wavelet=name, start_level=levels - 1, levels=1
    )
    expected = whole_bands(image, name, axes, levels)
    found = dict(wavelet_images(image, box, rules, axes))
    assert len(found) == 2 ** len(axes)
    for label, voxels in found.items():
        reference = expected[label.removeprefix("wavelet-")][box]
        assert np.ascontiguousarray(voxels).tobytes() == np.ascontiguousarray(reference).tobytes()


@pytest.mark.parametrize("name", ["haar", "coif1", "db3", "sym4", "bior1.3", "dmey"])
@pytest.mark.parametrize("shape", [(12, 16, 18), (13, 15, 17), (4, 9, 70)])
def test_whole_images_to_their_edges(name, shape):
    image = np.random.default_rng(1).normal(0, 200, shape).round()
    whole = tuple(slice(0, n) for n in shape)
    assert_same_bits(image, whole, (2, 1, 0), name)


@pytest.mark.parametrize("axes", [(2, 1, 0), (2, 1), (2, 0), (1, 0)])
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_planes_and_levels(axes, levels):
    image = np.random.default_rng(2).normal(0, 200, (11, 24, 19))
    assert_same_bits(image, (slice(0, 3), slice(20, 24), slice(5, 19)), axes, "coif1", levels)


def test_constant_regions_keep_their_rounding():
    image = np.full((10, 20, 30), -1000.0)
    image[:, 12:] = np.random.default_rng(3).normal(0, 60, (10, 8, 30))
    assert_same_bits(image, (slice(0, 10), slice(0, 20), slice(0, 30)), (2, 1, 0), "coif1")


@st.composite
def boxes(draw):
    shape = tuple(draw(st.integers(2, 20)) for _ in range(3))
    box = []
    for length in shape:
        start = draw(st.integers(0, length - 1))
        box.append(slice(start, draw(st.integers(start + 1, length))))
    return shape, tuple(box)


@given(boxes(), st.sampled_from(["coif1", "db2", "haar", "coif3"]), st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_any_box_has_the_bits_of_the_whole_image(place, name, seed):
    shape, box = place
    image = np.random.default_rng(seed).normal(0, 100, shape)
    assert_same_bits(image, box, (2, 1, 0), name)
