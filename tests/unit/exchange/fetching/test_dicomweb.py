"""A DICOMweb source that works, and one that cuts, stalls, leads away and lies."""

from __future__ import annotations

import json
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from biomarker_cli.exchange.fetching.choosing import Credentials
from biomarker_cli.exchange.fetching.dicomweb import DicomwebRemote
from biomarker_cli.exchange.fetching.errors import (
    RemoteError,
    SeriesRefusedError,
    SourceError,
    SourceRefusedError,
)
from biomarker_cli.exchange.fetching.fetching import Fetch
from biomarker_cli.exchange.fetching.qido import MOST_PAGE_NODES
from biomarker_cli.exchange.fetching.remote import Query
from biomarker_cli.exchange.fetching.sources import DicomwebSource
from tests.dicomweb_server import Answer, DicomwebServer, serving
from tests.synthetic_pacs import DATE, Pacs, pacs_of

NO_PAUSE = (0.0, 0.0)
EVERYTHING = Query(patient_id="P1")


@pytest.fixture(scope="module")
def pacs() -> Pacs:
    return pacs_of(n_series=3, n_instances=12, rows=24)


@pytest.fixture
def server(pacs: Pacs) -> Iterator[DicomwebServer]:
    with serving(pacs) as told:
        yield told


def remote_of(server: DicomwebServer, page: int = 5, idle_timeout_s: float = 5.0) -> DicomwebRemote:
    source = DicomwebSource(url=server.url, idle_timeout_s=idle_timeout_s)
    return DicomwebRemote(source, Credentials(), page)


def fetched(server: DicomwebServer, folder: Path, idle_timeout_s: float = 5.0) -> Fetch:
    with remote_of(server, idle_timeout_s=idle_timeout_s) as remote:
        fetch = Fetch(remote, folder, pauses_s=NO_PAUSE)
        fetch.run(remote.find_series(EVERYTHING))
    return fetch


def contents(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in folder.rglob("*.dcm"))


def is_retrieval(path: str) -> bool:
    return path.split("/")[-1] not in {"studies", "series", "instances"}


def on_retrieval(change: Callable[[Answer], Answer], n_times: int = 1) -> Callable[..., Answer]:
    """Return what changes the first retrievals alone."""
    left = [n_times]

    def changed(path: str, answer: Answer) -> Answer:
        if not is_retrieval(path) or left[0] == 0:
            return answer
        left[0] -= 1
        return change(answer)

    return changed


def test_same_bytes_and_each_series_in_one_stream(server: DicomwebServer, tmp_path: Path) -> None:
    fetch = fetched(server, tmp_path)
    assert contents(tmp_path) == sorted(server.pacs.contents())
    assert {row.status for row in fetch.rows} == {"complete"}
    assert len([path for path in server.asked if is_retrieval(path.partition("?")[0])]) == 3


@pytest.mark.parametrize(
    ("query", "n_series"),
    [
        (Query(patient_id="P1"), 3),
        (Query(patient_id="P2"), 0),
        (Query(modality="CT"), 3),
        (Query(modality="PT"), 0),
        (Query(first_date=DATE, last_date=DATE), 3),
        (Query(first_date="20240116"), 0),
        (Query(last_date="20240114"), 0),
        (Query(last_date=DATE), 3),
    ],
)
@pytest.mark.parametrize(
    "ignores", [(), ("PatientID", "Modality", "ModalitiesInStudy", "StudyDate")]
)
def test_a_condition_that_the_source_ignores_holds_all_the_same(
    query: Query, n_series: int, ignores: tuple[str, ...], server: DicomwebServer
) -> None:
    server.ignores = frozenset(ignores)
    with remote_of(server) as remote:
        assert len(remote.find_series(query)) == n_series


def test_a_series_is_found_by_its_uid_alone(server: DicomwebServer) -> None:
    series = list(server.pacs.series)[1]
    server.ignores = frozenset({"SeriesInstanceUID"})
    with remote_of(server) as remote:
        assert remote.find_series(Query(series_uid=series.series_uid)) == [series]


@pytest.mark.parametrize("at_most", [1, 3, 1000])
def test_pages_go_on_until_one_is_empty(at_most: int, server: DicomwebServer) -> None:
    server.page_at_most = at_most
    with remote_of(server) as remote:
        series = remote.find_series(EVERYTHING)
        assert len(series) == 3
        assert len(remote.find_instances(series[0])) == 12


def test_pages_that_overlap_are_refused(server: DicomwebServer) -> None:
    server.ignores = frozenset({"offset"})
    with remote_of(server) as remote, pytest.raises(RemoteError) as raised:
        remote.find_series(EVERYTHING)
    assert raised.value.code == "FETCH-PAGES"


@pytest.mark.parametrize("says_length", [True, False])
def test_a_cut_stream_is_noticed_and_resumed(
    says_length: bool, server: DicomwebServer, tmp_path: Path
) -> None:
    server.change = on_retrieval(lambda a: replace(a, cut_at=9000, says_length=says_length))
    with remote_of(server) as remote:
        series = remote.find_series(EVERYTHING)[0]
        stored: list[int] = []
        with pytest.raises(RemoteError) as raised:
            remote.retrieve(
                series, remote.find_instances(series), lambda p: stored.append(len(b"".join(p)))
            )
    assert raised.value.code == "FETCH-CUT"
    assert 0 < len(stored) < 12
    server.change = on_retrieval(lambda a: replace(a, cut_at=9000, says_length=says_length))
    assert {row.status for row in fetched(server, tmp_path).rows} == {"complete"}
    assert contents(tmp_path) == sorted(server.pacs.contents())


def test_ten_cuts_at_random_bytes_end_in_the_same_set(
    server: DicomwebServer, tmp_path: Path
) -> None:
    chance = random.Random(22)
    for _ in range(10):
        server.change = on_retrieval(
            lambda a: replace(
                a, cut_at=chance.randrange(len(a.body)), says_length=chance.random() < 0.5
            ),
            n_times=3,
        )
        fetched(server, tmp_path)
        assert set(contents(tmp_path)) <= set(server.pacs.contents())
        for path in chance.sample(sorted(tmp_path.rglob("*.dcm")), 5):
            path.unlink()
    server.change = lambda _, answer: answer
    fetched(server, tmp_path)
    assert contents(tmp_path) == sorted(server.pacs.contents())


def test_a_stream_that_is_cut_for_ever_is_taken_file_by_file(
    server: DicomwebServer, tmp_path: Path
) -> None:
    server.change = lambda path, a: (
        replace(a, cut_at=3000) if is_retrieval(path) and "/instances/" not in path else a
    )
    assert {row.status for row in fetched(server, tmp_path).rows} == {"complete"}


def test_few_that_are_missing_are_asked_for_one_by_one(
    server: DicomwebServer, tmp_path: Path
) -> None:
    big = Pacs(pacs_of(n_series=1, n_instances=40).series)
    server.pacs = big
    fetched(server, tmp_path)
    for path in sorted(tmp_path.rglob("*.dcm"))[:2]:
        path.unlink()
    server.asked.clear()
    fetched(server, tmp_path)
    retrieved = [path for path in server.asked if is_retrieval(path.partition("?")[0])]
    assert len(retrieved) == 2
    assert all("/instances/" in path for path in retrieved)


def test_one_broken_instance_stops_no_other(server: DicomwebServer, tmp_path: Path) -> None:
    broken = sorted(next(iter(server.pacs.series.values())))[0]

    def change(path: str, answer: Answer) -> Answer:
        if path.endswith(broken):
            return Answer(status=500)
        return replace(answer, cut_at=100) if is_retrieval(path) and "inst" not in path else answer

    server.change = change
    fetch = fetched(server, tmp_path)
    assert sorted((row.status, row.n_on_disk) for row in fetch.rows) == [
        ("complete", 12),
        ("complete", 12),
        ("incomplete", 11),
    ]


def test_a_silent_source_is_given_up_in_bounded_time(
    server: DicomwebServer, tmp_path: Path
) -> None:
    server.change = on_retrieval(lambda a: replace(a, cut_at=500, stall_s=1.5), n_times=100)
    start = time.monotonic()
    fetch = fetched(server, tmp_path, idle_timeout_s=0.2)
    assert time.monotonic() - start < 15
    assert {row.error_code for row in fetch.rows} == {"FETCH-IDLE"}


def test_a_slow_source_that_goes_on_is_not_idle(server: DicomwebServer) -> None:
    from biomarker_cli.exchange.fetching.multipart import MultipartStream

    # What bounds a transfer is the time between two chunks, never the whole.
    chunks = [b"--b\r\n\r\nabc", b"", b"def\r\n--", b"b--"]
    assert [b"".join(p) for p in MultipartStream(chunks, b"b").parts()] == [b"abcdef"]


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, SourceRefusedError, "FETCH-DENIED"),
        (407, SourceRefusedError, "FETCH-DENIED"),
        (403, SeriesRefusedError, "FETCH-DENIED"),
        (404, SeriesRefusedError, "FETCH-NOT-FOUND"),
        (418, SeriesRefusedError, "FETCH-STATUS"),
        (503, RemoteError, "FETCH-BUSY"),
        (429, RemoteError, "FETCH-BUSY"),
    ],
)
def test_a_status_is_named_and_only_a_busy_source_asked_again(
    status: int, kind: type[RemoteError], code: str, server: DicomwebServer
) -> None:
    server.change = lambda _, answer: Answer(status=status)
    with remote_of(server) as remote, pytest.raises(RemoteError) as raised:
        remote.find_series(EVERYTHING)
    assert (type(raised.value), raised.value.code) == (kind, code)


def test_503_is_tried_three_times(server: DicomwebServer, tmp_path: Path) -> None:
    server.pacs = Pacs(dict([next(iter(server.pacs.series.items()))]))
    server.change = on_retrieval(lambda _: Answer(status=503), n_times=2)
    assert fetched(server, tmp_path / "a").rows[0].status == "complete"
    server.asked.clear()
    server.change = on_retrieval(lambda _: Answer(status=503), n_times=100)
    assert fetched(server, tmp_path / "b").rows[0].error_code == "FETCH-BUSY"
    series = [path for path in server.asked if is_retrieval(path.partition("?")[0])]
    assert len(series) < 12


def test_no_redirect_leads_to_another_host(server: DicomwebServer, pacs: Pacs) -> None:
    with serving(pacs) as other:
        port = server.url.split(":")[2].split("/")[0]
        for place in (
            other.url,
            "https://127.0.0.1/",
            "//evil.example/x",
            "file:///etc/passwd",
            "http://[",
            f"http://a:b@127.0.0.1:{port}/web",
            f"http://127.0.0.1:{port}1/web",
        ):
            moved = {"Location": place}
            server.change = lambda _, a, moved=moved: replace(a, status=302, headers=moved)
            with remote_of(server) as remote, pytest.raises(SourceRefusedError) as raised:
                remote.find_series(EVERYTHING)
            assert raised.value.code == "FETCH-REDIRECT"
        assert other.asked == []


def test_the_body_of_a_redirect_is_not_read(server: DicomwebServer) -> None:
    moved = {"Location": "https://elsewhere.example/"}
    server.change = lambda _, a: replace(
        a, status=302, headers=moved, body=bytes(10), cut_at=5, stall_s=1.5
    )
    start = time.monotonic()
    with remote_of(server) as remote, pytest.raises(SourceRefusedError) as raised:
        remote.find_series(EVERYTHING)
    assert raised.value.code == "FETCH-REDIRECT"
    assert time.monotonic() - start < 1.4


def test_a_redirect_within_the_host_is_followed_and_one_in_a_circle_ends(
    server: DicomwebServer, pacs: Pacs
) -> None:
    def once(path: str, answer: Answer) -> Answer:
        if path != "/web/studies":
            return answer
        return replace(answer, status=307, headers={"Location": "/new/studies"})

    server.change = once
    with remote_of(server) as remote:
        with pytest.raises(RemoteError) as raised:
            # Without its query the new place lists the study on each page.
            remote.find_series(EVERYTHING)
        assert raised.value.code == "FETCH-PAGES"
        server.change = lambda _, a: replace(a, status=302, headers={"Location": "/web/studies"})
        with pytest.raises(SourceRefusedError) as raised:
            remote.find_series(EVERYTHING)
    assert raised.value.code == "FETCH-REDIRECT"


@pytest.mark.parametrize(
    "body",
    [
        b"<html>log in</html>",
        b"{}",
        b"[1]",
        b"[" * 100_000,
        b'[{"0020000D": 7}]',
        b'[{"0020000D": {"Value": "1.2"}}]',
        b'[{"0020000D": {"Value": [["1.2"]]}}]',
        b"\xff\xfe",
        b"9" * 5000,
    ],
)
def test_what_is_no_answer_is_refused(body: bytes, server: DicomwebServer) -> None:
    server.change = lambda _, answer: replace(answer, body=body)
    with remote_of(server) as remote, pytest.raises(SeriesRefusedError) as raised:
        remote.find_series(EVERYTHING)
    assert raised.value.code == "FETCH-ANSWER"


@pytest.mark.parametrize("uid", ["../../etc", "1.2/3", "", "1" * 65, "..", 5, None, "1.2\n"])
def test_no_uid_of_a_source_becomes_a_path(uid: object, server: DicomwebServer) -> None:
    body = json.dumps([{"0020000D": {"Value": [uid]}, "00100020": {"Value": ["P1"]}}])
    server.change = lambda _, answer: replace(answer, body=body.encode())
    with remote_of(server) as remote, pytest.raises(RemoteError) as raised:
        remote.find_series(EVERYTHING)
    assert raised.value.code == "FETCH-UID"


def test_an_answer_beyond_all_bounds_is_not_read(
    server: DicomwebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("biomarker_cli.exchange.fetching.qido.MOST_PAGE_BYTES", 100)
    with remote_of(server) as remote, pytest.raises(SeriesRefusedError, match="more than 100"):
        remote.find_series(EVERYTHING)


@pytest.mark.parametrize("empty", [b"{}", b"[]"])
def test_a_page_of_nothing_is_not_read_into_memory(empty: bytes, server: DicomwebServer) -> None:
    series = next(iter(server.pacs.series))
    body = b"[" + b",".join([empty] * MOST_PAGE_NODES) + b"]"
    server.change = lambda _, answer: replace(answer, body=body)
    tracemalloc.start()
    try:
        with remote_of(server) as remote, pytest.raises(SeriesRefusedError, match="no DICOM JSON"):
            remote.find_instances(series)
        assert tracemalloc.get_traced_memory()[1] < 8 * len(body)
    finally:
        tracemalloc.stop()


def test_matches_without_end_are_not_gone_through(
    server: DicomwebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("biomarker_cli.exchange.fetching.qido.MOST_FOUND", 9)
    series = next(iter(server.pacs.series))
    with remote_of(server) as remote, pytest.raises(SeriesRefusedError, match="more than 9"):
        remote.find_instances(series)
    assert len(server.asked) == 2


def test_a_study_that_does_not_say_whose_it_is_is_not_fetched_for_a_patient(
    server: DicomwebServer,
) -> None:
    body = json.dumps([{"0020000D": {"Value": ["1.2"]}}]).encode()
    server.change = lambda _, answer: replace(answer, body=body)
    with remote_of(server) as remote, pytest.raises(SourceRefusedError, match="PatientID"):
        remote.find_series(EVERYTHING)


@pytest.mark.parametrize(
    ("query", "word"),
    [
        (Query(study_uid="1.2", modality="CT"), "Modality"),
        (Query(study_uid="1.2", first_date="20240115"), "StudyDate"),
    ],
)
def test_what_is_not_told_leaves_nothing_out_without_a_word(
    query: Query, word: str, server: DicomwebServer
) -> None:
    said = {"0020000D": {"Value": ["1.2"]}, "0020000E": {"Value": ["1.3"]}}
    # A date that is written another way is none that can be held against the range.
    body = json.dumps([{**said, "00080020": {"Value": ["2024-01-15"]}}]).encode()
    server.change = lambda _, answer: replace(answer, body=body)
    with remote_of(server) as remote, pytest.raises(SourceRefusedError, match=word):
        remote.find_series(query)


def test_packed_and_foreign_answers_are_refused(server: DicomwebServer) -> None:
    series = next(iter(server.pacs.series))
    for change in (
        lambda a: replace(a, headers={"Content-Encoding": "gzip"}),
        lambda a: replace(a, content_type="text/html"),
        lambda a: replace(a, content_type="multipart/related"),
    ):
        server.change = on_retrieval(change)
        with remote_of(server) as remote, pytest.raises(SeriesRefusedError) as raised:
            remote.retrieve(series, remote.find_instances(series), lambda p: None)
        assert raised.value.code == "FETCH-ANSWER"


@pytest.mark.parametrize("chunks", [b"zz\r\n", b"5\r\nab", b"-5\r\nabcde\r\n", b"\xff\r\n"])
def test_chunks_that_are_none_end_by_name(chunks: bytes, server: DicomwebServer) -> None:
    told = {"Transfer-Encoding": "chunked"}
    server.change = lambda _, a: replace(a, body=chunks, headers=told, says_length=False)
    with remote_of(server, idle_timeout_s=0.5) as remote, pytest.raises(RemoteError) as raised:
        remote.find_series(EVERYTHING)
    assert raised.value.code in {"FETCH-CUT", "FETCH-ANSWER"}


def test_headers_without_end_are_not_read(server: DicomwebServer) -> None:
    server.change = lambda _, a: replace(a, headers={f"X-{n}": "y" for n in range(500)})
    with remote_of(server) as remote, pytest.raises(RemoteError) as raised:
        remote.find_series(EVERYTHING)
    assert raised.value.code == "FETCH-CUT"
    server.change = lambda _, a: replace(a, headers={"X": "y" * 200_000})
    with remote_of(server) as remote, pytest.raises(RemoteError) as raised:
        remote.find_series(EVERYTHING)
    assert raised.value.code == "FETCH-CUT"


def test_a_single_file_without_parts_is_taken(server: DicomwebServer, tmp_path: Path) -> None:
    (series, instances), *_ = server.pacs.series.items()
    uid, content = next(iter(instances.items()))
    server.pacs = Pacs({series: {uid: content}})
    server.change = on_retrieval(
        lambda _: Answer(content, content_type="application/dicom"), n_times=9
    )
    assert fetched(server, tmp_path).rows[0].status == "complete"


def test_credentials_go_to_the_source_and_the_environment_is_not_asked(
    server: DicomwebServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password wrong\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    source = DicomwebSource(url=server.url)
    for credentials, said in (
        (Credentials(), None),
        (Credentials("äb", "c:d"), "Basic w6RiOmM6ZA=="),
        (Credentials(token="t.1"), "Bearer t.1"),
    ):
        with DicomwebRemote(source, credentials) as remote:
            remote.find_series(EVERYTHING)
        assert server.heads[-1].get("Authorization") == said


def test_a_proxy_of_the_file_is_asked(server: DicomwebServer) -> None:
    source = DicomwebSource(url="http://pacs.example/web", proxy=server.url.removesuffix("/web"))
    with DicomwebRemote(source, Credentials()) as remote:
        assert len(remote.find_series(EVERYTHING)) == 3
    assert all(path.startswith("http://pacs.example/web/studies") for path in server.asked)


def test_without_requests_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("biomarker_cli.exchange.fetching.web_session.find_spec", lambda name: None)
    with pytest.raises(SourceError) as raised:
        DicomwebRemote(DicomwebSource(url="https://h/x"), Credentials())
    assert raised.value.code == "FETCH-NO-DICOMWEB"
    assert "biomarker-cli[dicomweb]" in raised.value.hint


def test_a_port_where_nobody_listens_is_named_at_once() -> None:
    start = time.monotonic()
    remote = DicomwebRemote(DicomwebSource(url="http://127.0.0.1:9/x"), Credentials())
    with remote, pytest.raises(RemoteError) as raised:
        remote.find_series(EVERYTHING)
    assert raised.value.code == "FETCH-UNREACHABLE"
    assert time.monotonic() - start < 5
