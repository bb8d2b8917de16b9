"""Two processes read what one reads, whatever becomes of the second."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time

import pytest
from synthetic_series import axial, write_series

from biomarker_cli.catalogue import catalogue, second_process
from biomarker_cli.catalogue.alike import Alike
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.catalogue.second_process import PIECE, read_by_two

PARENT = os.getpid()


def squared(number: int) -> int:
    return number * number


def slow_here(number: int) -> tuple[int, bool]:
    if os.getpid() == PARENT:
        time.sleep(0.002)
    return number, os.getpid() == PARENT


def deadly(number: int) -> int:
    if os.getpid() != PARENT and number < 800:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def failing(number: int) -> int:
    raise ZeroDivisionError(number)


def gathered(tasks, work):
    found = {}
    for place, pieces in read_by_two(tasks, work):
        for number, piece in enumerate(pieces, start=place):
            assert number not in found
            found[number] = piece
    return [found[number] for number in range(len(tasks))]


@pytest.mark.parametrize("count", [0, 1, PIECE, PIECE + 1, 1234])
def test_every_task_is_done_once(count):
    assert gathered(range(count), squared) == [n * n for n in range(count)]


def test_the_second_process_has_its_part():
    found = gathered(range(1000), slow_here)
    assert [number for number, _ in found] == list(range(1000))
    assert not all(here for _, here in found)


def test_a_second_process_that_dies_takes_nothing_along():
    assert gathered(range(1000), deadly) == list(range(1000))


def test_where_the_work_fails_here_it_fails(capfd):
    with pytest.raises(ZeroDivisionError):
        gathered(range(1000), failing)
    capfd.readouterr()


def test_a_process_with_threads_is_not_copied(monkeypatch):
    """A copy could hold a lock that nobody lets go of."""
    asked = []
    from multiprocessing import get_context

    monkeypatch.setattr(
        "multiprocessing.get_context", lambda kind: asked.append(kind) or get_context(kind)
    )
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait)
    thread.start()
    try:
        assert gathered(range(300), squared) == [n * n for n in range(300)]
    finally:
        go_on.set()
        thread.join()
    assert asked == ["spawn"]


def test_no_process_is_left_behind():
    pieces = read_by_two(range(200_000), squared)
    next(pieces)
    assert multiprocessing.active_children()
    pieces.close()
    assert not multiprocessing.active_children()


def test_where_no_process_can_be_made_this_one_does_it(monkeypatch):
    def refused(*_):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", refused)
    assert gathered(range(300), squared) == [n * n for n in range(300)]


def test_a_scan_by_two_finds_what_a_scan_by_one_finds(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    for number in range(4):
        write_series(folder, axial(*range(0, 90, 3)), series=str(number))
    (folder / "notes.txt").write_text("hello")
    (folder / "zz.dcm").write_bytes(b"")
    (folder / "1_003.dcm").write_bytes((folder / "1_003.dcm").read_bytes()[:500])
    monkeypatch.setattr(catalogue, "FEWEST_FOR_TWO", 2)
    monkeypatch.setattr(second_process, "PIECE", 7)
    time.sleep(0.2)  # what changed a moment ago is not kept
    one, two = FileIndex(tmp_path / "one"), FileIndex(tmp_path / "two")
    told = []
    first = scan([folder], index=one)
    second = scan([folder], lambda *done: told.append(done), two, by_two=True)
    assert second == first
    assert told[-1] == (122, 122)
    assert told == sorted(told)
    # What the second has read is kept as well.
    monkeypatch.setattr(Alike, "record", None)
    assert scan([folder], index=two) == first
