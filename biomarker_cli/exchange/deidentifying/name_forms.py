"""In which forms a name, an id or a day of birth is met again: accents, joined words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date

SHORTEST_JOINED = 6
"""Characters of a form that is looked for without regard to what separates it."""

_SHORTEST_WITHOUT_ZEROS = 5
_PARTS_OF_NAME = re.compile(r"[\\^=\s,.\x00]+")
_SEPARATORS = re.compile(r"[\W_]+")
_WRITTEN_OUT = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"}
_WRITTEN_OUT_TABLE = str.maketrans(_WRITTEN_OUT)
_FIRST_WITHOUT_SPACES = "\u1100"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def folded(text: str) -> str:
    """Return a text without case, accents and forms of width."""
    spread = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in spread if not unicodedata.combining(c)).casefold()


def spellings(text: str) -> set[str]:
    """Return how a text is written without accents: Müller is Muller, and Mueller."""
    if text.isascii():
        return {text.casefold()}
    whole = unicodedata.normalize("NFC", text.casefold())
    return {folded(whole), folded(whole.translate(_WRITTEN_OUT_TABLE))}


def joined(text: str) -> str:
    """Return a text without what separates its letters and digits."""
    return _SEPARATORS.sub("", text)


def words_of(text: str) -> set[str]:
    """Return the words of a text."""
    return set(_SEPARATORS.split(text))


def is_met_inside(text: str) -> bool:
    """Tell whether a short name is looked for inside of words: scripts that have no spaces."""
    return len(text) > 1 and min(text) >= _FIRST_WITHOUT_SPACES


def forms_of_person(name: str) -> set[str]:
    """Return the parts of a person name (PN), and family and given name in one word."""
    found: set[str] = set()
    for group in re.split(r"[=\\]", name):
        parts = [part for part in _PARTS_OF_NAME.split(group) if part]
        pair = parts[:2]
        for part in [*parts, "".join(pair), "".join(reversed(pair))]:
            for one in spellings(part):
                found |= {one, joined(one), *words_of(one)}
    return found - {""}


def forms_of_id(text: str) -> set[str]:
    """Return an id, and a number without the zeros that fill it up."""
    text = text.strip(" \0")
    found = spellings(text)
    bare = joined(text).lstrip("0")
    if text[:1] == "0" and bare.isdigit() and len(bare) >= _SHORTEST_WITHOUT_ZEROS:
        found.add(bare)
    return found


def forms_of_day(text: str) -> Iterator[str]:
    """Yield a day of DICOM in the orders in which days are written, without separators."""
    digits = text.strip(" \0").replace(".", "")
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return
    for form in ("%Y%m%d", "%d%m%Y", "%m%d%Y"):
        yield day.strftime(form)
    month = _MONTHS[day.month - 1]
    yield f"{day.day}{month}{day.year}"
    yield f"{month}{day.day:02d}{day.year}"
