"""The values of planned features: of each subject one, or the step at which it was left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean

from biomarker_cli.evidence.association_plan import AssociationPlan, FeatureInPlan
from biomarker_cli.evidence.errors import AssociationError
from biomarker_cli.evidence.measured_cases import MeasuredCase
from biomarker_cli.model.wording import counted, quoted
from biomarker_cli.tables.carried_sizes import CarriedFromElsewhere
from biomarker_cli.tables.cells import is_finite_number
from biomarker_cli.tables.packaged import PackagedTable, required_table

EXCLUSIONS = "exclusions"
"""Table of what a pool left out."""

Subject = tuple[str, str]
"""Site and subject."""

COLUMNS = (
    *("case_id", "roi_id", "analysis_id", "feature_id"),
    *("value", "unit", "status", "flags", "usable"),
)


@dataclass(frozen=True)
class MeasuredRow:
    """A row of measurements that a plan asks for, or of what a pool left out.

    Attributes
    ----------
    case : MeasuredCase
    analysis_id : str
    value : float or None
    unit : str
        Empty where a pool left it out.
    usable : str
        No also for the size of a mask that another visit gave.
    is_excluded : bool
        Whether there was a value, which a pool left out.
    """

    case: MeasuredCase
    analysis_id: str
    value: float | None
    unit: str
    usable: str
    is_excluded: bool = False


@dataclass(frozen=True)
class SubjectValue:
    """The value of a subject, or the step at which it was left out.

    Attributes
    ----------
    value : float or None
    left_out : str
        ``not_measured``, ``no_value``, ``not_usable`` or ``no_baseline``; empty where there
        is a value.
    """

    value: float | None
    left_out: str = ""


def planned_rows(
    tables: Mapping[str, PackagedTable], cases: Iterable[MeasuredCase], plan: AssociationPlan
) -> dict[str, list[MeasuredRow]]:
    """Return the rows of each planned feature, by its name in the plan.

    Raises
    ------
    TableError
        Where the measurements cannot be read.
    AssociationError
        ``ASSOCIATION-ANALYSIS`` for two versions of one analysis, ``ASSOCIATION-UNIT``.
    """
    measurements = required_table(tables, "measurements", *COLUMNS)
    places = [measurements.column_names.index(name) for name in COLUMNS]
    elsewhere = CarriedFromElsewhere.of_run(measurements.path.parent)
    wanted: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for name, one in plan.features.items():
        wanted[one.feature, one.roi, one.role].append(name)
    by_id = {case.case_id: case for case in cases}
    found: dict[str, list[MeasuredRow]] = {name: [] for name in plan.features}
    for line, row in enumerate(measurements.rows(), start=1):
        case_id, roi, analysis, feature, value, unit, status, flags, usable = (
            row[p] for p in places
        )
        names = wanted.get((feature, roi, case_id.rpartition("/")[2]))
        if not names:
            continue
        if value and not is_finite_number(value):
            raise measurements.bad_row(line, "its value is no number")
        number = float(value) if status == "ok" and value else None
        # The size of a mask that another visit gave is none of this visit.
        usable = "no" if elsewhere.has_size(case_id, flags, feature) else usable
        for name in names:
            if _is_of(analysis, plan.features[name].analysis) and case_id in by_id:
                found[name].append(MeasuredRow(by_id[case_id], analysis, number, unit, usable))
    for name, excluded in _excluded_rows(tables, by_id, wanted, plan):
        found[name].append(excluded)
    for name, rows in found.items():
        _require_alike(name, rows, plan.features[name])
    return found


def _excluded_rows(
    tables: Mapping[str, PackagedTable],
    cases: Mapping[str, MeasuredCase],
    wanted: Mapping[tuple[str, str, str], Sequence[str]],
    plan: AssociationPlan,
) -> Iterator[tuple[str, MeasuredRow]]:
    """Yield what a pool left out, so that the flow counts it for what it is."""
    if EXCLUSIONS not in tables:
        return
    columns = ("case_id", "roi_id", "analysis_id", "feature_id", "reason")
    exclusions = required_table(tables, EXCLUSIONS, *columns)
    places = [exclusions.column_names.index(name) for name in columns]
    for row in exclusions.rows():
        case_id, roi, analysis, feature, reason = (row[place] for place in places)
        for name in wanted.get((feature, roi, case_id.rpartition("/")[2]), ()):
            if _is_of(analysis, plan.features[name].analysis) and case_id in cases:
                is_value = reason != "no_value"
                yield name, MeasuredRow(cases[case_id], analysis, None, "", "no", is_value)


def _is_of(analysis: str, wanted: str) -> bool:
    return analysis == wanted or ("@" not in wanted and analysis.partition("@")[0] == wanted)


def _require_alike(name: str, rows: Sequence[MeasuredRow], planned: FeatureInPlan) -> None:
    analyses = sorted({row.analysis_id for row in rows})
    if len(analyses) > 1:
        raise AssociationError(
            "ASSOCIATION-ANALYSIS",
            f"{name} was measured by {', '.join(map(quoted, analyses))}",
            hint="Name one version in the plan: values of two are not one feature.",
        )
    odd = sorted({row.unit for row in rows if row.value is not None} - {planned.unit})
    if odd:
        raise AssociationError(
            "ASSOCIATION-UNIT",
            f"{name} is planned in {quoted(planned.unit)}, the measurements have {quoted(odd[0])}",
            hint="A threshold holds in its unit alone: correct the plan, or convert the table.",
        )


def subject_values(
    rows: Sequence[MeasuredRow],
    subjects: Iterable[Subject],
    planned: FeatureInPlan,
    worst_usable: str,
) -> dict[Subject, SubjectValue]:
    """Return the value of every subject.

    Parameters
    ----------
    rows : sequence of MeasuredRow
        Of the feature.
    subjects : iterable of Subject
        All of the study.
    planned : FeatureInPlan
    worst_usable : str
        ``yes`` or ``caution``.

    Raises
    ------
    AssociationError
        ``ASSOCIATION-REPEATED`` where a subject has two values and the plan names no rule.
    """
    taken = {"yes"} if worst_usable == "yes" else {"yes", "caution"}
    by_subject: dict[Subject, list[MeasuredRow]] = defaultdict(list)
    for row in rows:
        by_subject[row.case.site, row.case.subject].append(row)
    found = {}
    for subject in subjects:
        own = by_subject.get(subject, [])
        at = [row for row in own if planned.timepoint in {"", row.case.timepoint}]
        value = _one_value(at, taken, planned, subject)
        if planned.baseline and value.value is not None:
            before = [row for row in own if row.case.timepoint == planned.baseline]
            value = _changed(_one_value(before, taken, planned, subject), value.value, planned)
        found[subject] = value
    return found


def _one_value(
    rows: Sequence[MeasuredRow], taken: set[str], planned: FeatureInPlan, subject: Subject
) -> SubjectValue:
    if not rows:
        return SubjectValue(None, "not_measured")
    valued = [row for row in rows if row.value is not None or row.is_excluded]
    if not valued:
        return SubjectValue(None, "no_value")
    usable = [row for row in valued if row.usable in taken]
    if not usable:
        return SubjectValue(None, "not_usable")
    if planned.per_subject == "first" and len(valued) > 1:
        # A later visit is no first one because the first may not be used.
        first = _first(valued, planned, subject)
        if first not in usable:
            return SubjectValue(None, "not_usable")
        return SubjectValue(first.value)
    values = [row.value for row in usable if row.value is not None]
    if len(values) == 1:
        return SubjectValue(values[0])
    return SubjectValue(_by_rule(values, planned, subject))


def _by_rule(values: Sequence[float], planned: FeatureInPlan, subject: Subject) -> float:
    if planned.per_subject == "mean":
        return fmean(values)
    if planned.per_subject == "minimum":
        return min(values)
    if planned.per_subject == "maximum":
        return max(values)
    raise _repeated(len(values), planned, subject)


def _first(rows: Sequence[MeasuredRow], planned: FeatureInPlan, subject: Subject) -> MeasuredRow:
    """Return the row of the earliest day; a visit without a day may have been before it."""
    earliest = min(row.case.day or date.min for row in rows)
    first = [row for row in rows if row.case.day == earliest]
    if len(first) == 1:
        return first[0]
    raise _repeated(len(rows), planned, subject)


def _repeated(n_values: int, planned: FeatureInPlan, subject: Subject) -> AssociationError:
    return AssociationError(
        "ASSOCIATION-REPEATED",
        f"a subject has {counted(n_values, 'value')} of {quoted(planned.feature)}",
        where="/".join(filter(None, subject)),
        hint="Name a timepoint, or a rule under per_subject: first (by study date), mean, "
        "minimum or maximum.",
    )


def _changed(before: SubjectValue, after: float, planned: FeatureInPlan) -> SubjectValue:
    if before.value is None:
        return SubjectValue(None, "no_baseline")
    if planned.change == "absolute":
        return SubjectValue(after - before.value)
    if before.value <= 0:
        # A percentage of nothing, or of less.
        return SubjectValue(None, "no_baseline")
    return SubjectValue(100.0 * (after / before.value - 1.0))
