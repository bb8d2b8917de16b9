"""Rows of the tables from assessed courses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from biomarker_cli.response.assessing import Assessed, Assessment
from biomarker_cli.response.best import BestResponse, counted_visits
from biomarker_cli.response.courses import CourseOutcome
from biomarker_cli.response.criterion import Criterion
from biomarker_cli.response.readings import LesionReading
from biomarker_cli.response.scopes import WHOLE, Sizes, VisitScope

Row = dict[str, Any]


def as_float(value: object) -> float | None:
    """Return a decimal as the tables hold it, None for anything else."""
    return float(value) if isinstance(value, Decimal) else None


def percent(now: Decimal | None, before: Decimal | None) -> float | None:
    """Return the change over an earlier value in percent, None where it has no meaning."""
    if now is None or before is None or before == 0:
        return None
    return float(100 * (now - before) / before)


def who(assessed: Assessed) -> Row:
    """Return the cells that name a course."""
    course = assessed.course
    return {
        "criterion": assessed.criterion.ident,
        "subject_id": course.subject_id,
        "reader": course.reader,
    }


def failed_row(outcome: CourseOutcome, criterion: Criterion) -> Row:
    """Return the row of a subject that cannot be judged."""
    error = outcome.error
    assert error is not None  # noqa: S101 - said by the caller
    place = f" [{error.where}]" if error.where else ""
    return {
        "criterion": criterion.ident,
        "subject_id": outcome.subject_id,
        "reader": outcome.reader,
        "error_code": error.code,
        "error_message": f"{error.message}{place}",
    }


def response_rows(assessed: Assessed, alternatives: Mapping[str, str]) -> Iterator[Row]:
    """Yield a row of ``response.csv`` for each visit.

    Parameters
    ----------
    assessed : Assessed
    alternatives : mapping of str to str
        What other policies say, by timepoint.
    """
    unit = unit_of(assessed.criterion)
    draft = {"draft_protocol"} if assessed.criterion.document.is_draft else set()
    if assessed.baseline is not None:
        scope = assessed.baseline
        value = scope.value(assessed.criterion.file.assessed)
        yield {
            **who(assessed),
            **_visit_cells(scope),
            "value": as_float(value),
            "baseline": as_float(value),
            "unit": unit if as_float(value) is not None else "",
            "flags": ";".join(sorted({*scope.visit.flags, *draft})),
        }
    for one in assessed.visits:
        yield {
            **who(assessed),
            **_visit_cells(one.scope),
            **_call_cells(one),
            "unit": unit if one.value is not None or one.baseline is not None else "",
            "flags": ";".join(sorted({*one.flags, *draft})),
            "alt_policy": alternatives.get(one.visit.timepoint, ""),
        }


def unit_of(criterion: Criterion) -> str:
    """Return the unit of what a criterion assesses."""
    key = criterion.file.inputs.get(criterion.file.assessed)
    return key.unit if key is not None else criterion.file.targets.unit


def _visit_cells(scope: VisitScope) -> Row:
    visit = scope.visit
    n_missing = scope.value("n_missing")
    return {
        "timepoint": visit.timepoint,
        "day": visit.day,
        "n_targets": len(scope.lesions),
        "n_missing": int(n_missing) if isinstance(n_missing, Decimal) else 0,
        "measured_part": as_float(scope.value("measured_sum")),
        "non_target": visit.non_target or "",
        "new_lesion": visit.new or "",
    }


def _call_cells(one: Assessment) -> Row:
    moved = None if one.value is None or one.nadir is None else one.value - one.nadir
    return {
        "value": as_float(one.value),
        "baseline": as_float(one.baseline),
        "nadir": as_float(one.nadir),
        "nadir_timepoint": one.nadir_timepoint,
        "change_from_baseline_percent": percent(one.value, one.baseline),
        "change_from_nadir_percent": percent(one.value, one.nadir),
        "change_from_nadir": as_float(moved),
        "target": one.target,
        "overall": one.overall,
        "target_rule": one.target_rule,
        "rule": one.rule,
        "reason": one.reason,
    }


def reading_key(assessed: Assessed) -> tuple[object, ...]:
    """Return what makes two criteria have the same rows of lesions of one course."""
    rules = assessed.criterion.file.targets
    course = assessed.course
    read = tuple((one.timepoint, one.day, one.lesions, one.new_lesions) for one in course.visits)
    sizes = (rules.node, rules.other, rules.unit, rules.decimals, rules.too_small)
    return course.subject_id, course.reader, sizes, read


def lesion_rows(assessed: Assessed) -> list[Row]:
    """Return a row of ``lesions_over_time.csv`` for each lesion of each visit.

    The criterion is left out: those that read and sum alike share the rows.
    """
    scopes = [one.scope for one in assessed.visits]
    if assessed.baseline is not None:
        scopes.insert(0, assessed.baseline)
    head = {"subject_id": assessed.course.subject_id, "reader": assessed.course.reader}
    unit = assessed.criterion.file.targets.unit
    earlier: dict[tuple[str, str], list[Decimal | None]] = {}
    rows = []
    for scope in scopes:
        visit = scope.visit
        groups = (
            ("target", visit.lesions, scope.lesions),
            ("new", visit.new_lesions, scope.new_lesions),
        )
        for role, lesions, sizes_by_name in groups:
            for lesion in lesions:
                if lesion.lesion_id == WHOLE:
                    continue
                sizes = sizes_by_name[lesion.lesion_id]
                before = earlier.setdefault((role, lesion.lesion_id), [])
                row = {**head, "role": role, "timepoint": visit.timepoint, "day": visit.day}
                rows.append(row | _lesion_cells(lesion, sizes, before, unit))
                value = sizes["value"]
                before.append(value if isinstance(value, Decimal) else None)
    return rows


def _lesion_cells(
    lesion: LesionReading, sizes: Sizes, before: list[Decimal | None], unit: str
) -> Row:
    value = sizes["value"] if isinstance(sizes["value"], Decimal) else None
    known = [one for one in before if one is not None]
    first = before[0] if before else value
    return {
        "lesion_id": lesion.lesion_id,
        "organ": lesion.organ,
        "is_node": lesion.is_node,
        "state": lesion.state,
        "value": as_float(value),
        "longest": as_float(sizes["longest"]),
        "short": as_float(sizes["short"]),
        "unit": unit if value is not None else "",
        "baseline": as_float(first),
        "nadir": float(min(known)) if known else None,
        "change_from_baseline_percent": percent(value, first) if before else None,
        "parts": ";".join(lesion.parts),
        "case_id": lesion.case_id,
        "roi_id": lesion.roi_id,
        "analysis_id": lesion.analysis_id,
        "source": lesion.source,
        "reason": lesion.reason,
    }


def best_row(assessed: Assessed, best: BestResponse, last_day: int | None) -> Row:
    """Return the row of ``best.csv`` of a course.

    Parameters
    ----------
    assessed : Assessed
    best : BestResponse
    last_day : int or None
        Day of a new therapy.
    """
    counted = counted_visits(assessed, last_day)
    changes = [percent(one.value, one.baseline) for one in counted]
    known = [change for change in changes if change is not None]
    settings = {**assessed.policies, **assessed.parameters}
    not_evaluable = assessed.criterion.file.best.not_evaluable
    furthest = max if assessed.criterion.file.good_is == "higher" else min
    return {
        **who(assessed),
        "best": best.best.call,
        **_at("best", best.best.at),
        "best_confirmed": best.confirmed.call,
        **_at("confirmed", best.confirmed.at),
        "confirmation_timepoint": _timepoint(best.confirmed.confirmed_at),
        "progression_timepoint": _timepoint(best.progression),
        "progression_day": best.progression.dated_day if best.progression else None,
        "best_change_percent": furthest(known) if known else None,
        "n_visits": len(assessed.visits),
        "n_not_evaluable": sum(one.overall == not_evaluable for one in assessed.visits),
        "policies": ";".join(f"{name}={value}" for name, value in sorted(settings.items())),
    }


def _timepoint(at: Assessment | None) -> str:
    return at.visit.timepoint if at is not None else ""


def _at(prefix: str, at: Assessment | None) -> Row:
    if at is None:
        return {}
    return {f"{prefix}_timepoint": at.visit.timepoint, f"{prefix}_day": at.visit.day}
