"""A known motion is found; what is no pair is not called one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic_registration import GRID, body, far_motion, motion, moved, quick_protocol

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import SIGNAL
from biomarker_cli.registration.alignment import (
    align,
    centre_mm,
    moved_start,
    resolutions_of,
    shrink_factors,
)
from biomarker_cli.registration.anatomy import body_points_mm, transformed
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.itk_images import image_of
from biomarker_cli.registration.registering import register, rotation_deg
from biomarker_cli.registration.rules import FigureLimit, Level, load_registration


def _lesion() -> Region:
    mask = np.zeros(GRID.shape, dtype=bool)
    mask[12:18, 20:28, 24:32] = True
    return Region(mask, GRID, "lesion", "lesion")


def _errors_mm(found: np.ndarray, truth: np.ndarray, region: Region) -> np.ndarray:
    points = GRID.index_to_physical(np.argwhere(region.mask)[:, ::-1])
    return np.linalg.norm(transformed(found, points) - transformed(truth, points), axis=1)


@pytest.fixture(scope="module")
def true_pair():
    fixed = body()
    return register(fixed, moved(fixed, motion()), quick_protocol(8000), [_lesion()])


def test_a_known_motion_is_found_within_0_2_mm_and_not_its_inverse(true_pair):
    assert _errors_mm(true_pair.matrix, motion(), _lesion()).mean() < 0.2
    assert _errors_mm(np.linalg.inv(true_pair.matrix), motion(), _lesion()).mean() > 10


def test_the_true_pair_passes_every_check(true_pair):
    assert true_pair.status == "ok"
    assert [one.roi_id for one in true_pair.rois] == ["", "lesion"]
    lesion = true_pair.rois[1]
    assert lesion.overlap_percent == 100
    assert lesion.restart_spread_mm is not None
    assert lesion.restart_spread_mm < 0.5
    assert lesion.inverse_consistency_mm is not None
    assert 0 < lesion.inverse_consistency_mm < 0.5
    assert true_pair.similarity is not None
    assert true_pair.similarity > 0.95
    assert true_pair.mirror_gain is not None
    assert true_pair.mirror_gain < 0
    moved_by = np.linalg.norm(_centre(motion()) - _centre(np.eye(4)))
    assert lesion.displacement_mm == pytest.approx(moved_by, abs=0.2)
    assert true_pair.rotation_deg == pytest.approx(rotation_deg(motion()), abs=0.5)


def _centre(matrix: np.ndarray) -> np.ndarray:
    points = GRID.index_to_physical(np.argwhere(_lesion().mask)[:, ::-1])
    return transformed(matrix, points).mean(axis=0)


def test_the_same_bytes_come_out_of_two_runs():
    protocol = _forward_only()
    fixed = body()
    moving = moved(fixed, motion())
    first, second = (register(fixed, moving, protocol) for _ in range(2))
    assert first.matrix.tobytes() == second.matrix.tobytes()
    assert first.registration_id == second.registration_id


def _forward_only(points: int = 3000, **checks):
    none = dict.fromkeys(
        (
            "restart_spread_mm",
            "restart_gain",
            "inverse_consistency_mm",
            "mirror_gain",
            "similarity",
        ),
        FigureLimit(),
    )
    return quick_protocol(points, **(none | checks))


def _body_error_mm(fixed: Volume, moving: Volume, truth: np.ndarray) -> float:
    found = register(fixed, moving, _forward_only(points=8000))
    points = body_points_mm(image_of(fixed))
    apart = transformed(found.matrix, points) - transformed(truth, points)
    return float(np.linalg.norm(apart, axis=1).mean())


@pytest.mark.parametrize("seed", [100, 103, 105])
def test_motions_up_to_25_mm_and_15_degrees_are_found_within_0_1_mm(seed):
    truth = far_motion(seed)
    moving = moved(body(seed, noise_seed=2), truth)
    assert _body_error_mm(body(seed), moving, truth) < 0.1


@pytest.mark.parametrize(
    ("grid", "noise_hu"),
    [
        (GRID, 40.0),
        (replace(GRID, shape=(26, 48, 56), origin_mm=(-50.0, -40.0, -21.0)), 10.0),
        (replace(GRID, shape=(32, 48, 45), origin_mm=(-39.0, -40.0, -30.0)), 10.0),
        (Geometry((26, 40, 58), (2.4, 2.4, 2.4), (-54.0, -42.0, -22.0)), 40.0),
    ],
    ids=["noise", "fifth cut off below", "fifth cut off at the side", "another grid"],
)
def test_what_damages_the_moving_image_costs_less_than_half_a_voxel(grid, noise_hu):
    truth = far_motion(105)
    moving = moved(body(6, grid, noise_hu, noise_seed=2), truth)
    assert _body_error_mm(body(6), moving, truth) < 1.0


def test_the_id_tells_images_and_protocols_apart(true_pair):
    fixed = body()
    other = register(moved(fixed, np.eye(4)), fixed, _forward_only())
    assert other.registration_id != true_pair.registration_id


def test_no_overlap_is_refused():
    away = np.eye(4)
    away[2, 3] = 500
    with pytest.raises(RegistrationError) as caught:
        register(body(), moved(body(), away), quick_protocol())
    assert caught.value.code == "REGISTRATION-NO-OVERLAP"


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_an_image_of_constants_is_refused(value):
    constant = replace(body(), array=np.full(GRID.shape, value))
    for pair in ((body(), constant), (constant, body())):
        with pytest.raises(RegistrationError) as caught:
            register(*pair, quick_protocol())
        assert caught.value.code == "REGISTRATION-CONSTANT"


def test_a_protocol_takes_its_modalities_only():
    with pytest.raises(RegistrationError) as caught:
        register(body(), replace(body(), quantity=SIGNAL), quick_protocol())
    assert caught.value.code == "REGISTRATION-MODALITIES"


def test_the_header_geometry_is_no_registration_of_two_frames():
    with pytest.raises(RegistrationError) as caught:
        register(body(), body(), load_registration("none"))
    assert caught.value.code == "REGISTRATION-FRAMES"


def test_across_modalities_a_person_always_looks():
    protocol = load_registration("rigid-mr-ct")
    quick = _forward_only()
    checks = quick.file.checks
    file = protocol.file.model_copy(update={"rigid": quick.file.rigid, "checks": checks})
    fixed = body()
    moving = replace(moved(fixed, motion()), array=500 - fixed.array / 2, quantity=SIGNAL)
    found = register(fixed, moving, replace(protocol, file=file), [_lesion()])
    assert found.status == "review"
    assert _errors_mm(found.matrix, motion(), _lesion()).mean() < 0.5


def test_an_optimiser_that_ran_out_of_iterations_has_failed():
    protocol = _forward_only()
    rules = protocol.file.rigid
    few = rules.model_copy(
        update={"optimiser": rules.optimiser.model_copy(update={"iterations": 1})}
    )
    file = protocol.file.model_copy(update={"rigid": few})
    found = register(body(), moved(body(), motion()), replace(protocol, file=file))
    assert found.rois[0].verdicts["iterations"] == "failed"
    assert found.status == "failed"


def test_a_given_transform_is_judged_and_not_sought():
    protocol = quick_protocol()
    fixed, moving = body(), moved(body(noise_seed=2), motion())
    right = register(fixed, moving, protocol, [_lesion()], given=motion())
    assert (right.status, right.is_given, right.alignment) == ("ok", True, None)
    assert right.matrix == pytest.approx(motion())
    assert right.rois[1].restart_spread_mm is None
    wrong = register(fixed, moving, protocol, given=np.linalg.inv(motion()))
    assert wrong.rois[0].verdicts["similarity"] == "failed"
    assert wrong.registration_id != right.registration_id


def test_a_given_transform_is_no_claim_of_the_headers():
    found = register(body(), moved(body(), motion()), load_registration("none"), given=motion())
    assert found.is_given


def _refusal(fixed, moving) -> RegistrationError:
    with pytest.raises(RegistrationError) as caught:
        register(fixed, moving, quick_protocol())
    return caught.value


def test_a_stack_of_fewer_slices_than_the_coarsest_level_needs_is_refused():
    thin, least = (body(grid=replace(GRID, shape=(n, 48, 56))) for n in (7, 8))
    for pair in ((thin, body()), (body(), thin)):
        assert _refusal(*pair).code == "REGISTRATION-THIN"
    assert register(least, least, _forward_only()).rois


def test_values_beyond_the_range_of_the_engine_are_none():
    fixed = body()
    beyond = replace(fixed, array=np.where(fixed.array > 300, 1e300, fixed.array))
    assert register(beyond, moved(fixed, motion()), _forward_only()).rois
    nothing = replace(fixed, array=np.full(GRID.shape, 1e300))
    assert _refusal(nothing, fixed).code == "REGISTRATION-CONSTANT"


def test_the_same_refusal_has_the_same_words_each_time():
    away = np.eye(4)
    away[:3, 3] = (95.0, 80.0, 80.0)
    pair = (body(), moved(body(), away))
    first, second = (_refusal(*pair) for _ in range(2))
    assert str(first) == str(second)
    assert "0x" not in str(first)


def test_a_restart_that_comes_to_one_place_is_not_led_on_again():
    rules = quick_protocol().file.rigid
    fixed = body()
    pair = [resolutions_of(image_of(one), rules) for one in (fixed, moved(fixed, motion()))]
    centre = centre_mm(fixed.geometry)
    answer = align(*pair, rules, np.eye(4), centre)
    start = answer.before_finest
    again = align(*pair, rules, np.eye(4), centre, answer)
    assert again.n_iterations == 0
    assert again.matrix == pytest.approx(answer.matrix, abs=1e-12)
    near, elsewhere = (
        replace(answer, before_finest=moved_start(centre, np.array([mm, 0, 0]), (0, 0, 0)) @ start)
        for mm in (0.045, 0.055)
    )
    assert align(*pair, rules, np.eye(4), centre, near).n_iterations == 0
    led_on = align(*pair, rules, np.eye(4), centre, elsewhere)
    assert led_on.n_iterations == answer.n_iterations
    assert led_on.matrix.tobytes() == answer.matrix.tobytes()


def test_coarse_resolutions_keep_a_voxel_for_each_sigma():
    level = Level(shrink=4, smoothing_mm=3.0)
    assert shrink_factors((0.7, 0.7, 3.0), level) == [4, 4, 1]
    assert shrink_factors((1.5, 1.0, 5.0), level) == [2, 3, 1]
    assert shrink_factors((0.7, 0.7, 0.7), Level(shrink=2, smoothing_mm=0.0)) == [1, 1, 1]
    fine = image_of(body(grid=replace(GRID, spacing_mm=(0.7, 0.7, 3.0))))
    levels = resolutions_of(fine, quick_protocol().file.rigid).levels
    spacings = [one.GetSpacing() for one in levels]
    assert np.allclose(spacings, [(2.8, 2.8, 3.0), (1.4, 1.4, 3.0), (0.7, 0.7, 3.0)])
