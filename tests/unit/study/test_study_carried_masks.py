"""A mask of another case in a study: where it lies, what the rows say, what stops the case."""

from __future__ import annotations

import shutil
from pathlib import Path

import carried_study
import kept_study
import numpy as np
import pytest
from carried_study import (
    FIRST,
    INSIDE,
    OWN,
    ROWS,
    SECOND,
    carried_row,
    table,
    tables,
    write_list,
)
from synthetic_registration import GRID, body, motion, moved

from biomarker_cli.api.images import read_volume
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.registration.given_transforms import transform_in
from biomarker_cli.registration.registering import register
from biomarker_cli.registration.rules import load_registration
from biomarker_cli.registration.transform_files import write_tfm
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.study_file import load_study

TAKEN = "registrations: {accept: [{case: %s, reason: seen, approver: lead, expires: %s%s}]}\n"
ROWS_WITH_A_LIMIT = (OWN, carried_row("there.tfm;strict.yaml"))
LIMIT = {"rotation_deg": {"fail": 2}}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Folder of a study whose files nobody changes."""
    folder = tmp_path_factory.mktemp("carried") / "trial"
    carried_study.write_study(folder)
    return folder


@pytest.fixture
def trial(made, tmp_path) -> Path:
    """Folder of a copy of that study."""
    shutil.copytree(made, tmp_path / "trial")
    return tmp_path / "trial"


def _run(trial: Path, rows=ROWS, more: str = "", out: str = "out") -> Path:
    kept_study.run(write_list(trial, rows, more), trial.parent / out)
    return trial.parent / out


def _case(out: Path, case_id: str = SECOND) -> dict[str, str]:
    return next(row for row in table(out, "cases") if row["case_id"] == case_id)


def test_a_mask_is_measured_where_the_motion_leads_it(trial):
    """The voxels of both images correspond by their index: the analytic mask is the same box."""
    out = _run(trial, (OWN, carried_row("quick.yaml")))
    values = body(noise_seed=2).array.clip(-1024, 3000)
    # HU are stored as whole numbers.
    expected = np.rint(values[INSIDE]).mean()
    mean = next(
        float(row["value"])
        for row in table(out, "measurements")
        if (row["case_id"], row["roi_id"]) == (SECOND, "GTV")
        and row["feature_id"].startswith("original.intensity.mean")
    )
    edge_voxels = np.rint(values[tuple(slice(s.start - 1, s.stop + 1) for s in INSIDE)])
    assert abs(mean - expected) < 0.05 * edge_voxels.std()
    roi = next(r for r in table(out, "rois") if (r["case_id"], r["roi_id"]) == (SECOND, "GTV"))
    assert int(roi["n_voxels"]) == pytest.approx(864, rel=0.02)
    body_row = table(out, "registrations")[0]
    found = np.vstack(
        [np.reshape(np.array(body_row["matrix"].split(), float), (3, 4)), np.eye(4)[3]]
    )
    corners = GRID.corners_mm()
    there = corners @ found[:3, :3].T + found[:3, 3]
    truth = corners @ motion()[:3, :3].T + motion()[:3, 3]
    assert np.abs(there - truth).max() < 0.5


OTHER_GRID = Geometry((38, 42, 44), (2.5, 2.3, 2.4), (-49.1, -41.3, -29.2))
CENTRE_MM, RADIUS_MM = np.array([2.0, 3.0, 4.0]), 14.0


def _ball(geometry: Geometry, matrix: np.ndarray) -> np.ndarray:
    """Return the voxels of a grid whose centres lie within a ball that a motion has moved."""
    places = np.indices(geometry.shape).reshape(3, -1)[::-1].T
    points = geometry.index_to_physical(places)
    back = np.linalg.inv(matrix)
    there = points @ back[:3, :3].T + back[:3, 3]
    return (np.linalg.norm(there - CENTRE_MM, axis=1) < RADIUS_MM).reshape(geometry.shape)


def test_on_another_grid_the_values_are_those_of_the_moved_mask(trial):
    """Within what the voxels at its surface can tell."""
    write_nifti(_ball(GRID, np.eye(4)).astype(np.uint8), GRID, trial / "mask.nii.gz")
    (trial / "mask.labels.csv").write_text("value,name\n1,GTV\n")
    second = body(grid=OTHER_GRID, noise_seed=2)
    carried_study.write_series(trial, "two", second.array, motion(), grid=OTHER_GRID)
    place = moved(second, motion()).geometry
    truth = _ball(place, motion())
    write_nifti(truth.astype(np.uint8), place, trial / "truth.nii.gz")
    (trial / "truth.labels.csv").write_text("value,name\n1,GTV\n")
    carried = _values(_run(trial, (OWN, carried_row("quick.yaml"))))
    drawn = _values(_run(trial, (OWN, "A,S1,T2,ct,two,truth.nii.gz,,"), out="drawn"))
    spread = second.array[truth].std()
    for name in ("mean", "median", "p90"):
        assert carried[name] == pytest.approx(drawn[name], abs=0.05 * spread), name
    assert carried["voxels"] == pytest.approx(drawn["voxels"], rel=0.025)


def _values(out: Path) -> dict[str, float]:
    """Return statistics of the region of the second visit, and its voxels."""
    found = {
        row["feature_id"].removeprefix("original.intensity."): float(row["value"])
        for row in table(out, "measurements")
        if row["case_id"] == SECOND and row["value"]
    }
    (roi,) = (row for row in table(out, "rois") if row["case_id"] == SECOND)
    return {name.partition(".")[0]: value for name, value in found.items()} | {
        "voxels": float(roi["n_voxels"])
    }


def test_all_rows_name_the_registration_and_ask_for_caution(trial):
    out = _run(trial)
    ident = table(out, "registrations")[0]["registration_id"]
    for row in table(out, "measurements"):
        carried = row["case_id"] == SECOND
        assert (f"mask_propagated:{ident}" in row["flags"].split(";")) is carried
        # The protocol is a draft, and that of the analysis is not.
        assert ("draft_protocol" in row["flags"].split(";")) is carried
        assert row["usable"] == ("caution" if carried else row["usable"])
    images = [read_volume(trial / name) for name in ("one", "two")]
    protocol = load_registration(str(trial / "quick.yaml"))
    assert register(*images, protocol, given=_given(trial)).registration_id == ident
    found = table(out, "registrations")
    assert [(row["roi_id"], row["source_case_id"]) for row in found] == [
        ("", FIRST),
        ("GTV", FIRST),
        ("NODE", FIRST),
    ]
    assert {row["case_id"] for row in found} == {SECOND}
    for row in found[1:]:
        assert float(row["cut_percent"]) == 0
        assert abs(float(row["volume_change_percent"])) < 2
        assert (row["status"], row["accepted_because"]) == ("ok", "")


def _given(trial: Path) -> np.ndarray:
    path = trial / "there.tfm"
    return transform_in(path.read_bytes(), path, "", "")


@pytest.mark.parametrize(("verdict", "word"), [("fail", "failed"), ("review", "review")])
def test_what_did_not_pass_stops_its_case_alone_and_says_why(trial, verdict, word):
    carried_study.write_protocol(trial, "strict", rotation_deg={verdict: 2})
    out = _run(trial, ROWS_WITH_A_LIMIT)
    assert _case(out, FIRST)["status"] == "measured"
    stopped = _case(out)
    assert (stopped["status"], stopped["error_code"]) == ("failed", "REGISTRATION-NOT-ACCEPTED")
    assert f"rotation_deg:{word}" in stopped["error_message"]
    rows = table(out, "registrations")
    assert {row["status"] for row in rows} == {word}
    assert not [
        row for row in table(out, "measurements") if row["value"] and row["case_id"] == SECOND
    ]


@pytest.mark.parametrize("verdict", ["fail", "review"])
def test_what_is_accepted_by_name_is_measured_and_flagged(trial, verdict):
    carried_study.write_protocol(trial, "strict", rotation_deg={verdict: 2})
    accept = TAKEN % (SECOND, "2999-12-31", "")
    out = _run(trial, ROWS_WITH_A_LIMIT, accept)
    assert _case(out)["status"] == "measured"
    rows = [row for row in table(out, "measurements") if row["case_id"] == SECOND]
    assert rows
    assert all("registration_accepted" in row["flags"].split(";") for row in rows)
    told = table(out, "registrations")
    assert {(row["accepted_because"], row["accepted_by"]) for row in told} == {("seen", "lead")}


def test_an_acceptance_ends_with_its_day_and_speaks_of_its_registration(trial):
    carried_study.write_protocol(trial, "strict", **LIMIT)
    out = _run(trial, ROWS_WITH_A_LIMIT, TAKEN % (SECOND, "2020-01-01", ""))
    assert _case(out)["error_code"] == "REGISTRATION-NOT-ACCEPTED"
    ident = table(out, "registrations")[0]["registration_id"]
    other = TAKEN % (SECOND, "2999-12-31", f", registration_id: '{ident}0'")
    assert _case(_run(trial, ROWS_WITH_A_LIMIT, other))["status"] == "failed"
    own = TAKEN % (SECOND, "2999-12-31", f", registration_id: '{ident}'")
    assert _case(_run(trial, ROWS_WITH_A_LIMIT, own))["status"] == "measured"


@pytest.mark.parametrize(
    ("case", "words"),
    [("A/S9/T1/ct", "has not"), (FIRST, "no mask_from")],
)
def test_an_acceptance_that_would_be_silent_is_refused(trial, case, words):
    path = write_list(trial, ROWS, TAKEN % (case, "2999-12-31", ""))
    with pytest.raises(StudyError, match=words) as refused:
        load_study(path)
    assert refused.value.code == "STUDY-REGISTRATIONS"


def test_a_case_waits_with_the_one_whose_mask_it_takes(trial):
    waiting = (OWN.replace("mask.nii.gz", ""), ROWS[1])
    out = _run(trial, waiting)
    assert {row["error_code"] for row in table(out, "cases")} == {"CASE-NO-MASK"}
    # The mask has come: both are measured.
    assert {row["status"] for row in table(_run(trial), "cases")} == {"measured"}


def test_the_order_of_the_list_changes_no_table(trial):
    expected = tables(_run(trial))
    assert tables(_run(trial, ROWS[::-1], out="turned")) == expected


def test_a_roi_that_the_image_does_not_show_fails_by_itself(trial):
    """Another region goes on; what is cut off is never measured without a word."""
    carried_study.write_series(trial, "cut", body(noise_seed=2).array, motion())
    carried_study.write_protocol(trial, overlap_percent={"fail": 10})
    for number, path in enumerate(sorted((trial / "cut").iterdir())):
        if number < 10:
            path.unlink()
    out = _run(trial, (OWN, carried_row("there.tfm;quick.yaml", "cut")))
    rois = {r["roi_id"]: r for r in table(out, "rois") if r["case_id"] == SECOND}
    assert rois["NODE"]["error_code"] == "REGISTRATION-NOT-ACCEPTED"
    assert rois["GTV"]["status"] == "ok"
    assert _case(out)["status"] == "partial"
    cut = {r["roi_id"]: float(r["cut_percent"]) for r in table(out, "registrations") if r["roi_id"]}
    assert cut["GTV"] == 0
    assert 10 < cut["NODE"] < 90
    assert float(rois["NODE"]["clipped_fraction"]) == pytest.approx(cut["NODE"] / 100)
    assert float(rois["GTV"]["source_volume_mm3"]) == 864 * 12
    assert rois["GTV"]["is_resampled"] == "true"


def test_a_given_transform_leads_the_mask_and_its_direction_counts(trial):
    write_tfm(np.linalg.inv(motion()), np.zeros(3), trial / "back.tfm")
    out = _run(trial, (OWN, carried_row("there.tfm")))
    assert _case(out)["status"] == "measured"
    assert {row["transform"] for row in table(out, "registrations")} == {"given"}
    assert {row["protocol_id"] for row in table(out, "registrations")} == {"none@1.0.0"}
    roi = next(r for r in table(out, "rois") if (r["case_id"], r["roi_id"]) == (SECOND, "GTV"))
    assert int(roi["n_voxels"]) == 864
    # Held against a protocol that asks for likeness, the wrong direction does not pass.
    wrong = (OWN, carried_row("quick.yaml;back.tfm"))
    assert _case(_run(trial, wrong))["error_code"] == "REGISTRATION-NOT-ACCEPTED"
    assert _case(_run(trial))["status"] == "measured"


def test_no_run_fails_for_a_case_that_cannot_be_carried(trial):
    report = kept_study.run(write_list(trial, (OWN, carried_row("gone.tfm"))), trial.parent / "out")
    assert report.exit_code is ExitCode.PARTIAL
    assert _case(trial.parent / "out")["error_code"] == "CASE-FILE-NOT-FOUND"


def test_a_mask_without_voxels_stays_what_it_is(trial):
    write_nifti(np.zeros(GRID.shape, dtype=np.uint8), GRID, trial / "mask.nii.gz")
    out = _run(trial)
    codes = {r["case_id"]: r["error_code"] for r in table(out, "cases")}
    assert codes[SECOND] == codes[FIRST] != ""
    assert not (out / "registrations.csv").exists()
