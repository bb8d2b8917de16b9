"""A source that speaks DIMSE: C-FIND, and C-GET or C-MOVE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from pydicom.dataset import Dataset
from pynetdicom.association import Association
from pynetdicom.presentation import build_context

from biomarker_cli.exchange.dimse.association import (
    associated,
    broken,
    is_pending,
    is_success,
    standing,
    status_of,
    status_words,
)
from biomarker_cli.exchange.dimse.contexts import CLASSES_AT_ONCE, FIND
from biomarker_cli.exchange.dimse.getting import batches, get, require_all
from biomarker_cli.exchange.dimse.moving import MoveDestination
from biomarker_cli.exchange.dimse.peers import Peer, peer_of, server_context
from biomarker_cli.exchange.dimse.watching import Activity
from biomarker_cli.exchange.fetching.choosing import Credentials
from biomarker_cli.exchange.fetching.errors import SeriesRefusedError
from biomarker_cli.exchange.fetching.remote import (
    Query,
    Receive,
    RemoteInstance,
    RemoteSeries,
    is_modality,
    uid_from_outside,
)
from biomarker_cli.exchange.fetching.sources import DimseSource

MATCHES_AT_MOST = 1_000_000
"""Answers of one query."""
_ANSWER_AT_MOST = 1 << 20
_UTF_8 = "ISO_IR 192"


class DimseRemote:
    """A DICOM node that is asked by C-FIND and hands over by C-GET or C-MOVE.

    Parameters
    ----------
    peer : Peer
    destination : MoveDestination or None
        Where the node sends to (C-MOVE); None: C-GET.
    """

    def __init__(self, peer: Peer, destination: MoveDestination | None = None) -> None:
        self._peer = peer
        self._destination = destination
        self._finding = ExitStack()
        self._finder: Association | None = None
        self._activity = self._activity_of_find()

    def __enter__(self) -> DimseRemote:
        """Open the association of the queries: a wrong address or title is known at once."""
        self._connected()
        return self

    def __exit__(self, *_: object) -> None:
        """End what is open."""
        self._finding.close()

    def find_series(self, query: Query) -> list[RemoteSeries]:
        """Return the series that match, by queries of the STUDY and the SERIES level."""
        found: dict[tuple[str, str], RemoteSeries] = {}
        for study_uid in self._studies(query):
            keys = {
                "StudyInstanceUID": study_uid,
                "SeriesInstanceUID": query.series_uid,
                "Modality": query.modality,
            }
            for answer in self._find("SERIES", keys):
                told = _text(answer, "StudyInstanceUID") or study_uid
                study = uid_from_outside(told, "StudyInstanceUID")
                uid = uid_from_outside(_text(answer, "SeriesInstanceUID"), "SeriesInstanceUID")
                modality = _text(answer, "Modality")
                if study_uid in ("", study) and query.holds_series(uid, modality):
                    known = modality if is_modality(modality) else ""
                    # Copies of a study under another UID may keep those of its series.
                    found.setdefault((study, uid), RemoteSeries(study, uid, known))
        return list(found.values())

    def find_instances(self, series: RemoteSeries) -> list[RemoteInstance]:
        """Return every instance of a series, by a query of the IMAGE level."""
        keys = {
            "StudyInstanceUID": series.study_uid,
            "SeriesInstanceUID": series.series_uid,
            "SOPInstanceUID": "",
            "SOPClassUID": "",
        }
        found: dict[str, RemoteInstance] = {}
        for answer in self._find("IMAGE", keys):
            uid = uid_from_outside(_text(answer, "SOPInstanceUID"), "SOPInstanceUID")
            # Another series' instances are those of a node that does not heed the keys.
            if _text(answer, "SeriesInstanceUID") in ("", series.series_uid):
                told = _text(answer, "SOPClassUID")
                name = uid_from_outside(told, "SOPClassUID") if told else ""
                found.setdefault(uid, RemoteInstance(uid, name))
        return list(found.values())

    def retrieve(
        self, series: RemoteSeries, instances: Sequence[RemoteInstance], receive: Receive
    ) -> None:
        """Hand over instances of a series, as they are stored."""
        by_class: dict[str, list[str]] = {}
        for one in instances:
            by_class.setdefault(one.sop_class_uid, []).append(one.sop_instance_uid)
        if self._destination is not None:
            self._destination.move(self._peer, series, by_class, receive)
            return
        refused: list[str] = []
        failed = 0
        for classes in batches(list(by_class), CLASSES_AT_ONCE):
            part = {name: by_class[name] for name in classes}
            more_failed, more_refused = get(self._peer, series, part, receive)
            failed += more_failed
            refused += more_refused
        require_all(self._peer, failed, refused)

    def _studies(self, query: Query) -> list[str]:
        keys = {
            "StudyInstanceUID": query.study_uid,
            "PatientID": query.patient_id,
            "StudyDate": query.dates,
        }
        if query.series_uid and not any(keys.values()):
            # Only the SERIES level knows it; a node without relational queries says no.
            return [""]
        found: dict[str, None] = {}
        for answer in self._find("STUDY", keys):
            uid = uid_from_outside(_text(answer, "StudyInstanceUID"), "StudyInstanceUID")
            said = (_text(answer, keyword) for keyword in ("PatientID", "StudyDate"))
            if query.holds_study(uid, *said):
                found[uid] = None
        return list(found)

    def _find(self, level: str, keys: dict[str, str]) -> Iterator[Dataset]:
        asked = Dataset()
        asked.QueryRetrieveLevel = level
        if not all(value.isascii() for value in keys.values()):
            asked.SpecificCharacterSet = _UTF_8
        for keyword, value in keys.items():
            setattr(asked, keyword, value)
        association = self._connected()
        self._activity.touch()
        with standing(self._peer, association, self._activity):
            answers = association.send_c_find(asked, FIND)
        for n_found, (answer, found) in enumerate(answers, 1):
            status = status_of(self._peer, answer, self._activity)
            if is_success(status):
                return
            if not is_pending(status):
                raise SeriesRefusedError(
                    "DIMSE-STATUS",
                    f"the peer refuses the query of level {level}: {status_words(status)}",
                    where=self._peer.place,
                )
            if found is None or n_found > MATCHES_AT_MOST:
                raise self._unusable(
                    "an answer that is no data set" if found is None else "answers without end"
                )
            yield found
        raise broken(self._peer, self._activity)

    def _unusable(self, what: str) -> SeriesRefusedError:
        # What else of this query is on its way is not read.
        self._finding.close()
        return SeriesRefusedError("DIMSE-ANSWER", f"the peer sends {what}", where=self._peer.place)

    def _connected(self) -> Association:
        if self._finder is None or not self._finder.is_established:
            self._finding.close()
            self._activity = self._activity_of_find()
            self._finder = self._finding.enter_context(
                associated(self._peer, [build_context(FIND)], self._activity)
            )
        return self._finder

    def _activity_of_find(self) -> Activity:
        return Activity(self._peer.idle_timeout_s, _ANSWER_AT_MOST)


def dimse_remote(source: DimseSource, credentials: Credentials) -> DimseRemote:
    """Return the remote of a source of the file.

    Raises
    ------
    SourceError
        ``DIMSE-CERTIFICATE``, ``SOURCE-CREDENTIALS``.
    """
    destination = None
    if source.retrieve == "move":
        tls = server_context(source) if source.tls else None
        destination = MoveDestination(source.listen_port or 0, source.listen_host, tls)
    return DimseRemote(peer_of(source, credentials), destination)


def _text(answer: Dataset, keyword: str) -> str:
    """Return a value of an answer as text, empty where it is absent or no single text."""
    try:
        value = answer.get(keyword)
    except Exception:  # noqa: BLE001 - what a peer sends may break any reader: it is not told
        return ""
    return str(value).strip() if isinstance(value, str) else ""
