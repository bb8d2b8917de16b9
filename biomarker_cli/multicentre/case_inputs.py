"""Whether two sides measured the same image under the same mask, by the digests they kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from biomarker_cli.multicentre.measured import MeasuredTable


class Sameness(StrEnum):
    """What the digests of two inputs say."""

    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class CasePair:
    """A case of A, and the case of B that is the same one.

    Attributes
    ----------
    case_a, case_b : str
    matched_by : str
        ``id``, ``names`` (a file of names) or ``inputs`` (image and mask of the same bytes
        under other ids).
    image, mask : Sameness
    note : str
        What else the digests say.
    """

    case_a: str
    case_b: str
    matched_by: str = "id"
    image: Sameness = Sameness.UNKNOWN
    mask: Sameness = Sameness.UNKNOWN
    note: str = ""

    @property
    def verdict(self) -> str:
        """``same_input``, ``other_input`` or ``unknown_input``."""
        if Sameness.OTHER in (self.image, self.mask):
            return "other_input"
        both = self.image is self.mask is Sameness.SAME
        return "same_input" if both else "unknown_input"


def pair_cases(a: MeasuredTable, b: MeasuredTable, names: Mapping[str, str]) -> list[CasePair]:
    """Return the cases that both sides have, in the order of A.

    Parameters
    ----------
    a, b : MeasuredTable
    names : mapping of str to str
        Case of B -> case of A, where a person says so.
    """
    ids_a, ids_b = a.case_ids, b.case_ids
    found = {names[case]: (case, "names") for case in ids_b if names.get(case) in ids_a}
    taken = {case for case, _ in found.values()}
    for case in ids_a:
        if case not in found and case in ids_b and case not in taken:
            found[case] = (case, "id")
            taken.add(case)
    left_a = [case for case in ids_a if case not in found]
    left_b = [case for case in ids_b if case not in taken]
    found |= {case: (other, "inputs") for case, other in _by_inputs(a, left_a, b, left_b)}
    return [_pair(a, case, b, *found[case]) for case in ids_a if case in found]


def _by_inputs(
    a: MeasuredTable, cases_a: Iterable[str], b: MeasuredTable, cases_b: Iterable[str]
) -> list[tuple[str, str]]:
    """Return the pairs whose image and mask are of the same bytes, where only one pair can be."""
    by_a, by_b = _only_ones(a, cases_a), _only_ones(b, cases_b)
    return [(case, by_b[digest]) for digest, case in by_a.items() if digest in by_b]


def _only_ones(table: MeasuredTable, cases: Iterable[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for case in cases:
        digest = _kept(table, case).get("input_sha256")
        if digest:
            found.setdefault(str(digest), []).append(case)
    return {digest: cases[0] for digest, cases in found.items() if len(cases) == 1}


def _kept(table: MeasuredTable, case: str) -> Mapping[str, Any]:
    kept: Mapping[str, Any] = table.manifest.get("cases", {}).get(case, {})
    return kept


def _pair(
    a: MeasuredTable, case_a: str, b: MeasuredTable, case_b: str, matched_by: str
) -> CasePair:
    kept_a, kept_b = _kept(a, case_a), _kept(b, case_b)
    whole = _compared(kept_a, kept_b, "input_sha256")
    if whole is Sameness.SAME:
        return CasePair(case_a, case_b, matched_by, Sameness.SAME, Sameness.SAME)
    image = _compared(kept_a, kept_b, "image_sha256")
    mask = _compared(kept_a, kept_b, "mask_sha256")
    note = ""
    if image is Sameness.OTHER and _compared(kept_a, kept_b, "pixels_sha256") is Sameness.SAME:
        note = "the pixels are the same, the files are not: headers or their packing differ"
    if whole is Sameness.OTHER and Sameness.OTHER not in (image, mask):
        # A run of an earlier version kept one digest of all files.
        image = Sameness.OTHER
        note = "image or mask: one digest over all files is all that one side kept"
    return CasePair(case_a, case_b, matched_by, image, mask, note)


def _compared(a: Mapping[str, Any], b: Mapping[str, Any], key: str) -> Sameness:
    if not a.get(key) or not b.get(key):
        return Sameness.UNKNOWN
    return Sameness.SAME if a[key] == b[key] else Sameness.OTHER
