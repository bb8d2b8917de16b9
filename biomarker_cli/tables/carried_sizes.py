"""Sizes of masks that were carried from another visit: they are none of this visit.

A mask keeps its shape on the way, so that a lesion that grew or shrank has the size it had
where it was drawn. Whoever compares visits may not take that for a measurement.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.model.flags import split_flags
from biomarker_cli.tables.reading import read_cells
from biomarker_cli.tables.schema import REGISTRATIONS

REASON = "the mask was carried from another visit: its size shows no change"

_FLAG = "mask_propagated"
_SIZE_FAMILIES = frozenset({"morphology", "morphology_2d", "size"})


@dataclass(frozen=True)
class CarriedFromElsewhere:
    """Tells which rows of a run are of masks that another visit gave.

    A mask that comes from another image of the same visit was drawn at it, and has its
    size; one of which nobody knows the visit has not.

    Attributes
    ----------
    at_home : frozenset of str
        Cases whose mask comes from an image of their own visit.
    """

    at_home: frozenset[str]

    @classmethod
    def of_run(cls, run: Path) -> CarriedFromElsewhere:
        """Read the registrations of a run, where it has some.

        Raises
        ------
        TableError
            ``TABLE-UNREADABLE`` where they cannot be read.
        """
        return cls(_carried_within_a_visit(run / REGISTRATIONS.file_name))

    def has(self, case_id: str, flags: str) -> bool:
        """Tell whether the mask of a row was carried from another visit."""
        # Most rows have no such flag.
        if _FLAG not in flags or case_id in self.at_home:
            return False
        return any(one.partition(":")[0] == _FLAG for one in split_flags(flags))

    def has_size(self, case_id: str, flags: str, feature_id: str) -> bool:
        """Tell whether a row is the size of such a mask."""
        family = feature_id.split(".")[1:2]
        return self.has(case_id, flags) and bool(_SIZE_FAMILIES.intersection(family))


def _carried_within_a_visit(path: Path) -> frozenset[str]:
    if not path.is_file():
        return frozenset()
    frame = read_cells(path)
    if not {"case_id", "source_case_id"} <= set(frame.columns):
        return frozenset()
    pairs = set(zip(frame["case_id"], frame["source_case_id"], strict=True))
    elsewhere = {case for case, source in pairs if _visit(case) != _visit(source)}
    return frozenset(case for case, _ in pairs) - elsewhere


def _visit(case_id: str) -> str:
    return case_id.rpartition("/")[0]
