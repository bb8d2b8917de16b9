"""A small DICOMweb server for tests: it answers as it should, or as it is told to misbehave."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from biomarker_cli.exchange.fetching.remote import RemoteSeries
from tests.synthetic_pacs import DATE, Pacs

BOUNDARY = "between-9f2"
JSON = "application/dicom+json"
MULTIPART = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


@dataclass
class Answer:
    """What is sent: a body that may be cut or stall, with or without its length."""

    body: bytes = b""
    status: int = 200
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    cut_at: int | None = None
    stall_s: float = 0.0
    says_length: bool = True


@dataclass
class DicomwebServer:
    """The server; `change` sees each answer before it is sent."""

    pacs: Pacs
    url: str = ""
    change: Callable[[str, Answer], Answer] = lambda path, answer: answer
    asked: list[str] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    ignores: frozenset[str] = frozenset()
    page_at_most: int = 10_000

    def answer(self, path: str, query: dict[str, str]) -> Answer:
        """Return what a server that works would say."""
        parts = path.strip("/").split("/")[1:]
        if parts[-1] in {"studies", "series", "instances"}:
            return self._found(parts, {k: v for k, v in query.items() if k not in self.ignores})
        series = next((s for s in self.pacs.series if s.series_uid == parts[3]), None)
        if series is None:
            return Answer(status=404)
        instances = self.pacs.series[series]
        wanted = [parts[5]] if len(parts) > 5 else list(instances)
        if not set(wanted) <= set(instances):
            return Answer(status=404)
        body = b"".join(part_of_answer(instances[uid]) for uid in wanted)
        return Answer(body + f"--{BOUNDARY}--\r\n".encode(), content_type=MULTIPART)

    def _found(self, parts: list[str], query: dict[str, str]) -> Answer:
        items: list[dict[str, Any]] = []
        for series, instances in self.pacs.series.items():
            if len(parts) > 1 and parts[1] != series.study_uid:
                continue
            if len(parts) > 3 and parts[3] != series.series_uid:
                continue
            if not _matches(series, query, self.pacs.patient_id):
                continue
            one = _attributes(series, self.pacs.patient_id)
            if parts[-1] == "instances":
                items += [{**one, **_value("00080018", "UI", uid)} for uid in instances]
            elif parts[-1] != "studies" or one["0020000D"] not in [i["0020000D"] for i in items]:
                items.append(one)
        start = int(query.get("offset", 0))
        limit = min(int(query.get("limit", 10_000)), self.page_at_most)
        return Answer(json.dumps(items[start : start + limit]).encode())


def part_of_answer(content: bytes) -> bytes:
    """Return a part with its boundary before it."""
    head = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n"
    return head.encode() + content + b"\r\n"


def _value(tag: str, vr: str, text: str) -> dict[str, Any]:
    return {tag: {"vr": vr, "Value": [text]}}


def _attributes(series: RemoteSeries, patient_id: str) -> dict[str, Any]:
    return {
        **_value("0020000D", "UI", series.study_uid),
        **_value("0020000E", "UI", series.series_uid),
        **_value("00080060", "CS", series.modality),
        **_value("00100020", "LO", patient_id),
        **_value("00080020", "DA", DATE),
    }


def _matches(series: RemoteSeries, query: dict[str, str], patient_id: str) -> bool:
    held = {
        "StudyInstanceUID": series.study_uid,
        "SeriesInstanceUID": series.series_uid,
        "Modality": series.modality,
        "ModalitiesInStudy": series.modality,
        "PatientID": patient_id,
    }
    first, _, last = query.get("StudyDate", "").partition("-")
    dated = not query.get("StudyDate") or (first or DATE) <= DATE <= (last or first or DATE)
    if "-" in query.get("StudyDate", "") and not last:
        dated = first <= DATE
    return dated and all(query.get(name, value) == value for name, value in held.items())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in two packets would wait 40 ms for each other (Nagle, delayed ACK).
    disable_nagle_algorithm = True
    wbufsize = -1
    told: DicomwebServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.told.asked.append(self.path)
        self.told.heads.append(dict(self.headers))
        answer = self.told.change(parts.path, self.told.answer(parts.path, query))
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        for name, text in answer.headers.items():
            self.send_header(name, text)
        if answer.says_length:
            self.send_header("Content-Length", str(len(answer.body)))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body[: answer.cut_at])
        if answer.stall_s:
            self.wfile.flush()
            time.sleep(answer.stall_s)
        if answer.cut_at is not None or not answer.says_length:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that has gone: that is what is tested."""


@contextmanager
def serving(pacs: Pacs) -> Iterator[DicomwebServer]:
    """Serve a PACS on a free port of this machine."""
    told = DicomwebServer(pacs)
    server = _Quiet(("127.0.0.1", 0), type("Handler", (_Handler,), {"told": told}))
    told.url = f"http://127.0.0.1:{server.server_address[1]}/web"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
