"""Runs: stretches of elements that recur from file to file.

The files of a series repeat one another: the same elements in the same order,
most of the same length. What two of them have in common is remembered as runs;
where a further file has the same element headers (tag, VR, length) at the place
where a run begins, one struct takes all of its values. Every element header is
compared: at the first that differs the run is parted, and the element that
stands there is for the walk to read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import NamedTuple

Located = dict[int, tuple[bytes, bytes | None]]
"""Tag -> VR (empty where implicit) and value, None where it was stepped over."""

KEY_BYTES = 8
"""Of the first element header of a run: its tag, and VR or length."""

LONGEST_VALUE = 1024
"""Longer ones end a run: the window that is read at a time must hold a run whole."""

MOST_LESSONS = 4
"""Files that share nothing with one another are not worth more."""

_SHORT, _LONG, _IMPLICIT = Struct("<HH2sH"), Struct("<HH2sHI"), Struct("<HHI")

# PS3.5 7.1.2: these have two reserved bytes and a length of four.
LONG_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)


class _Element(NamedTuple):
    """An element of a run.

    Attributes
    ----------
    tag : int
    vr : bytes
        Empty where the file says none.
    header : bytes
        What stands before the value.
    layout : str
        Of header and value, as `struct` writes it.
    """

    tag: int
    vr: bytes
    header: bytes
    layout: str


def _element(tag: int, vr: bytes, length: int) -> _Element:
    group, number = tag >> 16, tag & 0xFFFF
    if not vr:
        header = _IMPLICIT.pack(group, number, length)
    elif vr in LONG_VRS:
        header = _LONG.pack(group, number, vr, 0, length)
    else:
        header = _SHORT.pack(group, number, vr, length)
    return _Element(tag, vr, header, f"{len(header)}s{length}s")


class Run:
    """Elements in a row.

    Attributes
    ----------
    tags : tuple of int
    vrs, headers : tuple of bytes
    layout : Struct
        Header and value of each element in turn.
    """

    __slots__ = ("elements", "headers", "layout", "tags", "vrs")

    def __init__(self, elements: Sequence[_Element]) -> None:
        self.elements = elements
        self.tags, self.vrs, self.headers, layouts = zip(*elements, strict=True)
        self.layout = Struct("<" + "".join(layouts))


class KnownRuns:
    """What the files of a series, as far as they were read, have in common.

    Attributes
    ----------
    by_start : dict
        Runs, by the first bytes of their first header.
    sequences : dict
        Tag -> value of the last sequence without a length, its end mark included.
    """

    __slots__ = ("_before", "_lessons", "by_start", "sequences")

    def __init__(self) -> None:
        self.by_start: dict[bytes, Run] = {}
        self.sequences: dict[int, bytes] = {}
        self._before: Located | None = None
        self._lessons = 0

    def take(self, buffer: bytes, at: int) -> tuple[Run, tuple[bytes, ...]] | None:
        """Return the run that begins at a place, and its values; None where none does."""
        run = self.by_start.get(buffer[at : at + KEY_BYTES])
        if run is None or at + run.layout.size > len(buffer):
            return None
        parts = run.layout.unpack_from(buffer, at)
        headers = parts[::2]
        if headers == run.headers:
            return run, parts[1::2]
        same = next(n for n, header in enumerate(run.headers) if header != headers[n])
        del self.by_start[run.headers[0][:KEY_BYTES]]
        self._keep(run.elements[:same])
        self._keep(run.elements[same + 1 :])
        return self.take(buffer, at)

    def learn(self, found: Located) -> None:
        """Take note of a file of which little was known, and of the one before it."""
        before, self._before = self._before, found
        if before is None or self._lessons == MOST_LESSONS:
            return
        self._lessons += 1
        self.by_start.clear()
        for stretch in _common_stretches(before, found):
            self._keep(stretch)

    def _keep(self, elements: Sequence[_Element]) -> None:
        if len(elements) > 1:
            run = Run(elements)
            self.by_start[run.headers[0][:KEY_BYTES]] = run


def _common_stretches(one: Located, other: Located) -> Iterator[list[_Element]]:
    """Yield elements in a row of one file that have the same VR and length in another."""
    lengths = {tag: (vr, len(value)) for tag, (vr, value) in one.items() if value is not None}
    stretch: list[_Element] = []
    for tag, (vr, value) in other.items():
        length = LONGEST_VALUE + 1 if value is None else len(value)
        if length <= LONGEST_VALUE and lengths.get(tag) == (vr, length):
            stretch.append(_element(tag, vr, length))
        elif stretch:
            yield stretch
            stretch = []
    yield stretch
