"""Take the parts of a multipart answer off a stream, as they come and in constant memory.

A part has ended when the boundary behind it has come. A stream that ends before the closing
boundary was cut, whatever the server says: the files before the cut are whole, the last one
is not, and how many there should have been nobody knows.

References
----------
RFC 2046 5.1.1 (multipart), DICOM PS3.18 8.6.1.2 (multipart payloads).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from biomarker_cli.exchange.fetching.errors import RemoteError, SeriesRefusedError

_BOUNDARY = re.compile(
    r";\s*boundary\s*=\s*(?:\"([^\"\\]{1,200})\"|([^\s;\",]{1,200}))", re.IGNORECASE
)
_MOST_HEAD_BYTES = 64 * 1024
"""Before the first part, and of the headers of each."""

_LINE_END, _HEAD_END = b"\r\n", b"\r\n\r\n"
_CLOSING = b"--"


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that an answer says.

    Raises
    ------
    SeriesRefusedError
        ``FETCH-ANSWER``.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise SeriesRefusedError(
            "FETCH-ANSWER", "the source answers in several parts, and does not say their boundary"
        )
    return (found[1] or found[2]).encode("latin-1", "replace")


class MultipartStream:
    """The parts of a stream, one after the other.

    Parameters
    ----------
    chunks : iterable of bytes
        As the network gives them, of any length.
    boundary : bytes
    """

    def __init__(self, chunks: Iterable[bytes], boundary: bytes) -> None:
        self._chunks = iter(chunks)
        self._delimiter = _LINE_END + _CLOSING + boundary
        # The first boundary may stand at the very beginning, without a line end.
        self._held = _LINE_END

    def parts(self) -> Iterator[Iterator[bytes]]:
        """Yield each part as an iterator over its content; it has to be used up in turn.

        Raises
        ------
        RemoteError
            ``FETCH-CUT`` where the stream ends before its closing boundary.
        SeriesRefusedError
            ``FETCH-ANSWER`` for what is no part.
        """
        self._taken_to(self._delimiter)
        while True:
            self._hold(len(_CLOSING))
            if self._held.startswith(_CLOSING):
                return
            # The line of the boundary may end in blanks; headers may be none.
            line = self._taken_to(_LINE_END)
            if line.strip(b" \t"):
                raise SeriesRefusedError("FETCH-ANSWER", "a boundary goes on with other text")
            self._held = _LINE_END + self._held
            self._taken_to(_HEAD_END)
            yield self._content()

    def _content(self) -> Iterator[bytes]:
        kept = len(self._delimiter) - 1
        while (at := self._held.find(self._delimiter)) < 0:
            if len(self._held) > kept:
                yield self._held[: len(self._held) - kept]
                self._held = self._held[len(self._held) - kept :]
            self._more()
        if at:
            yield self._held[:at]
        self._held = self._held[at + len(self._delimiter) :]

    def _taken_to(self, mark: bytes) -> bytes:
        """Return what stands before a mark, and step behind it."""
        while (at := self._held.find(mark)) < 0:
            if len(self._held) > _MOST_HEAD_BYTES:
                raise SeriesRefusedError(
                    "FETCH-ANSWER",
                    f"more than {_MOST_HEAD_BYTES} bytes stand where a part or its headers begin",
                )
            self._more()
        taken, self._held = self._held[:at], self._held[at + len(mark) :]
        return taken

    def _hold(self, n_bytes: int) -> None:
        while len(self._held) < n_bytes:
            self._more()

    def _more(self) -> None:
        for chunk in self._chunks:
            if chunk:
                self._held += chunk
                return
        raise RemoteError(
            "FETCH-CUT",
            "the answer ended before its closing boundary",
            hint="The same command asks for what is missing.",
        )
