"""The way of a fetch, with a source that is a list."""

from __future__ import annotations

import csv
import errno
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from biomarker_cli.exchange.fetching.errors import (
    RemoteError,
    SeriesRefusedError,
    SourceError,
    SourceRefusedError,
)
from biomarker_cli.exchange.fetching.fetched_table import FetchedRow, write_fetched
from biomarker_cli.exchange.fetching.fetching import FRUITLESS_TRIES, Fetch
from biomarker_cli.exchange.fetching.listing import list_series
from biomarker_cli.exchange.fetching.queries import AskedFor
from biomarker_cli.exchange.fetching.remote import Query, RemoteInstance, RemoteSeries
from biomarker_cli.model.errors import BiomarkerError
from tests.synthetic_pacs import Pacs, pacs_of

NO_PAUSE = (0.0, 0.0)


class ListRemote:
    """A source in memory; `behave` may raise, cut or change what is handed over."""

    def __init__(self, pacs: Pacs) -> None:
        self.pacs = pacs
        self.asked: list[int] = []
        self.behave: Callable[[int, bytes], Iterable[bytes]] = lambda _, content: [content]
        self.listing: Callable[[list[RemoteInstance]], list[RemoteInstance]] = lambda found: found
        self.refuse: RemoteError | None = None

    def __enter__(self) -> ListRemote:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def find_series(self, query: Query) -> list[RemoteSeries]:
        return list(self.pacs.series)

    def find_instances(self, series: RemoteSeries) -> list[RemoteInstance]:
        if self.refuse:
            raise self.refuse
        return self.listing([RemoteInstance(uid) for uid in self.pacs.series[series]])

    def retrieve(
        self,
        series: RemoteSeries,
        instances: Sequence[RemoteInstance],
        receive: Callable[[Iterable[bytes]], None],
    ) -> None:
        self.asked.append(len(instances))
        for at, one in enumerate(instances):
            receive(self.behave(at, self.pacs.series[series][one.sop_instance_uid]))


@pytest.fixture(scope="module")
def pacs() -> Pacs:
    return pacs_of(n_series=2, n_instances=4)


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "fetched.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def fetched(remote: ListRemote, folder: Path) -> Fetch:
    fetch = Fetch(remote, folder, pauses_s=NO_PAUSE)
    fetch.run(remote.find_series(Query()))
    return fetch


def test_every_instance_is_stored_as_it_came(pacs: Pacs, tmp_path: Path) -> None:
    fetch = fetched(ListRemote(pacs), tmp_path)
    assert {(r["status"], r["n_expected"], r["n_on_disk"]) for r in rows_of(tmp_path)} == {
        ("complete", "4", "4")
    }
    for series, instances in pacs.series.items():
        for uid, content in instances.items():
            path = tmp_path / series.study_uid / series.series_uid / f"{uid}.dcm"
            assert path.read_bytes() == content
    assert fetch.n_files_received == 8
    assert fetch.n_bytes_received == sum(map(len, pacs.contents()))
    assert not list(tmp_path.rglob("*.part"))


def test_what_is_whole_on_disk_is_not_asked_for_again(pacs: Pacs, tmp_path: Path) -> None:
    fetched(ListRemote(pacs), tmp_path)
    files = sorted(tmp_path.rglob("*.dcm"))
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-2])
    remote = ListRemote(pacs)
    fetched(remote, tmp_path)
    assert sum(remote.asked) == 2
    assert sorted(p.read_bytes() for p in tmp_path.rglob("*.dcm")) == sorted(pacs.contents())
    assert {row["status"] for row in rows_of(tmp_path)} == {"complete"}


def test_a_cut_is_asked_for_again_and_brings_the_same_files(pacs: Pacs, tmp_path: Path) -> None:
    remote = ListRemote(pacs)
    cuts = iter([True, False, True])

    def cut(at: int, content: bytes) -> Iterable[bytes]:
        yield content[:300]
        if at == 1 and next(cuts, False):
            raise RemoteError("FETCH-CUT", "cut")
        yield content[300:]

    remote.behave = cut
    fetched(remote, tmp_path)
    assert sorted(p.read_bytes() for p in tmp_path.rglob("*.dcm")) == sorted(pacs.contents())


def test_a_short_object_is_never_stored_and_the_series_is_named(pacs: Pacs, tmp_path: Path) -> None:
    remote = ListRemote(pacs)
    remote.behave = lambda at, content: [content[:-2] if at == 0 else content]
    fetch = fetched(remote, tmp_path)
    assert [(r["status"], r["n_on_disk"], r["error_code"]) for r in rows_of(tmp_path)] == [
        ("incomplete", "3", "FETCH-INCOMPLETE")
    ] * 2
    assert "bytes of pixel data" in fetch.problems[0][1].message
    # The first brings three of four; then as often as is allowed without one more.
    assert len(remote.asked) == 2 * (1 + FRUITLESS_TRIES)


def test_retries_end_where_nothing_comes(pacs: Pacs, tmp_path: Path) -> None:
    remote = ListRemote(pacs)
    remote.behave = lambda at, content: []
    fetch = fetched(remote, tmp_path)
    assert len(fetch.problems) == 2
    assert {(r["status"], r["error_code"]) for r in rows_of(tmp_path)} == {
        ("failed", "FETCH-INCOMPLETE")
    }


@pytest.mark.parametrize(
    ("error", "n_problems"), [(SeriesRefusedError, 2), (SourceRefusedError, 1), (RemoteError, 2)]
)
def test_who_says_no_to_everything_is_asked_once(
    error: type[RemoteError], n_problems: int, pacs: Pacs, tmp_path: Path
) -> None:
    remote = ListRemote(pacs)
    remote.refuse = error("FETCH-DENIED", "no")
    fetch = fetched(remote, tmp_path)
    assert len(fetch.problems) == n_problems
    assert [(r["status"], r["n_expected"]) for r in rows_of(tmp_path)] == [("failed", "")] * 2


def test_a_source_that_is_lost_twice_in_a_row_is_not_asked_for_the_rest(tmp_path: Path) -> None:
    remote = ListRemote(pacs_of(n_series=5, n_instances=2))
    gone = list(remote.pacs.series)[2:4]

    def behave(at: int, content: bytes) -> Iterable[bytes]:
        raise RemoteError("FETCH-CUT", "cut")

    fetch = Fetch(remote, tmp_path, pauses_s=NO_PAUSE)
    handed_over = remote.retrieve

    def retrieve(series: RemoteSeries, *more: Any) -> None:
        remote.behave = behave if series in gone else lambda _, content: [content]
        handed_over(series, *more)

    remote.retrieve = retrieve  # type: ignore[method-assign]
    fetch.run(list(remote.pacs.series))
    assert [row.status for row in fetch.rows] == ["complete"] * 2 + ["failed"] * 3
    assert [row.n_expected for row in fetch.rows] == [2, 2, 2, 2, None]
    assert len(fetch.problems) == 2


def test_what_was_not_asked_for_is_dropped(pacs: Pacs, tmp_path: Path) -> None:
    remote = ListRemote(pacs)
    other = pacs_of(n_series=1, n_instances=1, seed=7)
    remote.behave = lambda at, content: content and (content,)

    def with_foreign(
        series: RemoteSeries,
        instances: Sequence[RemoteInstance],
        receive: Callable[[Iterable[bytes]], None],
    ) -> None:
        for content in (*other.contents(), *pacs.series[series].values()):
            receive([content])
            receive([content])

    remote.retrieve = with_foreign  # type: ignore[method-assign]
    fetched(remote, tmp_path)
    assert [(r["status"], r["n_dropped"]) for r in rows_of(tmp_path)] == [("complete", "6")] * 2
    assert sorted(p.read_bytes() for p in tmp_path.rglob("*.dcm")) == sorted(pacs.contents())


def test_a_series_without_instances_is_not_complete(pacs: Pacs, tmp_path: Path) -> None:
    remote = ListRemote(pacs)
    remote.listing = lambda _: []
    fetched(remote, tmp_path)
    assert {r["error_code"] for r in rows_of(tmp_path)} == {"FETCH-EMPTY"}


def test_an_interrupt_leaves_a_table_that_names_the_rest(pacs: Pacs, tmp_path: Path) -> None:
    remote = ListRemote(pacs)

    def interrupt(at: int, content: bytes) -> Iterable[bytes]:
        if at == 2:
            raise KeyboardInterrupt
        return [content]

    remote.behave = interrupt
    with pytest.raises(KeyboardInterrupt):
        fetched(remote, tmp_path)
    rows = {row["series_uid"]: row for row in rows_of(tmp_path)}
    tried, waiting = (rows[series.series_uid] for series in pacs.series)
    assert (tried["status"], tried["n_on_disk"]) == ("incomplete", "2")
    assert (waiting["status"], waiting["n_expected"]) == ("failed", "")
    assert {tried["error_code"], waiting["error_code"]} == {"FETCH-INTERRUPTED"}


def test_a_disk_that_is_full_ends_the_fetch_and_the_table_says_how_far(
    pacs: Pacs, tmp_path: Path
) -> None:
    remote = ListRemote(pacs)

    def full(at: int, content: bytes) -> Iterable[bytes]:
        if at == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return [content]

    remote.behave = full
    with pytest.raises(OSError, match="No space"):
        fetched(remote, tmp_path)
    assert [(r["status"], r["n_on_disk"]) for r in rows_of(tmp_path)] in (
        [("incomplete", "1"), ("failed", "0")],
        [("failed", "0"), ("incomplete", "1")],
    )
    remote.behave = lambda _, content: [content]
    fetched(remote, tmp_path)
    assert sorted(p.read_bytes() for p in tmp_path.rglob("*.dcm")) == sorted(pacs.contents())


def test_rows_of_an_earlier_fetch_stay(pacs: Pacs, tmp_path: Path) -> None:
    first, second = pacs.series
    for series in (first, second, first):
        Fetch(ListRemote(pacs), tmp_path, pauses_s=NO_PAUSE).run([series])
    assert len(rows_of(tmp_path)) == 2


def test_rows_of_a_fetch_that_ran_beside_stay(pacs: Pacs, tmp_path: Path) -> None:
    first, second = pacs.series
    remote = ListRemote(pacs)

    def another(at: int, content: bytes) -> Iterable[bytes]:
        if at == 0:
            Fetch(ListRemote(pacs), tmp_path, pauses_s=NO_PAUSE).run([second])
        return [content]

    remote.behave = another
    Fetch(remote, tmp_path, pauses_s=NO_PAUSE).run([first])
    assert {row["status"] for row in rows_of(tmp_path)} == {"complete"}
    assert len(rows_of(tmp_path)) == 2


def test_tables_that_are_written_at_once_lose_no_row(tmp_path: Path) -> None:
    def write(number: int) -> None:
        row = FetchedRow(study_uid="1.2", series_uid=f"1.3.{number}", status="complete")
        write_fetched([row], tmp_path)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(24)))
    assert len(rows_of(tmp_path)) == 24


def test_tables_of_something_else_are_not_written_over(pacs: Pacs, tmp_path: Path) -> None:
    (tmp_path / "datapackage.json").write_text("{}")
    with pytest.raises(SourceError, match="other tables") as raised:
        fetched(ListRemote(pacs), tmp_path)
    assert raised.value.code == "OUTPUT-EXISTS"


def test_a_query_is_asked_again_where_the_source_was_lost(pacs: Pacs) -> None:
    remote = ListRemote(pacs)
    answers = iter([RemoteError("FETCH-IDLE", "silent"), None])

    def find(query: Query) -> list[RemoteSeries]:
        if error := next(answers):
            raise error
        return list(pacs.series)

    remote.find_series = find  # type: ignore[method-assign]
    assert len(list_series(remote, [AskedFor(Query())], NO_PAUSE).series) == 2


def test_a_query_that_fails_or_matches_nothing_stops_no_other(pacs: Pacs) -> None:
    remote = ListRemote(pacs)
    asked = [AskedFor(Query(patient_id=name), name) for name in ("none", "bad", "P1", "P1 too")]

    def find(query: Query) -> list[RemoteSeries]:
        if query.patient_id == "bad":
            raise SeriesRefusedError("FETCH-NOT-FOUND", "no")
        return [] if query.patient_id == "none" else list(pacs.series)

    remote.find_series = find  # type: ignore[method-assign]
    listed = list_series(remote, asked, NO_PAUSE)
    assert listed.series == list(pacs.series)
    assert [one.where for one in listed.unmatched] == ["none"]
    assert [(one.where, error.code) for one, error in listed.problems] == [
        ("bad", "FETCH-NOT-FOUND")
    ]


@pytest.mark.parametrize(
    ("error", "n_asked"), [(SourceRefusedError, 1), (RemoteError, 2 * 3), (SeriesRefusedError, 4)]
)
def test_a_source_that_answers_no_query_is_not_asked_for_ever(
    error: type[RemoteError], n_asked: int, pacs: Pacs
) -> None:
    remote = ListRemote(pacs)
    count: list[Query] = []

    def find(query: Query) -> list[RemoteSeries]:
        count.append(query)
        raise error("FETCH-DENIED", "no")

    remote.find_series = find  # type: ignore[method-assign]
    with pytest.raises(error):
        list_series(remote, [AskedFor(Query(patient_id=str(n))) for n in range(4)], NO_PAUSE)
    assert len(count) == n_asked


HEAD = "study_uid,series_uid,modality,n_expected,n_on_disk,n_bytes,n_dropped,status,error_code\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b\n1,2\n",
        f"{HEAD}1.2,../x,CT,1,1,1,0,complete,\n",
        f"{HEAD}1.2,1.3,CT,1,1,1,0,complete,\n1.2,1.3,CT,1,1,1,0,complete,\n",
        f"{HEAD}1.2,1.3,CT,one,1,1,0,complete,\n",
        f"{HEAD}1.2,1.3,CT,1,1,1,0,=cmd(),\n",
        "link",
        "folder",
    ],
)
def test_an_earlier_table_that_is_none_stops_before_anything_is_fetched(
    text: str, pacs: Pacs, tmp_path: Path
) -> None:
    place = tmp_path / "out" / "fetched.csv"
    place.parent.mkdir()
    if text == "link":
        place.symlink_to(tmp_path / "elsewhere.csv")
    elif text == "folder":
        place.mkdir()
    else:
        place.write_text(text)
    remote = ListRemote(pacs)
    with pytest.raises(BiomarkerError):
        fetched(remote, tmp_path / "out")
    assert remote.asked == []
    assert [path.name for path in place.parent.iterdir()] == ["fetched.csv"]
    assert not (tmp_path / "elsewhere.csv").exists()
