"""Figures against limits, and the points that they are computed at."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_registration import GRID, body

from biomarker_cli.imaging.region import Region
from biomarker_cli.registration.anatomy import (
    body_points_mm,
    mirrored,
    overlap_percent,
    region_points_mm,
)
from biomarker_cli.registration.checks import told, verdict_of, worst
from biomarker_cli.registration.itk_images import image_of
from biomarker_cli.registration.rules import FigureLimit, load_registration


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("restart_spread_mm", 1.0, "ok"),
        ("restart_spread_mm", 1.01, "review"),
        ("restart_spread_mm", 10.01, "failed"),
        ("restart_spread_mm", None, "failed"),
    ],
)
def test_a_figure_is_held_from_above(name, value, expected):
    assert verdict_of(name, value, FigureLimit(review=1, fail=10)) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(95.0, "ok"), (94.9, "review"), (49.9, "failed"), (50.0, "review")]
)
def test_overlap_is_held_from_below(value, expected):
    assert verdict_of("overlap_percent", value, FigureLimit(review=95, fail=50)) == expected


def test_a_figure_without_a_limit_says_nothing():
    assert verdict_of("similarity", None, FigureLimit()) == "ok"


def test_the_worst_verdict_wins_and_only_what_is_not_ok_is_told():
    assert worst(["ok", "failed", "review"]) == "failed"
    assert worst([]) == "ok"
    assert told({"b": "failed", "a": "review", "c": "ok"}) == "a:review;b:failed"


def test_half_of_the_points_lie_outside_a_field_shifted_by_half():
    mask = np.ones(GRID.shape, dtype=bool)
    points = region_points_mm(Region(mask, GRID, "all", "all"))
    assert len(points) == 500
    half = np.eye(4)
    half[0, 3] = 56.0
    assert overlap_percent(half, points, GRID) == pytest.approx(50, abs=4)
    assert overlap_percent(np.eye(4), points, GRID) == 100


def test_points_of_the_body_lie_in_it():
    points = body_points_mm(image_of(body()))
    centre = GRID.corners_mm().mean(axis=0)
    inside = (((points - centre) / (46, 38, 48)) ** 2).sum(axis=1) < 1
    assert inside.all()
    assert len(points) > 300


def test_a_mirrored_image_exchanges_left_and_right_alone():
    import SimpleITK

    volume = body()
    array = SimpleITK.GetArrayFromImage(mirrored(image_of(volume)))
    np.testing.assert_array_equal(array, volume.array[:, :, ::-1].astype(np.float32))


def test_the_limits_of_a_field_are_held_from_their_side():
    checks = load_registration("demons-ct-ct").file.checks
    for name, good, bad, verdict in (
        ("folded_percent", 0.0, 0.001, "failed"),
        ("jacobian_min", 0.3, 0.29, "review"),
        ("jacobian_max", 3.0, 3.01, "review"),
        ("deformed_inverse_mm", 2.0, 2.01, "review"),
        ("deformed_similarity", 0.9, 0.89, "review"),
        ("deformed_similarity", 0.7, 0.69, "failed"),
    ):
        limit = getattr(checks, name)
        assert verdict_of(name, bad, limit) == verdict, name
        assert verdict_of(name, good, limit) in {"ok", "review"} - {verdict}, name
        assert verdict_of(name, None, limit) == "failed", name
