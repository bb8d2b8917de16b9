"""Semantic versions of protocols, and the ranges that ``extends`` may name."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PATTERN = re.compile(r"^(\d+)\.(\d+)\.(\d+)$")
_CARET = re.compile(r"^\^(\d+)(?:\.(\d+))?(?:\.(\d+))?$")


@dataclass(frozen=True, order=True, slots=True)
class Version:
    """A version ``major.minor.patch``; a number may change only with major or minor."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read ``1.2.3``.

        Raises
        ------
        ValueError
            For anything else.
        """
        match = _PATTERN.match(text)
        if match is None:
            raise ValueError(f"expected a version such as 1.0.0, found {text!r}")
        return cls(*(int(part) for part in match.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


def in_range(version: Version, wanted: str) -> bool:
    """Tell whether a version is the one wanted, or lies in ``^major.minor.patch``.

    A caret admits later versions that keep the leftmost number that is not zero.
    """
    caret = _CARET.match(wanted)
    if caret is None:
        return version == Version.parse(wanted)
    low = Version(*(int(part or 0) for part in caret.groups()))
    if version < low:
        return False
    if low.major:
        return version.major == low.major
    return (version.major, version.minor) == (0, low.minor)
