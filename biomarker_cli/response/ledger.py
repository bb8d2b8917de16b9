"""The lesion ledger ``lesions.csv``: what a person says of each lesion at each visit.

Role, organ, node, state and new lesions are never read off masks. A lesion without a row
at a visit is missing there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.subjects import parse_date
from biomarker_cli.response.words import bad_input, read_word
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table

ROLES = frozenset({"target", "non_target", "new", "visit", "not_a_lesion"})

TARGET_STATES = frozenset(
    {"measured", "too_small", "absent", "not_evaluable", "merged_into", "split_from"}
)
NON_TARGET_STATES = frozenset(
    {"present", "absent", "non_cr_non_pd", "pd", "increased", "unchanged", "not_evaluable"}
)
NEW_STATES = frozenset({"measured", "present", "equivocal", "absent", "too_small"})

STATES_OF = {
    "target": TARGET_STATES,
    "non_target": NON_TARGET_STATES,
    "new": NEW_STATES,
    "visit": frozenset[str](),
    "not_a_lesion": frozenset({"measured"}),
}

LEDGER = Table(
    "lesions",
    "subject x reader x lesion x timepoint",
    (
        Column("subject_id", "string", "identifier that the study assigned"),
        Column("reader", "string", "who read; empty where one did"),
        Column("timepoint", "string", "visit"),
        Column("date", "string", "day of the visit; empty where the run has it"),
        Column("lesion_id", "string", "name of the lesion, the same at all visits"),
        Column(
            "role",
            "string",
            "what it is; visit for what is said of the whole",
            tuple(sorted(ROLES)),
        ),
        Column("organ", "string", "where it lies"),
        Column("is_node", "string", "whether it is a lymph node: yes or no"),
        Column(
            "state",
            "string",
            "what became of it; empty where a person has not said it yet",
            tuple(sorted(TARGET_STATES | NON_TARGET_STATES | NEW_STATES)),
        ),
        Column("into", "string", "lesion that it merged into or fell off from"),
        Column("roi_id", "string", "ROI of the run; the lesion's name where empty"),
        Column("extra", "string", "key=value of the criteria, in a row of role visit"),
        Column("reason", "string", "why it is not evaluable"),
        Column("basis", "string", "what the proposal rests on; empty once a person signed it"),
    ),
    ("subject_id", "reader", "timepoint", "role", "lesion_id"),
)

OPEN = "?"
"""First character of a lesion_id that a proposal leaves open: which lesion it is, a person says."""

REQUIRED = ("subject_id", "timepoint", "lesion_id", "role", "state")


@dataclass(frozen=True)
class LedgerRow:
    """A row of the ledger.

    Attributes
    ----------
    place : str
        File and line.
    day : date or None
    is_node : bool
    """

    place: str
    subject_id: str
    reader: str
    timepoint: str
    day: date | None
    lesion_id: str
    role: str
    organ: str
    is_node: bool
    state: str
    into: str
    roi_id: str
    extra: str
    reason: str


def read_ledger(path: Path, reader: str = "") -> list[Mapping[str, str]]:
    """Return the cells of a ledger with their line under ``place``.

    Parameters
    ----------
    path : Path
    reader : str
        Of rows that name none.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-UNREADABLE``, ``TABLE-COLUMNS``.
    ResponseError
        ``RESPONSE-BAD-INPUT`` for a ledger without rows, or a row without subject.
    """
    from biomarker_cli.tables.columns import refuse_misspelt, require_columns
    from biomarker_cli.tables.reading import read_cells

    frame = read_cells(path)
    require_columns(path, REQUIRED, frame.columns)
    refuse_misspelt(path, LEDGER.column_names, frame.columns)
    found: list[Mapping[str, str]] = []
    for line, cells in enumerate(frame.to_dict("records"), start=2):
        row = {str(name): str(value).strip() for name, value in cells.items()}
        row["place"] = f"{path.name}, row {line}"
        row["reader"] = row.get("reader") or reader
        if not row["subject_id"]:
            raise ResponseError(
                "RESPONSE-BAD-INPUT", "a row names no subject_id", where=row["place"]
            )
        found.append(row)
    if not found:
        raise ResponseError("RESPONSE-BAD-INPUT", "the ledger has no rows", where=str(path))
    return found


def typed_row(cells: Mapping[str, str]) -> LedgerRow:
    """Return a row of the ledger with its words understood.

    Raises
    ------
    ResponseError
        ``RESPONSE-ROLE-MISSING`` where nobody said what the lesion is,
        ``RESPONSE-UNSIGNED`` where the row is still a proposal, ``RESPONSE-BAD-INPUT``.
    """
    try:
        return _typed(cells)
    except ResponseError as error:
        raise ResponseError(
            error.code, error.message, where=cells["place"], hint=error.hint
        ) from error


def _typed(cells: Mapping[str, str]) -> LedgerRow:
    def cell(name: str) -> str:
        return cells.get(name, "")

    lesion = cell("lesion_id")
    if not lesion or not cell("timepoint"):
        raise bad_input("lesion_id and timepoint", lesion)
    role = read_word(cell("role"), ROLES, "a role")
    if not role:
        raise ResponseError(
            "RESPONSE-ROLE-MISSING",
            f"{lesion}: nobody said whether it is target, non_target or new",
            hint="No mask says it: a person writes it into the ledger.",
        )
    state = read_word(cell("state"), STATES_OF[role], f"the state of a lesion of role {role}")
    day = parse_date(cell("date"))
    if isinstance(day, int):
        raise bad_input("a date such as 2026-11-29", cell("date"))
    is_node = read_word(cell("is_node"), frozenset({"yes", "no"}), "is_node")
    if role == "target" and not is_node:
        raise ResponseError(
            "RESPONSE-ROLE-MISSING",
            f"{lesion}: nobody said whether it is a lymph node",
            hint="Write yes or no as is_node: of a node the short axis counts.",
        )
    if state in {"merged_into", "split_from"} and not cell("into"):
        raise bad_input(f"the other lesion as `into` of {state}", "")
    if cell("basis") or lesion.startswith(OPEN):
        raise ResponseError(
            "RESPONSE-UNSIGNED",
            f"{lesion} is a proposal that nobody signed",
            hint="Name the lesion, correct the row, and empty its column basis.",
        )
    return LedgerRow(
        place=cell("place"),
        subject_id=cell("subject_id"),
        reader=cell("reader"),
        timepoint=cell("timepoint"),
        day=day,
        lesion_id=lesion,
        role=role,
        organ=cell("organ").lower(),
        is_node=is_node == "yes",
        state=state,
        into=cell("into"),
        roi_id=cell("roi_id") or lesion,
        extra=cell("extra"),
        reason=cell("reason"),
    )


def require_consistent(rows: Iterable[LedgerRow]) -> None:
    """Refuse lesions that are one thing here and another there.

    Raises
    ------
    ResponseError
        ``RESPONSE-LESION-AMBIGUOUS``.
    """
    known: dict[str, LedgerRow] = {}
    seen: set[tuple[str, str]] = set()
    rois: dict[tuple[str, str], LedgerRow] = {}
    for row in rows:
        if row.role in {"visit", "not_a_lesion"}:
            continue
        if (row.timepoint, row.lesion_id) in seen:
            raise _ambiguous(row, f"{row.lesion_id} stands twice at {row.timepoint}")
        seen.add((row.timepoint, row.lesion_id))
        first = known.setdefault(row.lesion_id, row)
        for name in ("role", "organ", "is_node"):
            before, now = getattr(first, name), getattr(row, name)
            if before != now and (name != "organ" or (before and now)):
                raise _ambiguous(row, f"{name} of {row.lesion_id} is {before!r} and {now!r}")
        if row.state not in {"measured", "split_from"}:
            continue
        other = rois.setdefault((row.timepoint, row.roi_id), row)
        if other is not row:
            what = f"{row.roi_id} is {other.lesion_id} and {row.lesion_id} at {row.timepoint}"
            raise _ambiguous(row, what)


def _ambiguous(row: LedgerRow, what: str) -> ResponseError:
    return ResponseError("RESPONSE-LESION-AMBIGUOUS", what, where=row.place)
