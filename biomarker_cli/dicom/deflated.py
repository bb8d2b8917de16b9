"""How much a deflated data set would grow to: asked before anybody inflates it into memory."""

from __future__ import annotations

import zlib
from typing import BinaryIO

from biomarker_cli.dicom.element_walk import DEFLATED

_PREFIX, _META = 132, 144
_LENGTH_ELEMENT = b"\x02\x00\x00\x00UL\x04\x00"
_CHUNK = 1024 * 1024
_LONGEST_META = 64 * 1024
_RAW_DEFLATE = -15


def inflates_beyond(file: BinaryIO, most: int) -> bool:
    """Tell whether a file is a deflated object that would be larger than that.

    Parameters
    ----------
    file : BinaryIO
        Read from its beginning, and left there.
    most : int
        Bytes.

    Notes
    -----
    A deflated file without the length of its meta group says not where it begins: it counts
    as one that grows beyond measure.
    """
    try:
        file.seek(0)
        head = file.read(_META)
        length = int.from_bytes(head[140:_META], "little")
        has_length = head[_PREFIX:140] == _LENGTH_ELEMENT and length <= _LONGEST_META
        meta = file.read(length if has_length else _LONGEST_META)
        if DEFLATED.encode() not in meta:
            return False
        return not has_length or _grows_beyond(file, most)
    finally:
        file.seek(0)


def _grows_beyond(file: BinaryIO, most: int) -> bool:
    inflating, n_bytes, waiting = zlib.decompressobj(_RAW_DEFLATE), 0, b""
    while n_bytes <= most and (waiting or (waiting := file.read(_CHUNK))):
        try:
            n_bytes += len(inflating.decompress(waiting, _CHUNK))
        except zlib.error:
            return False  # The parser says so.
        waiting = inflating.unconsumed_tail
        if inflating.eof:
            break
    return n_bytes > most
