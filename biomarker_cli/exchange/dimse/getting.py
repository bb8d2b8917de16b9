"""C-GET: objects that come over the association in which they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import cast

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dsutils import encode_file_meta
from pynetdicom.events import Event
from pynetdicom.presentation import build_context

from biomarker_cli.exchange.dimse.association import (
    activity_with,
    associated,
    broken,
    is_pending,
    standing,
    status_of,
    status_words,
)
from biomarker_cli.exchange.dimse.contexts import (
    GET,
    class_words,
    common_storage_classes,
    one_each,
    one_per_encoding,
)
from biomarker_cli.exchange.dimse.peers import Peer
from biomarker_cli.exchange.dimse.watching import Activity
from biomarker_cli.exchange.fetching.errors import RemoteError, SeriesRefusedError
from biomarker_cli.exchange.fetching.remote import Receive, RemoteSeries
from biomarker_cli.model.wording import counted

UIDS_AT_ONCE = 100
"""SOP Instance UIDs of one request: 6.5 kB at most."""
PENDING_AT_MOST = 100_000
"""Answers to one request that say that it goes on: one a second is a day."""
STORED = 0x0000
CANNOT_STORE = 0xA700
_WARNING_FAMILY = 0xB
_PIECE = 1 << 20


class Taker:
    """Takes the objects of one exchange, and stops it where one cannot be taken.

    Parameters
    ----------
    receive : Receive
    activity : Activity
        Of the exchange.

    Attributes
    ----------
    caught : Exception or None
        What `receive` raised first.
    """

    def __init__(self, receive: Receive, activity: Activity) -> None:
        self._receive = receive
        self.activity = activity
        self.caught: Exception | None = None

    def __call__(self, event: Event) -> int:
        """Take one object and return the status that the peer is told."""
        if self.caught is not None:
            return CANNOT_STORE
        try:
            self._receive(part_10_file(event))
        except Exception as error:  # noqa: BLE001 - raised again by who asked, in its thread
            self.caught = error
            self.activity.stopped = True
            return CANNOT_STORE
        return STORED

    def raise_what_was_caught(self) -> None:
        """Raise what stopped the exchange, if anything did."""
        if self.caught is not None:
            raise self.caught


def part_10_file(event: Event) -> Iterator[bytes]:
    """Yield the object of a C-STORE request as a file, in pieces: its bytes as they came.

    Raises
    ------
    RemoteError
        ``DIMSE-ANSWER``: what it is called by is no UID.
    """
    try:
        meta = encode_file_meta(event.file_meta)
    except Exception as error:
        raise RemoteError("DIMSE-ANSWER", "the peer sends an object without a name") from error
    yield b"\x00" * 128 + b"DICM" + meta
    stream = cast("BytesIO", event.request.DataSet)  # type: ignore[union-attr]
    stream.seek(0)
    yield from iter(lambda: stream.read(_PIECE), b"")


def get(
    peer: Peer,
    series: RemoteSeries,
    uids_of_class: Mapping[str, Sequence[str]],
    receive: Receive,
) -> tuple[int, list[str]]:
    """Take instances over an association of their own.

    Parameters
    ----------
    peer : Peer
    series : RemoteSeries
    uids_of_class : mapping of str to sequence of str
        SOP Class UID -> SOP Instance UIDs; at most `CLASSES_AT_ONCE` classes. The class is
        empty where it was not told.
    receive : Receive

    Returns
    -------
    n_failed : int
        Of those that the peer said it could not send.
    refused : list of str
        Classes that it does not offer to send.

    Raises
    ------
    RemoteError
        See `associated`; and ``DIMSE-STATUS``.
    """
    activity = activity_with(peer)
    taker = Taker(receive, activity)
    named = [uid for uid in uids_of_class if uid]
    contexts = [build_context(GET), *one_per_encoding(named)]
    if "" in uids_of_class:
        contexts = [build_context(GET), *one_each([*named, *common_storage_classes()])]
    handlers = [(evt.EVT_C_STORE, taker)]
    with associated(peer, contexts, activity, receives=True, handlers=handlers) as association:
        offered = {str(one.abstract_syntax) for one in association.accepted_contexts}
        if str(GET) not in offered:
            raise SeriesRefusedError(
                "DIMSE-CLASS",
                "the peer does not offer C-GET",
                where=peer.place,
                hint="It may offer C-MOVE: `retrieve: move` in the source.",
            )
        offered = {str(one.abstract_syntax) for one in association.accepted_contexts if one.as_scp}
        n_failed = 0
        for name, uids in uids_of_class.items():
            if not name or name in offered:
                for some in batches(uids, UIDS_AT_ONCE):
                    activity.touch()
                    n_failed += _get_some(peer, association, series, some, taker)
    return n_failed, [name for name in named if name not in offered]


def _get_some(
    peer: Peer, association: Association, series: RemoteSeries, uids: list[str], taker: Taker
) -> int:
    with standing(peer, association, taker.activity):
        answers = association.send_c_get(image_level(series, uids), GET)
    return n_failed_of(peer, answers, taker)


def n_failed_of(
    peer: Peer,
    answers: Iterable[tuple[Dataset, Dataset | None]],
    taker: Taker,
) -> int:
    """Follow a C-GET or C-MOVE to its end and return how many were not sent.

    Raises
    ------
    RemoteError
        ``DIMSE-STATUS`` where the peer fails, ``DIMSE-ANSWER`` where it says without end that
        it goes on, and what `Taker` caught.
    """
    for n_answers, (answer, _) in enumerate(answers, 1):
        taker.raise_what_was_caught()
        status = status_of(peer, answer, taker.activity)
        if is_pending(status):
            if n_answers > PENDING_AT_MOST:
                raise SeriesRefusedError(
                    "DIMSE-ANSWER", "the peer sends answers without end", where=peer.place
                )
            continue
        if status == STORED or status >> 12 == _WARNING_FAMILY:
            return int(answer.get("NumberOfFailedSuboperations") or 0)
        kind = RemoteError if status >> 8 == CANNOT_STORE >> 8 else SeriesRefusedError
        raise kind(
            "DIMSE-STATUS",
            f"the peer does not hand over: {status_words(status)}",
            where=peer.place,
        )
    raise broken(peer, taker.activity)


def image_level(series: RemoteSeries, uids: list[str]) -> Dataset:
    """Return what a C-GET or C-MOVE of some instances asks for."""
    asked = Dataset()
    asked.QueryRetrieveLevel = "IMAGE"
    asked.StudyInstanceUID = series.study_uid
    asked.SeriesInstanceUID = series.series_uid
    asked.SOPInstanceUID = uids
    return asked


def batches(items: Sequence[str], at_once: int) -> Iterator[list[str]]:
    """Yield the items in lists of at most so many."""
    for start in range(0, len(items), at_once):
        yield list(items[start : start + at_once])


def require_all(peer: Peer, n_failed: int, refused: Sequence[str]) -> None:
    """Say what a peer did not hand over, when what it does has come.

    Raises
    ------
    SeriesRefusedError
        ``DIMSE-CLASS``: it names the SOP classes.
    RemoteError
        ``DIMSE-PARTS``.
    """
    if refused:
        names = ", ".join(class_words(uid) for uid in refused)
        raise SeriesRefusedError(
            "DIMSE-CLASS", f"the peer does not offer to send {names}", where=peer.place
        )
    if n_failed:
        raise RemoteError(
            "DIMSE-PARTS",
            f"the peer could not send {counted(n_failed, 'instance')}",
            where=peer.place,
        )
