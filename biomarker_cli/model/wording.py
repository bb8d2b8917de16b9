"""How counts are said in messages, and how text from outside is shown."""

from __future__ import annotations

from types import MappingProxyType
from unicodedata import category

_LEFT_OUT = ".."

SHORT_UID = 17
"""Characters of a UID in a table for people; files and JSON hold the whole."""

QUOTED_AT_MOST = 200
"""Characters of a file that a message quotes."""

_WITHOUT_GLYPH = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that a terminal obeys or hides: controls, bidi overrides, surrogates."""

_NAMED = MappingProxyType({"\n": r"\n", "\r": r"\r", "\t": r"\t"})


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun: ``1 slice``, ``2 slices``.

    Parameters
    ----------
    number : int
    noun : str
        In the singular.
    plural : str, optional
        Where it is not the noun with an ``s``.
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def shown(text: str) -> str:
    r"""Return text as one line that a terminal shows and does not obey.

    A character without a glyph is written by its number: ESC as ``\x1b``, a
    bidi override as ``\u202e``, a byte of a file name that is no UTF-8 as
    ``\xff``. What is left is valid Unicode.
    """
    if text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    if character.isprintable() or category(character) not in _WITHOUT_GLYPH:
        return character
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:
        # PEP 383: a byte that could not be decoded.
        number -= 0xDC00
    if number > 0xFFFF:
        return f"\\U{number:08x}"
    return _NAMED.get(character) or (f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}")


def valid_unicode(text: str) -> str:
    r"""Return text whose bytes that are no UTF-8 are written as ``\xff``, all else as it is."""
    if text.isascii():
        return text
    return "".join(_visible(c) if "\ud800" <= c <= "\udfff" else c for c in text)


def bounded(text: str, at_most: int = QUOTED_AT_MOST) -> str:
    """Return text of at most some characters; what was longer ends in its length."""
    if len(text) <= at_most:
        return text
    end = f"... ({len(text)} characters)"
    return text[: max(at_most - len(end), 0)] + end


def cut_in_middle(text: str, at_most: int) -> str:
    """Return text of at most some characters: what tells a UID apart is its end.

    Where it is longer, two points stand for what is left out; a third of the rest
    is its beginning.
    """
    if len(text) <= at_most:
        return text
    kept = max(at_most - len(_LEFT_OUT), 2)
    head = kept // 3
    return f"{text[:head]}{_LEFT_OUT}{text[len(text) - (kept - head) :]}"


def quoted(value: object, at_most: int = QUOTED_AT_MOST) -> str:
    """Return what stands in a file as a message quotes it: on one line, bounded, in quotes."""
    text = str(value)
    more = "" if len(text) <= at_most else f"... ({len(text)} characters)"
    return f"'{shown(text[:at_most])}'{more}"
