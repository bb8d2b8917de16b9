"""Parts of a stream, however it is chopped, and streams that end too early."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from biomarker_cli.exchange.fetching.errors import RemoteError, SeriesRefusedError
from biomarker_cli.exchange.fetching.multipart import MultipartStream, boundary_of

BODY = (
    b"to be skipped\r\n--b\r\nContent-Type: application/dicom\r\nX: y\r\n\r\nfirst\r\n--not it"
    b"\r\n--b\r\n\r\n"
    b"\r\n--b  \r\nA: b\r\n\r\n\r\n-\r\n--"
    b"\r\n--b--\r\nepilogue"
)
PARTS = [b"first\r\n--not it", b"", b"\r\n-\r\n--"]


def parts_of(chunks: Iterator[bytes], boundary: bytes = b"b") -> list[bytes]:
    return [b"".join(part) for part in MultipartStream(chunks, boundary).parts()]


def chopped(body: bytes, at_most: int, seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    while body:
        n = chance.randint(1, at_most)
        yield body[:n]
        body = body[n:]


@pytest.mark.parametrize("at_most", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_parts_are_the_same_however_the_stream_is_chopped(at_most: int, seed: int) -> None:
    assert parts_of(chopped(BODY, at_most, seed)) == PARTS


def test_every_cut_before_the_closing_boundary_is_noticed() -> None:
    closed = BODY.index(b"\r\n--b--") + len(b"\r\n--b--")
    for n in range(closed):
        whole: list[bytes] = []
        parts = MultipartStream([BODY[:n]], b"b").parts()
        with pytest.raises(RemoteError) as raised:
            whole.extend(b"".join(part) for part in parts)
        assert raised.value.code == "FETCH-CUT"
        assert whole == PARTS[: len(whole)]
    assert parts_of(iter([BODY[:closed]])) == PARTS


def test_a_stream_is_taken_in_constant_memory() -> None:
    def endless(n_chunks: int) -> Iterator[bytes]:
        yield b"--b\r\n\r\n"
        for _ in range(n_chunks):
            yield bytes(1_000_000)
        yield b"\r\n--b--"

    largest = total = 0
    for part in MultipartStream(endless(50), b"b").parts():
        for piece in part:
            largest, total = max(largest, len(piece)), total + len(piece)
    assert total == 50_000_000
    assert largest <= 1_000_010


@pytest.mark.parametrize(
    "body",
    [
        bytes(200_000) + BODY,
        b"--b\r\n" + b"X: y\r\n" * 20_000 + b"\r\nx\r\n--b--",
        b"--bother\r\n\r\nx\r\n--b--",
    ],
)
def test_what_is_no_part_is_refused(body: bytes) -> None:
    with pytest.raises(SeriesRefusedError) as raised:
        parts_of(chopped(body, 5000, 1))
    assert raised.value.code == "FETCH-ANSWER"


@pytest.mark.parametrize(
    ("said", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary=ab-9', b"ab-9"),
        ('multipart/related; BOUNDARY = "a b;c"; type=x', b"a b;c"),
        ("multipart/related;boundary=x;type=y", b"x"),
    ],
)
def test_the_boundary_is_that_of_the_answer(said: str, boundary: bytes) -> None:
    assert boundary_of(said) == boundary


@pytest.mark.parametrize("said", ["multipart/related", "multipart/related; boundary=", "x; b=c"])
def test_an_answer_without_a_boundary_is_refused(said: str) -> None:
    with pytest.raises(SeriesRefusedError):
        boundary_of(said)
