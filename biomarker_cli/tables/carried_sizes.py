"""Sizes of masks that were carried from another visit: they are none of this visit.

A mask keeps its shape on the way, so that a lesion that grew or shrank has the size it had
where it was drawn. Whoever compares visits may not take that for a measurement.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from biomarker_cli.model.flags import split_flags
from biomarker_cli.tables.reading import read_cells
from biomarker_cli.tables.schema import REGISTRATIONS

REASON = "the mask was carried from another visit: its size shows no change"

_FLAG = "mask_propagated"
_SIZE_FAMILIES = frozenset({"morphology", "morphology_2d", "size"})


def carried_sizes_of(run: Path) -> Callable[[str, str, str], bool]:
    """Return what tells a size of a carried mask, by case, feature and flags of its row.

    A mask that comes from another image of the same visit was drawn at it, and has its
    size; one of which nobody knows the visit has not.

    Parameters
    ----------
    run : Path
        Folder of a run.

    Raises
    ------
    TableError
        ``TABLE-UNREADABLE`` where its registrations cannot be read.
    """
    at_home = _carried_within_a_visit(run / REGISTRATIONS.file_name)

    def is_one(case_id: str, feature_id: str, flags: str) -> bool:
        # Most rows have no such flag.
        if _FLAG not in flags or case_id in at_home:
            return False
        family = feature_id.split(".")[1:2]
        is_carried = any(one.partition(":")[0] == _FLAG for one in split_flags(flags))
        return is_carried and bool(_SIZE_FAMILIES.intersection(family))

    return is_one


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
