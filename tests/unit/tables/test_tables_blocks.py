"""Finished lines of a table by case: as they are, whatever stands in a cell."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from biomarker_cli.tables import blocks
from biomarker_cli.tables.blocks import line_blocks
from biomarker_cli.tables.cells import csv_line
from biomarker_cli.tables.dictionary import joined_rows
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.packaged import PackagedTable
from biomarker_cli.tables.rows import Column

NAMES = ("case_id", "roi_id", "value")


def table_of(folder: Path, text: str) -> PackagedTable:
    path = folder / "numbers.csv"
    path.write_bytes(text.encode())
    columns = tuple(Column(name, "string", "") for name in NAMES)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return PackagedTable("numbers", path, columns, NAMES[:2], sha256)


ROWS = [
    ("'a", "x", "1"),
    ("'a", "y", "-2"),
    ("=b", "x", "3"),
    ("b,c", "x", "4"),
    ("b\nc", "x\n\n", "5"),
    ("b\nc", 'y"', "6"),
    ("c" * 300, "x", "7"),
]


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
def test_lines_are_as_they_were_and_stand_by_case(size, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "_BYTES_AT_ONCE", size)
    rows = sorted(ROWS)
    text = "".join(csv_line(row) for row in [NAMES, *rows])
    found = list(line_blocks(table_of(tmp_path, text), 1))
    assert [block.key for block in found] == [(case,) for case in sorted({r[0] for r in rows})]
    lines = [line for block in found for line in block.lines]
    assert "".join(f"{line}\n" for line in [csv_line(NAMES)[:-1], *lines]) == text
    assert [len(block.lines) for block in found] == [
        sum(row[0] == block.key[0] for row in rows) for block in found
    ]
    by_two = list(line_blocks(table_of(tmp_path, text), 2))
    assert [block.key for block in by_two] == [row[:2] for row in rows]


HEAD = "case_id,roi_id,value\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", None),
        (HEAD, None),
        (HEAD + "b,x,1\na,x,1\n", "TABLE-VALUE"),
        (HEAD + "a,x,1\nb,x,1\na,y,1\n", "TABLE-VALUE"),
        (HEAD + "a,x,1\n" * 3 + "b,x,1\n" + "a,x,1\n" * 3, "TABLE-VALUE"),
        (HEAD + 'a,x,1\n"a",y,1\n', "TABLE-VALUE"),
        (HEAD + "nothing\n", "TABLE-VALUE"),
        (HEAD + '"a,x,1\n', "TABLE-UNREADABLE"),
        (HEAD + "a,x,1", "TABLE-CHANGED"),
        ("another,roi_id,value\na,x,1\n", "TABLE-COLUMNS"),
    ],
)
def test_what_a_run_cannot_have_written_is_refused(text, code, tmp_path):
    table = table_of(tmp_path, text)
    if code is None:
        assert list(line_blocks(table, 1)) == []
        return
    with pytest.raises(TableError) as caught:
        list(line_blocks(table, 1))
    assert caught.value.code == code


def test_an_edit_is_found_at_the_end_of_what_was_read(tmp_path):
    table = table_of(tmp_path, HEAD + "a,x,1\n")
    table.path.write_text(HEAD + "a,x,2\n")
    with pytest.raises(TableError, match="edited or cut"):
        list(line_blocks(table, 1))


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "_LONGEST_LINE", 1000)
    monkeypatch.setattr(blocks, "_BYTES_AT_ONCE", 256)
    for text in (HEAD + "a" * 3000, HEAD + '"' + "a\n" * 3000):
        with pytest.raises(TableError) as caught:
            list(line_blocks(table_of(tmp_path, text), 1))
        assert caught.value.code == "TABLE-UNREADABLE"


def test_joining_in_steps_and_at_once_is_the_same():
    rows = [
        {"engine": engine, "same": "x;y", "held": held}
        for engine, held in (("a", "true"), ("c", "false"), ("b", "true"))
    ]
    at_once = joined_rows(rows)
    assert at_once == {"engine": "a;b;c", "same": "x;y", "held": "false"}
    assert joined_rows([joined_rows(rows[:2]), rows[2]]) == at_once
