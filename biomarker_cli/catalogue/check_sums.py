"""Check sums of what the index keeps: SQLite does not see a bit of a text that is another.

They are held against damage, not against people: a cache is its user's own.
"""

from __future__ import annotations

import zlib


def check_sum(*values: object) -> int:
    """Return the CRC-32 of texts and bytes, which costs little where a million are checked.

    A text has another one than its bytes. What is neither, as damage makes it, has the sum
    of no row.
    """
    sum_so_far = 0
    for value in values:
        if isinstance(value, str):
            sum_so_far = zlib.crc32(b"\0t" + value.encode("utf-8", "surrogatepass"), sum_so_far)
        elif isinstance(value, bytes):
            sum_so_far = zlib.crc32(b"\0b" + value, sum_so_far)
        else:
            return -1
    return sum_so_far
