"""CT voxels that nobody measures are counted and flagged; limits are the analysis' own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.case.plausibility import PlausibleHu, implausible_voxels
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU, SIGNAL

GRID = Geometry(shape=(3, 4, 5), spacing_mm=(1.0, 1.0, 1.0))
RULES = PlausibleHu()


def volume(values, padding=()):
    array = np.zeros(GRID.shape)
    array[1, 1, : len(values)] = values
    filled = np.zeros(GRID.shape, bool)
    for place in padding:
        filled[place] = True
    return Volume(array, GRID, HU, padding=filled if padding else None)


def region():
    mask = np.zeros(GRID.shape, bool)
    mask[1, 1:3, :4] = True
    return Region(mask, GRID, "a", "a")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ((-1024, -1000, 0), ""),
        ((-1024.5, -1000, 0), "of 8 voxels 1 lie below -1024 HU and 0 are padding"),
        ((-2000, -3024, 0), "of 8 voxels 2 lie below -1024 HU and 0 are padding"),
        ((0, 0, 0, 0, -2000), ""),  # the fifth voxel lies outside the region
    ],
)
def test_voxels_below_the_lowest_number_of_a_ct_are_counted(values, found):
    assert implausible_voxels(volume(values), region(), RULES).startswith(found)
    assert bool(implausible_voxels(volume(values), region(), RULES)) == bool(found)


def test_padding_in_the_region_is_counted_and_other_padding_is_not():
    inside = volume((0,), padding=[(1, 2, 0), (1, 2, 1), (0, 0, 0)])
    assert "0 lie below -1024 HU and 2 are padding" in implausible_voxels(inside, region(), RULES)
    assert implausible_voxels(volume((0,), padding=[(0, 0, 0)]), region(), RULES) == ""


def test_the_limit_is_the_analysis_own_and_other_quantities_have_none():
    low = PlausibleHu(minimum=-4000)
    assert implausible_voxels(volume((-3024,)), region(), low) == ""
    signal = replace(volume((-3024,)), quantity=SIGNAL)
    assert implausible_voxels(signal, region(), RULES) == ""


def test_a_released_protocol_keeps_its_digest_and_has_the_limit():
    analysis = load_analysis("radiomics-ct")
    assert analysis.protocol.plausible_hu.minimum == -1024.0
    assert "plausible_hu" not in analysis.document.data
