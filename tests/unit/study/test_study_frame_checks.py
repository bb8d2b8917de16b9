"""``same_frame_check`` in a study: what is held against what, and what rows then carry."""

from __future__ import annotations

from pathlib import Path

import carried_study
import kept_study
import numpy as np
import pytest
from carried_study import INSIDE, table, tables
from synthetic_registration import GRID, body, motion

from biomarker_cli.case import frame_checks
from biomarker_cli.case.frame_checks import frame_flags
from biomarker_cli.model.errors import CaseError
from biomarker_cli.multicentre.objects.seg import write_seg
from biomarker_cli.registration.same_frame import FrameCheck
from biomarker_cli.study import other_planning, study_protocols
from biomarker_cli.study.merging import StudyPart
from biomarker_cli.study.planning import StudyPlanner
from biomarker_cli.study.shards import Shard
from biomarker_cli.study.study_file import load_study, with_key

CHECK = "same_frame_check: flag\n"
FRAME = "1.2.3.4"
SHIFT_MM = 14.0
STUDY = carried_study.STUDY + "  late: {analyses: [one.yaml]}\n"
NO_MOTION = np.eye(4)
WHOLE = Shard(1, 1)


def _motion(shift_mm: float) -> np.ndarray:
    return motion((0.0, shift_mm, 0.0), (0.0, 0.0, 0.0))


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Align with fewer points: six times for each pair."""
    for module in (other_planning, study_protocols):
        monkeypatch.setattr(module, "FRAME_PROTOCOLS", ("quick.yaml", "quick.yaml"))


def _write(folder: Path, visits: dict[str, float], more: str = CHECK, mask: str = "seg") -> Path:
    """Write visits of two series each, the second moved by some mm along y.

    The mask was drawn on the first, and is measured on both.
    """
    folder.mkdir(exist_ok=True)
    carried_study.write_analysis(folder)
    carried_study.write_protocol(folder)
    carried_study.write_masks(folder)
    labels = np.zeros((1, *GRID.shape), dtype=bool)
    labels[0][INSIDE] = True
    rows = []
    for number, (visit, shift_mm) in enumerate(visits.items()):
        for place, role in enumerate(("ct", "late")):
            values = body(noise_seed=10 * number + place + 2).array
            place_of = _motion(shift_mm) if place else NO_MOTION
            name = f"{visit}{role}"
            carried_study.write_series(folder, name, values, place_of, frame=FRAME + f".{number}")
            own = f"{visit}.dcm" if mask == "seg" else "mask.nii.gz"
            rows.append(f"A,S1,{visit},{role},{name},{own},,")
        slices = sorted((folder / f"{visit}ct").iterdir())
        write_seg(folder / f"{visit}.dcm", slices, labels, ["GTV"])
    path = carried_study.write_list(folder, tuple(rows), more)
    path.write_text(STUDY + more)
    return path


def _flags(out: Path) -> dict[str, set[str]]:
    """Return the flags of this check that the rows of each case carry."""
    found: dict[str, set[str]] = {}
    for row in table(out, "measurements"):
        own = {one for one in row["flags"].split(";") if one.startswith("frame_")}
        assert found.setdefault(row["case_id"], own) == own
    return found


def test_a_known_shift_is_told_in_mm_and_nothing_is_moved(tmp_path):
    path = _write(tmp_path / "trial", {"T1": SHIFT_MM})
    kept_study.run(path, tmp_path / "out")
    found = _flags(tmp_path / "out")
    # The mask is of the first series, and no case has another modality.
    assert found["A/S1/T1/ct"] == set()
    (flag,) = found["A/S1/T1/late"]
    name, _, mm = flag.partition(":")
    assert name == "frame_shifted"
    assert float(mm.removesuffix("mm")) == pytest.approx(SHIFT_MM, abs=0.5)
    log = (tmp_path / "out" / "run.log").read_text()
    assert "against A/S1/T1/ct" in log
    path.write_text(STUDY)
    kept_study.run(path, tmp_path / "without")
    for name in ("cases", "measurements", "rois"):
        told, without = (table(tmp_path / out, name) for out in ("out", "without"))
        for row in told:
            row["flags"] = ";".join(f for f in row.get("flags", "").split(";") if "frame_" not in f)
        for row in (*told, *without):
            row.pop("result_key", None)
            row.pop("usable", None)
            row.setdefault("flags", "")
        assert told == without


def test_a_flag_is_told_only_beyond_10_mm_and_where_the_answers_agree():
    assert frame_flags(None) == frozenset()
    assert frame_flags(FrameCheck("plausible", 9.0, 1.0)) == frozenset()
    assert frame_flags(FrameCheck("shifted", 12.34, 1.0)) == {"frame_shifted:12.3mm"}
    assert frame_flags(FrameCheck("not_assessable", None, 3.0)) == {"frame_not_assessable"}


def test_what_stops_the_check_leaves_it_not_assessable(tmp_path, monkeypatch):
    def refuse(*_):
        raise CaseError("REGISTRATION-CONSTANT", "all voxels have one value")

    monkeypatch.setattr(frame_checks, "check_frame_at", refuse)
    kept_study.run(_write(tmp_path / "trial", {"T1": 0.0}), tmp_path / "out")
    assert _flags(tmp_path / "out")["A/S1/T1/late"] == {"frame_not_assessable"}
    assert {row["status"] for row in table(tmp_path / "out", "cases")} == {"measured"}
    assert "REGISTRATION-CONSTANT" in (tmp_path / "out" / "run.log").read_text()


def _partners(path: Path, shard: Shard = WHOLE) -> dict[str, str]:
    """Return what each case of a shard is held against."""
    study = with_key(load_study(path), writes=True)
    planner = StudyPlanner(StudyPart(shard, study, path).own, is_part=True)
    found = {}
    for place, case_id in enumerate(planner.case_ids()):
        order = planner.planned(place).plan.frame_check
        found[case_id] = order.other.case_id if order else ""
    return found


def _shards_of(case_ids: list[str], of: int) -> list[int]:
    """Return the shards that have one of some cases."""
    return [n for n in range(1, of + 1) if any(Shard(n, of).has(one) for one in case_ids)]


def test_a_case_is_held_against_the_image_its_mask_was_drawn_on(tmp_path):
    path = _write(tmp_path / "trial", {"T1": 0.0})
    assert _partners(path) == {"A/S1/T1/ct": "", "A/S1/T1/late": "A/S1/T1/ct"}
    case_ids = list(_partners(path))
    of = next(n for n in range(2, 20) if len(_shards_of(case_ids, n)) == 2)
    shards = [_partners(path, Shard(number, of)) for number in _shards_of(case_ids, of)]
    assert [len(one) for one in shards] == [1, 1]
    assert shards[0] | shards[1] == _partners(path)
    path.write_text(STUDY)
    assert set(_partners(path).values()) == {""}


@pytest.mark.parametrize("mask", ["nifti", "seg"])
def test_of_a_mask_that_names_no_other_image_it_is_another_modality(tmp_path, mask):
    """A label image names none; a contour that was copied names that which it is copied to."""
    path = _write(tmp_path / "trial", {"T1": 0.0}, mask=mask)
    assert _partners(path)["A/S1/T1/ct"] == ""
    _change(tmp_path / "trial" / "T1late", Modality="MR")
    assert _partners(path) == {"A/S1/T1/ct": "A/S1/T1/late", "A/S1/T1/late": "A/S1/T1/ct"}


def test_another_frame_of_reference_claims_nothing(tmp_path):
    path = _write(tmp_path / "trial", {"T1": 0.0})
    _change(tmp_path / "trial" / "T1late", FrameOfReferenceUID="1.2.9")
    assert set(_partners(path).values()) == {""}


def _change(folder: Path, **values: str) -> None:
    from pydicom import dcmread

    for path in folder.iterdir():
        dataset = dcmread(path)
        for name, value in values.items():
            setattr(dataset, name, value)
        dataset.save_as(path)


def test_a_changed_partner_measures_the_case_anew(tmp_path, monkeypatch):
    calls = []

    def answer(_fixed, _moving, _protocol, regions):
        calls.append(len(regions))
        return {one.name: FrameCheck("plausible", 0.0, 0.0) for one in regions}

    monkeypatch.setattr(frame_checks, "check_frame_at", answer)
    path = _write(tmp_path / "trial", {"T1": 0.0})
    kept_study.run(path, tmp_path / "out")
    kept_study.run(path, tmp_path / "out")
    assert len(calls) == 1
    before = tables(tmp_path / "out")
    _change(tmp_path / "trial" / "T1ct", SeriesDescription="sent again")
    kept_study.run(path, tmp_path / "out")
    assert len(calls) == 2
    after = tables(tmp_path / "out")
    assert before["measurements.csv"] == after["measurements.csv"]
