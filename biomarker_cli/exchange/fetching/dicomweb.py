"""A DICOMweb source: QIDO-RS for what there is, WADO-RS for the files.

References
----------
DICOM PS3.18 10.4 (Retrieve), 10.6 (Search).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from biomarker_cli.exchange.fetching import qido
from biomarker_cli.exchange.fetching.choosing import Credentials
from biomarker_cli.exchange.fetching.errors import (
    RemoteError,
    SeriesRefusedError,
    SourceRefusedError,
)
from biomarker_cli.exchange.fetching.multipart import MultipartStream, boundary_of
from biomarker_cli.exchange.fetching.qido import Answer, search, text_in
from biomarker_cli.exchange.fetching.remote import (
    Query,
    Receive,
    RemoteInstance,
    RemoteSeries,
    is_modality,
)
from biomarker_cli.exchange.fetching.sources import DicomwebSource
from biomarker_cli.exchange.fetching.web_session import WebSession, chunks_of
from biomarker_cli.exchange.uids import is_archive_uid

if TYPE_CHECKING:
    from requests import Response

FEW = 20
"""One in so many is asked for by itself: a series in one stream is so much faster."""

LOST_INSTANCES = 3
"""So many in a row without an answer: it is the source, and not they."""

# As it is stored: without the asterisk a source may decompress what it sends.
_FILES = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_SINGLE = "application/dicom"


class DicomwebRemote:
    """A DICOMweb service as a source; see `Remote`.

    Parameters
    ----------
    source : DicomwebSource
    credentials : Credentials
    page : int
        Answers that a query asks for at a time.

    Raises
    ------
    SourceError
        As `WebSession` does.
    """

    def __init__(
        self, source: DicomwebSource, credentials: Credentials, page: int = qido.PAGE
    ) -> None:
        self._session = WebSession(source, credentials)
        self._page = page
        self._n_listed: dict[RemoteSeries, int] = {}
        self._was_cut: set[RemoteSeries] = set()

    def __enter__(self) -> DicomwebRemote:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def find_series(self, query: Query) -> list[RemoteSeries]:
        """Return the series that match; see `Remote.find_series`.

        A source may take no notice of a condition: its answers are held against each.
        """
        return list(dict.fromkeys(self._series(query)))

    def find_instances(self, series: RemoteSeries) -> list[RemoteInstance]:
        """Return every instance of a series; see `Remote.find_instances`."""
        answers = search(
            self._session, f"{_path(series)}/instances", {}, qido.INSTANCE_UID, self._page
        )
        found = [RemoteInstance(uid, _class_of(answer)) for uid, answer in answers]
        self._n_listed[series] = len(found)
        return found

    def retrieve(
        self, series: RemoteSeries, instances: Sequence[RemoteInstance], receive: Receive
    ) -> None:
        """Hand over instances; see `Remote.retrieve`.

        A series whose stream was cut is asked for file by file from then on: the next
        stream would begin at its beginning, and might be cut at the same place.
        """
        n_listed = self._n_listed.get(series, len(instances))
        if series in self._was_cut or len(instances) * FEW <= n_listed:
            self._retrieve_each(series, instances, receive)
            return
        try:
            self._retrieve_from(_path(series), receive)
        except SeriesRefusedError:
            raise
        except RemoteError:
            self._was_cut.add(series)
            raise

    def _retrieve_each(
        self, series: RemoteSeries, instances: Sequence[RemoteInstance], receive: Receive
    ) -> None:
        problem: RemoteError | None = None
        n_lost = 0
        for one in instances:
            try:
                self._retrieve_from(f"{_path(series)}/instances/{one.sop_instance_uid}", receive)
                n_lost = 0
            except SourceRefusedError:
                raise
            except RemoteError as error:
                # This one alone may be gone or broken; the others are not to blame.
                problem = error
                n_lost += not isinstance(error, SeriesRefusedError)
                if n_lost >= LOST_INSTANCES:
                    raise
        if problem is not None:
            raise problem

    def _retrieve_from(self, path: str, receive: Receive) -> None:
        with self._session.asked(path, _FILES) as response:
            for pieces in _objects(response):
                receive(pieces)

    def _series(self, query: Query) -> Iterator[RemoteSeries]:
        if query.series_uid and not query.study_uid:
            wanted = {"SeriesInstanceUID": query.series_uid}
            for uid, answer in self._search("/series", wanted, qido.SERIES_UID):
                study = text_in(answer, qido.STUDY_UID)
                if uid == query.series_uid and is_archive_uid(study):
                    yield from self._series(replace(query, study_uid=study))
            return
        for study in self._studies(query):
            wanted = _stated(SeriesInstanceUID=query.series_uid, Modality=query.modality)
            for uid, answer in self._search(f"/studies/{study}/series", wanted, qido.SERIES_UID):
                modality = text_in(answer, qido.MODALITY)
                if query.holds_series(uid, modality):
                    yield RemoteSeries(study, uid, modality if is_modality(modality) else "")

    def _studies(self, query: Query) -> Iterator[str]:
        wanted = _stated(
            StudyInstanceUID=query.study_uid,
            PatientID=query.patient_id,
            StudyDate=query.dates,
            ModalitiesInStudy=query.modality,
        )
        for uid, answer in self._search("/studies", wanted, qido.STUDY_UID):
            said = (text_in(answer, tag) for tag in (qido.PATIENT_ID, qido.STUDY_DATE))
            if query.holds_study(uid, *said):
                yield uid

    def _search(
        self, path: str, wanted: dict[str, str], level: str
    ) -> Iterator[tuple[str, Answer]]:
        return search(self._session, path, wanted, level, self._page)


def _stated(**wanted: str) -> dict[str, str]:
    return {name: text for name, text in wanted.items() if text}


def _path(series: RemoteSeries) -> str:
    return f"/studies/{series.study_uid}/series/{series.series_uid}"


def _class_of(answer: Answer) -> str:
    uid = text_in(answer, qido.SOP_CLASS_UID)
    return uid if is_archive_uid(uid) else ""


def _objects(response: Response) -> Iterator[Iterator[bytes]]:
    """Yield each file of an answer as an iterator over its content."""
    content_type = response.headers.get("Content-Type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if response.status_code == 204:
        return
    if kind == "multipart/related":
        yield from MultipartStream(chunks_of(response), boundary_of(content_type)).parts()
    elif kind == _SINGLE:
        yield chunks_of(response)
    else:
        raise SeriesRefusedError(
            "FETCH-ANSWER",
            "the source hands over something that is not application/dicom",
            hint="Check that the URL is that of its DICOMweb service, and not of a page to log in.",
        )
