"""Sums of what the index keeps: made fast where they are written, in full where they are read."""

from __future__ import annotations

from zlib import crc32

import pytest

from biomarker_cli.catalogue.check_sums import check_sum, record_sums


@pytest.mark.parametrize(
    ("series", "name", "text"),
    [
        ('["1.2","1.3"]', b"/a/b.dcm", "[1,2]"),
        ("", b"", ""),
        ("Z\u00fcrich", b"/\xff\xfe", "\udce4\n\0"),
    ],
)
def test_a_record_has_the_sums_that_are_asked_for_when_it_is_read(series, name, text):
    assert record_sums(series, name, text) == (
        check_sum(series, name),
        check_sum(series, name, text),
    )


def test_each_value_and_its_kind_is_in_the_sum():
    assert check_sum("abc") == crc32(b"\0tabc")
    sums = [
        check_sum("a", "b"),
        check_sum("ab"),
        check_sum("b", "a"),
        check_sum(b"a", "b"),
        check_sum("a", b"b"),
        check_sum("a", "b", ""),
    ]
    assert len(set(sums)) == len(sums)


@pytest.mark.parametrize("odd", [None, 3, 2.5, ["a"]])
def test_what_is_neither_text_nor_bytes_has_the_sum_of_no_row(odd):
    assert check_sum("a", odd, b"b") == -1
