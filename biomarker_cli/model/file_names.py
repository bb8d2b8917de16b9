"""Names of files: fit for every file system that a folder may be copied to."""

from __future__ import annotations

import hashlib
import re
import unicodedata

DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)", re.IGNORECASE)
"""Reserved on Windows with any ending (Microsoft, Naming Files, Paths, and Namespaces)."""

_UNSAFE = re.compile(r"[^\w.+#-]+")

_MOST_BYTES = 200
"""Of a name; file systems take 255, with the number of an equal name and the suffix."""

_LONGEST_STEM = 160
_DIGEST_DIGITS = 16


def file_stem(case_id: str) -> str:
    """Return the name of the files of a case, without ending.

    A name that no file system would take ends in a digest of the whole.
    """
    stem = case_id.replace("/", "__")
    if len(stem) <= _LONGEST_STEM:
        return stem
    digest = hashlib.sha256(stem.lower().encode()).hexdigest()[:_DIGEST_DIGITS]
    return f"{stem[:_LONGEST_STEM]}-{digest}"


class FileNames:
    """Hands out a file name for each text, none of them twice (in any case)."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def of(self, text: str) -> str:
        """Return the name for a text such as a ROI, without suffix.

        Characters that do not belong in a file name are replaced by ``_``, long names
        are cut, and names that become equal are numbered.
        """
        base = _cut(_UNSAFE.sub("_", unicodedata.normalize("NFC", text))).strip("._") or "roi"
        if DEVICE.match(base):
            base = f"_{base}"
        name, number = base, self._next.get(base.casefold(), 2)
        while name.casefold() in self._taken:
            name, number = f"{base}_{number}", number + 1
        self._next[base.casefold()] = number
        self._taken.add(name.casefold())
        return name


def _cut(name: str) -> str:
    """Return as much of a name as file systems take, in whole characters."""
    return name.encode()[:_MOST_BYTES].decode(errors="ignore")
