"""Inflate gzip, zlib and bzip2 streams, never further than their header promises.

A small file may inflate to any size. Pieces are taken one by one, so that a stream
that gives more than was promised is left where the promise ends.
"""

from __future__ import annotations

from bz2 import BZ2Decompressor
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np

# The same bytes as from zlib, in half the time.
from isal.igzip_lib import DECOMP_GZIP, DECOMP_ZLIB, IgzipDecompressor, IsalError

from biomarker_cli.model.arrays import ByteArray

DAMAGE: tuple[type[Exception], ...] = (
    *(EOFError, OSError, OverflowError, ValueError),
    IsalError,  # type: ignore[assignment]  # stubs say object
)
"""What damaged streams raise."""

MOST_INFLATED = 1100
"""Deflated bytes become 1032 times as many at most: a header that promises more is wrong."""

_FIRST_STEP = 1024
_PACKED_STEP = 128 * 1024
_PIECE = 1024 * 1024

_GZIP = b"\x1f\x8b"


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: Any, max_length: int = -1) -> bytes: ...


def inflated(packed: memoryview, encoding: str) -> Iterator[bytes]:
    """Yield a compressed stream in pieces of a megabyte; its checksums must hold.

    Parameters
    ----------
    packed : memoryview
    encoding : str
        ``gzip`` or ``bzip2``, which may have several members, or ``zlib``
        (MetaImage, which takes gzip under that name too).

    Raises
    ------
    EOFError
        Where the stream is cut short.
    ValueError, OSError, IsalError
        Where it is damaged, or something else follows it. Zeros that fill up a
        block may follow.
    """
    if encoding == "zlib" and bytes(packed[:2]) == _GZIP:
        encoding = "gzip"
    position = 0
    while True:
        stream = _decompressor(encoding)
        # Short steps at first: what lies behind a member is copied once for each.
        step = _FIRST_STEP
        while not stream.eof:
            piece = packed[position : position + step] if stream.needs_input else b""
            position += len(piece)
            given = stream.decompress(piece, _PIECE)
            if given:
                yield given
            elif stream.needs_input and not stream.eof and position >= len(packed):
                raise EOFError("the file ends within its compressed data")
            step = min(2 * step, _PACKED_STEP)
        position -= len(stream.unused_data)
        if _only_zeros(packed[position:]):
            return
        if encoding == "zlib" or not _is_member(packed[position:], encoding):
            raise ValueError("something follows the compressed data")


def _decompressor(encoding: str) -> _Decompressor:
    if encoding == "bzip2":
        return BZ2Decompressor()
    return IgzipDecompressor(DECOMP_GZIP if encoding == "gzip" else DECOMP_ZLIB)


def _is_member(rest: memoryview, encoding: str) -> bool:
    magic = b"BZh" if encoding == "bzip2" else _GZIP
    return bytes(rest[: len(magic)]) == magic


def _only_zeros(rest: memoryview) -> bool:
    # The first byte tells nearly always.
    return not len(rest) or (rest[0] == 0 and not np.frombuffer(rest, dtype=np.uint8).any())


def gathered(pieces: Iterator[bytes], n_bytes: int, first: bytes = b"") -> ByteArray:
    """Return the bytes of a stream, which must be as many as were promised.

    Parameters
    ----------
    pieces : iterator of bytes
    n_bytes : int
        The header's promise.
    first : bytes
        What was taken from the stream already.

    Raises
    ------
    EOFError, ValueError
        Where the stream holds less or more than `n_bytes`.
    """
    # Memory that nothing is written to is not taken.
    content = np.empty(n_bytes, dtype=np.uint8)
    end = 0
    piece: bytes | None = first
    while piece is not None:
        if end + len(piece) > n_bytes:
            raise ValueError(f"expected {n_bytes} bytes as the header promises, found more")
        content[end : end + len(piece)] = np.frombuffer(piece, dtype=np.uint8)
        end += len(piece)
        piece = next(pieces, None)
    if end < n_bytes:
        raise EOFError(f"expected {n_bytes} bytes as the header promises, found {end}")
    return content


def beginning(pieces: Iterator[bytes], n_bytes: int) -> bytes:
    """Return the first bytes of a stream, as many as are wanted or a few more."""
    first = b""
    while len(first) < n_bytes and (piece := next(pieces, b"")):
        first += piece
    return first
