"""Proxies on loopback: one that speaks TLS, and one that cuts or falls silent."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field


@dataclass
class Proxy:
    """Hands what comes on its port to another port, and back.

    Parameters
    ----------
    to_port : int
        Port of loopback to which it hands on.
    tls : ssl.SSLContext or None
        What it speaks with the caller; the other side is plain.
    cut_after : int or None
        Bytes of the answers, over all its connections, after which it closes; None: never.
    silent_after : int or None
        Bytes of the answers after which nothing comes any more and the connection stays.
    """

    to_port: int
    tls: ssl.SSLContext | None = None
    cut_after: int | None = None
    silent_after: int | None = None
    handed_back: int = field(default=0, init=False)

    def __enter__(self) -> Proxy:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.1)
        self.port = int(self._server.getsockname()[1])
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in list(self._threads):
            thread.join(5)
        self._server.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(TimeoutError, OSError):
                connection, _ = self._server.accept()
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        # A caller that does not take the certificate ends the hand-shake: no matter here.
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            caller = connection
            if self.tls is not None:
                caller = self.tls.wrap_socket(connection, server_side=True)
            with caller, socket.create_connection(("127.0.0.1", self.to_port)) as server:
                self._hand_on(caller, server)

    def _hand_on(self, caller: socket.socket, server: socket.socket) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(caller, selectors.EVENT_READ)
            ready.register(server, selectors.EVENT_READ)
            while not self._ended.is_set():
                for key, _ in ready.select(0.1):
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    data = _all_at_hand(source)
                    if not data:
                        return
                    if source is caller:
                        server.sendall(data)
                    elif not self._hand_back(caller, data):
                        return

    def _hand_back(self, caller: socket.socket, data: bytes) -> bool:
        limit = min((n for n in (self.cut_after, self.silent_after) if n is not None), default=None)
        left = len(data) if limit is None else max(0, limit - self.handed_back)
        self.handed_back += len(data[:left])
        caller.sendall(data[:left])
        if left >= len(data):
            return True
        while limit == self.silent_after and not self._ended.is_set():
            time.sleep(0.05)
        return False


def _all_at_hand(source: socket.socket) -> bytes:
    data = source.recv(65536)
    # What TLS has read ahead wakes no selector.
    while isinstance(source, ssl.SSLSocket) and (waiting := source.pending()):
        data += source.recv(waiting)
    return data
