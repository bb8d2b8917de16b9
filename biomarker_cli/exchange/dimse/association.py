"""Associations with a peer: opened, ended, and what went wrong named."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation, UserIdentityNegotiation
from pynetdicom.presentation import PresentationContext, build_role

from biomarker_cli.exchange.dimse.peers import Peer
from biomarker_cli.exchange.dimse.watching import PDU_AT_MOST, Activity, WatchedEntity
from biomarker_cli.exchange.fetching.errors import (
    RemoteError,
    SeriesRefusedError,
    SourceRefusedError,
)
from biomarker_cli.exchange.store_statuses import STORE_STATUSES
from biomarker_cli.model.wording import shown

OBJECT_AT_MOST = 4 << 30
"""Bytes of one object that are taken from a peer, or of its message."""
_TRANSIENT = 0x02
_USER_AND_PASSWORD = 2
_SUCCESS = 0x0000
_PENDING = (0xFF00, 0xFF01)
_STATUS_WORDS = {
    **STORE_STATUSES,
    0xA701: "out of resources: it cannot count the matches",
    0xA702: "out of resources: it cannot hand them over",
    0xA801: "it does not know our AE title as a destination: register it there",
    0xA900: "the identifier does not fit the SOP class",
}
_STATUS_FAMILIES = {0xA7: "out of resources", 0xA9: "data set does not fit the SOP class"}


def activity_with(peer: Peer) -> Activity:
    """Return the watch of a new exchange of objects with a peer."""
    return Activity(peer.idle_timeout_s, OBJECT_AT_MOST)


@contextmanager
def associated(
    peer: Peer,
    contexts: Sequence[PresentationContext],
    activity: Activity,
    *,
    receives: bool = False,
    handlers: Sequence[tuple[Any, Callable[..., Any]]] = (),
) -> Iterator[Association]:
    """Open an association, and end it: released, or aborted where something was raised.

    Parameters
    ----------
    peer : Peer
    contexts : sequence of PresentationContext
        What is offered, at most 128.
    activity : Activity
        Its watch.
    receives : bool
        Whether we take what the contexts name: role selection of C-GET, for all of them
        but the query classes.
    handlers : sequence of (event, function)

    Raises
    ------
    RemoteError
        ``DIMSE-CONNECT``, ``DIMSE-TLS``, ``DIMSE-REJECTED``, ``DIMSE-SILENT``,
        ``DIMSE-LOST`` or ``DIMSE-CLASS``.
    """
    association = _opened(peer, contexts, activity, receives, handlers)
    try:
        _require_opened(peer, association, activity)
        yield association
    except BaseException:
        ended(association)
        raise
    if association.is_established:
        association.release()
    ended(association)


@contextmanager
def standing(peer: Peer, association: Association, activity: Activity) -> Iterator[None]:
    """Send a request within: an association that has ended since the last one is lost.

    Raises
    ------
    RemoteError
        ``DIMSE-LOST``; pynetdicom raises a RuntimeError of its own.
    """
    try:
        yield
    except RuntimeError as error:
        if association.is_established:
            raise
        raise broken(peer, activity) from error


def _opened(
    peer: Peer,
    contexts: Sequence[PresentationContext],
    activity: Activity,
    receives: bool,
    handlers: Sequence[tuple[Any, Callable[..., Any]]],
) -> Association:
    entity = WatchedEntity(peer.calling_ae, activity, server_name=peer.tls_name or peer.host)
    asked: list[SCP_SCU_RoleSelectionNegotiation | UserIdentityNegotiation] = []
    if receives:
        classes = dict.fromkeys(str(one.abstract_syntax) for one in contexts)
        asked += [build_role(uid, scp_role=True) for uid in classes if not _is_query(uid)]
    if peer.user:
        asked.append(_identity(peer))
    return entity.associate(
        peer.addresses()[0],
        peer.port,
        contexts=list(contexts),
        ae_title=peer.called_ae,
        max_pdu=PDU_AT_MOST,
        ext_neg=list(asked),
        tls_args=None if peer.tls is None else (peer.tls, peer.host),
        evt_handlers=list(handlers),
    )


def _identity(peer: Peer) -> UserIdentityNegotiation:
    item = UserIdentityNegotiation()
    item.user_identity_type = _USER_AND_PASSWORD
    item.primary_field = peer.user.encode()
    item.secondary_field = peer.password.encode()
    return item


def _is_query(uid: str) -> bool:
    return uid.startswith("1.2.840.10008.5.1.4.1.2.")


def ended(association: Association) -> None:
    """End an association whatever its state: nothing of it runs on."""
    if association.is_established:
        association.abort()
    association.kill()
    connection = association.dul.socket
    if connection is not None and connection.socket is not None:
        connection.socket.close()
    for thread in (association, association.dul):
        if thread.is_alive():
            thread.join(association.ae.acse_timeout)


def _require_opened(peer: Peer, association: Association, activity: Activity) -> None:
    if not association.is_established:
        if activity.connected and not activity.heard and activity.failure is None:
            # The answer to the request is waited for by pynetdicom, which says no more.
            activity.silent = True
        raise _not_opened(peer, association, activity)


def _not_opened(peer: Peer, association: Association, activity: Activity) -> RemoteError:
    if association.is_rejected:
        answer = association.acceptor.primitive
        said = "" if answer is None else str(answer.reason_str).lower()
        kind = SourceRefusedError
        if answer is not None and answer.result == _TRANSIENT:
            kind = RemoteError  # type: ignore[assignment]
        return kind(
            "DIMSE-REJECTED",
            f"the peer rejects the association: {said or 'no reason given'}",
            where=peer.place,
            hint=f"It knows us as {peer.calling_ae} and is called {peer.called_ae}.",
        )
    if association.rejected_contexts and not association.accepted_contexts:
        return SeriesRefusedError(
            "DIMSE-CLASS", "the peer accepts none of the SOP classes offered", where=peer.place
        )
    return broken(peer, activity, established=association.acceptor.primitive is not None)


def broken(peer: Peer, activity: Activity, *, established: bool = True) -> RemoteError:
    """Return the error of an exchange that ended before its time.

    Parameters
    ----------
    peer : Peer
    activity : Activity
        What was seen.
    established : bool
        Whether an association stood.
    """
    failure = activity.failure
    if isinstance(failure, ssl.SSLError):
        return SourceRefusedError(
            "DIMSE-TLS",
            f"the TLS connection fails: {shown(str(failure))}",
            where=peer.place,
            hint="See `ca_file` and `client_certificate` of the source.",
        )
    if activity.silent or isinstance(failure, TimeoutError):
        return RemoteError(
            "DIMSE-SILENT",
            f"nothing came for {activity.idle_timeout_s:g} s",
            where=peer.place,
            hint="`idle_timeout_s` of the source sets how long to wait.",
        )
    if failure is not None and not activity.connected:
        return RemoteError(
            "DIMSE-CONNECT", f"no connection: {shown(str(failure))}", where=peer.place
        )
    said = f": {shown(str(failure))}" if failure is not None else ""
    hint = ""
    if not established:
        guess = "speak TLS only" if peer.tls is None else "ask for another client certificate"
        hint = f"It may {guess}."
    return RemoteError(
        "DIMSE-LOST", f"the peer ended the association{said}", where=peer.place, hint=hint
    )


def status_of(peer: Peer, answer: Dataset | None, activity: Activity) -> int:
    """Return the status of an answer.

    Raises
    ------
    RemoteError
        The answer is empty: the association ended, which is no "nothing found".
    """
    status = None if answer is None else answer.get("Status")
    if not isinstance(status, int):
        raise broken(peer, activity)
    return status


def is_pending(status: int) -> bool:
    """Tell whether more answers follow."""
    return status in _PENDING


def is_success(status: int) -> bool:
    """Tell whether all was done."""
    return status == _SUCCESS


def status_words(status: int) -> str:
    """Return a status as text: hexadecimal, and what it means where that is known.

    References
    ----------
    DICOM PS3.4 B.2.3, C.4.1.1.4, C.4.2.1.5, C.4.3.1.4; PS3.7 annex C.
    """
    words = _STATUS_WORDS.get(status) or _STATUS_FAMILIES.get(status >> 8, "")
    if not words and status >> 12 == 0xC:
        words = "it cannot process it"
    return f"0x{status:04X}" + (f" ({words})" if words else "")
