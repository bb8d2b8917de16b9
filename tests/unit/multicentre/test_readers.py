"""Readers on one image: overlap, surfaces, the majority, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.multicentre.errors import AgreementError
from biomarker_cli.multicentre.reader_features import read_readings, reader_features
from biomarker_cli.multicentre.reader_masks import ONLY_ROI, grid_of, read_readers, reader_names
from biomarker_cli.multicentre.readers import MAJORITY, Drawn, compared, majority, reader_rows
from biomarker_cli.multicentre.surface_distances import (
    boundary_faces,
    surface_distances,
    weighted_percentile,
)
from tests.synthetic_tables import MEDIAN, write_run

GRID = Geometry((12, 16, 20), (1.0, 2.0, 3.0))


def _box(z, y, x, geometry=GRID):
    mask = np.zeros(geometry.shape, dtype=bool)
    mask[slice(*z), slice(*y), slice(*x)] = True
    return mask


BOX = _box((3, 7), (4, 10), (5, 13))
"""4 x 6 x 8 voxels: 12 x 12 x 8 mm."""


def _ball(radius_mm, spacing, centre=(0.0, 0.0, 0.0), half=20):
    axes = [
        (np.arange(-math.ceil(half / s), math.ceil(half / s) + 1)) * s - c
        for s, c in zip(spacing[::-1], centre, strict=True)
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return z**2 + y**2 + x**2 <= radius_mm**2


def test_the_faces_of_a_box_have_its_surface():
    surface = boundary_faces(BOX, GRID.spacing_mm)
    assert len(surface.areas_mm2) == 2 * (4 * 6 + 6 * 8 + 4 * 8)
    assert surface.areas_mm2.sum() == pytest.approx(2 * (12 * 12 + 12 * 8 + 12 * 8))
    assert surface.centres_mm.min(axis=0) == pytest.approx([3 * 2.5, 2 * 3.5, 4.5])
    assert surface.centres_mm.max(axis=0) == pytest.approx([3 * 6.5, 2 * 9.5, 12.5])


def test_a_mask_at_the_border_of_the_grid_is_closed():
    whole = np.ones((2, 2, 2), dtype=bool)
    assert boundary_faces(whole, (1.0, 1.0, 1.0)).areas_mm2.sum() == 24


def test_the_same_mask_agrees_wholly():
    row = compared(BOX, BOX, GRID)
    assert row["dice"] == 1
    assert [row[f"surface_dice_{t}mm"] for t in (1, 2, 3)] == [1, 1, 1]
    zeros = ("mean_surface_distance_mm", "hausdorff95_mm", "centroid_distance_mm")
    assert [row[name] for name in zeros] == [0, 0, 0]
    assert row["volume_difference_mm3"] == 0


def test_a_shift_has_closed_forms():
    row = compared(BOX, _box((3, 7), (4, 10), (7, 15)), GRID)
    assert row["dice"] == pytest.approx(2 * 6 / 16)
    assert row["centroid_distance_mm"] == pytest.approx(2)
    assert row["volume_difference_percent"] == 0
    # The end that is 2 mm off holds more than a twentieth of the surface.
    assert row["hausdorff95_mm"] == pytest.approx(2)
    assert row["surface_dice_2mm"] == 1


def test_the_volume_is_that_of_the_second_less_the_first():
    row = compared(BOX, _box((3, 7), (4, 10), (5, 9)), GRID)
    assert (row["volume_a_mm3"], row["volume_b_mm3"]) == (192 * 6, 96 * 6)
    assert row["volume_difference_mm3"] == -96 * 6
    assert row["volume_difference_percent"] == pytest.approx(-100 * 96 / 144)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.7, 1.5)])
def test_concentric_balls_are_their_radii_apart(spacing):
    inner, outer = _ball(10, spacing), _ball(13, spacing)
    geometry = Geometry(inner.shape, spacing)
    row = compared(inner, outer, geometry)
    assert row["mean_surface_distance_mm"] == pytest.approx(3, abs=0.3)
    assert row["hausdorff95_mm"] == pytest.approx(3, abs=max(spacing))
    assert row["dice"] == pytest.approx(2 * 10**3 / (10**3 + 13**3), rel=0.02)


def test_the_distances_are_those_of_all_faces_by_all_faces():
    generator = np.random.default_rng(3)
    masks = [generator.random((5, 6, 7)) > 0.6 for _ in range(2)]
    first, second = (boundary_faces(mask, (0.5, 1.0, 2.0)) for mask in masks)
    found = surface_distances(first, second)
    apart = np.linalg.norm(first.centres_mm[:, None] - second.centres_mm[None], axis=2)
    assert found.there_mm == pytest.approx(apart.min(axis=1))
    assert found.back_mm == pytest.approx(apart.min(axis=0))
    weights = np.concatenate([first.areas_mm2, second.areas_mm2])
    both = np.concatenate([apart.min(axis=1), apart.min(axis=0)])
    assert found.mean_mm == pytest.approx((both * weights).sum() / weights.sum())
    assert found.dice(1.0) == pytest.approx(weights[both <= 1.0].sum() / weights.sum())
    assert found.hausdorff_mm(100) == pytest.approx(both.max())


def test_the_larger_of_the_directed_percentiles_counts_by_area():
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([1.0, 8.0, 1.0])
    assert weighted_percentile(values, weights, 80) == 1
    assert weighted_percentile(values, weights, 81) == 2
    assert weighted_percentile(values, weights, 100) == 3
    one_lump = BOX | _box((10, 11), (14, 15), (18, 19))
    there = compared(BOX, one_lump, GRID)["hausdorff95_mm"]
    assert there == compared(one_lump, BOX, GRID)["hausdorff95_mm"]


def test_the_pair_in_either_order_gives_the_same_and_millimetres_scale():
    other = _box((4, 9), (5, 10), (3, 11))
    row, swapped = compared(BOX, other, GRID), compared(other, BOX, GRID)
    same = ("dice", "surface_dice_1mm", "mean_surface_distance_mm", "hausdorff95_mm")
    assert [row[name] for name in same] == pytest.approx([swapped[name] for name in same])
    assert row["volume_difference_mm3"] == -swapped["volume_difference_mm3"]
    larger = compared(BOX, other, Geometry(GRID.shape, (2.0, 4.0, 6.0)))
    for name in ("mean_surface_distance_mm", "hausdorff95_mm", "centroid_distance_mm"):
        assert larger[name] == pytest.approx(2 * row[name])


def test_empty_masks():
    empty = np.zeros(GRID.shape, dtype=bool)
    both = compared(empty, empty, GRID)
    assert both["status"] == "both_empty"
    assert "dice" not in both
    one = compared(BOX, empty, GRID)
    assert one["status"] == "one_empty"
    assert (one["dice"], one["surface_dice_3mm"]) == (0, 0)
    assert "hausdorff95_mm" not in one
    assert one["volume_difference_percent"] == -200


def test_a_tolerance_below_half_a_slice_is_flagged():
    assert compared(BOX, BOX, GRID)["flags"] == "tolerance_below_half_slice:1mm"
    thick = Geometry(GRID.shape, (1.0, 1.0, 5.0))
    flags = compared(BOX, BOX, thick)["flags"]
    assert flags == "tolerance_below_half_slice:1mm;tolerance_below_half_slice:2mm"
    assert compared(BOX, BOX, Geometry(GRID.shape, (1.0, 1.0, 2.0)))["flags"] == ""


def test_ties_are_out_of_the_majority():
    one, none = np.ones((1, 1, 1), bool), np.zeros((1, 1, 1), bool)
    assert majority([one, one, none]).all()
    assert not majority([one, none, one, none]).any()


def _drawn(mask):
    return Drawn("ok", Region(mask, GRID, "GTV", "GTV"))


def test_each_pair_and_each_reader_with_the_majority():
    drawn = {"a": _drawn(BOX), "b": _drawn(BOX), "c": Drawn("empty")}
    rows = reader_rows({"GTV": drawn}, GRID)
    assert [(row["reader_a"], row["reader_b"]) for row in rows] == [
        ("a", "b"), ("a", "c"), ("b", "c"), ("a", MAJORITY), ("b", MAJORITY), ("c", MAJORITY),
    ]  # fmt: skip
    assert [row.get("dice") for row in rows] == [1, 0, 0, 1, 1, 0]
    assert [row["status"] for row in rows][-1] == "one_empty"


def test_two_readers_have_no_majority_and_a_missing_one_no_number():
    rows = reader_rows({"GTV": {"a": _drawn(BOX), "b": Drawn("missing")}}, GRID)
    assert [row["status"] for row in rows] == ["missing"]
    failed = {"a": Drawn("missing"), "b": Drawn("failed", reason="REGION-OTHER-GRID x")}
    (row,) = reader_rows({"GTV": failed}, GRID)
    assert (row["status"], row["reason"]) == ("failed", "REGION-OTHER-GRID x")


# From files.


def _write(path, mask, geometry=GRID):
    write_nifti(mask.astype(np.uint8), geometry, path)
    return path


def _read(*paths, wanted=()):
    named = reader_names([str(path) for path in paths])
    return read_readers(named, grid_of(list(named.values())), wanted)


def test_the_only_roi_of_every_reader_is_one_whatever_its_name(tmp_path):
    drawn = _read(_write(tmp_path / "a.nii.gz", BOX), _write(tmp_path / "b.nii.gz", BOX))
    assert list(drawn) == [ONLY_ROI]
    assert [one.status for one in drawn[ONLY_ROI].values()] == ["ok", "ok"]


def test_a_label_image_without_a_voxel_is_an_empty_one(tmp_path):
    empty = np.zeros(GRID.shape, dtype=bool)
    drawn = _read(_write(tmp_path / "a.nii.gz", BOX), _write(tmp_path / "b.nii.gz", empty))
    (found,) = drawn.values()
    assert [one.status for one in found.values()] == ["ok", "empty"]


def test_names_match_where_a_reader_has_several(tmp_path):
    labels = BOX.astype(np.uint8) + 2 * _box((8, 9), (1, 3), (1, 3))
    for name in "ab":
        write_nifti(labels.astype(np.uint8), GRID, tmp_path / f"{name}.nii.gz")
        (tmp_path / f"{name}.labels.csv").write_text("value,name\n1,GTV\n2,NODE\n")
    paths = (tmp_path / "a.nii.gz", tmp_path / "b.nii.gz")
    assert list(_read(*paths)) == ["GTV", "NODE"]
    assert list(_read(*paths, wanted=["NODE"])) == ["NODE"]
    with pytest.raises(InputNotFoundError) as caught:
        _read(*paths, wanted=["LIVER"])
    assert caught.value.code == "NOTHING-FOUND"


@pytest.mark.parametrize(
    "geometry",
    [
        Geometry(GRID.shape, (1.0, 2.0, 3.1)),
        Geometry(GRID.shape, GRID.spacing_mm, (0.5, 0.0, 0.0)),
    ],
)
def test_another_grid_is_refused(tmp_path, geometry):
    first = _write(tmp_path / "a.nii.gz", BOX)
    drawn = _read(first, _write(tmp_path / "b.nii.gz", BOX, geometry))
    (row,) = reader_rows(drawn, GRID)
    assert row["status"] == "failed"
    assert row["reason"].startswith("REGION-OTHER-GRID")
    assert "dice" not in row


def test_a_mask_that_reaches_beyond_the_grid_is_refused(tmp_path):
    larger = Geometry((14, 16, 20), GRID.spacing_mm)
    mask = np.zeros(larger.shape, dtype=bool)
    mask[10:14, 3:6, 3:6] = True
    first = _write(tmp_path / "a.nii.gz", BOX)
    (row,) = reader_rows(_read(first, _write(tmp_path / "b.nii.gz", mask, larger)), GRID)
    assert row["status"] == "failed"


def test_the_same_voxels_in_another_order_agree(tmp_path):
    """A file that counts its rows from the other side is the same grid."""
    flipped = Geometry(
        GRID.shape,
        GRID.spacing_mm,
        (0.0, 2.0 * (GRID.shape[1] - 1), 0.0),
        (1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0),
    )
    first = _write(tmp_path / "a.nii.gz", BOX)
    second = _write(tmp_path / "b.nii.gz", BOX[:, ::-1].copy(), flipped)
    (row,) = reader_rows(_read(first, second), GRID)
    assert row["dice"] == 1


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (["a/m.nii.gz", "b/m.nii.gz"], "READER-REPEATED"),
        (["x=a", "x=b"], "READER-REPEATED"),
        (["majority=a", "b"], "READER-REPEATED"),
        (["a.nii.gz"], "READERS-FEW"),
    ],
)
def test_readers_are_told_apart_by_name(given, code):
    with pytest.raises(AgreementError) as caught:
        reader_names(given)
    assert caught.value.code == code


def test_readers_are_named_or_called_like_their_file():
    names = reader_names(["alice=a/m.nii.gz", "b/bob.seg.nrrd", "./x=y/c.nii"])
    assert list(names) == ["alice", "bob.seg", "c"]


def test_contours_need_an_image(tmp_path):
    path = tmp_path / "rtstruct.dcm"
    path.write_bytes(b"x")
    with pytest.raises(AgreementError) as caught:
        grid_of([path])
    assert caught.value.code == "READERS-NO-GRID"
    with pytest.raises(InputNotFoundError):
        grid_of([tmp_path / "none.dcm"])


# Features.

JUDGES = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
"""Shrout and Fleiss 1979, table 2."""


def _runs(folder, judges=JUDGES):
    return {
        name: write_run(
            folder / name,
            [("A", f"S{i}", "T1", "GTV", MEDIAN, str(row[k])) for i, row in enumerate(judges)],
        )
        for k, name in enumerate("abcd")
    }


def _rows_of(runs):
    return reader_features(read_readings(runs.values()), len(runs))


def test_the_features_of_four_readers_have_the_published_icc(tmp_path):
    (row,) = _rows_of(_runs(tmp_path))
    assert row["icc_a_1"] == pytest.approx(0.289764, rel=1e-5)
    assert row["ci95_low"] == pytest.approx(0.018787, rel=1e-4)
    assert row["ci95_high"] == pytest.approx(0.761084, rel=1e-5)
    assert (row["n_readers"], row["n_targets"], row["n_left_out"]) == (4, 6, 0)


def test_a_case_that_a_reader_lacks_is_left_out(tmp_path):
    runs = _runs(tmp_path)
    path = runs["b"] / "measurements.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n")
    (row,) = _rows_of(runs)
    assert (row["n_targets"], row["n_left_out"]) == (5, 1)


def test_one_case_has_no_icc(tmp_path):
    with pytest.raises(InputNotFoundError) as caught:
        _rows_of(_runs(tmp_path, JUDGES[:1]))
    assert caught.value.code == "READERS-NO-CASES"


def test_constant_values_have_no_icc(tmp_path):
    (row,) = _rows_of(_runs(tmp_path, [[3, 3, 3, 3]] * 4))
    assert row["status"] == "undefined"


def test_a_reader_with_two_values_of_a_case_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("subject_id,feature_id,value\nS1,f,1\nS1,f,2\n")
    with pytest.raises(AgreementError) as caught:
        _rows_of({"a": path, "b": path})
    assert caught.value.code == "OBSERVATION-REPEATED"
