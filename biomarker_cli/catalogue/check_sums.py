"""Check sums of what the index keeps: SQLite does not see a bit of a text that is another.

They are held against damage, not against people: a cache is its user's own.
"""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

_TEXT, _BYTES = b"\0t", b"\0b"
"""What stands before a value of each kind."""


def check_sum(*values: object) -> int:
    """Return the CRC-32 of texts and bytes, which costs little where a million are checked.

    A text has another one than its bytes. What is neither, as damage makes it, has the sum
    of no row.
    """
    so_far = 0
    for value in values:
        if isinstance(value, str):
            so_far = crc32(value.encode("utf-8", "surrogatepass"), crc32(_TEXT, so_far))
        elif isinstance(value, bytes):
            so_far = crc32(value, crc32(_BYTES, so_far))
        else:
            return -1
    return so_far


def record_sums(series: str, name: bytes, text: str) -> tuple[int, int]:
    """Return the sums of (series, name) and (series, name, text), as `check_sum` has them.

    A first scan makes them for every file: what is the same for a series is made once.
    """
    of_name = crc32(name, _sum_before_bytes(series))
    return of_name, crc32(text.encode("utf-8", "surrogatepass"), crc32(_TEXT, of_name))


@lru_cache(maxsize=64)
def _sum_before_bytes(series: str) -> int:
    return crc32(_BYTES, check_sum(series))
