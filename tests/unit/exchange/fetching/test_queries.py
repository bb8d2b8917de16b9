"""Dates, and lists of queries."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from biomarker_cli.exchange.fetching.errors import SourceError
from biomarker_cli.exchange.fetching.queries import range_of_dates, read_queries
from biomarker_cli.exchange.fetching.remote import Query
from biomarker_cli.model.errors import BiomarkerError, InputNotFoundError


@pytest.mark.parametrize(
    ("text", "dates", "dicom"),
    [
        ("", ("", ""), ""),
        ("2024-01-15", ("20240115", "20240115"), "20240115"),
        ("20240115..2024-02-29", ("20240115", "20240229"), "20240115-20240229"),
        ("2024-01-15..", ("20240115", ""), "20240115-"),
        ("..2024-01-15", ("", "20240115"), "-20240115"),
    ],
)
def test_a_range_of_dates(text: str, dates: tuple[str, str], dicom: str) -> None:
    assert range_of_dates(text) == dates
    assert Query(first_date=dates[0], last_date=dates[1]).dates == dicom


@pytest.mark.parametrize(
    "text", ["..", "2023-02-29", "15.01.2024", "2024-W03-1", "2024-01-15..x", "20240115-20240116"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(SourceError) as raised:
        range_of_dates(text)
    assert raised.value.code == "FETCH-QUERY"


@pytest.mark.parametrize(
    ("first", "last", "date", "holds"),
    [
        ("20240115", "20240116", "20240115", True),
        ("20240115", "20240116", "20240116", True),
        ("20240115", "20240116", "20240117", False),
        ("20240115", "", "20240114", False),
        ("", "20240115", "20240116", False),
        ("", "", "", True),
        ("20240115", "", "", False),
        ("20240115", "", "2024-01-16", False),
    ],
)
def test_the_ends_of_a_range_belong_to_it(first: str, last: str, date: str, holds: bool) -> None:
    assert Query(first_date=first, last_date=last).holds_date(date) is holds


@pytest.mark.parametrize(
    "wanted",
    [
        {"patient_id": "*"},
        {"patient_id": "A?"},
        {"patient_id": "A\\B"},
        {"patient_id": "A\x1b"},
        {"patient_id": "A" * 65},
        {"patient_id": " A"},
        {"study_uid": "1.2/.."},
        {"series_uid": "x"},
        {"modality": "ct"},
        {"first_date": "20240116", "last_date": "20240115"},
    ],
)
def test_a_query_that_would_match_more_or_is_none_is_refused(wanted: dict[str, str]) -> None:
    with pytest.raises(SourceError) as raised:
        Query(**wanted)
    assert raised.value.code == "FETCH-QUERY"


def listed(folder: Path, text: str, common: Query | None = None) -> list[tuple[Query, str]]:
    path = folder / "list.csv"
    path.write_text(text)
    return [(one.query, one.where) for one in read_queries(path, common or Query())]


def test_each_row_is_a_query_with_what_the_command_line_asks_of_all(tmp_path: Path) -> None:
    found = listed(
        tmp_path,
        "patient_id,date,comment\nP1,2024-01-15..,a\n001,,b\nP1,2024-01-15..,again\n",
        Query(modality="PT"),
    )
    assert found == [
        (Query("P1", modality="PT", first_date="20240115"), "list.csv:2"),
        (Query("001", modality="PT"), "list.csv:3"),
    ]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("patient_id\n", "list.csv"),
        ("subject\nP1\n", "list.csv"),
        ("patient_id,modality\nP1,\n,\n", "list.csv:3"),
        ("patient_id\n*\n", "list.csv:2"),
        ("study_uid\n1.2\n../x\n", "list.csv:3"),
        ("patient_id,modality\nP1,CT\n", "list.csv:2"),
        ("date\n2024-13-01\n", "list.csv:2"),
    ],
)
def test_a_row_that_asks_for_nothing_or_contradicts_is_named(
    text: str, where: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError) as raised:
        listed(tmp_path, text, Query(modality="PT"))
    assert (raised.value.code, raised.value.where) == ("FETCH-QUERY", where)


@pytest.mark.parametrize("content", [b"", b"patient_id\n\x00\n", b"\xff\xfe", b'patient_id\n"x\n'])
def test_a_file_that_is_no_table_ends_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    with pytest.raises(BiomarkerError):
        read_queries(path, Query())


@pytest.mark.parametrize("kind", ["absent", "folder", "pipe"])
def test_a_list_that_is_no_file_is_named(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(InputNotFoundError, match="no list") as raised:
        read_queries(path, Query())
    assert "--list" in raised.value.hint
