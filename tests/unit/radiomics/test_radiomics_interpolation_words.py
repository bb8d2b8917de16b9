"""Words of interpolators: one set for the protocol, the resampler and SimpleITK."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import SimpleITK

from biomarker_cli.imaging.resampling import InterpolationKind, centred_axis, interpolate
from biomarker_cli.radiomics import importing
from biomarker_cli.radiomics.engines import pyradiomics_settings
from biomarker_cli.radiomics.preprocess import pyradiomics_resampling
from biomarker_cli.radiomics.preprocess.pyradiomics_resampling import ITK_INTERPOLATORS

KINDS = get_args(InterpolationKind)


def test_every_word_is_known_everywhere():
    assert set(KINDS) == set(ITK_INTERPOLATORS)
    assert all(isinstance(getattr(SimpleITK, name), int) for name in ITK_INTERPOLATORS.values())


@pytest.mark.parametrize("room", [importing, pyradiomics_settings, pyradiomics_resampling])
def test_the_words_of_itk_are_said_once(room):
    assert room.ITK_INTERPOLATORS is ITK_INTERPOLATORS


@pytest.mark.parametrize("kind", KINDS)
def test_every_word_interpolates(kind):
    array = np.arange(24.0).reshape(2, 3, 4)
    axes = tuple(centred_axis(length, 1.0, 0.5) for length in array.shape)
    assert interpolate(array, axes, kind).shape == (4, 6, 8)


def test_another_word_is_refused():
    array = np.zeros((2, 2, 2))
    axes = tuple(centred_axis(length, 1.0, 0.5) for length in array.shape)
    with pytest.raises(AssertionError, match="quintic"):
        interpolate(array, axes, "quintic")
