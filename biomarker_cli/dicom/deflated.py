"""Files whose deflated data set is measured before anybody inflates it into memory."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

from biomarker_cli.dicom.errors import inflates

MOST_INFLATED_BYTES = 512 * 1024**2
"""Of a deflated data set: what is read into memory whole."""

_CHUNK = 1024 * 1024
_RAW_DEFLATE = -15


class MeasuredContent(io.BytesIO):
    """The bytes of a file as pydicom is given them.

    pydicom asks for all the rest at once where a deflated data set begins (PS3.5 A.5), and
    nowhere else: what it would inflate is measured then, from where it would, whatever the
    lengths in the file say.

    Parameters
    ----------
    content : bytes-like
    path : Path
        For messages.
    most_inflated : int, optional
        Bytes, by default `MOST_INFLATED_BYTES`.
    """

    def __init__(self, content: bytes, path: Path, most_inflated: int | None = None) -> None:
        super().__init__(content)
        self._path, self._most = path, most_inflated

    def read(self, size: int | None = -1, /) -> bytes:
        """Return bytes; all that is left only where it does not inflate beyond the bound.

        Raises
        ------
        HeaderError
            ``FILE-INFLATES``.
        """
        read = super().read(size)
        if size is None or size < 0:
            require_measured(read, self._path, self._most)
        return read


def require_measured(deflated: bytes, path: Path, most: int | None = None) -> None:
    """Refuse deflated bytes that would grow to more than that, or than is ever read.

    Raises
    ------
    HeaderError
        ``FILE-INFLATES``.
    """
    most = MOST_INFLATED_BYTES if most is None else most
    inflating, n_bytes, waiting = zlib.decompressobj(_RAW_DEFLATE), 0, memoryview(deflated)
    rest = b""
    while n_bytes <= most and (rest or waiting) and not inflating.eof:
        piece, waiting = (rest, waiting) if rest else (waiting[:_CHUNK], waiting[_CHUNK:])
        try:
            n_bytes += len(inflating.decompress(piece, _CHUNK))
        except zlib.error:
            return  # The parser says so.
        rest = inflating.unconsumed_tail
    if n_bytes > most:
        raise inflates(path, most)
