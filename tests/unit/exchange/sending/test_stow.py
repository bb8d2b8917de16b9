"""STOW-RS: what is posted, and answers of every kind."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from biomarker_cli.exchange.fetching.choosing import Credentials
from biomarker_cli.exchange.fetching.sources import DicomwebSource
from biomarker_cli.exchange.sending import stow
from biomarker_cli.exchange.sending.sending import Sending
from biomarker_cli.exchange.sending.stow import StowTarget
from tests.synthetic_pacs import pacs_of

CONTENTS = {uid: content for one in pacs_of(1, 3).series.values() for uid, content in one.items()}


class Service:
    """A service that answers queries with nothing, and each STOW as it is told."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.posted: list[bytes] = []
        self.types: list[str] = []
        self.redirect = ""

    @contextmanager
    def serving(self) -> Iterator[str]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(200, b"[]")

            def do_POST(self):
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                service.posted.append(body)
                service.types.append(self.headers["Content-Type"])
                self.answer(*service.answers[min(len(service.posted), len(service.answers)) - 1])

            def answer(self, status, body):
                self.send_response(status)
                if service.redirect:
                    self.send_header("Location", service.redirect)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
            thread.join()


def said(stored: list[str], failed: dict[str, object] | None = None) -> bytes:
    uid, reason = "00081155", "00081197"
    answer = {
        "00081199": {"vr": "SQ", "Value": [{uid: {"vr": "UI", "Value": [one]}} for one in stored]},
        "00081198": {
            "Value": [
                {uid: {"Value": [one]}, reason: {"Value": [why]}}
                for one, why in (failed or {}).items()
            ]
        },
    }
    return json.dumps(answer).encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, content in enumerate(CONTENTS.values()):
        (tmp_path / f"{number}.dcm").write_bytes(content)
    return tmp_path


def sent(service: Service, folder: Path) -> list[tuple[str, str, str]]:
    with service.serving() as url:
        source = DicomwebSource(url=url, idle_timeout_s=5.0)
        with StowTarget(source, Credentials()) as target:
            sending = Sending(target, pauses_s=(0.0, 0.0))
            sending.run(folder)
    return [(row.status, row.error_code, row.error_message) for row in sending.rows]


def test_the_files_are_the_parts_and_each_is_told(folder):
    service = Service()
    a, b, c = CONTENTS
    service.answers = [(202, said([a], {b: 0x0122, c: 0xC122}))]
    rows = sent(service, folder)
    assert rows[0] == ("sent", "", "")
    assert rows[1][:2] == ("failed", "SEND-FAILED")
    assert "0x0122 (SOP class not supported)" in rows[1][2]
    assert "0xC122 (transfer syntax not supported)" in rows[2][2]
    (body,), (kind,) = service.posted, service.types
    boundary = kind.rsplit("boundary=", 1)[1].encode()
    head = b"--" + boundary + b"\r\nContent-Type: application/dicom\r\n\r\n"
    parts = b"".join(head + one + b"\r\n" for one in CONTENTS.values())
    assert body == parts + b"--" + boundary + b"--\r\n"
    assert kind.startswith('multipart/related; type="application/dicom"')


def test_a_conflict_says_why_of_each(folder):
    service = Service()
    service.answers = [(409, said([], dict.fromkeys(CONTENTS, 0xA700)))]
    assert {row[:2] for row in sent(service, folder)} == {("failed", "SEND-FAILED")}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"[" * 100_000,
        b'{"00081199": 5, "00081198": {"Value": 5}}',
        b'{"00081199": {"Value": [5, null, {"00081155": {"Value": []}}, {"00081155": 1}]}}',
        said(["1.2.3"]),
        b'{"00081199": ' + b"9" * 5000 + b"}",
    ],
)
def test_an_answer_that_says_nothing_of_a_file_is_no_success(folder, body):
    service = Service()
    service.answers = [(200, body)]
    rows = sent(service, folder)
    assert {row[0] for row in rows} == {"failed"}
    assert {row[1] for row in rows} <= {"SEND-UNANSWERED", "SEND-ANSWER"}
    assert len(service.posted) == 3


@pytest.mark.parametrize(
    ("status", "code", "n_tries"),
    [
        (401, "FETCH-DENIED", 1),
        (403, "FETCH-DENIED", 1),
        (404, "FETCH-NOT-FOUND", 1),
        (415, "FETCH-STATUS", 1),
        (503, "FETCH-BUSY", 3),
    ],
)
def test_a_status_is_named_and_asked_again_only_where_that_helps(folder, status, code, n_tries):
    service = Service()
    service.answers = [(status, b"")]
    assert {row[:2] for row in sent(service, folder)} == {("failed", code)}
    assert len(service.posted) == n_tries


def gone(path: Path) -> None:
    path.unlink()


def another(path: Path) -> None:
    path.write_bytes(next(pacs_of(seed=5).contents()))


def behind_a_link(path: Path) -> None:
    path.symlink_to(path.rename(path.parent.parent / "elsewhere.dcm"))


@pytest.mark.parametrize("change", [gone, another, behind_a_link])
def test_a_file_that_has_changed_since_it_was_read_stays_and_the_others_go(
    folder, monkeypatch, change
):
    service = Service()
    uids = list(CONTENTS)
    service.answers = [(200, said(uids))]
    held = StowTarget.held

    def holding(target, series):
        change(folder / "1.dcm")
        return held(target, series)

    monkeypatch.setattr(StowTarget, "held", holding)
    rows = sent(service, folder)
    assert [row[:2] for row in rows] == [("sent", ""), ("refused", "SEND-CHANGED"), ("sent", "")]
    assert all((uid.encode() in service.posted[0]) == (uid != uids[1]) for uid in uids)


def test_where_all_have_changed_nothing_is_posted(folder, monkeypatch):
    service = Service()

    def holding(_, series):
        for path in folder.glob("*.dcm"):
            path.unlink()
        return set()

    monkeypatch.setattr(StowTarget, "held", holding)
    assert {row[:2] for row in sent(service, folder)} == {("refused", "SEND-CHANGED")}
    assert service.posted == []


def test_files_follow_no_redirect(folder):
    service = Service()
    service.answers = [(307, b"")]
    service.redirect = "http://127.0.0.2/studies"
    assert {row[0] for row in sent(service, folder)} == {"failed"}
    assert len(service.posted) == 1


def test_a_busy_service_is_asked_again(folder):
    service = Service()
    service.answers = [(503, b""), (200, said(list(CONTENTS)))]
    assert {row[0] for row in sent(service, folder)} == {"sent"}


def test_requests_are_bounded_in_files_and_bytes(folder, monkeypatch):
    service = Service()
    service.answers = [(200, said(list(CONTENTS)))]
    monkeypatch.setattr(stow, "FILES_AT_ONCE", 2)
    assert {row[0] for row in sent(service, folder)} == {"sent"}
    assert len(service.posted) == 2
    monkeypatch.setattr(stow, "FILES_AT_ONCE", 50)
    monkeypatch.setattr(stow, "BYTES_AT_ONCE", 1)
    assert {row[0] for row in sent(service, folder)} == {"sent"}
    assert len(service.posted) == 2 + 3


def test_an_odd_reason_is_no_reason(folder):
    service = Service()
    uids = list(CONTENTS)
    for odd in (("x\x1b[31m", None, {}), (10**4000, -1, True), (0x10000, 1.5, [1])):
        service.answers = [(202, said([], dict(zip(uids, odd, strict=True))))]
        rows = sent(service, folder)
        assert {row[2] for row in rows} == {"the target gives no reason"}


def test_a_uid_that_is_padded_is_told_all_the_same(folder):
    service = Service()
    a, b, c = CONTENTS
    service.answers = [(200, said([a + "\0", b + " "], {c + "\0": 0xA700}))]
    assert [row[:2] for row in sent(service, folder)] == [
        ("sent", ""),
        ("sent", ""),
        ("failed", "SEND-FAILED"),
    ]
    assert len(service.posted) == 1


def test_a_warning_stands_in_the_row_of_a_file_that_was_sent(folder):
    service = Service()
    answer = json.loads(said(list(CONTENTS)))
    answer["00081199"]["Value"][1]["00081196"] = {"vr": "US", "Value": [0xB000]}
    service.answers = [(202, json.dumps(answer).encode())]
    rows = sent(service, folder)
    changed = "stored; the target says 0xB000 (elements were changed)"
    assert rows == [("sent", "", ""), ("sent", "", changed), ("sent", "", "")]
