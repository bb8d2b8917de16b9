"""Known deformations of real CT: the formula is the truth, noise is on both images."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from synthetic_deformation import Waves, centres_mm, demons_protocol

from biomarker_cli.api.images import read_volume
from biomarker_cli.imaging.region import Crop, Region
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget
from biomarker_cli.registration.anatomy import region_points_mm, transformed
from biomarker_cli.registration.carrying import carry, signed_distance_mm
from biomarker_cli.registration.registering import register
from biomarker_cli.registration.rules import FigureLimit

pytestmark = [pytest.mark.data, pytest.mark.slow]

WHOLE = os.environ.get("BIOMARKER_SLOW_TESTS") == "all"


def _bent(array, waves: Waves, geometry, outside: float):
    """Return the values that the moving image has at each of its voxels."""
    places = geometry.physical_to_index(waves.to_fixed(centres_mm(geometry)))[:, ::-1]
    found = map_coordinates(array.astype(np.float64), places.T, order=1, cval=outside)
    return found.reshape(geometry.shape)


@pytest.mark.parametrize("patient", ["STS_002", "STS_003"] if WHOLE else ["STS_002"])
def test_a_known_deformation_of_a_ct_is_found_within_0_8_mm(data_dir, patient):
    folder = data_dir / "sts" / patient / "CT"
    read = read_volume(folder / "image")
    (structure,) = (folder / "mask").iterdir()
    (roi,) = import_regions(structure, ImageTarget.from_volume(read), RegionRules(), None)
    lesion, grid, waves = roi.region, read.geometry, Waves(3, 4.6)
    noise = np.random.default_rng(5)
    images = [
        replace(read, array=array + noise.normal(0, 10, grid.shape))
        for array in (read.array, _bent(read.array, waves, grid, -1000.0))
    ]
    names = ("restart_spread_mm", "restart_gain", "mirror_gain")
    protocol = demons_protocol(20_000, **dict.fromkeys(names, FigureLimit()))
    found = register(*images, protocol, [lesion])
    points = region_points_mm(lesion)
    expected = waves.to_moving(points)
    assert np.linalg.norm(expected - points, axis=1).mean() > 1.5
    assert np.linalg.norm(transformed(found.way, points) - expected, axis=1).mean() < 0.8
    assert all(one.deformed.folded_percent == 0 for one in found.rois)
    carried = carry(lesion, found, grid, "deformable")
    distance = signed_distance_mm(lesion.mask, grid)
    truth = Region(Crop(_bent(distance, waves, grid, -9.0) > 0).tight(), grid, "t", "t")
    shared = (carried.region.mask & truth.mask).sum()
    assert 2 * shared / (carried.region.n_voxels + truth.n_voxels) >= 0.98
    asked = {
        name for one in found.rois for name, verdict in one.verdicts.items() if verdict != "ok"
    }
    assert found.status != "failed", asked
