"""Check sums of what the index keeps: SQLite does not see a bit of a text that is another.

They are held against damage, not against people: a cache is its user's own.
"""

from __future__ import annotations

from zlib import crc32


def check_sum(*values: object, behind: int = 0) -> int:
    """Return the CRC-32 of texts and bytes, which costs little where a million are checked.

    A text has another one than its bytes. What is neither, as damage makes it, has the sum
    of no row.

    Parameters
    ----------
    *values : str or bytes
    behind : int
        Sum of the values before.
    """
    for value in values:
        if isinstance(value, str):
            behind = crc32(value.encode("utf-8", "surrogatepass"), crc32(b"\0t", behind))
        elif isinstance(value, bytes):
            behind = crc32(value, crc32(b"\0b", behind))
        else:
            return -1
    return behind
