"""C-MOVE: objects that the peer sends over associations of its own, to a port of ours."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from pynetdicom import evt
from pynetdicom.events import Event
from pynetdicom.presentation import build_context
from pynetdicom.transport import ThreadedAssociationServer

from biomarker_cli.exchange.dimse.association import activity_with, associated, ended, standing
from biomarker_cli.exchange.dimse.contexts import ENCODINGS, MOVE, common_storage_classes
from biomarker_cli.exchange.dimse.getting import (
    UIDS_AT_ONCE,
    Taker,
    batches,
    image_level,
    n_failed_of,
    require_all,
)
from biomarker_cli.exchange.dimse.peers import Peer
from biomarker_cli.exchange.dimse.watching import Activity, WatchedEntity, WatchedRequest
from biomarker_cli.exchange.fetching.errors import SourceError
from biomarker_cli.exchange.fetching.remote import Receive, RemoteSeries

_NOT_ASKED_FOR = 0x0124


@dataclass
class MoveDestination:
    """Where a peer sends what a C-MOVE asks for: our AE title at a port of ours.

    Parameters
    ----------
    port : int
        As the peer knows our AE title; 0 takes a free one.
    host : str
        Address to listen on; empty: that of every network.
    tls : ssl.SSLContext or None

    Attributes
    ----------
    refused : list of str
        What came and was not taken, by what was wrong with it.
    """

    port: int
    host: str = ""
    tls: ssl.SSLContext | None = None
    refused: list[str] = field(default_factory=list)

    def move(
        self,
        peer: Peer,
        series: RemoteSeries,
        uids_of_class: dict[str, list[str]],
        receive: Receive,
    ) -> None:
        """Let the peer send instances of a series, and take these alone.

        Raises
        ------
        RemoteError
            See `associated`, `n_failed_of` and `require_all`.
        SourceError
            ``DIMSE-PORT``: the port is not ours to have.
        """
        uids = [uid for some in uids_of_class.values() for uid in some]
        activity = activity_with(peer)
        taker = Taker(receive, activity)
        classes = [uid for uid in uids_of_class if uid]
        if len(classes) < len(uids_of_class):
            classes += common_storage_classes()
        door = _Door(peer, frozenset(uids), taker, self.refused)
        with (
            self._listening(peer, classes, activity, door),
            associated(peer, [build_context(MOVE)], activity) as association,
        ):
            n_failed = 0
            for some in batches(uids, UIDS_AT_ONCE):
                activity.touch()
                with standing(peer, association, activity):
                    answers = association.send_c_move(
                        image_level(series, some), peer.calling_ae, MOVE
                    )
                n_failed += n_failed_of(peer, answers, taker)
            taker.raise_what_was_caught()
        require_all(peer, n_failed, ())

    @contextmanager
    def _listening(
        self, peer: Peer, classes: Sequence[str], activity: Activity, door: _Door
    ) -> Iterator[None]:
        entity = WatchedEntity(peer.calling_ae, activity)
        entity.require_called_aet = True
        try:
            server = _Server(
                door,
                entity,
                (self.host or "0.0.0.0", self.port),  # noqa: S104 - the peer is elsewhere
                peer.calling_ae,
                [build_context(uid, list(ENCODINGS)) for uid in dict.fromkeys(classes)],
                ssl_context=self.tls,
                evt_handlers=[(evt.EVT_C_STORE, door.take)],
                request_handler=WatchedRequest,
            )
        except OSError as error:
            raise SourceError(
                "DIMSE-PORT",
                f"cannot listen on port {self.port}: {error.strerror or error}",
                where=peer.place,
                hint="It is `listen_port` of the source.",
            ) from None
        # It takes itself from this list when it is shut.
        entity._servers.append(server)
        serving = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        serving.start()
        try:
            yield
        finally:
            server.shutdown()
            serving.join()
            for association in server.active_associations:
                ended(association)
            server.server_close()


@dataclass
class _Door:
    """Who may bring what: the peer alone, and only what was asked for."""

    peer: Peer
    asked_for: frozenset[str]
    taker: Taker
    refused: list[str]
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._addresses = frozenset(self.peer.addresses())

    def lets_in(self, address: str) -> bool:
        """Tell whether a connection comes from where the peer is."""
        if address in self._addresses:
            return True
        self.refused.append(f"a connection from {address}")
        return False

    def take(self, event: Event) -> int:
        """Take an object that was asked for."""
        request = event.request
        uid = str(getattr(request, "AffectedSOPInstanceUID", ""))
        if uid not in self.asked_for:
            self.refused.append("an object that was not asked for")
            return _NOT_ASKED_FOR
        # A peer may send over several associations, and what stores takes one at a time.
        with self._one_at_a_time:
            return self.taker(event)


class _Server(ThreadedAssociationServer):
    """Accepts connections of one peer, each with a time-out of its own from the start."""

    def __init__(self, door: _Door, entity: WatchedEntity, *rest: Any, **named: Any) -> None:
        self._door = door
        super().__init__(entity, *rest, **named)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept a connection, of the peer alone; a hand-shake that stalls holds nobody up."""
        listening = cast("socket.socket", self.socket)
        connection, address = listening.accept()
        if not self._door.lets_in(address[0]):
            connection.close()
            raise ConnectionRefusedError(address[0])
        connection.settimeout(cast("WatchedEntity", self.ae).activity.idle_timeout_s)
        if self.ssl_context is not None:
            try:
                connection = self.ssl_context.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()
                raise
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Note a connection that came to nothing; the base class prints it to the terminal."""
        self._door.refused.append("a connection that came to nothing")
