"""The surface of a region by IBSI is closed, whatever the region looks like."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from biomarker_cli.radiomics.features.shape_values import mesh_of
from biomarker_cli.radiomics.features.surface_cases import closed_surface, surface_of_pyradiomics

SPACING = (3.0, 1.0, 2.0)
VOXEL = 6.0
MASKS = arrays(bool, st.tuples(*[st.integers(1, 5)] * 3)).filter(np.any)


@given(mask=MASKS, shift=st.tuples(*[st.integers(0, 4)] * 3))
@settings(deadline=None, max_examples=80)
def test_a_closed_surface_has_one_volume_wherever_it_lies(mask, shift):
    here = mesh_of(mask, SPACING, closed_surface())
    moved = mesh_of(np.pad(mask, [(s, 0) for s in shift]), SPACING, closed_surface())
    assert moved.volume_mm3 == pytest.approx(here.volume_mm3, rel=1e-12)
    assert moved.area_mm2 == pytest.approx(here.area_mm2, rel=1e-12)
    # Every voxel keeps at least the sixth part that a voxel alone has.
    count = np.count_nonzero(mask)
    assert count * VOXEL / 6 * (1 - 1e-12) <= here.volume_mm3 < count * VOXEL


def test_the_surface_of_pyradiomics_has_holes_where_voxels_touch_along_an_edge():
    mask = np.zeros((2, 2, 1), bool)
    mask[0, 0] = mask[1, 1] = True
    alone = 2 * VOXEL / 6
    assert mesh_of(mask, SPACING, closed_surface()).volume_mm3 == pytest.approx(alone)
    here = mesh_of(mask, SPACING, surface_of_pyradiomics()).volume_mm3
    moved = mesh_of(np.pad(mask, [(9, 0)] * 3), SPACING, surface_of_pyradiomics()).volume_mm3
    assert abs(here - moved) > 0.1
