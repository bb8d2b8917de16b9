"""Demons on deformations whose formula is known: points, masks, Jacobian, and what is no pair."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from synthetic_deformation import FINE, FURTHER, Waves, demons_protocol, organ_on, pair_of
from synthetic_registration import GRID, motion, moved

from biomarker_cli.model.quantity import SIGNAL
from biomarker_cli.registration.anatomy import region_points_mm, transformed
from biomarker_cli.registration.carrying import carry
from biomarker_cli.registration.deformable.demons import deform
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.itk_images import image_of
from biomarker_cli.registration.registering import register
from biomarker_cli.registration.rules import FigureLimit, load_registration

WHOLE = os.environ.get("BIOMARKER_SLOW_TESTS") == "all"
SEEDS = range(1, 9) if WHOLE else [1]


def _once(points: int = 8000, **checks):
    """Return the protocol without what needs further alignments."""
    return demons_protocol(points, **(dict.fromkeys(FURTHER, FigureLimit()) | checks))


@pytest.fixture(scope="module")
def whole():
    """Return a true pair with the figures of its field, and its truth."""
    waves, both_ways = Waves(2), load_registration("demons-ct-ct").file.checks.deformed_inverse_mm
    protocol = _once(deformed_inverse_mm=both_ways)
    return waves, register(*pair_of(waves), protocol, [organ_on(GRID)])


def _error_mm(way, expected, points) -> float:
    return float(np.linalg.norm(transformed(way, points) - expected, axis=1).mean())


def _dice(a, b) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_known_deformation_is_found_within_0_8_mm_and_dice_0_98(seed):
    waves, organ = Waves(seed), organ_on(FINE)
    found = register(*pair_of(waves, FINE), _once(), [organ])
    points = region_points_mm(organ)
    expected = waves.to_moving(points)
    assert _error_mm(found.way, expected, points) < 0.8
    assert _error_mm(found.matrix, expected, points) > 1.2
    assert found.rois[0].deformed.folded_percent == 0
    carried, truth = carry(organ, found, FINE, "deformable"), organ_on(FINE, waves)
    assert _dice(carried.region.mask, truth.mask) >= 0.98
    change = truth.n_voxels / organ.n_voxels * 100 - 100
    assert carried.volume_change_percent == pytest.approx(change, abs=2)
    assert carried.status == "ok"
    with pytest.raises(RegistrationError) as caught:
        carry(organ, found, FINE)
    assert caught.value.code == "REGISTRATION-CARRY-RIGID"


def test_every_figure_of_a_true_pair_is_within_its_limit(whole):
    waves, found = whole
    assert found.status == "ok", [one.verdicts for one in found.rois]
    assert found.deformation.similarity > 0.95 > found.similarity
    truth = waves.jacobian(region_points_mm(organ_on(GRID)))
    for one in found.rois:
        assert 0 < one.deformed.deformed_inverse_mm < 2
        assert one.deformed.folded_percent == 0
        assert 0.3 < one.deformed.jacobian_min < truth.min() + 0.05
        assert truth.max() - 0.05 < one.deformed.jacobian_max < 3
        assert {"deformed_inverse_mm", "jacobian_min", "deformed_similarity"} <= set(one.verdicts)


@pytest.mark.slow
@pytest.mark.skipif(not WHOLE, reason="slow: make test-all")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_shipped_protocol_fails_no_true_pair(seed):
    found = register(*pair_of(Waves(seed), FINE), load_registration("demons-ct-ct"))
    assert found.status != "failed", [one.verdicts for one in found.rois]
    assert found.deformation is not None


def test_the_field_leads_there_and_not_back(whole):
    waves, found = whole
    points = region_points_mm(organ_on(GRID))
    right = _error_mm(found.way, waves.to_moving(points), points)
    assert _error_mm(found.way, waves.to_fixed(points), points) > 5 * right


def test_the_displacement_of_a_region_is_that_of_the_field(whole):
    waves, found = whole
    points = region_points_mm(organ_on(GRID))
    expected = np.linalg.norm((waves.to_moving(points) - points).mean(axis=0))
    assert found.rois[1].displacement_mm == pytest.approx(expected, abs=0.3)


def test_a_rigid_motion_and_a_deformation_are_found_as_one():
    waves, organ, truth = Waves(1), organ_on(GRID), motion((4.0, -6.0, 3.0), (2, -3, 4))
    fixed, moving = pair_of(waves)
    found = register(fixed, moved(moving, truth), _once(), [organ])
    points = region_points_mm(organ)
    expected = transformed(truth, waves.to_moving(points))
    assert _error_mm(found.way, expected, points) < 0.8


def test_two_runs_give_the_same_bytes():
    images = [image_of(one) for one in pair_of(Waves(1))]
    rules = demons_protocol().file.demons
    first, second = (deform(*images, motion(), rules) for _ in range(2))
    assert first.vectors_mm.tobytes() == second.vectors_mm.tobytes()


def _flipped(volume):
    return replace(volume, array=volume.array[:, :, ::-1].copy())


def _off_by_70_mm(volume):
    away = np.eye(4)
    away[1, 3] = 70.0
    return moved(volume, away)


@pytest.mark.parametrize(
    "change",
    [
        lambda _: pair_of(Waves(51))[1],
        _flipped,
        _off_by_70_mm,
    ],
    ids=["another patient", "left and right exchanged", "70 mm off"],
)
def test_what_the_rigid_stage_fails_is_not_deformed(change):
    """Demons make another patient alike: the checks come before them."""
    fixed, moving = pair_of(Waves(1))
    found = register(fixed, change(moving), _once(points=3000))
    assert found.status == "failed"
    assert found.deformation is None


def test_what_is_no_pair_of_ct_is_refused():
    fixed, moving = pair_of(Waves(1))
    away = np.eye(4)
    away[2, 3] = 500.0
    mr = replace(moving, quantity=SIGNAL)
    constant = replace(moving, array=np.zeros(moving.geometry.shape))
    for other, code in (
        (mr, "REGISTRATION-MODALITIES"),
        (constant, "REGISTRATION-CONSTANT"),
        (moved(moving, away), "REGISTRATION-NO-OVERLAP"),
    ):
        with pytest.raises(RegistrationError) as caught:
            register(fixed, other, _once())
        assert caught.value.code == code
    with pytest.raises(RegistrationError) as caught:
        register(mr, mr, _once())
    assert caught.value.code == "REGISTRATION-MODALITIES"


def test_a_rigid_transform_is_not_given_to_a_protocol_that_deforms():
    with pytest.raises(RegistrationError) as caught:
        register(*pair_of(Waves(1)), _once(), given=np.eye(4))
    assert caught.value.code == "REGISTRATION-GIVEN"
