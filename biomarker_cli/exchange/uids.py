"""What is taken for a UID: by the standard where we write it, by its letters where we find it.

References
----------
DICOM PS3.5 9.1 (UID encoding rules).
"""

from __future__ import annotations

import re

_LONGEST = 64
_ARCHIVE = re.compile(rf"[0-9.]{{1,{_LONGEST}}}", re.ASCII)
_ONLY_POINTS = frozenset(".")


def is_archive_uid(text: object) -> bool:
    """Tell whether something is text of digits and points that may name a file.

    Archives hold UIDs with leading zeros and empty components: they are kept as they are.
    """
    return (
        isinstance(text, str)
        and bool(_ARCHIVE.fullmatch(text))
        and not _ONLY_POINTS.issuperset(text)
    )


def is_standard_uid(text: str) -> bool:
    """Tell whether text is a UID as the standard has it: numbers without leading zeros."""
    parts = text.split(".")
    return len(text) <= _LONGEST and all(
        part.isascii() and part.isdigit() and part == str(int(part)) for part in parts
    )
