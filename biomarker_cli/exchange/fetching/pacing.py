"""Answers of HTTP that have an end: none comes for ever, drop by drop or head by head.

The time-out of a socket counts from byte to byte: a byte now and then keeps an answer open for
ever. http.client bounds the heads of an answer, but not how many answers of status 100 come
before it, nor the trailers behind its last chunk.
"""

from __future__ import annotations

import socket
import ssl
import time
from http.client import HTTPException, HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

LEAST_BYTES = 1024
"""That come in each span of `SPAN` idle times."""

SPAN = 10.0

_MOST_LINES = 100
"""Answers of status 100 before the one that counts; trailers behind it."""

_LINE_BYTES = 65_536


class _PacedStream(socket.SocketIO):
    """What a connection brings, unless it brings next to nothing."""

    span_s = 0.0
    began_s = 0.0
    n_bytes = 0

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there.

        Raises
        ------
        TimeoutError
            Where nothing came for the idle time, or next to nothing for a span.
        """
        n_bytes = super().readinto(buffer)
        self.n_bytes += n_bytes or 0
        now = time.monotonic()
        if self.span_s and now - self.began_s > self.span_s:
            if self.n_bytes < LEAST_BYTES:
                raise TimeoutError("next to nothing comes")
            self.began_s, self.n_bytes = now, 0
        return n_bytes


class _EndingResponse(HTTPResponse):
    """An answer whose heads and trailers have an end."""

    def __init__(self, sock: socket.socket, *rest: Any, **named: Any) -> None:
        super().__init__(sock, *rest, **named)
        stream: Any = self.fp.raw
        stream.__class__ = _PacedStream
        stream.began_s, stream.span_s = time.monotonic(), SPAN * (sock.gettimeout() or 0.0)
        self._n_heads = 0

    def _read_status(self) -> Any:
        self._n_heads += 1
        if self._n_heads > _MOST_LINES:
            raise HTTPException("answers of status 100 without end")
        return super()._read_status()  # type: ignore[misc]

    def _read_and_discard_trailer(self) -> None:
        for _ in range(_MOST_LINES):
            line = self.fp.readline(_LINE_BYTES)
            if line in (b"", b"\r\n", b"\n"):
                return
        raise HTTPException("trailers without end")


class _Connection(HTTPConnection):
    response_class = _EndingResponse


class _TlsConnection(HTTPSConnection):
    response_class = _EndingResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


class PacedAdapter(HTTPAdapter):
    """Connections of a session.

    Parameters
    ----------
    context : ssl.SSLContext or None
        Of https; None where none is spoken.
    """

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._tls: dict[str, Any] = {} if context is None else {"ssl_context": context}
        super().__init__()

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **{**more, **self._tls})
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
        """Return the pools of connections by a proxy."""
        made = super().proxy_manager_for(proxy, **{**more, **self._tls})
        made.pool_classes_by_scheme = _POOLS
        return made
