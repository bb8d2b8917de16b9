"""Values by site as strips, and over the visits of subjects as lines; SVG, from given numbers.

Sites are told apart by their labels and the shapes of their marks, never by colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from biomarker_cli.drawing.axes import (
    PageScale,
    svg_line,
    svg_mark,
    svg_page,
    svg_text,
    svg_upright,
    ticks_between,
)
from biomarker_cli.model.wording import cut_in_middle

SITE_COLOURS = ("#0072b2", "#d55e00", "#007a5a", "#8b3a78", "#4d4d4d", "#7a5c00")
"""Darker than Okabe-Ito where its colour would be faint on white."""

WIDTH = 680.0
_LEFT, _RIGHT, _TOP, _ROW, _FOOT = 150.0, 20.0, 40.0, 30.0, 40.0
_COURSE_HEIGHT, _COURSE_LEFT, _COURSE_RIGHT = 340.0, 80.0, 150.0
_LONGEST_LABEL = 20
_MOST_IN_KEY = 14
_ALIKE = 1e-4
"""Part of the largest number within which numbers are one on the page."""
_NOTHING = 1e-300
"""No quantity is so small, and its tenth is no number that has all its digits."""
_JITTER = (0.0, 5.0, -5.0, 2.5, -2.5, 7.5, -7.5)


@dataclass(frozen=True)
class StripMark:
    """A value of a strip.

    Attributes
    ----------
    value : float
    said : str
        Whose it is.
    is_outlier : bool
    """

    value: float
    said: str
    is_outlier: bool = False


@dataclass(frozen=True)
class VisitCourse:
    """The values of one subject over its visits.

    Attributes
    ----------
    subject, site : str
    points : sequence of (float, float, str)
        Day or place of the visit, value, name of the visit; in their order.
    """

    subject: str
    site: str
    points: Sequence[tuple[float, float, str]]


def strips_svg(strips: Sequence[tuple[str, Sequence[StripMark]]], title: str, label: str) -> str:
    """Return a plot with a row for each site and a mark for each value; the median as a line.

    Parameters
    ----------
    strips : sequence of (str, sequence of StripMark)
        Site and its values; at least one value in all.
    title, label : str
        Of the page, and of the axis.
    """
    values = [mark.value for _, marks in strips for mark in marks]
    across = _scale(values, _LEFT, WIDTH - _RIGHT)
    foot = _TOP + _ROW * len(strips)
    parts = [svg_text(8, 22, title), *_ticks_below(values, across, foot)]
    parts.append(svg_text(WIDTH - _RIGHT, foot + 34, label, "end"))
    for place, (site, marks) in enumerate(strips):
        middle = _TOP + (place + 0.5) * _ROW
        colour = SITE_COLOURS[place % len(SITE_COLOURS)]
        name = f"{cut_in_middle(site, _LONGEST_LABEL)} ({len(marks)})"
        parts.append(svg_text(_LEFT - 10, middle + 4, name, "end"))
        parts.append(svg_line([(_LEFT, middle), (WIDTH - _RIGHT, middle)], "#d8d8d8"))
        if marks:
            at = across(median(mark.value for mark in marks))
            parts.append(svg_line([(at, middle - 11), (at, middle + 11)], "black"))
        for number, mark in enumerate(marks):
            x, y = across(mark.value), middle + _JITTER[number % len(_JITTER)]
            parts.append(svg_mark(x, y, place, colour, mark.said))
            if mark.is_outlier:
                parts.append(
                    f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="none" stroke="black"/>'
                )
    return svg_page(WIDTH, foot + _FOOT, parts)


def courses_svg(courses: Sequence[VisitCourse], title: str, labels: tuple[str, str]) -> str:
    """Return a plot with a line for each subject over its visits.

    Parameters
    ----------
    courses : sequence of VisitCourse
        At least one.
    title : str
    labels : tuple of str
        Of the axis across, and upwards.
    """
    days = [point[0] for course in courses for point in course.points]
    values = [point[1] for course in courses for point in course.points]
    across = _scale(days, _COURSE_LEFT, WIDTH - _COURSE_RIGHT)
    foot = _COURSE_HEIGHT - 50
    up = _scale(values, foot, _TOP)
    parts = [
        svg_text(8, 22, title),
        svg_upright(18, foot, labels[1]),
        svg_text(_COURSE_LEFT, _COURSE_HEIGHT - 10, labels[0]),
        svg_line([(_COURSE_LEFT, _TOP), (_COURSE_LEFT, foot)], "black"),
        *_ticks_below(days, across, foot, _COURSE_LEFT),
    ]
    parts += [
        svg_text(_COURSE_LEFT - 6, up(tick) + 4, f"{tick:g}", "end") for tick in _ticks(values)
    ]
    sites = sorted({course.site for course in courses})
    for course in courses:
        place = sites.index(course.site)
        colour = SITE_COLOURS[place % len(SITE_COLOURS)]
        way = [(across(day), up(value)) for day, value, _ in course.points]
        parts.append(svg_line(way, colour, ("", "6 3", "2 3", "8 3 2 3")[place % 4]))
        for (x, y), (_, value, visit) in zip(way, course.points, strict=True):
            said = f"{course.site} {course.subject} {visit}: {value:.6g}"
            parts.append(svg_mark(x, y, place, colour, said))
    for place, site in enumerate(sites[:_MOST_IN_KEY]):
        y = _TOP + 16.0 * place
        parts.append(
            svg_mark(
                WIDTH - _COURSE_RIGHT + 16, y, place, SITE_COLOURS[place % len(SITE_COLOURS)], ""
            )
        )
        name = cut_in_middle(site, _LONGEST_LABEL)
        parts.append(svg_text(WIDTH - _COURSE_RIGHT + 28, y + 4, name))
    return svg_page(WIDTH, _COURSE_HEIGHT, parts)


def _scale(values: Iterable[float], start: float, stop: float) -> PageScale:
    low, high = _roomy(values)
    return PageScale(low, high, start, stop)


def _roomy(values: Iterable[float]) -> tuple[float, float]:
    found = list(values)
    low, high = min(found), max(found)
    size = max(abs(low), abs(high))
    if high - low <= max(_ALIKE * size, _NOTHING):
        # They stand in the middle: an axis of six digits could not tell its ticks apart.
        half = 0.5 * size if size > _NOTHING else 0.5
        return low - half, high + half
    margin = 0.06 * (high - low)
    return low - margin, high + margin


def _ticks(values: Iterable[float]) -> list[float]:
    low, high = _roomy(values)
    return [tick for tick in ticks_between(low, high) if low <= tick <= high]


def _ticks_below(
    values: Sequence[float], across: PageScale, foot: float, left: float = _LEFT
) -> list[str]:
    parts = [svg_line([(left, foot), (across(_roomy(values)[1]), foot)], "black")]
    for tick in _ticks(values):
        x = across(tick)
        parts.append(svg_line([(x, foot), (x, foot + 4)], "black"))
        parts.append(svg_text(x, foot + 17, f"{tick:g}", "middle"))
    return parts
