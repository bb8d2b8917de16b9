"""A source whose answers have no end, and bring next to nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from biomarker_cli.exchange.fetching import pacing
from biomarker_cli.exchange.fetching.choosing import Credentials
from biomarker_cli.exchange.fetching.dicomweb import DicomwebRemote
from biomarker_cli.exchange.fetching.errors import RemoteError
from biomarker_cli.exchange.fetching.remote import RemoteInstance, RemoteSeries
from biomarker_cli.exchange.fetching.sources import DicomwebSource

IDLE_S = 0.5
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@contextmanager
def serving(answer: Callable[[int], Iterator[bytes]]) -> Iterator[DicomwebRemote]:
    """Serve pieces for each request, and yield the remote that asks for them."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            number = 0
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection, suppress(OSError):
                        connection.recv(65_536)
                        for piece in answer(number):
                            connection.sendall(piece)
                    number += 1

        threading.Thread(target=serve, daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        source = DicomwebSource(url=url, idle_timeout_s=IDLE_S)
        with DicomwebRemote(source, Credentials()) as remote:
            yield remote
        listening.shutdown(socket.SHUT_RDWR)


def dripping(start: bytes, drop: bytes) -> Callable[[int], Iterator[bytes]]:
    def answer(_: int) -> Iterator[bytes]:
        yield start
        while True:
            time.sleep(IDLE_S / 5)
            yield drop

    return answer


def streaming(start: bytes, line: bytes) -> Callable[[int], Iterator[bytes]]:
    def answer(_: int) -> Iterator[bytes]:
        yield start
        while True:
            yield line * 1000

    return answer


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (dripping(CHUNKED, b"1\r\n \r\n"), "FETCH-IDLE"),
        (dripping(b"HTTP/1.1 200 OK\r\nX: ", b"x"), "FETCH-IDLE"),
        (streaming(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "FETCH-CUT"),
        (streaming(CHUNKED + b"2\r\n[]\r\n0\r\n", b"a: b\r\n"), "FETCH-CUT"),
    ],
    ids=["drops", "a head in drops", "only 100", "trailers"],
)
def test_an_answer_without_end_ends_by_name(
    answer: Callable[[int], Iterator[bytes]], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "SPAN", 3.0)
    began = time.monotonic()
    with serving(answer) as remote, pytest.raises(RemoteError) as raised:
        remote.find_instances(RemoteSeries("1.2", "1.3"))
    assert raised.value.code == code
    assert time.monotonic() - began < 12 * IDLE_S


def test_a_slow_answer_that_brings_enough_is_not_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pacing, "SPAN", 1.0)
    body = b'[{"00080018": {"Value": ["1.4"]}}]'.ljust(9 * 700)

    def answer(number: int) -> Iterator[bytes]:
        yield b"HTTP/1.1 100 Continue\r\n\r\n" * 3
        content = b"[]" if number else body
        yield b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(content)
        for start in range(0, len(content), 700):
            yield content[start : start + 700]
            time.sleep(0.0 if number else IDLE_S / 4)

    with serving(answer) as remote:
        found = remote.find_instances(RemoteSeries("1.2", "1.3"))
    assert found == [RemoteInstance("1.4")]
