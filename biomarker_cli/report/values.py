"""Values of features by site and over time: the numbers behind the figures of a report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import compress

import numpy as np

from biomarker_cli.drawing.distributions import StripMark, VisitCourse, courses_svg, strips_svg
from biomarker_cli.model.shifted_dates import FACT as DATES_MODIFIED
from biomarker_cli.model.shifted_dates import are_shifted
from biomarker_cli.model.study_dates import STUDY_DATE, study_day
from biomarker_cli.model.wording import counted
from biomarker_cli.report.run_reading import ReportedValue, RunTables
from biomarker_cli.statistics.percentiles import percentile

FEWEST_FOR_OUTLIERS = 5
"""Values below which none is called an outlier."""

_FENCE = 1.5
_MOST_NAMED = 20


@dataclass(frozen=True)
class FeatureValues:
    """The values of one feature of one ROI.

    Attributes
    ----------
    analysis_id, feature_id, roi_id, role, unit : str
    rows : tuple of ReportedValue
        With a value that may be held beside others, in the order of their cases.
    left_out : tuple of ReportedValue
        Without a value, not usable, or of the size of a mask that another visit gave.
    """

    analysis_id: str
    feature_id: str
    roi_id: str
    role: str
    unit: str
    rows: tuple[ReportedValue, ...]
    left_out: tuple[ReportedValue, ...] = ()

    @property
    def title(self) -> str:
        """What a figure of it is called."""
        return f"{self.feature_id}, {self.roi_id}, {self.role}, {self.analysis_id}"

    @property
    def label(self) -> str:
        """What its axis is called."""
        unit = "" if self.unit in {"", "1"} else f" [{self.unit}]"
        return f"{self.feature_id}{unit}"

    @property
    def left_out_words(self) -> tuple[str, ...]:
        """Which values are not drawn, as a sentence; none where all are."""
        with_value = [row for row in self.left_out if np.isfinite(row.value)]
        said = []
        if with_value:
            cases = ", ".join(row.case_id for row in with_value[:_MOST_NAMED])
            n_more = len(with_value) - _MOST_NAMED
            more = f" and {n_more} more" if n_more > 0 else ""
            said.append(f"Not drawn, for they may not be held beside others: {cases}{more}.")
        n_absent = len(self.left_out) - len(with_value)
        if n_absent:
            said.append(f"Without a value: {counted(n_absent, 'case')}.")
        return tuple(said)


@dataclass(frozen=True)
class Figure:
    """A figure and the numbers in it.

    Attributes
    ----------
    title : str
    svg : str
    said : tuple of str
        What it shows, in sentences.
    columns : tuple of str
    rows : tuple of tuple of str
        Case id first.
    """

    title: str
    svg: str
    said: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def feature_values(tables: RunTables, features: Sequence[str]) -> list[FeatureValues]:
    """Return the values of features, ROI by ROI, in the order of the features."""
    columns = tables.measurements
    words = columns.texts["feature_id"].words
    wanted = {code for code, word in enumerate(words) if word in set(features)}
    codes = columns.texts["feature_id"].codes
    chosen = np.isin(codes, list(wanted))
    found: dict[tuple[str, ...], list[ReportedValue]] = defaultdict(list)
    # An absent value need not have a unit.
    absent: dict[tuple[str, ...], list[ReportedValue]] = defaultdict(list)
    for row in np.flatnonzero(chosen):
        one = tables.measurement(int(row))
        of_feature = one.feature_id, one.roi_id, one.case_id.rpartition("/")[2], one.analysis_id
        if np.isfinite(one.value):
            found[*of_feature, one.unit].append(one)
        else:
            absent[of_feature].append(one)
    order = {feature: place for place, feature in enumerate(features)}
    result = []
    for key, rows in sorted(found.items(), key=lambda item: (order[item[0][0]], item[0])):
        feature, roi, role, analysis, unit = key
        taken = [tables.is_taken(row) for row in rows]
        left_out = [*compress(rows, [not one for one in taken]), *absent[key[:4]]]
        result.append(
            FeatureValues(
                *(analysis, feature, roi, role, unit), tuple(compress(rows, taken)), tuple(left_out)
            )
        )
    return result


def outliers(values: Mapping[str, float]) -> frozenset[str]:
    """Return which of some values lie beyond the fences of their quartiles.

    Parameters
    ----------
    values : mapping of str to float

    Returns
    -------
    frozenset of str
        Empty of fewer than `FEWEST_FOR_OUTLIERS`.

    References
    ----------
    Tukey 1977, Exploratory Data Analysis: 1.5 interquartile ranges beyond the quartiles.
    """
    if len(values) < FEWEST_FOR_OUTLIERS:
        return frozenset()
    numbers = np.array(list(values.values()))
    low, high = percentile(numbers, 25.0), percentile(numbers, 75.0)
    room = _FENCE * (high - low)
    return frozenset(n for n, one in values.items() if not low - room <= one <= high + room)


def sites_figure(tables: RunTables, found: FeatureValues) -> Figure | None:
    """Return the distribution of a feature by site, outliers named; None without a value."""
    if not found.rows:
        return None
    beyond = outliers({row.case_id: row.value for row in found.rows})
    strips = []
    for site in tables.sites:
        of_site = [r for r in found.rows if tables.case_of[r.case_id]["site_id"] == site]
        marks = [
            StripMark(row.value, f"{row.case_id}: {row.value:.6g}", row.case_id in beyond)
            for row in of_site
        ]
        strips.append((site, marks))
    return Figure(
        found.title,
        strips_svg(strips, found.title, found.label),
        _outlier_words(found, beyond) + found.left_out_words,
        ("case", "value", "usable"),
        tuple((row.case_id, f"{row.value:.6g}", row.usable) for row in found.rows),
    )


def _outlier_words(found: FeatureValues, beyond: Collection[str]) -> tuple[str, ...]:
    if len(found.rows) < FEWEST_FOR_OUTLIERS:
        return (f"{counted(len(found.rows), 'value')}: too few to call one an outlier.",)
    if not beyond:
        return ("No value lies beyond 1.5 interquartile ranges of the quartiles.",)
    named = [f"{r.case_id} ({r.value:.6g})" for r in found.rows if r.case_id in beyond]
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    listed = ", ".join(named[:_MOST_NAMED])
    return (f"Beyond 1.5 interquartile ranges of the quartiles: {listed}{more}.",)


def change_figure(tables: RunTables, found: FeatureValues) -> Figure | None:
    """Return the course of a feature over the visits of subjects; None without two visits."""
    visits: dict[tuple[str, str], list[tuple[ReportedValue, str, date | None]]] = defaultdict(list)
    for row in found.rows:
        case = tables.case_of[row.case_id]
        key = case["site_id"], case["subject_id"]
        visits[key].append((row, case["timepoint"], visit_day(tables, row.case_id)))
    several = {key: one for key, one in visits.items() if len(one) > 1}
    if not several:
        return None
    has_days = all(day is not None for one in several.values() for _, _, day in one)
    has_days = has_days and all(_of_one_calendar(tables, one) for one in several.values())
    courses = []
    rows = []
    for (site, subject), one in sorted(several.items()):
        days = _places(one) if has_days else [float(n) for n in range(len(one))]
        ordered = sorted(zip(days, one, strict=True), key=lambda item: item[0])
        points = [(day, row.value, visit) for day, (row, visit, _) in ordered]
        courses.append(VisitCourse(subject, site, points))
        first = ordered[0][1][0].value
        for day, (row, visit, _) in ordered:
            percent = f"{100 * (row.value / first - 1):+.1f} %" if first > 0 else "–"
            place = f"{day:g}" if has_days else "–"
            rows.append((row.case_id, visit, place, f"{row.value:.6g}", percent))
    across = "days from the first visit" if has_days else "visits in the order of the table"
    return Figure(
        found.title,
        courses_svg(courses, found.title, (across, found.label)),
        (
            f"Subjects with two visits or more: {len(courses)} of {len(visits)}.",
            *found.left_out_words,
        ),
        ("case", "visit", "day", "value", "from the first"),
        tuple(rows),
    )


def visit_day(tables: RunTables, case_id: str) -> date | None:
    """Return the day of the examination of a case, as its facts have it."""
    for fact in tables.facts.get(case_id, ()):
        if fact["fact"] == STUDY_DATE:
            return study_day(fact["value"])
    return None


def _of_one_calendar(
    tables: RunTables, visits: Sequence[tuple[ReportedValue, str, date | None]]
) -> bool:
    """Tell whether the days of a subject were all moved together, or none of them."""
    told = (tables.facts.get(row.case_id, ()) for row, _, _ in visits)
    said = {
        any(one["fact"] == DATES_MODIFIED and are_shifted(one["value"]) for one in facts)
        for facts in told
    }
    return len(said) == 1


def _places(visits: Sequence[tuple[ReportedValue, str, date | None]]) -> list[float]:
    days = [day for _, _, day in visits if day is not None]
    first = min(days)
    return [float((day - first).days) for day in days]
