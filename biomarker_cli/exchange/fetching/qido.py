"""What a DICOMweb source answers to a query: pages of DICOM JSON, of which nothing is believed.

References
----------
DICOM PS3.18 10.6 (Search), 8.3.4.4 (limit and offset), F.2 (DICOM JSON Model).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from biomarker_cli.exchange.fetching.errors import RemoteError, SeriesRefusedError
from biomarker_cli.exchange.fetching.remote import uid_from_outside
from biomarker_cli.exchange.fetching.web_session import WebSession, body_of

STUDY_UID, SERIES_UID, INSTANCE_UID = "0020000D", "0020000E", "00080018"
SOP_CLASS_UID, MODALITY, PATIENT_ID, STUDY_DATE = "00080016", "00080060", "00100020", "00080020"

PAGE = 1000
"""Asked for at a time; a source may give fewer."""

MOST_FOUND = 1_000_000
MOST_PAGE_BYTES = 32 * 1024 * 1024
MOST_PAGE_NODES = 2_000_000
"""Objects and lists of a page: empty ones take 25 times their bytes when they are read."""
_JSON = "application/dicom+json"

Answer = Mapping[str, Any]


def search(
    session: WebSession, path: str, parameters: Mapping[str, str], level: str, page: int = PAGE
) -> Iterator[tuple[str, Answer]]:
    """Yield the UID and the attributes of everything that matches, page by page to the end.

    A source may give fewer than it is asked for at a time, so that only an empty page is
    the end.

    Parameters
    ----------
    session : WebSession
    path : str
    parameters : mapping of str to str
        What has to match.
    level : str
        Tag of the UID that each answer has.
    page : int

    Raises
    ------
    RemoteError
        ``FETCH-PAGES`` where pages overlap, ``FETCH-ANSWER`` for what is no answer,
        ``FETCH-UID``; and as `WebSession.asked` does.
    """
    seen: set[str] = set()
    while True:
        asked = {**parameters, "limit": str(page), "offset": str(len(seen))}
        with session.asked(path, _JSON, asked) as response:
            answers = _parsed(body_of(response, MOST_PAGE_BYTES))
        if not answers:
            return
        for answer in answers:
            uid = uid_from_outside(text_in(answer, level), "UID")
            if uid in seen:
                # It changed in between, or the source takes no offset: then there is no
                # telling whether this was all.
                raise RemoteError(
                    "FETCH-PAGES",
                    f"the source lists the same UID twice among its first {len(seen) + 1} answers",
                    where=uid,
                    hint="Ask whether it pages by limit and offset, or narrow the query.",
                )
            seen.add(uid)
            yield uid, answer
        if len(seen) > MOST_FOUND:
            raise SeriesRefusedError(
                "FETCH-ANSWER", f"more than {MOST_FOUND} match", hint="Narrow the query."
            )


def text_in(answer: Answer, tag: str) -> str:
    """Return the first value of an attribute as text, empty where there is none.

    Raises
    ------
    SeriesRefusedError
        ``FETCH-ANSWER`` where it has another form.
    """
    attribute = answer.get(tag)
    if attribute is None:
        return ""
    values = attribute.get("Value", []) if isinstance(attribute, dict) else None
    if not isinstance(values, list):
        raise not_json()
    value = values[0] if values else ""
    if isinstance(value, dict | list):
        raise not_json()
    return value.strip(" \0") if isinstance(value, str) else ""


def not_json() -> SeriesRefusedError:
    """Return the error for an answer that is something else."""
    return SeriesRefusedError(
        "FETCH-ANSWER",
        "the source answers a query with something that is no DICOM JSON",
        hint="Check that the URL is that of its DICOMweb service, and not of a page to log in.",
    )


def _parsed(body: bytes) -> list[Answer]:
    if not body.strip():
        # Status 204 is how most say that nothing matches.
        return []
    if body.count(b"{") + body.count(b"[") > MOST_PAGE_NODES:
        raise not_json()
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise not_json() from error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise not_json()
    return found
