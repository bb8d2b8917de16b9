"""Which row of a clinical table belongs to which case or region.

A row meets the targets of its site, subject, timepoint and lesion, as far as the schema
names such columns, and whose day lies in the window. What meets twice is refused, or the
named rule decides: ``nearest`` takes the smallest distance in days, ``first`` the earliest
date. A tie is refused under either. A row with a date is of one visit, so the rule decides
between visits as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from biomarker_cli.evidence.clinical_schema import ClinicalSchema
from biomarker_cli.evidence.clinical_table import ClinicalRow
from biomarker_cli.evidence.errors import ClinicalError
from biomarker_cli.evidence.measured_cases import MeasuredCase
from biomarker_cli.model.wording import counted, quoted


@dataclass(frozen=True)
class Target:
    """What a row can meet: a case, or a region of it.

    Attributes
    ----------
    case : MeasuredCase
    roi_id : str
        Empty where rows meet cases.
    """

    case: MeasuredCase
    roi_id: str = ""


@dataclass(frozen=True)
class RowMatch:
    """A row and a target that belong together.

    Attributes
    ----------
    days : int or None
        From the date of the row to the scan; below 0 where the row is later.
    """

    row: ClinicalRow
    target: Target
    days: int | None


@dataclass(frozen=True)
class Unmatched:
    """A row of the table, or a target of the run, that met nothing, and why.

    Attributes
    ----------
    reason : str
        One of `REASONS`.
    """

    reason: str
    detail: str
    row: ClinicalRow | None = None
    target: Target | None = None
    days: int | None = None


REASONS: dict[str, str] = {
    "bad_value": "a cell of the row cannot be what its column says",
    "no_subject": "the run has no such site and subject",
    "no_timepoint": "the subject has no such timepoint",
    "no_lesion": "the subject has no such region",
    "no_date": "no day of the scan is known, or two are",
    "dates_shifted": "the dates of the images were moved, and the table is not said to be so",
    "outside_window": "no date lies in the window",
    "two_matches": "two meet, and no rule decides between them",
    "not_chosen": "the rule chose another one",
    "no_row": "the table has no row of it",
}
"""Why something met nothing."""

REFUSED = frozenset({"bad_value", "two_matches"})
"""Reasons of what is wrong, rather than absent."""


@dataclass(frozen=True)
class Matched:
    """Matches, and all that met nothing."""

    matches: tuple[RowMatch, ...]
    left_out: tuple[Unmatched, ...]


def targets_of(cases: Iterable[MeasuredCase], schema: ClinicalSchema) -> list[Target]:
    """Return what the rows of a table can meet.

    Raises
    ------
    ClinicalError
        ``CLINICAL-SITE`` where a subject is of two sites, and the table names none.
    """
    cases = list(cases)
    if not schema.keys.site:
        sites: dict[str, set[str]] = defaultdict(set)
        for case in cases:
            sites[case.subject].add(case.site)
        shared = sorted(subject for subject, names in sites.items() if len(names) > 1)
        if shared:
            raise ClinicalError(
                "CLINICAL-SITE",
                f"{counted(len(shared), 'subject id')} occurs at more than one site, "
                f"such as {quoted(shared[0], 60)}",
                hint="Give the table a column with the site, and name it under keys: site.",
            )
    if schema.keys.lesion:
        return [Target(case, roi) for case in cases for roi in case.regions]
    return [Target(case) for case in cases]


def match_rows(
    rows: Sequence[ClinicalRow], targets: Sequence[Target], schema: ClinicalSchema
) -> Matched:
    """Return which rows and targets belong together.

    Parameters
    ----------
    rows : sequence of ClinicalRow
    targets : sequence of Target
    schema : ClinicalSchema
    """
    left_out = [Unmatched("bad_value", row.fault, row) for row in rows if row.fault]
    known = _Known(targets, schema)
    candidates: list[RowMatch] = []
    for row in rows:
        if row.fault:
            continue
        met, missing = known.met_by(row)
        candidates += met
        if missing is not None:
            left_out.append(missing)
    chosen, refused = _decided(candidates, schema)
    left_out += refused
    taken = {target_key(match.target) for match in chosen}
    told = {target_key(one.target) for one in left_out if one.target is not None}
    out_of_reach = {target_key(target): days for target, days in known.outside.items()}
    for target in targets:
        key = target_key(target)
        if key in taken or key in told:
            continue
        days = out_of_reach.get(key)
        if schema.window and day_of(target, schema) is None:
            reason = undated(target)
            left_out.append(Unmatched(reason, REASONS[reason], target=target))
        elif days is not None:
            left_out.append(_outside(schema, days, target=target))
        else:
            left_out.append(Unmatched("no_row", REASONS["no_row"], target=target))
    return Matched(tuple(chosen), tuple(left_out))


def day_of(target: Target, schema: ClinicalSchema) -> date | None:
    """Return the day of a target that a date of the table may be held against."""
    alike = schema.window is not None and schema.window.shifted_alike
    return None if target.case.is_shifted and not alike else target.case.day


def undated(target: Target) -> str:
    """Return the reason why a target has no such day."""
    return "dates_shifted" if target.case.is_shifted and target.case.day else "no_date"


def target_key(target: Target) -> tuple[str, str]:
    """Return what tells a target apart."""
    return target.case.case_id, target.roi_id


class _Known:
    """Targets by what the table says of them."""

    def __init__(self, targets: Iterable[Target], schema: ClinicalSchema) -> None:
        self._schema = schema
        self._by_subject: dict[tuple[str, str], list[Target]] = defaultdict(list)
        for target in targets:
            site = target.case.site if schema.keys.site else ""
            self._by_subject[site, target.case.subject].append(target)
        self.outside: dict[Target, int] = {}

    def met_by(self, row: ClinicalRow) -> tuple[list[RowMatch], Unmatched | None]:
        """Return the targets that a row meets; where there are none, why."""
        found = self._by_subject.get((row.site, row.subject), [])
        at = [target for target in found if row.timepoint in {"", target.case.timepoint}]
        of = [target for target in at if row.lesion in {"", target.roi_id}]
        for reason, there in (("no_subject", found), ("no_timepoint", at), ("no_lesion", of)):
            if not there:
                return [], Unmatched(reason, REASONS[reason], row)
        found = of
        if self._schema.window is None:
            return [RowMatch(row, target, None) for target in found], None
        return self._in_window(row, found)

    def _in_window(
        self, row: ClinicalRow, found: Sequence[Target]
    ) -> tuple[list[RowMatch], Unmatched | None]:
        window = self._schema.window
        assert window is not None  # noqa: S101 - asked by the caller
        distances = [
            (target, (day - row.day).days)
            for target in found
            if (day := day_of(target, self._schema)) is not None and row.day is not None
        ]
        if not distances:
            reason = "no_date" if row.day is None else undated(found[0])
            return [], Unmatched(reason, REASONS[reason], row)
        inside = [
            RowMatch(row, target, days)
            for target, days in distances
            if -window.after_days <= days <= window.before_days
        ]
        for target, days in distances:
            nearest = self.outside.get(target)
            if nearest is None or abs(days) < abs(nearest):
                self.outside[target] = days
        if inside:
            return inside, None
        days = min((days for _, days in distances), key=abs)
        return [], _outside(self._schema, days, row=row)


def _outside(
    schema: ClinicalSchema,
    days: int,
    row: ClinicalRow | None = None,
    target: Target | None = None,
) -> Unmatched:
    window = schema.window
    assert window is not None  # noqa: S101 - only where there is one
    side = "before" if days >= 0 else "after"
    allowed = window.before_days if days >= 0 else window.after_days
    detail = (
        f"{counted(abs(days), 'day')} {side} the scan at the nearest, at most {allowed} are allowed"
    )
    return Unmatched("outside_window", detail, row, target, days)


def _decided(
    candidates: Sequence[RowMatch], schema: ClinicalSchema
) -> tuple[list[RowMatch], list[Unmatched]]:
    """Return the matches that hold, and the rows and targets that were refused."""
    by_target: dict[tuple[str, str], list[RowMatch]] = defaultdict(list)
    by_line: dict[int, list[RowMatch]] = defaultdict(list)
    for match in candidates:
        by_target[target_key(match.target)].append(match)
        by_line[match.row.line].append(match)
    visit_of = {line: _visit(met, schema) for line, met in by_line.items()}
    row_of = {key: _row(met, visit_of, schema) for key, met in by_target.items()}
    chosen = [
        match
        for match in candidates
        if row_of[target_key(match.target)] == match.row.line
        and visit_of[match.row.line] in {"*", match.target.case.timepoint}
    ]
    kept_lines = {match.row.line for match in chosen}
    kept_targets = {target_key(match.target) for match in chosen}
    left_out = []
    for line, met in by_line.items():
        if line in kept_lines:
            continue
        # A row is refused where its visit is not known, or no target of it has a row.
        undecided = not visit_of[line] or any(row_of[target_key(m.target)] is None for m in met)
        reason = "two_matches" if undecided else "not_chosen"
        left_out.append(Unmatched(reason, _said(reason, met, of_row=True), met[0].row))
    for key, met in by_target.items():
        if key not in kept_targets:
            undecided = row_of[key] is None or any(not visit_of[m.row.line] for m in met)
            reason = "two_matches" if undecided else "not_chosen"
            left_out.append(
                Unmatched(reason, _said(reason, met, of_row=False), target=met[0].target)
            )
    return chosen, left_out


def _visit(met: Sequence[RowMatch], schema: ClinicalSchema) -> str:
    """Return the timepoint that a row belongs to: ``*`` for all, empty where none is known."""
    if schema.window is None:
        return "*"
    visits: dict[str, list[RowMatch]] = defaultdict(list)
    for match in met:
        visits[match.target.case.timepoint].append(match)
    if len(visits) == 1:
        return next(iter(visits))
    if schema.matches == "refuse":
        return ""
    ranked = sorted(
        (min(_rank(match, match.target.case.day, schema) for match in of_visit), visit)
        for visit, of_visit in visits.items()
    )
    return "" if ranked[0][0] == ranked[1][0] else ranked[0][1]


def _row(
    met: Sequence[RowMatch], visit_of: Mapping[int, str], schema: ClinicalSchema
) -> int | None:
    """Return the line that a target belongs to; None where none is known.

    Rows of another visit do not compete; one whose visit is not known does, and wins nothing.
    """
    if len(met) > 1 and schema.matches == "refuse":
        return None
    visits = {"*", "", met[0].target.case.timepoint}
    ranked = sorted(
        (_rank(match, match.row.day, schema), match.row.line)
        for match in met
        if visit_of[match.row.line] in visits
    )
    if not ranked:
        # Each of its rows belongs to another visit.
        return 0
    if not visit_of[ranked[0][1]] or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None
    return ranked[0][1]


def _rank(match: RowMatch, day: date | None, schema: ClinicalSchema) -> int:
    """Return what the rule compares: the distance in days, or the date."""
    if schema.matches == "nearest":
        return abs(match.days or 0)
    return (day or date.min).toordinal()


def _said(reason: str, met: Sequence[RowMatch], *, of_row: bool) -> str:
    if of_row:
        visits = sorted({match.target.case.timepoint for match in met})
        what = "it meets" if len(visits) > 1 else "other rows meet as well"
        return f"{REASONS[reason]}: {what} {', '.join(visits)}"
    lines = sorted({match.row.line for match in met})
    return f"{REASONS[reason]}: lines {', '.join(map(str, lines))}"
