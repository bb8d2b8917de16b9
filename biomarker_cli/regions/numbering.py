"""Whose contours or frames are whose: by number, or not at all.

Contours refer to a ROI by its ROINumber, frames to a segment by its SegmentNumber.
Contours of a number that no ROI has are a row of their own. A ROI without contours
beside them is not empty: they may be its own. Where the numbers fit after one step up
or down (a writer that counted from 0), every ROI would get the contours of its
neighbour, and none is drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydicom.dataset import Dataset

from biomarker_cli.dicom.headers import ELEMENT_ERRORS
from biomarker_cli.regions.entries import RoiEntry
from biomarker_cli.regions.errors import RegionError

_LISTED = 12
_MOST_TRIALS = 10**6


def whole_number(item: Dataset, keyword: str) -> int | None:
    """Return a number that refers to something; None where it is absent or no number."""
    if keyword not in item:
        return None
    try:
        raw: Any = item.get_item(keyword)
        if raw.VR == "IS" and isinstance(raw.value, bytes):
            # As a value of pydicom it takes ten times as long: there may be 20,000 ROIs.
            return int(raw.value.strip(b" \0"))
        return int(item[keyword].value)
    except ELEMENT_ERRORS:
        return None


@dataclass(frozen=True)
class Numbering:
    """The numbers of a segmentation's ROIs, and those that its contours or frames name.

    Attributes
    ----------
    described : tuple of int or None
        Of the ROIs or segments, in order; None where one has no number.
    referred : frozenset of int or None
        Numbers that contours or frames belong to, or that are said to have none.
    filled : frozenset of int or None
        Those of them with contours or frames.
    what : str
        ``contours`` or ``frames``.
    owner : str
        ``ROI`` or ``segment``.
    """

    described: tuple[int | None, ...]
    referred: frozenset[int | None]
    filled: frozenset[int | None]
    what: str
    owner: str

    @cached_property
    def _count(self) -> Counter[int | None]:
        return Counter(self.described)

    @cached_property
    def orphans(self) -> tuple[int | None, ...]:
        """Numbers with contours or frames that nothing describes, in ascending order."""
        unknown = self.filled - (set(self.described) - {None})
        nameless: list[int | None] = [None] if None in unknown else []
        return (*_ascending(unknown), *nameless)

    @cached_property
    def _is_shifted(self) -> bool:
        described, referred = _ascending(self.described), _ascending(self.referred)
        return bool(self.orphans) and fits_after_a_step(described, referred)

    def require_own(self, entry: RoiEntry, where: str) -> None:
        """Refuse a ROI whose contours or frames cannot be told.

        Raises
        ------
        RegionError
            ``REGION-DANGLING``, ``REGION-NUMBER-REPEATED``.
        """
        what, owner = self.what, self.owner
        if not entry.is_described:
            raise _dangling(f"{what} of {_named([entry.number])} belong to no {owner}", where)
        if entry.number is None:
            raise _dangling(f"the {owner} has no number, so no {what} can be its own", where)
        if self._count[entry.number] > 1:
            raise RegionError(
                "REGION-NUMBER-REPEATED",
                f"the number {entry.number} occurs more than once, so {what} cannot be assigned",
                where=where,
            )
        if self._is_shifted:
            raise _dangling(
                f"the {what} are of {_named(_ascending(self.referred))}, the {owner}s have "
                f"{_named(_ascending(self.described))}: one step apart, each {owner} would have "
                "those of another",
                where,
            )
        if self.orphans and entry.number not in self.referred:
            raise _dangling(
                f"no {what} have the number {entry.number} of this {owner}; those of "
                f"{_named(self.orphans)} belong to no {owner}: whose they are is not told",
                where,
            )


def fits_after_a_step(described: Sequence[int], referred: Sequence[int]) -> bool:
    """Tell whether every number that is referred to is described once one adds a constant.

    The constant 0 is none. Where there are too many numbers to try, they are taken to fit.

    Parameters
    ----------
    described, referred : sequence of int
        Ascending, each number once.
    """
    n_trials = len(described) - len(referred) + 1
    if not referred or n_trials <= 0:
        return False
    if n_trials * len(referred) > _MOST_TRIALS:
        return True
    known = set(described)
    steps = {number - referred[0] for number in described[:n_trials]} - {0}
    return any(all(number + step in known for number in referred) for step in steps)


def _ascending(numbers: Iterable[int | None]) -> list[int]:
    return sorted({number for number in numbers if number is not None})


def _dangling(message: str, where: str) -> RegionError:
    return RegionError(
        "REGION-DANGLING",
        message,
        where=where,
        hint="Export the segmentation again with the software that made it.",
    )


def _named(numbers: Iterable[int | None]) -> str:
    shown = ["none" if number is None else str(number) for number in numbers]
    more = f" and {len(shown) - _LISTED} more" if len(shown) > _LISTED else ""
    return f"number{'s' if len(shown) > 1 else ''} {', '.join(shown[:_LISTED])}{more}"
