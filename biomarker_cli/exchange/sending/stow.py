"""A target that speaks DICOMweb: STOW-RS, several files a request, an answer for each.

References
----------
DICOM PS3.18 10.5 (Store Transaction), I (Store Instances Response Module).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Self

from biomarker_cli.exchange.fetching.choosing import Credentials
from biomarker_cli.exchange.fetching.dicomweb import DicomwebRemote
from biomarker_cli.exchange.fetching.errors import RemoteError
from biomarker_cli.exchange.fetching.sources import DicomwebSource
from biomarker_cli.exchange.fetching.web_session import WebSession, body_of
from biomarker_cli.exchange.sending.asked_target import AskedTarget
from biomarker_cli.exchange.sending.outgoing_files import OutgoingFile
from biomarker_cli.exchange.sending.target import Tell, as_found
from biomarker_cli.exchange.store_statuses import STORE_STATUSES

FILES_AT_ONCE = 50
BYTES_AT_ONCE = 64 << 20
"""Of one request, where a single file is not larger."""

_ANSWER_AT_MOST = 1 << 22
_PIECE = 1 << 18
_STORED, _FAILED, _UID, _REASON = "00081199", "00081198", "00081155", "00081197"
_WARNING = "00081196"
_LARGEST_REASON = 0xFFFF
_REASONS = {
    **STORE_STATUSES,
    0x0110: "processing failure",
    0xA900: "data set does not fit the SOP class",
    0xC000: "cannot understand",
    0xC122: "transfer syntax not supported",
    0x0111: "duplicate SOP instance",
}


class StowTarget(AskedTarget):
    """A DICOMweb service that takes files, and is asked by QIDO-RS what it holds.

    Parameters
    ----------
    source : DicomwebSource
    credentials : Credentials
    """

    def __init__(self, source: DicomwebSource, credentials: Credentials) -> None:
        super().__init__(DicomwebRemote(source, credentials))
        self._session = WebSession(source, credentials)

    def __enter__(self) -> Self:
        """Open what queries and files go by."""
        self._open.callback(self._session.close)
        return super().__enter__()

    def store(self, files: Sequence[OutgoingFile], tell: Tell) -> None:
        """Send files in requests of a bounded size."""
        for due in _requests(files):
            some = as_found(due, tell)
            if not some:
                continue
            boundary = uuid.uuid4().hex
            with self._session.posted(
                "/studies",
                _body(some, boundary),
                f'multipart/related; type="application/dicom"; boundary={boundary}',
                "application/dicom+json",
            ) as response:
                answer = _read(body_of(response, _ANSWER_AT_MOST))
            _tell_all(some, answer, tell)


def _requests(files: Sequence[OutgoingFile]) -> Iterator[list[OutgoingFile]]:
    some: list[OutgoingFile] = []
    n_bytes = 0
    for file in files:
        if some and (len(some) == FILES_AT_ONCE or n_bytes + file.n_bytes > BYTES_AT_ONCE):
            yield some
            some, n_bytes = [], 0
        some.append(file)
        n_bytes += file.n_bytes
    if some:
        yield some


def _body(files: Sequence[OutgoingFile], boundary: str) -> Iterator[bytes]:
    """Yield a request in pieces: memory does not grow with the files."""
    for file in files:
        yield f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        with file.path.open("rb") as stream:
            yield from iter(lambda: stream.read(_PIECE), b"")
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _read(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise RemoteError("SEND-ANSWER", "the target's answer is no JSON of DICOM")
    return answer


def _tell_all(files: Sequence[OutgoingFile], answer: dict[str, Any], tell: Tell) -> None:
    """Tell of each file what the answer says; one that it does not name waits for another try."""
    stored = {_value(item, _UID): _value(item, _WARNING) for item in _items(answer, _STORED)}
    failed = {_value(item, _UID): _value(item, _REASON) for item in _items(answer, _FAILED)}
    for file in files:
        if file.sop_instance_uid in failed:
            tell(file, "SEND-FAILED", _reason(failed[file.sop_instance_uid]))
        elif file.sop_instance_uid in stored:
            warning = stored[file.sop_instance_uid]
            tell(file, "", "" if warning is None else f"stored; {_reason(warning)}")


def _items(answer: dict[str, Any], tag: str) -> list[dict[str, Any]]:
    element = answer.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def _value(item: dict[str, Any], tag: str) -> str | int | None:
    element = item.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    first = values[0] if isinstance(values, list) and values else None
    # Padding to an even length belongs to no value (PS3.5 6.2), and comes all the same.
    return first.strip(" \0") if isinstance(first, str) else _number(first)


def _number(value: object) -> int | None:
    """Return a value of 16 bits, as reasons are, None for anything else."""
    is_one = isinstance(value, int) and not isinstance(value, bool)
    return value if is_one and 0 <= value <= _LARGEST_REASON else None  # type: ignore[operator,return-value]


def _reason(reason: str | int | None) -> str:
    if not isinstance(reason, int):
        return "the target gives no reason"
    words = _REASONS.get(reason, "")
    return f"the target says 0x{reason:04X}" + (f" ({words})" if words else "")
