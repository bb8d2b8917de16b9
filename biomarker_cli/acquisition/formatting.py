"""How values of facts are written in tables and messages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

SHOWN_AT_MOST = 8
"""More distinct numbers are written as their range."""


def value_text(value: Any) -> str:
    """Return one value: at most six digits, a set joined by commas.

    Control characters of a damaged header become the replacement character:
    tables have one line per row, XML takes none, and a terminal would obey.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value + 0.0:.6g}"
    if isinstance(value, tuple):
        return ", ".join(value_text(part) for part in value)
    return _CONTROL.sub("\ufffd", str(value))


def values_text(values: Iterable[Any]) -> str:
    """Return the distinct values, numbers rising, joined by a backslash as DICOM does."""
    distinct = list(dict.fromkeys(values))
    if all(isinstance(value, float) for value in distinct):
        distinct.sort()
        if len(distinct) > SHOWN_AT_MOST:
            return f"{value_text(distinct[0])} .. {value_text(distinct[-1])}"
    return "\\".join(dict.fromkeys(value_text(value) for value in distinct))
