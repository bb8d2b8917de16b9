"""Kept maps of a visit on one grid: values at known places, and a reason where there is none."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from kept_runs import KeptCase, ball, kept_run, points_of, recorded
from pyarrow import parquet
from synthetic_registration import motion

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.registration.anatomy import transformed
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.joint_voxels import (
    VoxelRules,
    export_joint_voxels,
    figures_path,
)
from biomarker_cli.registration.recorded import read_registrations
from biomarker_cli.registration.sampling import sample_at
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.kept import case_folder, read_index, write_index

COARSE = Geometry((10, 12, 14), (4.0, 4.0, 5.0), (-25.0, -20.0, -20.0))
FINE = Geometry((40, 48, 52), (2.0, 2.0, 2.0), (-60.0, -50.0, -40.0))
SUV, ADC = "suvbw [g/ml{SUVbw}]", "adc [mm2/s]"


def _ramp(points):
    """A field that is linear in space: interpolation is exact."""
    return 100.0 + points @ np.array([1.0, -2.0, 0.5])


def _pet(**more):
    lesion = ball(COARSE, (-2, 0, 0), 11)
    return KeptCase(
        "A/S1/T1/pet", COARSE, {"GTV": lesion}, {"suvbw": _ramp(points_of(COARSE))},
        modality="PT", **more,
    )  # fmt: skip


def _dwi(matrix=None, array=None, **more):
    """Return the map of the same anatomy, moved by a matrix."""
    back = np.eye(4) if matrix is None else np.linalg.inv(matrix)
    values = _ramp(transformed(back, points_of(FINE).reshape(-1, 3))).reshape(FINE.shape)
    case = KeptCase("A/S1/T1/dwi", FINE, {}, {"adc": values}, modality="MR")
    return replace(case, maps={"adc": array}) if array is not None else replace(case, **more)


def _voxels(tmp_path, cases, named=("none",), **rules):
    run = kept_run(tmp_path / "run", cases)
    output = tmp_path / "voxels.parquet"
    chosen = VoxelRules(read_registrations(named), **rules)
    summary, faults = export_joint_voxels(run, output, chosen)
    with figures_path(output).open(newline="") as stream:
        return parquet.read_table(output).to_pandas(), list(csv.DictReader(stream)), summary, faults


def test_the_coarsest_map_is_the_grid_and_its_rois_are_the_rows(tmp_path):
    table, rows, summary, faults = _voxels(tmp_path, [_pet(), _dwi()])
    mask = _pet().masks["GTV"]
    places = points_of(COARSE)[mask]
    assert np.array_equal(table[["x_mm", "y_mm", "z_mm"]].to_numpy(), places)
    assert np.allclose(table[SUV], _ramp(places), rtol=1e-12)
    assert np.allclose(table[ADC], _ramp(places), rtol=1e-12)
    assert set(table["grid_case_id"]) == {"A/S1/T1/pet"}
    assert set(table["adc.registration_id"]) == {"none"}
    assert set(table["suvbw.registration_id"]) == {""}
    assert set(table["adc.status"]) == {"inside"}
    assert (summary.visits, summary.voxels, summary.joined) == (1, mask.sum(), 1)
    assert faults == []
    assert [(r["column"], r["overlap_percent"], r["without_value_percent"]) for r in rows] == [
        ("adc", "100.0", "0.0"),
        ("suvbw", "100.0", "0.0"),
    ]


@pytest.mark.parametrize("swap", [False, True])
def test_a_recorded_registration_leads_from_the_grid_to_the_other_image(tmp_path, swap):
    matrix = motion()
    pet, dwi = _pet(frame="1.2.1"), _dwi(matrix, frame="1.2.2")
    ends = (dwi, pet, np.linalg.inv(matrix)) if swap else (pet, dwi, matrix)
    table, _, summary, _ = _voxels(tmp_path, [pet, dwi], [recorded(tmp_path / "there", *ends)])
    assert np.allclose(table[ADC], table[SUV], rtol=1e-9)
    assert set(table["adc.registration_id"]) == {"rigid@1.0.0:there"}
    assert summary.refused == 0


def test_a_registration_of_two_other_series_leads_between_their_frames(tmp_path):
    matrix = motion()
    pet, dwi = _pet(frame="1.2.1"), _dwi(matrix, frame="1.2.2")
    ct = KeptCase("A/S1/T1/ct", FINE, frame="1.2.1", keeps=False)
    t2 = KeptCase("A/S1/T1/t2", FINE, frame="1.2.2", keeps=False)
    named = recorded(tmp_path / "there", ct, t2, matrix)
    cases = [pet, dwi, ct, t2]
    table, *_ = _voxels(tmp_path, cases, [named, "none"])
    assert np.allclose(table[ADC], table[SUV], rtol=1e-9)
    # Not asked to believe the headers, PET need not lie as its CT does.
    _, _, summary, faults = _voxels(tmp_path, cases, [named])
    assert [error.code for _, error in faults] == ["REGISTRATION-NOT-NAMED"]
    assert summary.joined == 0


def test_without_a_named_registration_nothing_is_joined(tmp_path):
    table, rows, summary, faults = _voxels(tmp_path, [_pet(), _dwi()], ())
    assert set(table["adc.status"]) == {"not_registered"}
    assert table[ADC].isna().all()
    assert table[SUV].notna().all()
    assert [error.code for _, error in faults] == ["REGISTRATION-NOT-NAMED"]
    assert "--registration none" in faults[0][1].hint
    assert rows[0]["error_code"] == "REGISTRATION-NOT-NAMED"
    assert (rows[0]["overlap_percent"], rows[0]["without_value_percent"]) == ("", "100.0")
    assert summary.refused == 1


def test_images_without_a_frame_are_never_taken_at_their_word(tmp_path):
    _, _, _, faults = _voxels(tmp_path, [_pet(frame=""), _dwi(frame="")])
    assert [error.code for _, error in faults] == ["REGISTRATION-NOT-NAMED"]


@pytest.mark.parametrize("status", ["review", "failed", "", "OK", "accepted"])
def test_a_registration_that_is_not_ok_is_refused(tmp_path, status):
    pet, dwi = _pet(), _dwi()
    named = recorded(tmp_path / "there", pet, dwi, np.eye(4), status=status, checks="overlap:x")
    table, _, _, faults = _voxels(tmp_path, [pet, dwi], [named, "none"])
    # Nor do the headers take its place.
    assert [error.code for _, error in faults] == ["REGISTRATION-NOT-TAKEN"]
    assert set(table["adc.status"]) == {"not_registered"}


def test_a_deformable_registration_is_refused(tmp_path):
    pet, dwi = _pet(), _dwi()
    named = recorded(tmp_path / "there", pet, dwi, np.eye(4), transform="demons")
    _, _, _, faults = _voxels(tmp_path, [pet, dwi], [named])
    assert "only rigid and affine" in faults[0][1].message


def test_two_registrations_of_one_pair_are_named_and_none_is_picked(tmp_path):
    pet, dwi = _pet(), _dwi()
    named = [recorded(tmp_path / n, pet, dwi, motion((s, 0, 0))) for n, s in [("a", 1), ("b", 2)]]
    _, _, _, faults = _voxels(tmp_path, [pet, dwi], named)
    assert [error.code for _, error in faults] == ["REGISTRATION-AMBIGUOUS"]
    table, *_ = _voxels(tmp_path, [pet, dwi], [named[0], named[0]])
    assert table[ADC].notna().all()


def test_what_lies_outside_or_is_masked_says_so(tmp_path):
    far = replace(_dwi(), grid=replace(FINE, origin_mm=(0.0, -50.0, -40.0)))
    array = _ramp(points_of(far.grid))
    array[:, :, 5:] = np.nan
    table, rows, _, _ = _voxels(tmp_path, [_pet(), replace(far, maps={"adc": array})])
    x = table["x_mm"].to_numpy()
    status = table["adc.status"].to_numpy()
    assert np.array_equal(status == "outside_field_of_view", x < -1.0)
    # Voxel 4 lies at 8 mm: between it and voxel 5 there is no value.
    assert np.array_equal(status == "masked", x > 8.0)
    assert np.array_equal(table[ADC].isna(), status != "inside")
    share = float(np.mean(x >= -1.0) * 100)
    assert float(rows[0]["overlap_percent"]) == pytest.approx(share)
    assert float(rows[0]["without_value_percent"]) == pytest.approx(
        100 * np.mean(status != "inside")
    )
    assert 0 < share < 100


def test_a_visit_without_a_map_of_the_run_says_no_map(tmp_path):
    second = replace(_pet(), case_id="A/S1/T2/pet")
    table, *_ = _voxels(tmp_path, [_pet(), _dwi(), second])
    assert set(table[table["timepoint"] == "T2"]["adc.status"]) == {"no_map"}
    assert set(table[table["timepoint"] == "T1"]["adc.status"]) == {"inside"}


def test_maps_of_two_series_have_columns_of_their_own(tmp_path):
    late = replace(_dwi(), case_id="A/S1/T1/late")
    table, *_ = _voxels(tmp_path, [_pet(), _dwi(), late])
    assert {"adc.dwi [mm2/s]", "adc.late [mm2/s]"} <= set(table.columns)
    table, *_ = _voxels(tmp_path, [_pet(), _dwi(), late], roles=frozenset({"pet", "late"}))
    assert ADC in table.columns


def test_the_name_of_a_map_is_one_that_people_see(tmp_path):
    run = kept_run(tmp_path / "run", [_pet()])
    folder = case_folder(run, "A/S1/T1/pet")
    index = read_index(folder)
    files = [replace(f, map_name=f.map_name.replace("v", "v\u202e")) for f in index.files]
    write_index(replace(index, files=tuple(files)), folder)
    with pytest.raises(TableError, match=r"suv\\u202ebw") as refused:
        export_joint_voxels(run, tmp_path / "voxels.parquet", VoxelRules(read_registrations([])))
    assert refused.value.code == "TABLE-HEADS"


def test_the_order_of_cases_and_grids_of_one_size_change_nothing(tmp_path):
    twin = replace(_pet(), case_id="A/S1/T1/late", frame="1.2.1")
    for n, cases in enumerate([[_pet(), twin], [twin, _pet()]]):
        folder = tmp_path / str(n)
        folder.mkdir()
        table, *_ = _voxels(folder, cases)
        # Among equals the first by name.
        assert set(table["grid_case_id"]) == {"A/S1/T1/late"}
    contents = {(tmp_path / n / "voxels.parquet").read_bytes() for n in "01"}
    assert len(contents) == 1


def test_a_run_that_keeps_nothing_says_how_to_keep(tmp_path):
    with pytest.raises(TableError) as refused:
        _voxels(tmp_path, [replace(_pet(), keeps=False)])
    assert refused.value.code == "KEPT-NOT-FOUND"
    assert "keep: [masks, maps]" in refused.value.hint
    assert not (tmp_path / "voxels.parquet").exists()


def test_maps_without_masks_of_the_coarsest_are_said(tmp_path):
    bare = replace(_pet(), masks={})
    second = replace(_pet(), case_id="A/S2/T1/pet")
    table, rows, _, faults = _voxels(tmp_path, [bare, _dwi(), second])
    assert [(place, error.code) for place, error in faults] == [("A/S1/T1", "REGISTRATION-NO-ROI")]
    assert set(table["subject_id"]) == {"S2"}
    assert rows[0]["error_code"] == "REGISTRATION-NO-ROI"
    _, _, _, faults = _voxels(tmp_path, [_pet()], rois=frozenset({"LIVER"}))
    assert [error.code for _, error in faults] == ["REGISTRATION-NO-ROI"]


def test_what_is_kept_of_another_result_is_not_taken(tmp_path):
    run = kept_run(tmp_path / "run", [_pet(), _dwi()])
    kept_run(tmp_path / "old", [replace(_dwi(), result_key="older")])
    name = "kept/A__S1__T1__dwi"
    (tmp_path / "old" / name / "kept.json").replace(run / name / "kept.json")
    rules = VoxelRules(read_registrations(["none"]))
    _, faults = export_joint_voxels(run, tmp_path / "voxels.parquet", rules)
    assert [(place, error.code) for place, error in faults] == [("A/S1/T1/dwi", "KEPT-NOT-FOUND")]


def test_a_measured_case_that_keeps_nothing_is_said_in_both_places(tmp_path):
    """A visit that is not in the table is never left out without a word."""
    gone = replace(_pet(), case_id="A/S2/T1/pet", keeps=False)
    unmeasured = replace(_pet(), case_id="A/S3/T1/pet", masks={}, keeps=False)
    table, rows, _, faults = _voxels(tmp_path, [_pet(), _dwi(), gone, unmeasured])
    assert [(place, error.code) for place, error in faults] == [(gone.case_id, "KEPT-NOT-FOUND")]
    assert set(table["subject_id"]) == {"S1"}
    (row,) = (row for row in rows if row["subject_id"] != "S1")
    assert (row["subject_id"], row["roi_id"], row["error_code"]) == ("S2", "", "KEPT-NOT-FOUND")
    assert row["error_message"].startswith(gone.case_id)


def test_a_damaged_map_is_one_fault_of_its_visit(tmp_path):
    run = kept_run(tmp_path / "run", [_pet(), _dwi()])
    path = run / "kept/A__S1__T1__dwi/maps/adc.nii.gz"
    path.write_bytes(path.read_bytes()[:-20])
    rules = VoxelRules(read_registrations(["none"]))
    _, faults = export_joint_voxels(run, tmp_path / "voxels.parquet", rules)
    assert [error.code for _, error in faults] == ["KEPT-DAMAGED"]
    table = parquet.read_table(tmp_path / "voxels.parquet").to_pandas()
    assert set(table["adc.status"]) == {"no_map"}


def test_a_mask_on_another_grid_than_the_map_is_refused(tmp_path):
    other = replace(COARSE, origin_mm=(-24.0, -20.0, -20.0))
    table, _, _, faults = _voxels(tmp_path, [_pet(mask_grid=other), _dwi()])
    assert [error.code for _, error in faults] == ["REGISTRATION-OTHER-GRID"]
    assert len(table) == 0


def test_a_value_between_voxels_is_linear_and_holes_stay_holes():
    grid = Geometry((1, 1, 4), (1.0, 1.0, 1.0))
    array = np.array([[[0.0, 10.0, np.nan, 30.0]]])
    points = np.array(
        [[x, 0.0, 0.0] for x in (-0.5, -0.51, 0.0, 0.25, 1.0, 1.01, 2.0, 3.0, 3.5, 3.51)]
    )
    found = sample_at(array, grid, points)
    nan = np.nan
    assert np.allclose(found.values, [0, nan, 0, 2.5, 10, nan, nan, 30, 30, nan], equal_nan=True)
    assert found.places.tolist() == [0, 1, 0, 0, 0, 2, 2, 0, 0, 1]
    assert found.overlap_percent == pytest.approx(80.0)
    assert found.without_value_percent == pytest.approx(40.0)


def test_parts_of_many_points_are_the_whole():
    grid = Geometry((2, 3, 4), (1.0, 1.0, 1.0))
    array = np.arange(24, dtype=np.float64).reshape(grid.shape)
    points = np.random.default_rng(1).uniform(0, 1, (250_001, 3))
    found = sample_at(array, grid, points)
    assert np.allclose(found.values, points @ np.array([1.0, 4.0, 12.0]))


def test_a_transform_alone_is_no_registration(tmp_path):
    path = recorded(tmp_path / "there", _pet(), _dwi(), np.eye(4)).replace(
        "registration.csv", "transform.tfm"
    )
    with pytest.raises(RegistrationError) as refused:
        read_registrations([path])
    assert refused.value.code == "REGISTRATION-FILE"
