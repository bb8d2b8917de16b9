"""Damage that knows nothing of the format: bits, bytes, blocks, ends, odd words."""

from __future__ import annotations

import gzip
import re
import zlib

import numpy as np

Rng = np.random.Generator

ODD_WORDS = [
    *(b"0", b"-1", b"1e300", b"-1e300", b"1e-300", b"nan", b"inf", b"-inf", b"", b"1,5", b"0x10"),
    *(b"9" * 25, b"9" * 400, b"4294967296", b"2147483648", b"-2147483649", b"65536", b"1e999"),
    *(b"../a.raw", b"/dev/zero", b"LIST", b"none", b"True", b"gzip", b"bzip2", b"hex", b"%d"),
    *(b"\xff\xfe", b"\x00", b"\x1b[31m", b"[/b]", b"\xc3\xa9", b"\xe9", b"=1+1", b"\\", b"a" * 300),
]

ODD_LENGTHS = [0, 1, 3, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]


def choice(rng: Rng, options):
    """Return one of some options, as it is."""
    return options[int(rng.integers(len(options)))]


def _overwritten(data: bytearray, at: int, rng: Rng) -> None:
    data[at : at + 4] = rng.integers(0, 256, 4, dtype=np.uint8).tobytes()


def _flipped(data: bytearray, at: int, rng: Rng) -> None:
    data[at] ^= 1 << int(rng.integers(8))


def _deleted(data: bytearray, at: int, rng: Rng) -> None:
    del data[at : at + int(rng.integers(1, 60))]


def _doubled(data: bytearray, at: int, rng: Rng) -> None:
    data[at:at] = data[at : at + int(rng.integers(1, 60))]


def _numbered(data: bytearray, at: int, rng: Rng) -> None:
    width = choice(rng, (2, 4))
    data[at : at + width] = (choice(rng, ODD_LENGTHS) % 256**width).to_bytes(width, "little")


def _floated(data: bytearray, at: int, rng: Rng) -> None:
    number = choice(rng, (np.nan, np.inf, -np.inf, 1e300, -1.0, 0.0, 1e-300))
    with np.errstate(over="ignore"):
        data[at : at + 4] = np.array(number).astype(choice(rng, ("<f4", "<f8"))).tobytes()


def _cut(data: bytearray, at: int, rng: Rng) -> None:
    del data[at:]


def _worded(data: bytearray, at: int, rng: Rng) -> None:
    words = list(re.finditer(rb"[^\s,()=:\\\0]+", bytes(data[at : at + 400])))
    if words:
        word = choice(rng, words)
        data[at + word.start() : at + word.end()] = choice(rng, ODD_WORDS)


_WAYS = (_overwritten, _flipped, _deleted, _doubled, _numbered, _floated, _worded)


def damaged(content: bytes, rng: Rng, *, header_bytes: int = 600) -> bytes:
    """Return the content with a few places damaged, most of them near its beginning."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        if not data:
            break
        reach = min(len(data), header_bytes) if rng.random() < 0.8 else len(data)
        choice(rng, _WAYS)(data, int(rng.integers(reach)), rng)
    if data and rng.random() < 0.05:
        _cut(data, int(rng.integers(len(data))), rng)
    return bytes(data)


def damaged_inside(content: bytes, rng: Rng) -> bytes:
    """Return a gzip file whose compressed content is damaged, or which is damaged itself."""
    if content[:2] != b"\x1f\x8b" or rng.random() < 0.4:
        return damaged(content, rng)
    try:
        return gzip.compress(damaged(gzip.decompress(content), rng), 1)
    except (OSError, EOFError, zlib.error):
        return damaged(content, rng)
