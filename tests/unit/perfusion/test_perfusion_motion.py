"""Motion of the frames: known shifts are found, moved back, or the frame is left out."""

from __future__ import annotations

import numpy as np
import pytest
from moving_dce import TRUTH, lesion_region, write_moving
from perfusion_cases import FolderImage, dce_rules
from pydantic import ValidationError
from synthetic_dce import Truth, Written, siemens, write_dynamic

from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import SIGNAL
from biomarker_cli.perfusion import dce_measure
from biomarker_cli.perfusion.errors import PerfusionError
from biomarker_cli.perfusion.motion import FrameMotion, Motion, MovedPhase, baseline_left
from biomarker_cli.perfusion.rules import BaselineRules
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.rules import load_registration


def named(protocol):
    """Return a registration protocol as the section names it."""
    return {"protocol": protocol, "protocol_sha256": load_registration(protocol).document.sha256}


MOTION = named("rigid-frames@0.1.0") | {"drop_above_mm": 6.0}
SHIFTS = {
    k: (2.5 * np.sin(k / 3.0), -3.0 * np.cos(k / 4.0), 1.5 * np.sin(k / 5.0)) for k in range(1, 20)
}
GRID = Geometry((6, 6, 6), (1.0, 1.0, 1.0))
KTRANS = "ktrans_etofts.perfusion.region"


def measured(folder, motion=MOTION, **changes):
    """Return the rows of the lesion by feature id, and the derivation."""
    rules = dce_rules(**({"motion": motion} if motion else {}), **changes)
    prepared = dce_measure.prepare(FolderImage(folder), rules, None)
    rows = prepared.measure([lesion_region()])["tumour"]
    assert isinstance(rows, list), rows
    return {row.feature_id: row for row in rows}, prepared.derivation["dce"]


@pytest.fixture(scope="module")
def moving(tmp_path_factory):
    folder = write_moving(tmp_path_factory.mktemp("moving"), SHIFTS)
    return folder, *measured(folder)


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    folder = write_moving(tmp_path_factory.mktemp("still"), {})
    return folder, *measured(folder)


def test_the_shift_of_every_frame_is_found(moving):
    _, _, derivation = moving
    frames = derivation["motion"]["frames"]
    assert len(frames) == TRUTH.n - 1  # the first is skipped
    for number, one in enumerate(frames, 1):
        assert one["dropped"] is None
        np.testing.assert_allclose(one["shift_lps_mm"], SHIFTS.get(number, (0, 0, 0)), atol=0.2)


def test_ktrans_of_moved_frames_is_that_of_still_ones(moving, still):
    folder, rows, _ = moving
    rest = measured(still[0], motion=None)[0][KTRANS].value
    assert rest == pytest.approx(0.2, rel=0.03)
    assert rows[KTRANS].value == pytest.approx(rest, rel=0.03)
    uncorrected = measured(folder, motion=None)[0][KTRANS].value
    assert uncorrected is None or abs(uncorrected - rest) > 0.1 * rest


def test_contrast_that_arrives_is_no_motion(still):
    _, rows, derivation = still
    assert rows["dce.motion.displacement_max"].value < 0.2
    assert rows["dce.motion.frames_dropped"].value == 0
    assert any(one["displacement_mm"] == 0 for one in derivation["motion"]["frames"][:-1])
    assert all(np.linalg.norm(one["shift_lps_mm"]) < 0.2 for one in derivation["motion"]["frames"])


SHORT = Truth(n=13, interval_s=5.0, onset_s=27.0)
BEYOND = {3: (8.0, 0.0, 0.0), 8: (1.0, -2.0, 1.0)}
AREA = {"model": None, "iaugc_s": [20]}


@pytest.fixture(scope="module")
def lossy(tmp_path_factory):
    """Frame 3, of the baseline, is moved beyond the limit, frame 7 shows nothing."""
    folder = write_moving(tmp_path_factory.mktemp("lossy"), BEYOND, blank=(7,), truth=SHORT)
    return folder, *measured(folder, **AREA)


def test_a_frame_beyond_the_limit_and_one_that_fails_are_dropped_and_named(lossy):
    _, rows, derivation = lossy
    frames = dict(enumerate(derivation["motion"]["frames"], 1))
    dropped = {number: one["dropped"] for number, one in frames.items() if one["dropped"]}
    assert dropped.keys() == {3, 7}
    assert dropped[3].startswith("displacement 8.")
    assert dropped[3].endswith("limit 6 mm")
    assert dropped[7] == "failed: REGISTRATION-CONSTANT"
    assert frames[7]["displacement_mm"] is None
    assert rows["dce.motion.frames_dropped"].value == 2
    assert rows["dce.acquisition.baseline_frames"].value == 3
    # Of the frames that are kept: the shift of frame 8 has a length of 2.4 mm.
    assert rows["dce.motion.displacement_max"].value == pytest.approx(6**0.5, abs=0.3)
    assert rows["dce.motion.displacement_max"].unit == "mm"
    assert rows["dce.motion.rotation_max"].unit == "deg"
    assert all({"motion_corrected", "frames_dropped"} <= row.flags for row in rows.values())
    assert all("draft_protocol" in row.flags for row in rows.values())


def test_the_area_of_what_is_left_is_that_of_a_still_series(lossy, tmp_path):
    _, rows, _ = lossy
    write_moving(tmp_path, {}, truth=SHORT)
    rest, derivation = measured(tmp_path, motion=None, **AREA)
    # Left out frames are bridged by a straight line: 5 s of a curve that still bends.
    value = rest["iaugc20.perfusion.region"].value
    assert rows["iaugc20.perfusion.region"].value == pytest.approx(value, rel=0.1)
    assert "motion" not in derivation
    assert not any("motion" in row.feature_id for row in rest.values())
    assert not any("motion_corrected" in row.flags for row in rest.values())


def test_the_order_of_the_files_changes_nothing(lossy, tmp_path):
    order = tuple(int(k) for k in np.random.default_rng(3).permutation(SHORT.n))
    write_moving(tmp_path, BEYOND, blank=(7,), order=order, truth=SHORT)
    rows, derivation = measured(tmp_path, **AREA)
    assert {name: row.value for name, row in rows.items()} == {
        name: row.value for name, row in lossy[1].items()
    }
    ours, theirs = (one["motion"]["frames"] for one in (derivation, lossy[2]))
    assert [one["shift_lps_mm"] for one in ours] == [one["shift_lps_mm"] for one in theirs]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"max_dropped_share": 0.1}, "DCE-MOTION"),
        ({"reference_at": 0.5}, "DCE-MOTION"),  # frame 7, which shows nothing
        (named("none@1.0.0"), "DCE-MOTION-PROTOCOL"),
        ({"protocol": "none@1.0.0"}, "DCE-MOTION-PROTOCOL"),
        ({"protocol_sha256": "0" * 64}, "DCE-MOTION-PROTOCOL"),
    ],
)
def test_a_series_is_refused(lossy, change, code):
    with pytest.raises(PerfusionError) as caught:
        measured(lossy[0], motion=MOTION | change, **AREA)
    assert caught.value.code == code


def test_a_series_is_refused_where_the_baseline_is_lost(tmp_path):
    write_moving(tmp_path, {}, blank=(1,), truth=SHORT)
    with pytest.raises(PerfusionError, match="0 baseline frames") as caught:
        measured(tmp_path, baseline={"skip_frames": 1, "frames": 1}, **AREA)
    assert caught.value.code == "DCE-MOTION"


def test_a_thin_series_is_refused_as_a_whole(tmp_path):
    write_dynamic(tmp_path, SHORT, Written(change=siemens(SHORT)), thin_signal())
    with pytest.raises(RegistrationError) as caught:
        measured(tmp_path, **AREA)
    assert caught.value.code == "REGISTRATION-THIN"


def thin_signal():
    """Return two slices that differ from voxel to voxel."""
    plane = np.linspace(100.0, 900.0, 2 * 6 * 8).reshape(2, 6, 8)
    return np.stack([plane] * SHORT.n)


def test_voxels_outside_a_frame_or_beside_its_padding_have_no_value():
    class Read:
        def read(self, _files):
            array = np.ones((6, 6, 6), np.float32)
            array[3, 3, 3] = np.nan
            return Volume(array, GRID, SIGNAL)

    grid_shift = np.eye(4)
    grid_shift[0, 3] = 1.25
    found = MovedPhase(Read(), GRID, grid_shift).read(None).array
    lost = np.argwhere(~np.isfinite(found[3, 3])).ravel().tolist()
    assert lost == [1, 2, 5]  # the padded voxel 3 is a neighbour of 2.25 and 3.25; 6.25 is beyond
    assert np.isfinite(found[0, 0]).sum() == 5
    assert np.nanmin(found) == np.nanmax(found) == 1.0


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": "rigid-frames"},
        {"protocol": "../rigid@0.1.0"},
        {"protocol_sha256": ""},
        {"drop_above_mm": 0.0},
        {"drop_above_mm": float("nan")},
        {"reference_at": 0.4},
        {"max_dropped_share": 1.0},
        {"unknown": 1},
    ],
)
def test_rules_that_say_nothing_are_refused(change):
    with pytest.raises(ValidationError):
        dce_rules(motion=MOTION | change)


def test_the_analysis_names_its_registration_protocol_by_digest():
    rules = load_analysis("dce-etofts-parker-motion").rules.motion
    assert rules.protocol_sha256 == named(rules.protocol)["protocol_sha256"]


@pytest.mark.parametrize(
    ("dropped", "left"), [((), 2), ((0,), 1), ((4,), 2), ((0, 1), 0), ((3, 4), 0)]
)
def test_a_baseline_frame_and_three_behind_the_baseline_must_be_left(dropped, left):
    frames = tuple(
        FrameMotion(None, np.eye(4), np.zeros(3), 0.0, 0.0, "limit" if k in dropped else "")
        for k in range(6)
    )
    motion = Motion(load_registration("rigid-frames"), None, GRID, frames)
    baseline = BaselineRules(frames=2)
    if left:
        assert baseline_left(motion, baseline, "").frames == left
        return
    with pytest.raises(PerfusionError, match="are left"):
        baseline_left(motion, baseline, "")
