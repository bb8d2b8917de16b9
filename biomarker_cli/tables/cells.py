r"""Cells of CSV: what a spreadsheet would run is neutralised, and reads back as it was.

Text that begins with ``=``, ``+``, ``-``, ``@``, a tab, a carriage return or an
apostrophe, and is no finite number, gets one leading apostrophe. What CSV cannot
hold (NUL, and the bytes of a name that is no UTF-8) is written behind ``'\`` with
each such character, and each backslash, as ``\uXXXX``. Reading takes away exactly
what writing added. Keys are written alike in all tables, so that joins hold.
JSON and Parquet hold the text itself.

References
----------
RFC 4180; OWASP, CSV injection (CWE-1236).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from biomarker_cli.model.flags import join_flags

_MARK = "'"
_CODED = f"{_MARK}\\"
"""What a cell begins with whose characters CSV could not hold."""

_RUN = frozenset("=+-@\t\r'")
"""First characters at which a spreadsheet begins to compute, and the mark itself."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_UNHELD = re.compile("[\0\ud800-\udfff]")
_TO_CODE = re.compile("[\\\\\0\ud800-\udfff]")
_CODE = re.compile(r"\\u([0-9a-f]{4})")


def escape_cell(text: str) -> str:
    """Return a text as a cell of CSV holds it; numbers stay as they are."""
    if (not text.isascii() or "\0" in text) and _UNHELD.search(text):
        return _CODED + _TO_CODE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    if text[:1] in _RUN and text and not is_finite_number(text):
        return _MARK + text
    return text


def unescape_cell(cell: str) -> str:
    """Return the text that `escape_cell` made a cell of; other cells stay as they are.

    An apostrophe that a person wrote (``'s-Hertogenbosch``) is none of ours.
    """
    if cell[:1] != _MARK:
        return cell
    if cell.startswith(_CODED):
        return _CODE.sub(lambda found: chr(int(found[1], 16)), cell[len(_CODED) :])
    return cell[1:] if cell[1:2] in _RUN and len(cell) > 1 else cell


def is_finite_number(text: str) -> bool:
    """Tell whether a cell reads as a decimal number that a double can hold."""
    return _NUMBER.fullmatch(text) is not None and math.isfinite(float(text))


def number_of(text: str) -> float | None:
    """Return the decimal number of a cell, whatever blanks are around; None where it is none.

    Python itself would also read ``1_0``, digits of other scripts, and ``inf``.
    """
    text = text.strip()
    return float(text) if is_finite_number(text) else None


def format_value(value: Any) -> str:
    """Return a value as the tables hold it.

    A float is its shortest repr (which reads back to the same double), a bool
    ``true`` or ``false``, None an empty value, a set of flags their words joined.

    Raises
    ------
    ValueError
        For NaN or infinity: an absent value is empty and has a status. For a word that
        is no flag.
    """
    if type(value) is str:
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("a table holds no NaN and no infinity")
        return repr(float(value))
    if isinstance(value, frozenset):
        return join_flags(value)
    return str(value)


def csv_line(values: Iterable[str]) -> str:
    """Return one line of CSV: formatted values, each escaped and quoted where it needs it.

    Parameters
    ----------
    values : iterable of str
        As `format_value` gives them.
    """
    # Most cells of wide tables are empty: nothing to escape.
    cells = [escape_cell(value) if value else value for value in values]
    line = ",".join(cells)
    if not line and len(cells) == 1:
        # A line of nothing is no row.
        return '""\n'
    if line.count(",") >= len(cells) or _needs_quotes(line):
        line = ",".join(_quoted(cell) for cell in cells)
    return line + "\n"


def _needs_quotes(text: str) -> bool:
    return '"' in text or "\n" in text or "\r" in text


def _quoted(cell: str) -> str:
    if "," in cell or _needs_quotes(cell):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as CSV text with a header, line ends LF; None is an empty value.

    Raises
    ------
    ValueError
        For NaN or infinity.
    KeyError
        Where a row has no such column.
    """
    lines = [csv_line(columns)]
    lines += [csv_line([format_value(row[name]) for name in columns]) for row in rows]
    return "".join(lines)
