"""A displacement field: there, back, as ITK takes it, and by how much volumes grow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic_deformation import Waves, centres_mm
from synthetic_registration import GRID, motion

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.registration.carrying import on_target
from biomarker_cli.registration.deformable.fields import DisplacementField, itk_transform
from biomarker_cli.registration.deformable.stage import Deformation, figures_of
from biomarker_cli.registration.errors import RegistrationError

OBLIQUE = replace(GRID, direction=tuple(motion()[:3, :3].ravel().tolist()))


def _field(there, grid: Geometry = OBLIQUE) -> DisplacementField:
    points = centres_mm(grid)
    vectors = (there(points) - points).reshape(*grid.shape, 3)
    return DisplacementField(vectors.astype(np.float32), grid)


def _inner(grid: Geometry = OBLIQUE) -> np.ndarray:
    index = np.random.default_rng(3).uniform(8, 24, (60, 3))
    return grid.index_to_physical(index)


def test_points_are_led_there_and_back_within_0_01_mm():
    field, points = _field(Waves(1).to_moving), _inner()
    there = field.there(points)
    assert np.linalg.norm(there - Waves(1).to_moving(points), axis=1).max() < 0.2
    assert np.linalg.norm(there - points, axis=1).max() > 1
    assert np.abs(field.back(there) - points).max() < 0.01


def test_itk_leads_the_same_points_to_the_same_places():
    field, points = _field(Waves(1).to_moving), _inner()
    itk = itk_transform(field)
    expected = np.array([itk.TransformPoint(one) for one in points.tolist()])
    np.testing.assert_allclose(field.there(points), expected, atol=1e-9)


def test_the_jacobian_is_that_of_the_formula():
    field = _field(Waves(1).to_moving)
    truth = Waves(1).jacobian(centres_mm(OBLIQUE)).reshape(OBLIQUE.shape)
    inner = (slice(1, -1),) * 3
    np.testing.assert_allclose(field.jacobian()[inner], truth[inner], atol=0.01)


def test_volumes_that_grow_have_a_jacobian_above_one():
    def grown(points):
        return points * (1.1, 1.2, 1.0)

    np.testing.assert_allclose(_field(grown).jacobian(), 1.32, atol=1e-4)
    flat = replace(OBLIQUE, shape=(1, 6, 7))
    assert _field(grown, flat).jacobian().shape == (1, 6, 7)


def _folded(points):
    """Return points that change their order along x about a plane."""
    there = points.copy()
    there[:, 0] -= 20 * np.tanh((points[:, 0] - 4.0) / 6.0)
    return there


def _box() -> Region:
    mask = np.zeros(GRID.shape, dtype=bool)
    mask[12:18, 20:28, 20:36] = True
    return Region(mask, GRID, "box", "box")


def test_a_fold_is_counted_where_it_is():
    field = _field(_folded, GRID)
    jacobian = field.jacobian()
    found = Deformation(field, None, None, jacobian, np.ones(GRID.shape, dtype=bool))
    whole, box = figures_of(found, _inner(), None), figures_of(found, _inner(), _box())
    assert whole.folded_percent == pytest.approx(np.mean(jacobian <= 0) * 100)
    assert 0 < whole.folded_percent < box.folded_percent
    assert box.jacobian_min == jacobian[_box().mask].min() < 0
    assert box.deformed_inverse_mm is None


def test_the_way_back_that_was_found_is_held_against_the_way_there():
    def shifted(by):
        return _field(lambda points: points + np.array([0.0, by, 0.0]), GRID)

    field = shifted(3.0)
    found = Deformation(field, None, shifted(-2.5), field.jacobian(), np.ones(GRID.shape, bool))
    inverse = figures_of(found, _inner(GRID), None).deformed_inverse_mm
    assert inverse == pytest.approx(0.5, abs=1e-5)


def test_a_mask_is_carried_by_the_field_and_not_against_it():
    crop = on_target(_box(), _field(lambda points: points + np.array([4.0, 0.0, 6.0])), GRID)
    expected = np.roll(_box().mask, (2, 2), axis=(0, 2))
    assert (crop.whole(GRID.shape) == expected).all()


def test_a_mask_on_a_fold_is_not_carried():
    with pytest.raises(RegistrationError) as caught:
        on_target(_box(), _field(_folded, GRID), GRID)
    assert caught.value.code == "REGISTRATION-FOLDED"
