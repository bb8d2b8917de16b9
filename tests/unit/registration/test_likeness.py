"""How alike two images are: what is known of it beforehand, and how often it is asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK
from synthetic_registration import body, motion, moved, quick_protocol

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU
from biomarker_cli.registration import further_answers, likeness
from biomarker_cli.registration.alignment import Alignment
from biomarker_cli.registration.anatomy import body_points_mm
from biomarker_cli.registration.itk_images import image_of
from biomarker_cli.registration.likeness import CoarsePair
from biomarker_cli.registration.registering import register


def _pair(fixed: Volume, moving: Volume) -> CoarsePair:
    return CoarsePair.of(image_of(fixed), image_of(moving))


@pytest.mark.parametrize(("gain", "expected"), [(2.0, 1.0), (-0.5, -1.0)])
def test_a_linear_change_of_the_values_is_known(gain, expected):
    fixed = body()
    other = replace(moved(fixed, motion()), array=gain * fixed.array + 100)
    found = _pair(fixed, other).similarity(motion())
    assert found == pytest.approx(expected, abs=1e-5)


def test_the_surface_is_not_asked():
    fixed = body()
    array = fixed.array.copy()
    array[array > -500] = 40.0
    noise = np.random.default_rng(5).normal(0, 10, array.shape)
    shape = replace(fixed, array=array + noise)
    assert abs(_pair(fixed, shape).similarity(np.eye(4))) < 0.2


def test_nothing_is_said_of_images_that_do_not_vary_or_do_not_meet():
    fixed = body()
    flat = replace(fixed, array=np.zeros_like(fixed.array))
    assert _pair(fixed, flat).similarity(np.eye(4)) is None
    assert _pair(fixed, fixed).similarity(motion((500.0, 0.0, 0.0))) is None


def test_nothing_is_said_of_fewer_than_ten_voxels():
    grid = Geometry((6, 6, 6), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
    values = np.random.default_rng(2).normal(0, 1, grid.shape)
    values[1:-1, 1:-1, 1:-1] += 100
    small = Volume(values, grid, HU)
    # The erosion leaves eight voxels of the 64.
    assert _pair(small, small).similarity(np.eye(4)) is None


def test_points_of_the_body_are_those_of_the_image_alone():
    fixed = body()
    points = _pair(fixed, body(2)).body_points_mm()
    np.testing.assert_array_equal(points, body_points_mm(image_of(fixed)))


def test_a_registration_makes_the_coarse_pair_once_and_compares_each_answer_once(monkeypatch):
    thinned, compared = [], []
    shrink, similarity = SimpleITK.BinShrink, CoarsePair.similarity

    def counted_shrink(image, factors):
        thinned.append(factors)
        return shrink(image, factors)

    def counted_similarity(pair, matrix):
        compared.append(matrix)
        return similarity(pair, matrix)

    def align(fixed, moving, rules, start, centre, known=None):
        return Alignment(motion(), start, 1, "step")

    monkeypatch.setattr(SimpleITK, "BinShrink", counted_shrink)
    monkeypatch.setattr(likeness.CoarsePair, "similarity", counted_similarity)
    monkeypatch.setattr(further_answers, "align", align)
    fixed = body()
    protocol = quick_protocol()
    checks = protocol.file.checks
    for name in ("similarity", "restart_gain", "mirror_gain", "inverse_consistency_mm"):
        assert getattr(checks, name).is_asked
    register(fixed, moved(fixed, motion()), protocol)
    assert len(thinned) == 2
    # The answer, three moved starts, and the way back.
    assert len(compared) == 1 + checks.restarts.number + 1
