"""Passports: judged at the date of an examination; files of people are read with care."""

from __future__ import annotations

from datetime import date

import pytest

from biomarker_cli.tables.errors import PassportError
from biomarker_cli.tables.passport_row import PassportRow
from biomarker_cli.tables.passports import (
    PASSPORTS,
    PassportRequirement,
    day_of,
    passport_state,
    read_passports,
    write_passports,
)

EXAMINED = date(2026, 3, 10)
WANTED = PassportRequirement("pet_phantom", 365)


def row(day: str = "2026-01-10", outcome: str = "pass", **more: object) -> PassportRow:
    said = {"site_id": "A", "test": "pet_phantom", "quantity": "calibration", **more}
    return PassportRow(date=day, outcome=outcome, **said)


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ([row()], "valid"),
        ([row("2026-03-10")], "valid"),
        ([], "missing"),
        ([row(site_id="B")], "missing"),
        ([row(test="verify")], "missing"),
        # Of a later day, it says nothing of a scan before it.
        ([row("2026-03-11")], "missing"),
        ([row("2025-03-10")], "valid"),
        ([row("2025-03-09")], "stale"),
        ([row("2025-03-09"), row("2026-03-11")], "stale"),
        ([row(outcome="fail")], "failed"),
        ([row(outcome="recorded")], "valid"),
        ([row("2026-01-01", "fail"), row("2026-01-10")], "valid"),
        ([row("2026-01-01"), row("2026-01-10", "fail")], "failed"),
        ([row(), row(outcome="fail", quantity="recovery")], "failed"),
        # Which device the examination was made on is not told.
        ([row("2026-01-01", "fail", device="one"), row("2026-02-01", device="two")], "failed"),
        # Too old goes before failed: what failed two years ago is no news.
        ([row("2024-01-01", "fail")], "stale"),
    ],
)
def test_the_state_at_an_examination(rows, word):
    assert passport_state(rows, "A", WANTED, EXAMINED).word == word


def test_without_a_date_of_the_examination_nothing_is_judged():
    assert passport_state([row()], "A", WANTED, None).word == "undated"


@pytest.mark.parametrize(
    ("value", "limits", "word"),
    [
        (5.0, {"maximum": 5.0}, "valid"),
        (5.01, {"maximum": 5.0}, "failed"),
        (0.9, {"minimum": 0.9}, "valid"),
        (0.89, {"minimum": 0.9}, "failed"),
        (None, {"maximum": 5.0}, "failed"),
        (None, {}, "valid"),
        (0.0, {"minimum": 0.0, "maximum": 0.0}, "valid"),
        (-0.1, {"minimum": 0.0}, "failed"),
    ],
)
def test_the_limits_of_the_study_hold_beside_the_outcomes(value, limits, word):
    wanted = PassportRequirement("pet_phantom", 365, **limits)
    assert passport_state([row(value=value)], "A", wanted, EXAMINED).word == word


def test_only_rows_of_the_quantity_and_the_device_count():
    rows = [row(quantity="recovery 10", outcome="fail"), row(device="old", outcome="fail"), row()]
    for patterns, word in (
        ({"quantity": "calib*"}, "failed"),
        ({"quantity": "calib*", "device": ""}, "valid"),
        ({"quantity": "calib*", "device": "old"}, "failed"),
        ({"device": "new"}, "missing"),
    ):
        wanted = PassportRequirement("pet_phantom", 365, **patterns)
        assert passport_state(rows, "A", wanted, EXAMINED).word == word


def test_what_is_written_reads_back_as_it_was(tmp_path):
    rows = [
        row(device="=cmd()", value=0.1, unit="1", source="a\nb"),
        row("2025-12-31", "fail", device='-GE, "PET"'),
    ]
    path = tmp_path / "passports.csv"
    write_passports(path, rows)
    assert set(read_passports(path)) == set(rows)
    assert b"'=cmd()" in path.read_bytes()
    first = path.read_bytes()
    write_passports(path, reversed(rows))
    assert path.read_bytes() == first


HEAD = ",".join(PASSPORTS.column_names) + "\n"
GOOD = "A,verify,,2026-01-01,suite,0,1,pass,,\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "columns are missing"),
        ("a,b\n1,2\n", "columns are missing"),
        (HEAD.replace("device", "who"), "columns are unknown: 'who'"),
        (HEAD.replace("device", "test"), "columns are repeated"),
        (HEAD + GOOD + GOOD, r"twice.*:3"),
        (HEAD + GOOD.replace("2026-01-01", "01/02/2026"), r"YYYY-MM-DD.*:2"),
        (HEAD + GOOD.replace("2026-01-01", "2026-02-30"), "YYYY-MM-DD"),
        (HEAD + GOOD.replace("pass", "PASS"), "outcome"),
        (HEAD + GOOD.replace(",0,", ",nan,"), "expected a number"),
        (HEAD + GOOD.replace(",0,", ",1e999,"), "expected a number"),
        (HEAD + GOOD.replace(",0,", ",1_0,"), "expected a number"),
        (HEAD + GOOD.replace("verify", "Verify it"), "small letters"),
        (HEAD + GOOD[1:], "site_id is empty"),
        (HEAD + GOOD.strip() + ",more\n", "cells"),
        (HEAD + "A,verify\n", "cells"),
        (HEAD + "\x1b[2J" + GOOD.replace("pass", "x"), "outcome"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_line(tmp_path, content, said):
    path = tmp_path / "passports.csv"
    path.write_text(content)
    with pytest.raises(PassportError, match=said) as raised:
        read_passports(path)
    assert raised.value.code == "PASSPORT-INVALID"


def test_a_byte_order_mark_and_missing_columns_of_no_weight_are_taken(tmp_path):
    path = tmp_path / "passports.csv"
    path.write_bytes(
        b"\xef\xbb\xbfsite_id,test,date,quantity,outcome\nA,verify,2026-01-01,s,pass\n"
    )
    (found,) = read_passports(path)
    assert (found.site_id, found.value, found.device) == ("A", None, "")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00a", b"\x00\xff"])
def test_what_is_no_text_is_refused(tmp_path, content):
    path = tmp_path / "passports.csv"
    path.write_bytes(content)
    with pytest.raises(PassportError, match=r"UTF-8|columns"):
        read_passports(path)
    with pytest.raises(PassportError, match="UTF-8"):
        read_passports(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2026-01-31", date(2026, 1, 31)), ("20260131", None), ("2026-1-31", None), ("", None)],
)
def test_days_are_written_in_one_way(text, expected):
    assert day_of(text) == expected


@pytest.mark.parametrize(
    ("rows", "at", "said"),
    [
        ([], None, "the date of the examination is not known"),
        ([], EXAMINED, "no pet_phantom of 'A' up to 2026-03-10"),
        (
            [row("2026-05-01"), row("2026-04-01")],
            EXAMINED,
            "no pet_phantom of 'A' up to 2026-03-10; the first is of 2026-04-01",
        ),
        (
            [row("2025-03-01"), row("2024-03-01")],
            EXAMINED,
            "pet_phantom of 2025-03-01 was 374 days old on 2026-03-10, at most 365 are allowed",
        ),
        ([row()], EXAMINED, "pet_phantom of 2026-01-10"),
    ],
)
def test_what_was_found_is_said_with_its_day(rows, at, said):
    assert passport_state(rows, "A", WANTED, at).said == said


@pytest.mark.parametrize(("device", "of_device"), [("", ""), ("scanner 2", " of 'scanner 2'")])
def test_what_failed_is_named_with_its_device(device, of_device):
    state = passport_state([row(outcome="fail", device=device)], "A", WANTED, EXAMINED)
    assert state.said.startswith(f"pet_phantom of 2026-01-10: 'calibration'{of_device}")
