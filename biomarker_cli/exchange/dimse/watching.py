"""Sockets and messages of an association under watch: idle time, sizes, delayed answers.

pynetdicom waits for a message as a whole and knows no limit of its size. Here the time
counts from the last byte that came, whatever the size of what is on its way.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import Any, cast

from pynetdicom import _config
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.transport import T_CONNECT, AddressInformation, AssociationSocket, RequestHandler

# What is asked and answered names patients: it goes to no log, and formatting it costs time.
_config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
# A file that is sent is read in pieces, and not decoded.
_config.STORE_SEND_CHUNKED_DATASET = True

PDU_AT_MOST = 131_072
"""Bytes of a PDU that we ask for."""
_PDU_READ_AT_MOST = 1 << 20
"""Bytes of a PDU that are read: what a peer says against what it was asked for."""
_READ_AT_ONCE = 1 << 16
_LOOK_EVERY_S = 0.1
_QUICK = getattr(socket, "TCP_QUICKACK", None)


@dataclass
class Activity:
    """What is known of an exchange while it goes on; shared by all its connections.

    Attributes
    ----------
    idle_timeout_s : float
        Seconds without one byte after which it has failed.
    message_at_most : int
        Bytes of one message.
    last_byte_s : float
        Monotonic time of the last byte.
    failure : Exception or None
        What the system said where a connection was not made or broke.
    silent : bool
        Whether the idle time was over.
    connected, heard : bool
        Whether a connection stood, and whether it brought anything: bytes, or its end.
    stopped : bool
        Set by who has seen enough: the exchange ends at the next look.
    """

    idle_timeout_s: float
    message_at_most: int
    last_byte_s: float = field(default_factory=time.monotonic)
    failure: Exception | None = None
    silent: bool = False
    connected: bool = False
    heard: bool = False
    stopped: bool = False

    def touch(self) -> None:
        """Note that something came."""
        self.last_byte_s = time.monotonic()

    def is_over(self) -> bool:
        """Tell whether nothing more is to be waited for."""
        if not self.stopped and time.monotonic() - self.last_byte_s > self.idle_timeout_s:
            self.silent = True
        return self.stopped or self.silent or self.failure is not None


class WatchedSocket(AssociationSocket):
    """A socket that notes what comes, reads no endless PDU and acknowledges at once."""

    activity: Activity
    server_name: str = ""

    def connect(self, primitive: T_CONNECT) -> None:
        """Connect, by TLS where it is asked for, and keep the error where that fails."""
        primitive.result = "Evt17"
        try:
            made = self._connected(primitive.address_info.as_tuple[:2])
            # A peer may have gone by now: whatever is asked of the connection may fail.
            here = AddressInformation.from_tuple(made.getsockname())
        except Exception as error:  # noqa: BLE001 - who waits for the connection waits for ever
            self.activity.failure = error
            self.socket = None
        else:
            self.socket, self.assoc.requestor.address_info = made, here
            self._is_connected = self.activity.connected = True
            primitive.result = "Evt2"
        self.provider_queue.put(primitive)
        self._ready.set()

    def recv(self, nr_bytes: int) -> bytearray:
        """Read so many bytes, or what came before the end.

        Raises
        ------
        OSError
            Silence for longer than the idle time, or a length that no PDU has.
        """
        if nr_bytes > _PDU_READ_AT_MOST:
            self.activity.failure = OSError(f"a PDU of {nr_bytes} bytes was announced")
            raise self.activity.failure
        came = bytearray()
        while len(came) < nr_bytes:
            part = self._read(min(_READ_AT_ONCE, nr_bytes - len(came)))
            self.activity.heard = True
            if not part:
                break
            self.activity.touch()
            came += part
        return came

    def send(self, bytestream: bytes) -> None:
        """Send a PDU; a long file on its way is no silence."""
        super().send(bytestream)
        self.activity.touch()

    def _shutdown_socket(self) -> None:
        """Close the connection, also where the peer has ended it before us."""
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()

    def _read(self, at_most: int) -> bytes:
        here = cast("socket.socket", self.socket)
        if _QUICK is not None:
            # Linux holds acknowledgements back for 40 ms, and the peer's Nagle waits for
            # them with each message: 19 s instead of 2 s for 450 files. The kernel
            # forgets the option, so that it is set before each read.
            with contextlib.suppress(OSError):
                here.setsockopt(socket.IPPROTO_TCP, _QUICK, 1)
        try:
            return here.recv(at_most)
        except TimeoutError:
            self.activity.silent = True
            raise
        except OSError as error:
            # A server that does not take our certificate says so here, in TLS 1.3.
            self.activity.failure = error
            raise

    def _connected(self, address: tuple[Any, ...]) -> socket.socket:
        plain = socket.create_connection(address, timeout=self.activity.idle_timeout_s)
        # What is sent is a few small PDUs that each wait for an answer.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls_args is None:
            return plain
        context, _ = self.tls_args
        try:
            return context.wrap_socket(plain, server_hostname=self.server_name)
        except BaseException:
            plain.close()
            raise


class WatchedMessages(DIMSEServiceProvider):
    """Messages of an association, waited for as long as bytes come."""

    activity: Activity
    _bytes_of_message = 0

    def get_msg(self, block: bool = False) -> Any:
        """Return the next message and its context, or (None, None) where none will come."""
        if not block:
            # The thread of an association looks in between for what the peer asks of us. It
            # is paused while we wait for answers, but not always in time: it then takes an
            # answer away, and a list is short by one without a word. A peer that we called
            # asks nothing.
            return (None, None) if self.assoc.is_requestor else super().get_msg()
        while True:
            with contextlib.suppress(queue.Empty):
                return self.msg_queue.get(timeout=_LOOK_EVERY_S)
            if self.activity.is_over() or not self.dul.is_alive():
                return None, None

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take a part of a message, unless the message has no end."""
        parts = primitive.presentation_data_value_list
        self._bytes_of_message += sum(len(part[1]) for part in parts)
        if self._bytes_of_message > self.activity.message_at_most:
            limit = self.activity.message_at_most
            self.activity.failure = OSError(f"a message has more than {limit} bytes")
            # As where the connection ends: nothing more of it is read.
            self.dul.event_queue.put("Evt17")
            return
        super().receive_primitive(primitive)
        if self.message is None:
            self._bytes_of_message = 0


class WatchedEntity(ApplicationEntity):
    """An application entity whose associations are watched."""

    def __init__(self, ae_title: str, activity: Activity, server_name: str = "") -> None:
        super().__init__(ae_title)
        self.activity = activity
        self.server_name = server_name
        self.maximum_pdu_size = PDU_AT_MOST
        self.acse_timeout = activity.idle_timeout_s
        self.connection_timeout = activity.idle_timeout_s
        # Both count from the start of a message, or between two uses: see WatchedMessages.
        self.dimse_timeout = self.network_timeout = None

    def _create_socket(
        self,
        assoc: Association,
        address: AddressInformation,
        tls_args: tuple[ssl.SSLContext, str] | None,
    ) -> AssociationSocket:
        made = WatchedSocket(assoc, address=address)
        if made.socket is not None:
            # Made for an address that is not known yet; connect() makes the one that is used.
            made.socket.close()
        made.tls_args = tls_args
        made.server_name = self.server_name
        watch(assoc, made, self.activity)
        return made


class WatchedRequest(RequestHandler):
    """Takes an association that a peer asks for, under the watch of the entity's activity."""

    def _create_association(self) -> Association:
        made = super()._create_association()
        activity = cast("WatchedEntity", self.ae).activity
        self.request.settimeout(activity.idle_timeout_s)
        # Of a second one the association would be told that it was opened twice.
        taken = cast("WatchedSocket", made.dul.socket)
        taken.__class__ = WatchedSocket
        watch(made, taken, activity)
        return made


def watch(association: Association, connection: WatchedSocket, activity: Activity) -> None:
    """Put an association and its connection under watch."""
    connection.activity = activity
    messages = WatchedMessages(association)
    messages.activity = activity
    association.dimse = messages
