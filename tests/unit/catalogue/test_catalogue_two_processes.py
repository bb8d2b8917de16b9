"""Two processes find what one finds, whatever becomes of the second."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sqlite3
import sys
import threading
import time

import pytest
from synthetic_dwi import Spec, write_dwi
from synthetic_pet import write_pet
from synthetic_series import axial, write_series

from biomarker_cli.catalogue import catalogue, series_made
from biomarker_cli.catalogue.alike import Alike
from biomarker_cli.catalogue.catalogue import PIECE, scan
from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.catalogue.second_process import SharedWork

PARENT = os.getpid()


_active_count = threading.active_count


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    """Forks, whatever threads earlier tests of this process have left behind."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)


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
    with SharedWork(tasks, work, PIECE, by_two=True) as shared:
        for place, pieces in shared.pieces():
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
    monkeypatch.setattr(threading, "active_count", _active_count)
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
    with SharedWork(range(200_000), squared, PIECE, by_two=True) as shared:
        next(shared.pieces())
        assert multiprocessing.active_children()
    assert not multiprocessing.active_children()


def test_one_process_does_it_alone_where_it_shall():
    with SharedWork(range(1000), slow_here, PIECE, by_two=False) as shared:
        assert not multiprocessing.active_children()
        found = [one for _, pieces in shared.pieces() for one in pieces]
    assert found == [(number, True) for number in range(1000)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a pipe hold more")
def test_the_second_works_on_while_this_one_does_something_else():
    """A pipe holds 64 kB by itself: whoever waits to write into it stacks nothing."""
    with SharedWork([f"{n:01000}" for n in range(800)], str, PIECE, by_two=True) as shared:
        deadline = time.monotonic() + 30
        while multiprocessing.active_children() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not multiprocessing.active_children()
        assert next(shared.pieces())[0] == 700


def test_where_no_process_can_be_made_this_one_does_it(monkeypatch):
    def refused(*_):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", refused)
    assert gathered(range(300), squared) == [n * n for n in range(300)]


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Return a folder of volumes, copies, parts and others, whose series lie in each other."""
    folder = tmp_path / "data"
    for number in range(4):
        write_series(folder, axial(*range(0, 90, 3)), series=str(number))
    (folder / "notes.txt").write_text("hello")
    (folder / "zz.dcm").write_bytes(b"")
    (folder / "1_003.dcm").write_bytes((folder / "1_003.dcm").read_bytes()[:500])
    (folder / "2_copy.dcm").write_bytes((folder / "2_005.dcm").read_bytes())
    (folder / "0_028.dcm").rename(folder / "zz_end_of_0.dcm")
    monkeypatch.setattr(catalogue, "FEWEST_FOR_TWO", 2)
    monkeypatch.setattr(catalogue, "PIECE", 7)
    time.sleep(0.2)  # what changed a moment ago is not kept
    return folder


def test_a_scan_by_two_finds_what_a_scan_by_one_finds(study, tmp_path, monkeypatch):
    one, two = FileIndex(tmp_path / "one"), FileIndex(tmp_path / "two")
    told = []
    first = scan([study], index=one)
    second = scan([study], lambda *done: told.append(done), two, by_two=True)
    assert second == first
    assert {"ok", "refused", "skipped"} == {c.status for c in first.candidates}
    assert told[-1] == (123, 123)
    assert told == sorted(told)
    assert kept(two) == kept(one)
    # What is made of copies is told by looking into them, each time.
    assert len(kept(two)[1]) == 3
    # What the second has read and stacked is kept as well.
    monkeypatch.setattr(Alike, "record", None)
    assert scan([study], index=two) == first
    folders = FileIndex(tmp_path / "one"), FileIndex(tmp_path / "two")
    assert kept(folders[0]) == kept(folders[1])


def kept(index):
    """Return all that an index holds."""
    with sqlite3.connect(next(index.folder.glob("*.sqlite"))) as connection:
        return [
            connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
            for table in ("files", "volumes")
        ]


def test_series_are_stacked_by_both(study, monkeypatch):
    """Where this process takes its time, the second has stacked the rest."""
    here = []
    stacked = series_made.series_candidates

    def slow(described):
        if os.getpid() == PARENT:
            here.append(described)
            time.sleep(1)
        return stacked(described)

    monkeypatch.setattr(series_made, "series_candidates", slow)
    found = scan([study], index=FileIndex(None), by_two=True)
    assert 1 <= len(here) < 4
    assert len(found.volumes) == 4


@pytest.mark.parametrize("when", ["read", "stacked"])
def test_a_second_process_that_is_killed_takes_no_series_along(study, tmp_path, monkeypatch, when):
    first = scan([study], index=FileIndex(None))
    where, what = {"read": (Alike, "record"), "stacked": (series_made, "series_candidates")}[when]
    done_here = getattr(where, what)

    def dying(*arguments):
        if os.getpid() != PARENT:
            os.kill(os.getpid(), signal.SIGKILL)
        return done_here(*arguments)

    monkeypatch.setattr(where, what, dying)
    index = FileIndex(tmp_path / "index")
    assert scan([study], index=index, by_two=True) == first
    assert len(kept(index)[0]) == 123


def test_a_series_that_fails_in_either_process_is_the_same_row(study, tmp_path, monkeypatch):
    def failing_series(_):
        raise ZeroDivisionError

    monkeypatch.setattr(series_made, "series_candidates", failing_series)
    one, two = FileIndex(tmp_path / "one"), FileIndex(tmp_path / "two")
    first = scan([study], index=one)
    assert [c.error_code for c in first.volumes] == ["SERIES-INTERNAL"] * 4
    assert scan([study], index=two, by_two=True) == first
    # It may be over with the next code, or the next try.
    assert kept(one)[1] == kept(two)[1] == []
    assert not first.is_lasting


def test_an_interrupt_while_series_are_stacked_loses_nothing_that_was_read(
    study, tmp_path, monkeypatch
):
    def interrupted(_):
        if os.getpid() == PARENT:
            raise KeyboardInterrupt
        time.sleep(60)

    monkeypatch.setattr(catalogue, "made_of", interrupted)
    index = FileIndex(tmp_path / "index")
    with pytest.raises(KeyboardInterrupt):
        scan([study], index=index, by_two=True)
    assert len(kept(index)[0]) == 123
    assert not multiprocessing.active_children()


def _agree(folders, monkeypatch) -> int:
    """Hold what a series makes in this process against what another one gets of it."""
    made = []

    def both(records):
        one = series_made.made_of(records)
        other = pickle.loads(pickle.dumps(one))
        # Equal numbers of another type would be written in another way.
        assert repr(other.candidates) == repr(one.candidates)
        assert other.candidates is not one.candidates
        assert (other.text, other.is_lasting) == (one.text, one.is_lasting)
        made.append(one)
        return one

    monkeypatch.setattr(catalogue, "made_of", both)
    scan(folders, index=FileIndex(None))
    return len(made)


def test_what_a_series_makes_is_the_same_in_either_process(study, tmp_path, monkeypatch):
    write_pet(tmp_path / "pet")
    write_dwi(tmp_path / "dwi", [Spec(b) for b in (0, 500)])
    assert _agree([study, tmp_path / "pet", tmp_path / "dwi"], monkeypatch) == 6


def test_what_real_series_make_is_the_same_in_either_process(data_dir, monkeypatch):
    assert _agree([data_dir], monkeypatch) > 30
