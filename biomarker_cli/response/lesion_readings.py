"""Target lesions of a visit: what the ledger says of them, and what the run measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from biomarker_cli.response.criterion import Criterion
from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.ledger import LedgerRow
from biomarker_cli.response.measured_run import MeasuredRun, MeasuredValue
from biomarker_cli.response.readings import LesionReading, State
from biomarker_cli.response.words import sum_of_parts

SAME_PLANE = 0.9961946980917455
"""Cosine of 5 degrees, between the normals of slices that are one plane."""


@dataclass(frozen=True)
class VisitRows:
    """Rows of the ledger of one visit, and its cases of the run."""

    timepoint: str
    rows: tuple[LedgerRow, ...]
    cases: Sequence[str]

    def of_role(self, role: str) -> list[LedgerRow]:
        """Return the rows of a role."""
        return [row for row in self.rows if row.role == role]

    def without(self, lesions: frozenset[str]) -> VisitRows:
        """Return the visit without the rows of some lesions."""
        kept = tuple(row for row in self.rows if row.lesion_id not in lesions)
        return VisitRows(self.timepoint, kept, self.cases)


def targets_of(
    run: MeasuredRun, here: VisitRows, baseline: VisitRows | None, criterion: Criterion
) -> tuple[LesionReading, ...]:
    """Return the targets of a visit: those of the baseline, each once.

    Parameters
    ----------
    run : MeasuredRun
    here : VisitRows
    baseline : VisitRows or None
        None at the baseline itself.
    criterion : Criterion

    Raises
    ------
    ResponseError
        ``RESPONSE-LESION-AMBIGUOUS``, ``RESPONSE-NOT-MEASURABLE``.
    """
    rows = here.of_role("target")
    if baseline is None:
        found = tuple(lesion_reading(run, row, here, criterion) for row in rows)
        _require_thickness(run, here, found, criterion)
        return found
    expected = {row.lesion_id: row for row in baseline.of_role("target")}
    by_name: dict[str, list[LedgerRow]] = {}
    for row in rows:
        by_name.setdefault(_whole(row), []).append(row)
    strange = by_name.keys() - expected.keys()
    if strange:
        raise ResponseError(
            "RESPONSE-LESION-AMBIGUOUS",
            f"{', '.join(sorted(strange))}: no target at baseline",
            where=here.timepoint,
            hint="A lesion that came later has the role new; a fragment says split_from.",
        )
    return tuple(
        _one_target(run, here, name, by_name.get(name, []), criterion, row)
        for name, row in expected.items()
    )


def unread_targets(
    here: VisitRows, lesions: Sequence[LesionReading], criterion: Criterion
) -> frozenset[str]:
    """Return the targets of a baseline that a criterion of uptake does not read.

    One ledger serves CT and PET: a lesion that was measured on CT alone is no target of
    the criterion that reads PET. A criterion of size reads them all.
    """
    if criterion.file.targets.other != "value":
        return frozenset()
    said = {row.lesion_id for row in here.of_role("target") if row.state == "measured"}
    return frozenset(
        one.lesion_id for one in lesions if one.state == "missing" and one.lesion_id in said
    )


def _whole(row: LedgerRow) -> str:
    """Return the lesion that a row is of: of a fragment the one that fell apart."""
    return row.into if row.state == "split_from" else row.lesion_id


def _one_target(
    run: MeasuredRun,
    here: VisitRows,
    name: str,
    rows: Sequence[LedgerRow],
    criterion: Criterion,
    first: LedgerRow,
) -> LesionReading:
    if not rows:
        return LesionReading(name, first.is_node, "missing", organ=first.organ)
    readings = [lesion_reading(run, row, here, criterion) for row in rows]
    if len(readings) == 1 and readings[0].lesion_id == name:
        return readings[0]
    whole = sum_of_parts(name, readings)
    return replace(whole, organ=first.organ, analysis_id=readings[0].analysis_id)


def lesion_reading(
    run: MeasuredRun, row: LedgerRow, here: VisitRows, criterion: Criterion
) -> LesionReading:
    """Return what is known of a lesion of the ledger at a visit."""
    blank = LesionReading(
        row.lesion_id, row.is_node, "missing", organ=row.organ, source=row.place, reason=row.reason
    )
    if row.state == "merged_into":
        return replace(blank, state="absent", parts=(row.lesion_id, row.into))
    if row.state in {"absent", "too_small", "not_evaluable"}:
        state: State = row.state  # type: ignore[assignment]
        return replace(blank, state=state)
    if row.state not in {"measured", "split_from", "present"}:
        return blank
    return _measured(run, row, here, criterion, blank)


def _measured(
    run: MeasuredRun, row: LedgerRow, here: VisitRows, criterion: Criterion, blank: LesionReading
) -> LesionReading:
    reads = criterion.file.reads
    found: dict[str, Decimal | None] = {}
    one: MeasuredValue | None = None
    for name in ("longest", "short", "value"):
        if name not in reads.features:
            continue
        one = run.value(here.cases, row.roi_id, reads.features[name], reads.analyses)
        if one is None or one.value is None:
            reason = one.reason if one is not None else f"the run has no {reads.features[name]}"
            return replace(
                blank, state="missing" if one is None else "not_evaluable", reason=reason
            )
        found[name] = one.value
    if one is None:
        return replace(blank, state="measured", roi_id=row.roi_id)
    return replace(
        blank,
        state="measured",
        case_id=one.case_id,
        roi_id=one.roi_id,
        analysis_id=one.analysis_id,
        **found,  # type: ignore[arg-type]
    )


def _require_thickness(
    run: MeasuredRun, here: VisitRows, lesions: Sequence[LesionReading], criterion: Criterion
) -> None:
    """Refuse a target that is too small for slices of its thickness."""
    reads = criterion.file.reads
    for lesion in lesions:
        if not reads.measurable_from or lesion.is_node or lesion.longest is None:
            continue
        limit = run.value(here.cases, lesion.roi_id, reads.measurable_from, reads.analyses)
        if limit is not None and limit.value is not None and lesion.longest < limit.value:
            raise ResponseError(
                "RESPONSE-NOT-MEASURABLE",
                f"{lesion.lesion_id}: expected {limit.value} mm or more on such slices, "
                f"found {lesion.longest}",
                where=here.timepoint,
            )


def require_plane(run: MeasuredRun, before: LesionReading, now: LesionReading) -> None:
    """Refuse diameters of one lesion in two planes.

    Raises
    ------
    ResponseError
        ``RESPONSE-PLANE-CHANGED``.
    """
    normals = [run.normal(one.case_id, one.roi_id, one.analysis_id) for one in (before, now)]
    if normals[0] is None or normals[1] is None:
        return
    cosine = abs(sum(a * b for a, b in zip(*_both(normals), strict=True)))
    if cosine < SAME_PLANE:
        raise ResponseError(
            "RESPONSE-PLANE-CHANGED",
            f"{now.lesion_id}: the slice is not in the plane of the baseline",
            where=now.case_id,
            hint="Measure all visits in one plane.",
        )


def _both(normals: Sequence[tuple[float, ...] | None]) -> Iterator[tuple[float, ...]]:
    yield from (normal for normal in normals if normal is not None)
