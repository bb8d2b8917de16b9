"""Ledgers that overlap proposes: visits of a run in the space of the baseline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from kept_runs import KeptCase, ball, kept_run, recorded
from synthetic_registration import motion

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.registration.anatomy import transformed
from biomarker_cli.registration.recorded import read_registrations
from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.ledger import LEDGER, typed_row
from biomarker_cli.response.matched_ledger import matched_ledger
from biomarker_cli.response.matches_table import MATCHES
from biomarker_cli.tables.kept import case_folder, read_index, write_index
from biomarker_cli.tables.schema import MEASUREMENTS
from biomarker_cli.tables.writing import write_table

GRID = Geometry((36, 46, 56), (2.0, 2.0, 2.0), (-56.0, -46.0, -36.0))
LATER = Geometry((30, 40, 48), (2.4, 2.4, 2.5), (-58.0, -48.0, -38.0))

A, B, C = ((-30, -20, -15), 9), ((0, 0, 0), 8), ((30, 20, 15), 7)
MOVE = motion()


def _case(timepoint, balls, grid=GRID, matrix=None, role="ct", frame="1.2.1", **more):
    """Return a visit; `balls` lie in the space of the baseline, `matrix` leads to the visit."""
    masks = {}
    for name, (centre, radius) in balls.items():
        at = np.asarray(centre, dtype=float)
        place = at if matrix is None else transformed(matrix, at[np.newaxis])[0]
        masks[name] = ball(grid, place, radius)
    return KeptCase(f"A/S1/{timepoint}/{role}", grid, masks, frame=frame, **more)


def _ledger(tmp_path, cases, named=("none",), role=""):
    run = kept_run(tmp_path / "run", cases)
    found = matched_ledger(run, read_registrations(named), role)
    # Whatever is proposed can be written, and nothing of it is a call.
    write_table(LEDGER, found.ledger, tmp_path)
    write_table(MATCHES, found.matches, tmp_path)
    for row in found.ledger:
        signed = {"role": "target", "is_node": "no", "state": "measured"} | row | {"place": "x"}
        with pytest.raises(ResponseError):
            typed_row({name: str(value) for name, value in signed.items()})
    return found


def _rows(found, timepoint):
    return {
        row.get("roi_id") or row["lesion_id"]: (
            row["lesion_id"], row.get("state", ""), row.get("into", ""),
        )
        for row in found.ledger
        if row["timepoint"] == timepoint and row["lesion_id"] != "NEW"
    }  # fmt: skip


def _kinds(found, timepoint="T2"):
    return {(r["kind"], r.get("lesion_id", ""), r.get("roi_id", ""))
            for r in found.matches if r["timepoint"] == timepoint}  # fmt: skip


BASE = _case("T1", {"L1": A, "L2": B, "L3": C})


def test_lesions_keep_their_names_whatever_the_rois_are_called(tmp_path):
    found = _ledger(tmp_path, [BASE, _case("T2", {"L2": A, "x": B, "L1": C})])
    assert _rows(found, "T1") == {n: (n, "measured", "") for n in ("L1", "L2", "L3")}
    assert _rows(found, "T2") == {
        "L2": ("L1", "measured", ""),
        "x": ("L2", "measured", ""),
        "L1": ("L3", "measured", ""),
    }
    assert all(row["role"] == "new" for row in found.ledger if row.get("role"))
    notes = {row["roi_id"]: row["note"] for row in found.matches}
    assert notes == {"L2": "its name is that of L2", "x": "", "L1": "its name is that of L1"}
    assert {row["registration_id"] for row in found.matches} == {"none"}


def test_a_registration_leads_the_masks_to_the_baseline(tmp_path):
    later = _case("T2", {"a": A, "b": B, "c": C}, LATER, MOVE, frame="1.2.2")
    named = recorded(tmp_path / "there", BASE, later, MOVE)
    found = _ledger(tmp_path, [BASE, later], [named])
    assert _kinds(found) == {("match", "L1", "a"), ("match", "L2", "b"), ("match", "L3", "c")}
    assert min(row["dice"] for row in found.matches) > 0.85
    assert max(row["distance_mm"] for row in found.matches) < 0.3
    # Led the wrong way the balls lie elsewhere.
    back = recorded(tmp_path / "back", BASE, later, np.linalg.inv(MOVE))
    wrong = _ledger(tmp_path / "wrong", [BASE, later], [back])
    assert max(row.get("distance_mm", 99) for row in wrong.matches) > 5


@pytest.mark.parametrize(("source", "expected"), [("T1/ct", True), ("T2/pet", False)])
def test_masks_that_were_carried_from_another_visit_match_nothing(tmp_path, source, expected):
    """Each lies where its lesion was, whatever became of that."""
    run = kept_run(tmp_path / "run", [BASE, _case("T2", {"L1": A})])
    row = {"case_id": "A/S1/T2/ct", "roi_id": "L1", "flags": "mask_propagated:rigid@1.0.0:0a"}
    write_table(MEASUREMENTS, [row | {"status": "ok", "value": 1.0}], run)
    (run / "registrations.csv").write_text(f"case_id,source_case_id\nA/S1/T2/ct,A/S1/{source}\n")
    found = matched_ledger(run, read_registrations(["none"]))
    codes = {error.code for _, error in found.faults}
    assert codes == ({"RESPONSE-MATCH-CARRIED"} if expected else set())
    assert (_rows(found, "T2")["L1"][0] == "?L1") is expected


@pytest.mark.parametrize("status", ["review", "failed"])
def test_a_registration_that_is_not_ok_proposes_nothing_and_says_so(tmp_path, status):
    later = _case("T2", {"L1": A, "L2": B}, frame="1.2.2")
    named = recorded(tmp_path / "there", BASE, later, np.eye(4), status=status, checks="overlap:x")
    third = _case("T3", {"L1": A})
    found = _ledger(tmp_path, [BASE, later, third], [named, "none"])
    assert [(place, error.code) for place, error in found.faults] == [
        ("S1 T2", "REGISTRATION-NOT-TAKEN")
    ]
    assert _rows(found, "T2") == {"L1": ("?L1", "", ""), "L2": ("?L2", "", "")}
    row = next(row for row in found.matches if row["timepoint"] == "T2")
    assert (row["kind"], row["status"]) == ("no_proposal", "open")
    assert row["error_code"] == "REGISTRATION-NOT-TAKEN"
    assert "overlap:x" in row["error_message"]
    assert _kinds(found, "T3") >= {("match", "L1", "L1")}
    assert found.n_visits == 1


def test_without_a_named_registration_nothing_is_proposed(tmp_path):
    found = _ledger(tmp_path, [BASE, _case("T2", {"L1": A})], ())
    assert [error.code for _, error in found.faults] == ["REGISTRATION-NOT-NAMED"]
    assert found.n_visits == 0


def test_new_and_vanished_lesions_are_candidates(tmp_path):
    second = _case("T2", {"a": A, "L2": C})
    base = _case("T1", {"L1": A, "L2": B})
    found = _ledger(tmp_path, [base, second])
    assert _kinds(found) == {("match", "L1", "a"), ("vanished", "L2", ""), ("new", "", "L2")}
    # The name of a lesion that is known is not given to another one.
    rows = {row["lesion_id"]: row for row in found.ledger if row["timepoint"] == "T2"}
    assert set(rows) == {"L1", "L2", "L2.T2", "NEW"}
    assert (rows["L2.T2"]["roi_id"], rows["L2.T2"]["state"]) == ("L2", "measured")
    assert not {"state", "roi_id"} & set(rows["L2"])
    assert "absent, too small, or not drawn" in rows["L2"]["basis"]


def test_a_lesion_that_was_new_is_followed_and_one_that_returns_is_known(tmp_path):
    cases = [
        _case("T1", {"L1": A, "L2": B}),
        _case("T2", {"L1": A, "n": C}),
        _case("T3", {"x": C, "y": B}),
    ]
    found = _ledger(tmp_path, cases)
    assert _rows(found, "T2")["n"] == ("n", "measured", "")
    assert _kinds(found, "T3") == {
        ("match", "n", "x"), ("match", "L2", "y"), ("vanished", "L1", ""),
    }  # fmt: skip


def test_split_and_merge_are_proposed_as_the_ledger_says_them(tmp_path):
    base = _case("T1", {"L1": ((-20, 0, 0), 13), "L2": ((18, 0, 0), 8), "L3": ((34, 0, 0), 6)})
    second = _case("T2", {"a": ((-26, 0, 0), 7), "b": ((-12, 0, 0), 4), "m": ((24, 0, 0), 16)})
    found = _ledger(tmp_path, [base, second])
    assert _kinds(found) == {
        ("match", "L1", "a"), ("split", "L1", "b"), ("match", "L2", "m"), ("merge", "L3", "m"),
    }  # fmt: skip
    rows = {row["lesion_id"]: row for row in found.ledger if row["timepoint"] == "T2"}
    assert (rows["b"]["state"], rows["b"]["into"], rows["b"]["roi_id"]) == ("split_from", "L1", "b")
    assert (rows["L3"]["state"], rows["L3"]["into"]) == ("merged_into", "L2")
    assert "roi_id" not in rows["L3"]


def test_a_tie_leaves_the_lesion_open(tmp_path):
    base = _case("T1", {"L1": ((0, 0, 0), 6)})
    second = _case("T2", {"x": ((-14, 0, 0), 6), "y": ((14, 0, 0), 6)})
    found = _ledger(tmp_path, [base, second])
    assert _kinds(found) == {("tie", "L1", "x"), ("tie", "L1", "y")}
    assert {row["status"] for row in found.matches} == {"open"}
    assert _rows(found, "T2") == {"x": ("?x", "", ""), "y": ("?y", "", "")}


def test_parts_that_are_alike_are_parts_and_are_followed(tmp_path):
    whole, halves = {"L1": ((0, 0, 0), 14)}, {"x": ((-6, 0, 0), 6), "y": ((6, 0, 0), 6)}
    third = {"p": ((7, 0, 0), 7), "q": ((-7, 0, 0), 7)}
    found = _ledger(tmp_path, [_case("T1", whole), _case("T2", halves), _case("T3", third)])
    assert _rows(found, "T2") == {
        "x": ("x", "split_from", "L1"),
        "y": ("y", "split_from", "L1"),
    }
    assert _rows(found, "T3") == {
        "p": ("y", "split_from", "L1"),
        "q": ("x", "split_from", "L1"),
    }
    assert _kinds(found, "T3") == {("match", "x", "q"), ("match", "y", "p")}


def test_a_lesion_and_its_part_are_followed(tmp_path):
    second, third = (
        {"a": ((-6, 0, 0), 8), "b": ((7, 0, 0), 5)},
        {"c": ((7, 0, 0), 4), "d": ((-7, 0, 0), 8)},
    )
    cases = [_case("T1", {"L1": ((0, 0, 0), 14)}), _case("T2", second), _case("T3", third)]
    found = _ledger(tmp_path, cases)
    assert _rows(found, "T3") == {"c": ("b", "split_from", "L1"), "d": ("L1", "measured", "")}


def test_lesions_that_merge_alike_leave_the_mass_open(tmp_path):
    first = _case("T1", {"x": ((-6, 0, 0), 6), "y": ((6, 0, 0), 6)})
    found = _ledger(tmp_path, [first, _case("T2", {"L1": ((0, 0, 0), 14)})])
    assert _rows(found, "T2") == {"L1": ("?L1", "", ""), "x": ("x", "", ""), "y": ("y", "", "")}


def test_what_a_visit_does_not_show_has_not_vanished(tmp_path):
    half = replace(GRID, shape=(36, 46, 30))
    found = _ledger(tmp_path, [BASE, _case("T2", {"a": A}, half)])
    assert _kinds(found) == {
        ("match", "L1", "a"), ("vanished", "L2", ""), ("outside_field_of_view", "L3", ""),
    }  # fmt: skip
    (row,) = [r for r in found.ledger if r["lesion_id"] == "L3" and r["timepoint"] == "T2"]
    assert "does not show" in row["basis"]
    # Nor is new what the baseline did not show.
    base = _case("T1", {"L1": A}, half)
    found = _ledger(tmp_path / "new", [base, _case("T2", {"a": A, "c": C})])
    assert _kinds(found) == {("match", "L1", "a"), ("outside_field_of_view", "", "c")}
    assert _rows(found, "T2")["c"][0] == "?c"


def test_a_recurring_tracking_uid_that_says_otherwise_is_a_conflict(tmp_path):
    base = _case("T1", {"L1": A, "L2": B}, uids={"L1": "1.2.3", "L2": "1.2.4"})
    second = _case("T2", {"a": A, "b": B}, uids={"a": "1.2.4", "b": "1.2.9"})
    found = _ledger(tmp_path, [base, second])
    assert ("conflict", "L1", "a") in _kinds(found)
    assert ("match", "L2", "b") in _kinds(found)
    assert _rows(found, "T2") == {"a": ("?a", "", ""), "b": ("L2", "measured", "")}
    agreed = _case("T2", {"a": A, "b": B}, uids={"a": "1.2.3", "b": "1.2.4"})
    found = _ledger(tmp_path / "agreed", [base, agreed])
    assert {row["note"] for row in found.matches} == {"tracking UID agrees"}


def test_visits_are_followed_by_their_dates(tmp_path):
    early = _case("Z", {"L1": A, "L2": B}, day="2026-01-01")
    late = _case("M", {"a": A, "b": B}, day="2026-03-01")
    found = _ledger(tmp_path, [late, early])
    assert {row["baseline"] for row in found.matches} == {"Z"}
    assert _rows(found, "M") == {"a": ("L1", "measured", ""), "b": ("L2", "measured", "")}


def test_a_date_that_was_moved_orders_visits_and_is_not_written(tmp_path):
    moved = {"shifted": True}
    early = _case("Z", {"L1": A}, day="2026-01-01", **moved)
    late = _case("M", {"a": A}, day="2026-03-01", **moved)
    found = _ledger(tmp_path, [late, early])
    assert {row["baseline"] for row in found.matches} == {"Z"}
    assert {row["date"] for row in found.ledger} == {""}


def test_the_order_of_files_and_lesions_changes_nothing(tmp_path):
    balls = {"a": A, "b": B, "c": C, "d": ((-30, 20, 15), 6)}
    written = []
    for n, turn in enumerate((1, -1)):
        base = _case("T1", dict(list({"L1": A, "L2": B, "L3": C}.items())[::turn]))
        later = _case("T2", dict(list(balls.items())[::turn]))
        folder = tmp_path / str(n)
        found = _ledger(folder, [base, later][::turn])
        written.append([(folder / name).read_bytes() for name in ("lesions.csv", "matches.csv")])
        assert len(found.matches) == 4
    assert written[0] == written[1]


def test_names_that_are_given_never_meet(tmp_path):
    base = _case("T1", {"A": A})
    second = _case("T2", {"A": B, "A.T2": C, "x": A})
    found = _ledger(tmp_path, [base, second])
    names = {roi: row[0] for roi, row in _rows(found, "T2").items()}
    assert names == {"A": "A.T2", "A.T2": "A.T2.T2", "x": "A"}


def test_the_image_that_lesions_were_drawn_on_is_named_where_there_are_two(tmp_path):
    pet = _case("T1", {"L1": A}, role="pet")
    with pytest.raises(ResponseError) as refused:
        _ledger(tmp_path, [BASE, pet])
    assert refused.value.code == "RESPONSE-MATCH-ROLE"
    with pytest.raises(ResponseError):
        _ledger(tmp_path, [BASE, pet], role="mr")
    found = _ledger(tmp_path, [BASE, pet, _case("T2", {"a": A})], role="ct")
    assert ("match", "L1", "a") in _kinds(found)
    found = _ledger(tmp_path, [BASE, pet, _case("T2", {"a": A}, role="pet")], role="ct")
    assert [error.code for _, error in found.faults] == ["RESPONSE-MATCH-ROLE"]


def test_a_run_that_kept_no_masks_proposes_nothing(tmp_path):
    found = _ledger(tmp_path, [replace(BASE, keeps=False), _case("T2", {"a": A})])
    assert [error.code for _, error in found.faults] == [
        "KEPT-NOT-FOUND", "RESPONSE-MATCH-BASELINE",
    ]  # fmt: skip
    assert _rows(found, "T2") == {"a": ("?a", "", "")}
    found = _ledger(tmp_path / "later", [BASE, _case("T2", {"a": A}, keeps=False)])
    assert [error.code for _, error in found.faults] == ["KEPT-NOT-FOUND"]
    found = _ledger(tmp_path / "bare", [_case("T1", {}), _case("T2", {"a": A})])
    assert {error.code for _, error in found.faults} == {"RESPONSE-MATCH-BASELINE"}


def test_a_run_that_kept_pictures_alone_has_not_lost_its_lesions(tmp_path):
    """A report keeps pictures: no mask is kept, which says nothing of the lesions."""
    run = kept_run(tmp_path / "run", [BASE, _case("T2", {})])
    folder = case_folder(run, "A/S1/T2/ct")
    write_index(replace(read_index(folder), kinds=("pictures",)), folder)
    found = matched_ledger(run, read_registrations(["none"]))
    assert [(place, error.code) for place, error in found.faults] == [("S1 T2", "KEPT-NOT-FOUND")]
    assert "keep: [masks]" in found.faults[0][1].hint


def test_a_visit_without_any_roi_has_all_lesions_vanished(tmp_path):
    found = _ledger(tmp_path, [BASE, _case("T2", {})])
    assert _kinds(found) == {("vanished", name, "") for name in ("L1", "L2", "L3")}


def test_a_damaged_mask_is_one_fault_of_its_visit(tmp_path):
    run = kept_run(tmp_path / "run", [BASE, _case("T2", {"a": A}), _case("T3", {"a": A})])
    path = run / "kept/A__S1__T2__ct/masks/a.mask"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    found = matched_ledger(run, read_registrations(["none"]))
    assert [(place, error.code) for place, error in found.faults] == [("S1 T2", "KEPT-DAMAGED")]
    assert ("match", "L1", "a") in _kinds(found, "T3")


def test_a_signed_row_is_read_and_a_question_is_not(tmp_path):
    row = {
        "subject_id": "S1", "timepoint": "T1", "lesion_id": "L1", "role": "target",
        "is_node": "no", "state": "measured", "place": "x", "basis": "",
    }  # fmt: skip
    assert typed_row(row).lesion_id == "L1"
    for more in ({"basis": "proposed: Dice 0.9"}, {"lesion_id": "?L1"}):
        with pytest.raises(ResponseError) as refused:
            typed_row(row | more)
        assert refused.value.code == "RESPONSE-UNSIGNED"
