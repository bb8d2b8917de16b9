"""What the demons see of two images: values within the window, on grids that cover both."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_registration import GRID, body

from biomarker_cli.registration.deformable.demons import deform
from biomarker_cli.registration.deformable.rules import DemonsRules
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.itk_images import image_of


def _rules(*levels: tuple[float, int], **more) -> DemonsRules:
    return DemonsRules(levels=[{"voxel_mm": a, "iterations": b} for a, b in levels], **more)


def _image(change=None):
    volume = body()
    array = volume.array.copy()
    if change is not None:
        change(array)
    return image_of(type(volume)(array, GRID, volume.quantity))


def _metal(hu: float):
    def put(array):
        array[14:17, 20:24, 25:29] = hu

    return put


def test_how_bright_metal_is_moves_nothing():
    fixed, rules = _image(_metal(1500.0)), _rules((8.0, 8))
    found = [deform(fixed, _image(_metal(hu)), np.eye(4), rules) for hu in (1500.0, 9000.0)]
    assert found[0].vectors_mm.tobytes() == found[1].vectors_mm.tobytes()
    wide = _rules((8.0, 8), window_hu=(-1000.0, 9000.0))
    seen = deform(fixed, _image(_metal(9000.0)), np.eye(4), wide)
    assert np.abs(seen.vectors_mm).max() > 2 * np.abs(found[1].vectors_mm).max()


@pytest.mark.parametrize(("voxel_mm", "shape"), [(8.0, (12, 12, 14)), (1.0, GRID.shape)])
def test_a_level_covers_the_fixed_image_and_is_never_finer(voxel_mm, shape):
    field = deform(_image(), _image(), np.eye(4), _rules((voxel_mm, 1)))
    assert field.geometry.shape == shape
    extents = [np.array(g.shape) * g.spacing_mm[::-1] for g in (field.geometry, GRID)]
    np.testing.assert_allclose(extents[0], extents[1])
    index = (np.array(GRID.shape[::-1]) - 1) / 2
    middle = (np.array(shape[::-1]) - 1) / 2
    expected = GRID.index_to_physical(index)
    np.testing.assert_allclose(field.geometry.index_to_physical(middle), expected, atol=1e-9)


def test_the_coarse_field_reaches_the_border_of_the_finer_grid():
    """A shift that the coarse level found is not lost where the finer grid reaches further."""
    shift = np.eye(4)
    moving = body()
    moved_on = np.roll(moving.array, 3, axis=2)
    images = image_of(moving), image_of(type(moving)(moved_on, GRID, moving.quantity))
    coarse = deform(*images, shift, _rules((8.0, 60)))
    finer = deform(*images, shift, _rules((8.0, 60), (4.0, 1)))
    side = np.abs(coarse.vectors_mm[6, 6, 0, 0])
    assert side > 0.5
    assert np.abs(finer.vectors_mm[12, 12, 0, 0]) > 0.5 * side


def test_what_the_engine_gives_up_on_is_a_named_error():
    with pytest.raises(RegistrationError) as caught:
        deform(_image()[:2, :, :], _image(), np.eye(4), _rules((8.0, 1)))
    assert caught.value.code == "REGISTRATION-NO-RESULT"
