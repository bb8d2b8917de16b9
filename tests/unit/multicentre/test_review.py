"""Blinded worklists: orders, repeats, ids that give nothing away, and their return."""

from __future__ import annotations

import csv
import io
import json
import stat

import pytest

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.multicentre.review import (
    KEY_FILE,
    ReviewItem,
    ReviewPlan,
    assign,
    cases_to_review,
    collect,
    parse_item,
    write_review,
)
from tests.pool_runs import write_whole_run

CASES = [f"A/S{n}/T1/ct" for n in range(20)]
PLAN = ReviewPlan(("alice", "bob"), (ReviewItem("finding", ("no", "yes")),), "7", 0.1)


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def entries(files) -> list[dict[str, str]]:
    return json.loads(files[KEY_FILE])["entries"]


def test_every_reader_reads_every_case_and_a_tenth_twice():
    files = assign(CASES, PLAN)
    assert sorted(files) == [KEY_FILE, "worklist_alice.csv", "worklist_bob.csv"]
    for reader in PLAN.readers:
        own = [one for one in entries(files) if one["reader_id"] == reader]
        assert sorted(one["case_id"] for one in own if one["occasion"] == "1") == sorted(CASES)
        again = [place for place, one in enumerate(own) if one["occasion"] == "2"]
        assert len(again) == 2
        assert min(again) >= 10
        listed = rows(files[f"worklist_{reader}.csv"])
        assert [row["review_id"] for row in listed] == [one["review_id"] for one in own]
        assert [row["order"] for row in listed] == [str(n) for n in range(1, 23)]
        assert {row["finding"] for row in listed} == {""}


def test_a_worklist_gives_nothing_away():
    files = assign(CASES, PLAN)
    ids = [one["review_id"] for one in entries(files)]
    assert len(set(ids)) == 44
    orders = []
    for reader in PLAN.readers:
        text = files[f"worklist_{reader}.csv"].decode()
        assert not [case for case in CASES if case in text or case.split("/")[1] in text]
        orders.append([one["case_id"] for one in entries(files) if one["reader_id"] == reader])
    assert orders[0] != orders[1]
    assert orders[0] != sorted(orders[0])


def test_the_seed_alone_decides():
    assert assign(CASES, PLAN) == assign(CASES[::-1], PLAN)
    other = ReviewPlan(PLAN.readers, PLAN.items, "8", 0.1)
    assert assign(CASES, PLAN)["worklist_bob.csv"] != assign(CASES, other)["worklist_bob.csv"]


@pytest.mark.parametrize(("repeat", "n"), [(0.0, 0), (0.01, 1), (0.5, 10), (0.7, 14), (1.0, 20)])
def test_a_repeat_never_stands_before_its_first_reading(repeat, n):
    plan = ReviewPlan(("alice",), PLAN.items, "7", repeat)
    order = [(one["case_id"], one["occasion"]) for one in entries(assign(CASES, plan))]
    again = [case for case, occasion in order if occasion == "2"]
    assert len(again) == n == len(set(again))
    for case in again:
        assert order.index((case, "1")) < order.index((case, "2"))


def returned(folder, files, reader, judge):
    """Write a worklist as it came back."""
    known = {one["review_id"]: one for one in entries(files)}
    own = rows(files[f"worklist_{reader}.csv"])
    for row in own:
        row["finding"] = judge(known[row["review_id"]])
    path = folder / f"back_{reader}.csv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, own[0].keys(), lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(own[::-1])
    return path


def test_what_comes_back_is_who_judged_which_case(tmp_path):
    files = assign(CASES, PLAN)
    write_review(files, tmp_path)
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    odd = {"A/S1/T1/ct", "A/S3/T1/ct"}
    alice = returned(tmp_path, files, "alice", lambda one: "yes" if one["case_id"] in odd else "no")
    bob = returned(tmp_path, files, "bob", lambda one: "" if one["case_id"] in odd else "no")
    found = collect(tmp_path / KEY_FILE, [alice, bob])
    by_alice = [row for row in found.rows if row["reader_id"] == "alice"]
    assert len(by_alice) == 22
    assert {row["case_id"] for row in by_alice if row["category"] == "yes"} == odd
    assert {(row["item"], row["occasion"]) for row in by_alice} == {
        ("finding", "1"),
        ("finding", "2"),
    }
    assert {one["reader_id"] for one in found.missing} == {"bob"}
    assert len(found.missing) + len(found.rows) == 44
    assert collect(tmp_path / KEY_FILE, [bob, alice]) == found
    alone = collect(tmp_path / KEY_FILE, [alice])
    assert len(alone.missing) == 22


BAD_RETURNS = {
    "an unknown id": lambda text: text.replace("R", "Q", 1),
    "a word that is no category": lambda text: text.replace(",no,", ",maybe,", 1),
    "a line twice": lambda text: text + text.splitlines()[1] + "\r\n",
    "no column of ids": lambda text: text.replace("review_id", "id"),
    "an empty file": lambda text: "",
}


@pytest.mark.parametrize("name", BAD_RETURNS)
def test_a_return_that_is_none_is_refused(name, tmp_path):
    files = assign(CASES, PLAN)
    write_review(files, tmp_path)
    path = returned(tmp_path, files, "alice", lambda one: "no")
    text = path.read_bytes().decode()
    head, _, rest = text.partition("\n")
    made = BAD_RETURNS[name]
    changed = made(text) if "column" in name or "empty" in name else f"{head}\n{made(rest)}"
    path.write_bytes(changed.encode())
    with pytest.raises(BiomarkerError) as caught:
        collect(tmp_path / KEY_FILE, [path])
    assert caught.value.code in {"REVIEW-RETURN", "TABLE-COLUMNS", "TABLE-UNREADABLE"}
    assert "back_alice.csv" in caught.value.where


def test_lists_of_two_readers_in_one_file_are_refused(tmp_path):
    files = assign(CASES, PLAN)
    write_review(files, tmp_path)
    alice, bob = (returned(tmp_path, files, reader, lambda one: "no") for reader in PLAN.readers)
    alice.write_bytes(alice.read_bytes() + bob.read_bytes().splitlines(keepends=True)[1])
    with pytest.raises(BiomarkerError, match="another reader's"):
        collect(tmp_path / KEY_FILE, [alice])
    with pytest.raises(BiomarkerError, match="came back twice"):
        collect(tmp_path / KEY_FILE, [bob, bob])


def test_an_edited_key_is_refused(tmp_path):
    write_review(assign(CASES, PLAN), tmp_path)
    key = tmp_path / KEY_FILE
    for text in (key.read_text().replace("alice", "carol", 1), "{}", "", "[]"):
        key.write_text(text)
        with pytest.raises(BiomarkerError) as caught:
            collect(key, [])
        assert caught.value.code == "REVIEW-KEY"
    with pytest.raises(BiomarkerError) as caught:
        collect(tmp_path / "none.json", [])
    assert caught.value.code == "NOTHING-FOUND"


@pytest.mark.parametrize(
    "plan",
    [
        {"readers": ()},
        {"readers": ("a", "a")},
        {"readers": ("../a",)},
        {"readers": tuple(f"r{n}" for n in range(101))},
        {"items": (ReviewItem("review_id"),)},
        {"items": (ReviewItem("=x"),)},
        {"items": (ReviewItem("a"), ReviewItem("a"))},
        {"repeat": 1.1},
        {"repeat": -0.1},
        {"repeat": float("nan")},
    ],
)
def test_a_plan_that_is_none_is_refused(plan):
    with pytest.raises(BiomarkerError) as caught:
        ReviewPlan(**{"readers": ("a",), "items": (ReviewItem("x"),), "seed": "1", **plan})
    assert caught.value.code == "REVIEW-PLAN"


def test_items_are_said_with_their_categories():
    assert parse_item("finding") == ReviewItem("finding")
    assert parse_item("risk=lo, hi") == ReviewItem("risk", ("lo", "hi"))
    for text in ("risk=", "risk=lo", "risk=lo,lo", "risk=lo,,hi"):
        with pytest.raises(BiomarkerError) as caught:
            parse_item(text)
        assert caught.value.code == "REVIEW-PLAN"


def test_cases_that_were_measured_are_reviewed(tmp_path):
    ids = ["A/S1/T1/ct", "A/S1/T2/ct", "A/S1/T1/pet", "A/S2/T1/ct"]
    run = write_whole_run(tmp_path / "run", ids, of_case={ids[3]: {"status": "failed"}})
    assert cases_to_review(run, (), ()) == [ids[0], ids[2], ids[1]]
    assert cases_to_review(run, ("ct",), ("T1",)) == [ids[0]]
    with pytest.raises(BiomarkerError) as caught:
        cases_to_review(run, ("mr",), ())
    assert caught.value.code == "NOTHING-FOUND"
    with pytest.raises(BiomarkerError):
        assign([], PLAN)
