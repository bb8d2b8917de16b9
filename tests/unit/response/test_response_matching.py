"""Which ROI is which lesion: generated balls that move, appear, vanish, split and merge."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from kept_runs import ball

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.response.matching import (
    PairFigures,
    Placed,
    assigned,
    match_lesions,
    pair_figures,
)

GRID = Geometry((40, 50, 60), (2.0, 2.0, 2.0), (-60.0, -50.0, -40.0))


def _placed(name, *balls):
    mask = np.zeros(GRID.shape, dtype=bool)
    for centre, radius in balls:
        mask |= ball(GRID, centre, radius)
    region = Region(mask, GRID, name, name)
    places = np.argwhere(mask)
    return Placed(name, region.crop, GRID.index_to_physical(places[:, ::-1]).mean(axis=0))


def _said(lesions, rois):
    found = {(one.kind, one.lesion, one.roi) for one in match_lesions(lesions, rois)}
    for some in permutations(lesions):
        for others in permutations(rois):
            again = match_lesions(some, others)
            assert {(one.kind, one.lesion, one.roi) for one in again} == found
    return found


A, B, C = ((-30, -20, -20), 9), ((0, 0, 0), 8), ((30, 20, 15), 7)


def test_balls_that_moved_a_little_are_the_lesions_they_were():
    lesions = [_placed("L1", A), _placed("L2", B), _placed("L3", C)]
    rois = [
        _placed("x", ((4, -2, 1), 8)),
        _placed("y", ((-27, -23, -18), 7)),
        _placed("z", ((33, 16, 17), 9)),
    ]
    assert _said(lesions, rois) == {
        ("match", "L1", "y"),
        ("match", "L2", "x"),
        ("match", "L3", "z"),
    }


def test_what_appears_is_new_and_what_has_no_roi_is_gone():
    said = _said([_placed("L1", A), _placed("L2", B)], [_placed("x", B), _placed("y", C)])
    assert said == {("match", "L2", "x"), ("gone", "L1", ""), ("new", "", "y")}
    assert _said([], [_placed("x", A)]) == {("new", "", "x")}
    assert _said([_placed("L1", A)], []) == {("gone", "L1", "")}
    assert _said([], []) == set()


def test_names_prove_nothing():
    said = _said([_placed("L1", A), _placed("L2", B)], [_placed("L2", A), _placed("L1", B)])
    assert said == {("match", "L1", "L2"), ("match", "L2", "L1")}


def test_the_optimum_is_of_all_lesions_together():
    # The first lesion is nearest to the ROI of the second one, whose only partner it is.
    lesions = [_placed("L1", ((0, 0, 0), 5)), _placed("L2", ((16, 0, 0), 5))]
    rois = [_placed("x", ((9, 0, 0), 5)), _placed("y", ((-10, 0, 0), 5))]
    figures = [pair_figures(lesions[0], roi).distance_mm for roi in rois]
    assert figures[0] < figures[1]
    assert _said(lesions, rois) == {("match", "L1", "y"), ("match", "L2", "x")}


def test_a_lesion_in_two_parts_is_a_split():
    lesion = _placed("L1", ((0, 0, 0), 14))
    large, small = _placed("x", ((-5, 0, 0), 8)), _placed("y", ((8, 0, 0), 5))
    assert _said([lesion], [large, small]) == {("match", "L1", "x"), ("split", "L1", "y")}


def test_two_lesions_in_one_mass_are_a_merge():
    lesions = [_placed("L1", ((-8, 0, 0), 9)), _placed("L2", ((9, 0, 0), 6))]
    mass = _placed("x", ((-8, 0, 0), 10), ((9, 0, 0), 7), ((2, 0, 0), 6))
    assert _said(lesions, [mass]) == {("match", "L1", "x"), ("merge", "L2", "x")}


def test_parts_that_are_alike_are_a_split_and_neither_is_the_lesion():
    lesion = _placed("L1", ((0, 0, 0), 14))
    halves = [_placed("x", ((-6, 0, 0), 6)), _placed("y", ((6, 0, 0), 6))]
    assert _said([lesion], halves) == {("split", "L1", "x"), ("split", "L1", "y")}


def test_lesions_that_merge_alike_are_a_merge_and_neither_is_the_mass():
    lesions = [_placed("L1", ((-6, 0, 0), 6)), _placed("L2", ((6, 0, 0), 6))]
    mass = _placed("x", ((0, 0, 0), 14))
    assert _said(lesions, [mass]) == {("merge", "L1", "x"), ("merge", "L2", "x")}


def test_a_tie_is_stated_and_not_decided():
    lesion = _placed("L1", ((0, 0, 0), 6))
    sides = [_placed("x", ((-14, 0, 0), 6)), _placed("y", ((14, 0, 0), 6))]
    assert _said([lesion], sides) == {("tie", "L1", "x"), ("tie", "L1", "y")}
    # A lesion elsewhere is none of it.
    far, same = _placed("L2", ((40, 30, 20), 6)), _placed("z", ((40, 30, 20), 6))
    assert _said([lesion, far], [*sides, same]) == {
        ("tie", "L1", "x"), ("tie", "L1", "y"), ("match", "L2", "z"),
    }  # fmt: skip


def test_all_partners_of_a_tie_are_named():
    around = [(14, 0, 0), (-14, 0, 0), (0, 14, 0), (0, -14, 0), (0, 0, 14)]
    rois = [_placed(f"r{n}", (centre, 6)) for n, centre in enumerate(around)]
    found = match_lesions([_placed("L1", ((0, 0, 0), 6))], rois)
    assert {(one.kind, one.roi) for one in found} == {("tie", f"r{n}") for n in range(5)}


@pytest.mark.parametrize(("shift", "kind"), [(19.9, "match"), (20.0, "new"), (30.0, "new")])
def test_small_lesions_apart_are_one_below_20_mm(shift, kind):
    lesion = _placed("L1", ((-20, 0, 0), 4))
    roi = Placed(
        "x", _placed("x", ((40, 0, 0), 4)).crop, lesion.centroid_mm + np.array([shift, 0, 0])
    )
    assert kind in {one.kind for one in match_lesions([lesion], [roi])}


def test_large_lesions_that_overlap_are_one_however_far_their_centres():
    lesion, roi = _placed("L1", ((-15, 0, 0), 20)), _placed("x", ((15, 0, 0), 22))
    figures = pair_figures(lesion, roi)
    assert figures.distance_mm > 25
    assert figures.dice > 0.1
    assert _said([lesion], [roi]) == {("match", "L1", "x")}


def test_figures_of_a_pair_are_those_of_the_masks():
    one, other = _placed("a", ((0, 0, 0), 8)), _placed("b", ((4, 0, 0), 10))
    masks = [ball(GRID, centre, r) for centre, r in (((0, 0, 0), 8), ((4, 0, 0), 10))]
    common = (masks[0] & masks[1]).sum()
    found = pair_figures(one, other)
    assert found.dice == pytest.approx(2 * common / (masks[0].sum() + masks[1].sum()))
    assert found.lesion_in_roi == pytest.approx(common / masks[0].sum())
    assert found.roi_in_lesion == pytest.approx(common / masks[1].sum())
    assert found.distance_mm == pytest.approx(4.0, abs=0.01)
    assert found.cost == pytest.approx(1 - found.dice + 0.2, abs=1e-3)


def test_the_least_sum_leaves_a_poor_pair_alone():
    # Two poor pairs cost 3.6; the good one with two that stay alone 2.1.
    costs = {(0, 0): 1.8, (1, 1): 1.8, (0, 1): 0.1}
    assert assigned(costs) == ([(0, 1)], set())
    assert assigned({(0, 0): 0.9, (1, 1): 0.9, (0, 1): 0.1}) == ([(0, 0), (1, 1)], set())
    assert assigned({}) == ([], set())


def test_random_costs_agree_with_every_assignment_tried():
    random = np.random.default_rng(7)
    for _ in range(40):
        n, m = random.integers(1, 4, 2)
        costs = {
            (i, j): float(random.integers(1, 20)) / 10
            for i in range(n)
            for j in range(m)
            if random.random() < 0.8
        }
        best = _every_best(costs, n, m)
        pairs, ties = assigned(costs)
        assert set(pairs) == frozenset.intersection(*best)
        assert ties == frozenset.union(*best) - set(pairs)


def _every_best(costs, n, m):
    sums = {}
    ways = [frozenset()]
    for i in range(n):
        ways += [w | {(i, j)} for w in ways for j in range(m) if all(b != j for _, b in w)]
    for way in ways:
        if all(pair in costs for pair in way):
            sums[way] = sum(costs[p] for p in way) + n + m - 2 * len(way)
    least = min(sums.values())
    return [way for way, total in sums.items() if total < least + 1e-9]


@pytest.mark.parametrize(
    ("dice", "distance", "may"),
    [(0.1, 20.0, False), (0.1001, 90.0, True), (0.0, 19.999, True), (0.0, 20.0, False)],
)
def test_the_limits_of_what_may_be_one_lesion(dice, distance, may):
    assert PairFigures(dice, distance, 0.0, 0.0).may_be_one is may


def test_a_roi_less_than_half_in_a_lesion_is_no_part_of_it():
    lesion, rest = _placed("L1", ((0, 0, 0), 14)), _placed("x", ((-3, 0, 0), 12))
    for centre, kind in ((13.0, "split"), (14.2, "new")):
        roi = _placed("y", ((centre, 0, 0), 5))
        share = pair_figures(lesion, roi).roi_in_lesion
        assert (share >= 0.5) is (kind == "split")
        assert 0.25 < share < 0.85
        assert kind in {one.kind for one in match_lesions([lesion], [rest, roi])}
