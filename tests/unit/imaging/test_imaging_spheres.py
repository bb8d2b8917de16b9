"""The sphere of 1 ml: one for SUVpeak and for the local intensity features."""

from __future__ import annotations

import numpy as np
import pytest

from biomarker_cli.imaging.spheres import ONE_ML_RADIUS_MM, voxels_in_sphere
from biomarker_cli.pet.peak import suv_peak
from biomarker_cli.pet.rules import PeakRule
from biomarker_cli.radiomics.features.peaks import peak_values


def test_a_voxel_whose_centre_lies_on_the_sphere_is_inside():
    assert np.count_nonzero(voxels_in_sphere((0.1, 0.1, 0.1), 0.1)) == 7
    assert voxels_in_sphere((0.1, 0.1, 0.1), 0.3).shape == (7, 7, 7)
    assert voxels_in_sphere((20.0, 20.0, 20.0)).shape == (1, 1, 1)


@pytest.mark.parametrize("spacing_zyx", [(2.0, 2.0, 2.0), (5.0, 4.07, 4.07), (3.27, 2.73, 2.0)])
def test_the_voxels_fill_about_a_millilitre(spacing_zyx):
    inside = voxels_in_sphere(spacing_zyx)
    assert inside.shape == tuple(2 * int(ONE_ML_RADIUS_MM / step) + 1 for step in spacing_zyx)
    assert np.count_nonzero(inside) * np.prod(spacing_zyx) == pytest.approx(1000.0, rel=0.25)


@pytest.mark.parametrize("spacing_zyx", [(2.0, 2.0, 2.0), (5.0, 4.07, 4.07), (3.27, 2.73, 2.0)])
def test_suvpeak_and_the_intensity_peaks_mean_one_sphere(spacing_zyx):
    rng = np.random.default_rng(7)
    image = rng.uniform(1.0, 9.0, (17, 19, 21))
    mask = np.zeros(image.shape, bool)
    mask[6:11, 7:12, 8:13] = True
    found = peak_values(image, mask, spacing_zyx)
    z, y, x = spacing_zyx
    for place, name in (("at_max", "local_peak"), ("global", "global_peak")):
        rule = PeakRule(kernel="voxel_centre", place=place)
        assert suv_peak(image, mask, (x, y, z), rule) == pytest.approx(found[name], rel=1e-12)
