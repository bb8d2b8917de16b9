"""Cases of a run as what joins them asks: by visit, each with the state of its ROIs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.model.wording import quoted
from biomarker_cli.tables.packaged import PackagedTable, required_table
from biomarker_cli.tables.schema import CASES, ROIS

_OF_CASE = (
    *("case_id", "modality", "series_uid", "frame_of_reference_uid"),
    *("result_key", "status"),
)
_OF_ROI = ("case_id", "roi_id", "status")


@dataclass(frozen=True)
class JointCase:
    """A case of the run, as far as what joins cases asks.

    Attributes
    ----------
    case_id, role, modality, series_uid, frame_uid, result_key, status : str
    rois : mapping
        ROI -> status of its import.
    """

    case_id: str
    role: str
    modality: str
    series_uid: str
    frame_uid: str
    result_key: str
    status: str
    rois: Mapping[str, str]


def read_joint_cases(
    package: Mapping[str, PackagedTable], roles: Sequence[str]
) -> dict[str, JointCase]:
    """Return the cases of a run by their ids, with the state of their ROIs.

    Parameters
    ----------
    package : mapping
        As `read_package` gives it.
    roles : sequence of str
        Image roles that are asked for; empty for all.

    Raises
    ------
    InputNotFoundError
        ``NOTHING-FOUND`` where the run has no case of a role.
    TableError
        As `required_table` and `PackagedTable.rows`, and ``TABLE-VALUE`` for a case
        without four names.
    """
    table = required_table(package, CASES.name, *_OF_CASE)
    rois: dict[str, dict[str, str]] = {}
    for row in required_table(package, ROIS.name, *_OF_ROI).named_rows():
        rois.setdefault(row["case_id"], {})[row["roi_id"]] = row["status"]
    found = {}
    for number, row in enumerate(table.named_rows(), start=1):
        case_id = row["case_id"]
        if case_id.count("/") != 3:
            raise table.bad_row(number, f"its case is {quoted(case_id)}")
        found[case_id] = JointCase(
            case_id,
            case_id.rpartition("/")[2],
            row["modality"],
            row["series_uid"],
            row["frame_of_reference_uid"],
            row["result_key"],
            row["status"],
            rois.get(case_id, {}),
        )
    there = {case.role for case in found.values()}
    for role in roles:
        if role not in there:
            raise InputNotFoundError(
                "NOTHING-FOUND",
                f"the run has no case of role {quoted(role)}",
                hint=f"It has {', '.join(sorted(there)) or 'none'}.",
            )
    return {i: case for i, case in found.items() if not roles or case.role in roles}


def cases_by_visit(cases: Mapping[str, JointCase]) -> list[tuple[str, list[JointCase]]]:
    """Return the cases of each visit under ``site/subject/timepoint/``, as tables are sorted."""
    found: dict[str, list[JointCase]] = {}
    for case_id in sorted(cases):
        found.setdefault(case_id.rpartition("/")[0] + "/", []).append(cases[case_id])
    return sorted(found.items())
