"""Pixels on an edge, decided by exact arithmetic; the cost of an outline."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_segmentations import Roi, target, write_structure_set

from biomarker_cli.regions import polygons
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.polygons import PixelWindow, fill, snap
from biomarker_cli.regions.rtstruct import MOST_MM
from biomarker_cli.regions.rules import RegionRules

ROWS, COLUMNS = 9, 11
# Thirds and sevenths: no binary fraction is any of them, so that snapping moves each vertex.
parts = st.sampled_from([3, 7, 21]).flatmap(
    lambda n: st.integers(-2 * n, 10 * n).map(lambda k: Fraction(k, n))
)
corners = st.lists(st.tuples(parts, parts), min_size=3, max_size=6, unique=True)


def inside(ring, column, row):
    """Even-odd in exact arithmetic: an edge toggles the pixels from where it meets a row on."""
    found = False
    for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (y0 <= row) != (y1 <= row):
            found ^= x0 + (row - y0) * (x1 - x0) / (y1 - y0) <= column
    return found


def exact(ring):
    return [[inside(ring, x, y) for x in range(COLUMNS)] for y in range(ROWS)]


def drawn(ring):
    vertices = np.array([[float(x), float(y)] for x, y in ring])
    return fill(snap(vertices), PixelWindow(0, 0, ROWS, COLUMNS))


@settings(max_examples=80, deadline=None)
@given(corners)
def test_centres_on_an_edge_follow_the_rule_after_snapping(ring):
    np.testing.assert_array_equal(drawn(ring), exact(ring))


@pytest.mark.parametrize("mirror", [1, -1])
def test_an_edge_from_thirds_to_thirds_passes_exactly_through_centres(mirror):
    """From (1/3, -2/3) to (7 1/3, 6 1/3): through the centres (1, 0), (2, 1), ..."""
    edge = [(Fraction(1, 3), Fraction(-2, 3)), (Fraction(22, 3), Fraction(19, 3))]
    right = [*edge, (Fraction(40), Fraction(19, 3)), (Fraction(40), Fraction(-2, 3))][::mirror]
    left = [*edge, (Fraction(-40), Fraction(19, 3)), (Fraction(-40), Fraction(-2, 3))][::mirror]
    for row in range(7):
        assert drawn(right)[row, row + 1]
        assert not drawn(left)[row, row + 1]
    np.testing.assert_array_equal(drawn(right)[:7], ~drawn(left)[:7])


def test_an_outline_in_parts_is_the_outline(monkeypatch):
    rng = np.random.default_rng(3)
    ring = snap(rng.uniform(-5, 40, (300, 2)))
    whole = fill(ring, PixelWindow(-2, 1, 30, 33))
    monkeypatch.setattr(polygons, "CROSSINGS_AT_ONCE", 50)
    np.testing.assert_array_equal(fill(ring, PixelWindow(-2, 1, 30, 33)), whole)


IMAGE = target()


def draw(tmp_path, contours, **rules):
    path = write_structure_set(tmp_path / "rs.dcm", [Roi("r", contours), GOOD])
    bad, good = import_regions(path, IMAGE, RegionRules(**rules))
    assert good.status == "ok"
    return bad


def box(low, high, slice_index=4, kind="CLOSED_PLANAR"):
    geometry = IMAGE.geometry
    (x0, y0), (x1, y1) = low, high
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    return kind, geometry.index_to_physical([(x, y, slice_index) for x, y in corners])


GOOD = Roi("good", [box((3, 3), (9, 9))], number=2)


@pytest.mark.parametrize("number", [1e300, -1e300, MOST_MM * 1.01])
def test_a_vertex_in_no_patient_fails_its_roi_only(tmp_path, number):
    kind, points = box((3, 3), (9, 9))
    points[0, 0] = number
    roi = draw(tmp_path, [(kind, points)])
    assert (roi.status, roi.error_code) == ("failed", "REGION-CONTOUR-DATA")
    assert "beyond 100000 mm" in roi.error_message


@pytest.mark.parametrize(
    ("limit", "value", "code"),
    [
        ("contours.MOST_CROSSINGS", 11, "REGION-TOO-LARGE"),
        ("contours.MOST_CROSSINGS", 12, ""),
        ("rtstruct.MOST_VERTICES", 3, "REGION-TOO-LARGE"),
        ("rtstruct.MOST_VERTICES", 4, ""),
    ],
)
def test_the_cost_of_outlines_is_bounded(tmp_path, monkeypatch, limit, value, code):
    path = write_structure_set(tmp_path / "rs.dcm", [GOOD])
    monkeypatch.setattr(f"biomarker_cli.regions.{limit}", value)
    (roi,) = import_regions(path, IMAGE, RegionRules())
    assert roi.error_code == code


def test_the_cost_of_nesting_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("biomarker_cli.regions.contours.MOST_COMPARED", 300)
    squares = [box((30 - r / 10, 20 - r / 10), (30 + r / 10, 20 + r / 10)) for r in range(1, 40)]
    assert draw(tmp_path, squares).error_code == "REGION-TOO-LARGE"
    apart = [box((x, y), (x + 0.8, y + 0.8)) for x in range(0, 60, 4) for y in range(0, 46, 4)]
    assert draw(tmp_path, apart).n_voxels == len(apart)


@pytest.mark.parametrize("kind", ["", "CLOSED", "CLOSED_NONPLANAR"])
def test_contours_of_no_known_type_fail_their_roi(tmp_path, kind):
    for contours in (
        [box((3, 3), (9, 9), kind=kind)],
        [GOOD.contours[0], box((1, 1), (9, 9), 5, kind)],
    ):
        roi = draw(tmp_path, contours)
        assert (roi.status, roi.error_code) == ("failed", "REGION-CONTOUR-TYPE")


@pytest.mark.parametrize("other_grid", ["forbid", "resample"])
def test_a_contour_that_leaves_its_own_plane_says_by_how_much(tmp_path, other_grid):
    contours = [box((3, 3), (9, 9), z) for z in (4, 5)]
    for _, points in contours:
        points[::2, 2] += 0.6
    roi = draw(tmp_path, contours, other_grid=other_grid)
    assert roi.error_code == "REGION-CONTOUR-NOT-PLANAR"
    assert "0.60 mm" in roi.error_message


def test_a_stray_tilted_contour_makes_no_grid_of_a_kilometre(tmp_path):
    contours = []
    for along in (0.0, 0.2, 0.4, 0.6, 9e4):
        ring = np.array([(-9, -9, 0), (9, -9, 0), (9, 9, 0), (-9, 9, 0)]) @ np.array(
            [[0.8, 0, 0.6], [0, 1, 0], [-0.6, 0, 0.8]]
        )
        contours.append(("CLOSED_PLANAR", ring + along * np.array([-0.6, 0, 0.8])))
    assert draw(tmp_path, contours, other_grid="resample").error_code == "REGION-TOO-LARGE"
