"""A mask on another image: where it lies, what it lost, and what that says of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic_registration import GRID, body, motion, moved, quick_protocol

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.registration.carried_table import write_masks
from biomarker_cli.registration.carrying import CarriedMask, carry, on_target, signed_distance_mm
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.registering import register

BALL_MM = 12.0


def _ball(grid: Geometry = GRID, centre=(8.0, 8.0, 18.0)) -> Region:
    z, y, x = np.indices(grid.shape)
    places = grid.index_to_physical(np.stack([x, y, z], axis=-1).reshape(-1, 3)) - centre
    inside = (np.linalg.norm(places, axis=1) < BALL_MM).reshape(grid.shape)
    return Region(inside, grid, "GTV", "lesion")


def _carried(target: Geometry, matrix: np.ndarray, region: Region | None = None) -> CarriedMask:
    """Return the ball carried by a given transform; what the images look like is not asked."""
    region = region or _ball()
    moving = replace(body(), array=body(grid=target).array, geometry=target)
    protocol = quick_protocol(similarity=quick_protocol().file.checks.restart_spread_mm)
    found = register(body(), moving, protocol, [region], given=matrix)
    return carry(region, found, target)


def _shift(x: float, y: float, z: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = (x, y, z)
    return matrix


def test_on_its_own_grid_a_mask_stays_as_it_is():
    crop = on_target(_ball(), np.eye(4), GRID)
    assert np.array_equal(crop.whole(GRID.shape), _ball().mask)


def test_a_shift_of_whole_voxels_moves_every_voxel_that_way():
    crop = on_target(_ball(), _shift(4.0, -6.0, 3.0), GRID)
    expected = np.roll(_ball().mask, (1, -3, 2), axis=(0, 1, 2))
    assert np.array_equal(crop.whole(GRID.shape), expected)


def test_the_surface_lies_half_way_between_voxels():
    mask = np.zeros((1, 1, 6), dtype=bool)
    mask[0, 0, 2:4] = True
    grid = Geometry((1, 1, 6), (2.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    assert signed_distance_mm(mask, grid)[0, 0].tolist() == [-4.0, -2.0, 2.0, 2.0, -2.0, -4.0]


def test_a_turned_ball_keeps_place_and_volume():
    target = moved(body(), motion()).geometry
    found = _carried(target, motion())
    assert np.array_equal(found.region.mask, _ball().mask)
    turned = on_target(_ball(), motion(), GRID).whole(GRID.shape)
    centre = GRID.index_to_physical(np.argwhere(turned)[:, ::-1]).mean(axis=0)
    expected = motion()[:3, :3] @ (8.0, 8.0, 18.0) + motion()[:3, 3]
    assert centre == pytest.approx(expected, abs=0.3)
    assert turned.sum() == pytest.approx(_ball().n_voxels, rel=0.02)


def test_another_grid_changes_the_volume_by_a_little_and_says_so():
    target = Geometry((38, 46, 54), (2.0, 2.0, 2.5), (-49.0, -39.0, -29.0))
    found = _carried(target, np.eye(4))
    assert found.volume_ml == pytest.approx(_ball().volume_mm3 / 1000)
    assert found.carried_volume_ml == pytest.approx(found.region.volume_mm3 / 1000)
    change = (found.carried_volume_ml / found.volume_ml - 1) * 100
    assert found.volume_change_percent == pytest.approx(change)
    assert abs(change) < 3


def test_grids_half_a_voxel_apart_keep_the_volume():
    found = on_target(_ball(), np.eye(4), replace(GRID, origin_mm=(-49.0, -39.0, -28.5)))
    assert found.mask.sum() == pytest.approx(_ball().n_voxels, rel=0.03)


def test_a_mask_that_the_other_image_cuts_is_failed():
    # Its field of view ends 2 mm behind the centre of the ball.
    target = Geometry((32, 48, 30), GRID.spacing_mm, GRID.origin_mm)
    found = _carried(target, np.eye(4))
    assert 30 < found.cut_percent < 50
    assert found.status == "failed"
    assert found.region.n_voxels < _ball().n_voxels


def test_a_volume_that_changes_by_more_than_two_percent_asks_for_a_person():
    small = _ball(centre=(8.0, 8.0, 18.0))
    coarse = Geometry((6, 6, 6), (16.0, 16.0, 16.0), (-42.0, -32.0, -22.0))
    found = _carried(coarse, np.eye(4), small)
    assert abs(found.volume_change_percent) > 2
    assert found.status in {"review", "failed"}


def test_a_lesion_is_not_stretched_by_a_given_transform():
    with pytest.raises(RegistrationError) as caught:
        _carried(GRID, np.diag((2.0, 0.5, 1.0, 1.0)))
    assert caught.value.code == "REGISTRATION-CARRY-RIGID"


def test_nothing_lies_where_nothing_is_shown():
    assert on_target(_ball(), _shift(500.0, 0.0, 0.0), GRID).mask.size == 0


def test_masks_that_share_voxels_are_no_label_image(tmp_path):
    found = register(body(), body(), quick_protocol(), given=np.eye(4))
    one, other = (carry(_ball(centre=(x, 8.0, 18.0)), found, GRID) for x in (0.0, 8.0))
    with pytest.raises(RegistrationError) as caught:
        write_masks(found, [one, other], "seen", GRID, tmp_path)
    assert caught.value.code == "REGISTRATION-MASKS-OVERLAP"
    assert not list(tmp_path.iterdir())
