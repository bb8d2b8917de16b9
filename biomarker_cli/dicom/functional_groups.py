"""The functional groups of an enhanced object, as located elements.

References
----------
DICOM PS3.3 C.7.6.16 (Multi-frame Functional Groups).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from biomarker_cli.dicom.dictionary import SEQUENCES
from biomarker_cli.dicom.element_values import vr_of
from biomarker_cli.dicom.element_walk import Located, UnusualFileError, items_of
from biomarker_cli.dicom.windows import PER_FRAME_GROUPS, SHARED_GROUPS

Levels = tuple[Located, ...]
"""Elements of a group and of the macros in it; the first that has an element holds."""


class FunctionalGroups(NamedTuple):
    """What an object says of each of its frames, and of all of them."""

    per_frame: tuple[Levels, ...]
    shared: Levels


def read_functional_groups(elements: Located) -> FunctionalGroups:
    """Return the functional groups among the elements of a file; both empty where it has none.

    Raises
    ------
    UnusualFileError, CutShortError
        Where they are for pydicom to read.
    """
    per_frame = tuple(_levels(item) for item in items_in(elements, PER_FRAME_GROUPS))
    shared = next(items_in(elements, SHARED_GROUPS), None)
    return FunctionalGroups(per_frame, () if shared is None else _levels(shared))


def merged(levels: Sequence[Located]) -> Located:
    """Return the elements of some levels in one; those that are empty hold nothing."""
    found: Located = {}
    for level in reversed(levels):
        found.update((tag, located) for tag, located in level.items() if located[1] != b"")
    return found


def items_in(elements: Located, tag: int) -> Iterator[Located]:
    """Return the items of an element; none where it is absent or no sequence."""
    stored, value = elements.get(tag, (b"SQ", b""))
    vr = vr_of(tag, stored)
    if vr == b"UN" or (vr == b"SQ" and value is None) or (vr != b"SQ" and tag in SEQUENCES):
        # pydicom might know the element as a sequence, or refuses what is written for one.
        raise UnusualFileError
    if vr != b"SQ" or not value:
        return iter(())
    return items_of(value, explicit=bool(stored))


def _levels(group: Located) -> Levels:
    """Return a group and its macros: each is a sequence of one item."""
    macros = (next(items_in(group, tag), None) for tag in group)
    return (group, *(macro for macro in macros if macro is not None))
