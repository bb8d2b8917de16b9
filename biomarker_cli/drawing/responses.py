"""Waterfall, spider and swimmer plots of response as SVG.

What a picture shows is handed over as it stands in a table: nothing is computed here but
places on the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from biomarker_cli.drawing.axes import (
    PageScale,
    svg_box,
    svg_line,
    svg_mark,
    svg_page,
    svg_text,
    svg_upright,
    ticks_between,
)
from biomarker_cli.model.wording import counted, cut_in_middle

COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "complete": "#1b7837",
        "partial": "#1f5fa8",
        "stable": "#8c8c8c",
        "progression": "#a8321f",
        "other": "#d9c27a",
    }
)
"""Kind of a call -> its colour; its place here is its shape: nothing is told by colour alone."""

_KINDS = MappingProxyType(
    {"complete": ("CR", "CMR"), "partial": ("PR", "PMR"), "stable": ("SD", "SMD", "MR", "NMR")}
)
_PROGRESSION = ("PD", "UPD", "CPD", "PMD")

_WIDTH, _HEIGHT = 720.0, 440.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 70.0, 130.0, 44.0, 56.0
_LANE = 22.0
_WIDEST_BAR = 40.0
_ROOM_FOR_CALL = 24.0
"""Width of a bar and its gap from which the call stands at its end."""

_LONGEST_NAME = 10
"""Letters of a subject beside its lane; the tooltip of the lane has them all."""


@dataclass(frozen=True)
class Bar:
    """A bar of a waterfall.

    Attributes
    ----------
    subject : str
    change_percent : float
        Best change from baseline.
    call : str
        Best response.
    """

    subject: str
    change_percent: float
    call: str


@dataclass(frozen=True)
class Point:
    """A visit of a course, or of a lane.

    Attributes
    ----------
    day : float
    value : float
        Change from baseline in percent; 0 on a lane.
    call : str
        Of the visit; empty for none.
    timepoint : str
    new_lesion : bool
    """

    day: float
    value: float
    call: str
    timepoint: str
    new_lesion: bool = False


@dataclass(frozen=True)
class Lane:
    """A subject of a spider or of a swimmer plot.

    Attributes
    ----------
    subject : str
    points : tuple of Point
        In the order of their days.
    end : str
        How it ended: ``event``, ``censored`` or empty.
    end_day : float
        Of that end, or of the last visit.
    """

    subject: str
    points: tuple[Point, ...]
    end: str = ""
    end_day: float = 0.0


def colour_of(call: str) -> str:
    """Return the colour of a call; those of iRECIST begin with an i."""
    return COLOURS[_kind_of(call)]


def _kind_of(call: str) -> str:
    plain = call.removeprefix("i").upper()
    if plain in _PROGRESSION:
        return "progression"
    return next((kind for kind, calls in _KINDS.items() if plain in calls), "other")


def waterfall_svg(bars: Sequence[Bar], title: str, lines: Sequence[float]) -> str:
    """Return a waterfall: one bar for each subject, the largest growth first.

    Parameters
    ----------
    bars : sequence of Bar
        At least one.
    title : str
    lines : sequence of float
        Limits of the criterion in percent.
    """
    ordered = sorted(bars, key=lambda bar: (-bar.change_percent, bar.subject))
    values = [0.0, *lines, *(bar.change_percent for bar in ordered)]
    up = PageScale(*_roomy(values), _HEIGHT - _BOTTOM, _TOP)
    step = (_WIDTH - _LEFT - _RIGHT) / len(ordered)
    width = min(0.8 * step, _WIDEST_BAR)
    zero = up(0.0)
    parts = [*_frame(title, "best change from baseline [%]", up, values), _across(zero, "black")]
    for place, bar in enumerate(ordered):
        x, y = _LEFT + (place + 0.5) * step - width / 2, up(bar.change_percent)
        said = f"{bar.subject}: {bar.change_percent:+.1f} %, {bar.call or 'no call'}"
        height = max(abs(y - zero), 0.5)
        parts.append(svg_box(x, min(y, zero), width, height, colour_of(bar.call), said))
        if step >= _ROOM_FOR_CALL:
            end = y - 4 if bar.change_percent > 0 else y + 13
            parts.append(svg_text(x + width / 2, end, bar.call, "middle"))
    parts += [part for value in lines for part in _limit(value, up)]
    parts.append(svg_text(_LEFT, _HEIGHT - 16, counted(len(ordered), "subject")))
    return svg_page(
        _WIDTH, _HEIGHT, [*parts, *_legend((bar.call for bar in ordered), has_shapes=False)]
    )


def spider_svg(lanes: Sequence[Lane], title: str, lines: Sequence[float]) -> str:
    """Return a spider plot: the change from baseline of each subject over its days.

    Parameters
    ----------
    lanes : sequence of Lane
        At least one, with at least one point.
    title : str
    lines : sequence of float
        Limits of the criterion in percent.
    """
    points = [point for lane in lanes for point in lane.points]
    values = [0.0, *lines, *(point.value for point in points)]
    up = PageScale(*_roomy(values), _HEIGHT - _BOTTOM, _TOP)
    across = _days([point.day for point in points])
    parts = [*_frame(title, "change from baseline [%]", up, values), *_day_axis(points, across)]
    parts.append(_across(up(0.0), "black"))
    parts += [part for value in lines for part in _limit(value, up)]
    for lane in sorted(lanes, key=lambda lane: lane.subject):
        way = [(across(point.day), up(point.value)) for point in lane.points]
        parts.append(svg_line(way, "#b0b0b0"))
        for point, (x, y) in zip(lane.points, way, strict=True):
            said = f"{lane.subject} {point.timepoint}: {point.value:+.1f} %, {point.call or '-'}"
            parts += _visit(x, y, point, said)
    return svg_page(_WIDTH, _HEIGHT, [*parts, *_legend(p.call for p in points if p.call)])


def swimmer_svg(lanes: Sequence[Lane], title: str) -> str:
    """Return a swimmer plot: one lane for each subject, the longest first.

    Parameters
    ----------
    lanes : sequence of Lane
        At least one.
    title : str
    """
    ordered = sorted(lanes, key=lambda lane: (-lane.end_day, lane.subject))
    points = [point for lane in ordered for point in lane.points]
    ends = [Point(lane.end_day, 0.0, "", "") for lane in ordered]
    across = _days([point.day for point in (*points, *ends)])
    foot = _TOP + len(ordered) * _LANE
    start = across(min(point.day for point in (*points, *ends)))
    parts = [svg_text(_LEFT, 24, title)]
    parts += _day_axis([*points, *ends], across, foot)
    for place, lane in enumerate(ordered):
        middle = _TOP + (place + 0.5) * _LANE
        stop = across(lane.end_day)
        said = f"{lane.subject}: to day {lane.end_day:g}, {lane.end or 'no endpoint'}"
        width = max(stop - start, 1.0)
        parts.append(svg_box(start, middle - 7, width, 14, "#dde6ef", said))
        name = cut_in_middle(lane.subject, _LONGEST_NAME)
        parts.append(svg_text(_LEFT - 6, middle + 4, name, "end"))
        for point in lane.points:
            told = f"{lane.subject} {point.timepoint}: day {point.day:g}, {point.call or '-'}"
            parts += _visit(across(point.day), middle, point, told)
        if lane.end == "censored":
            arrow = [(stop + 2, middle - 5), (stop + 9, middle), (stop + 2, middle + 5)]
            parts.append(svg_line(arrow, "black"))
        elif lane.end == "event":
            parts.append(svg_line([(stop + 4, middle - 6), (stop + 4, middle + 6)], "#a8321f"))
    key = [*_legend(point.call for point in points if point.call)]
    key.append(svg_text(_LEFT, foot + 46, "arrow: censored; line: event"))
    # A picture of few subjects has room for its legend.
    return svg_page(_WIDTH, max(foot + _BOTTOM, _TOP + 130.0), [*parts, *key])


def _roomy(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.08 * (high - low) or 10.0
    return low - margin, high + margin


def _days(days: Sequence[float]) -> PageScale:
    low, high = min(days), max(days)
    return PageScale(low, high if high > low else low + 1.0, _LEFT + 8, _WIDTH - _RIGHT - 8)


def _frame(title: str, label: str, up: PageScale, values: Sequence[float]) -> list[str]:
    foot = _HEIGHT - _BOTTOM
    parts = [svg_text(_LEFT, 24, title), svg_upright(18, foot, label)]
    parts.append(svg_line([(_LEFT, _TOP), (_LEFT, foot)], "black"))
    for tick in ticks_between(*_roomy(values)):
        parts.append(svg_line([(_LEFT - 5, up(tick)), (_LEFT, up(tick))], "black"))
        parts.append(svg_text(_LEFT - 8, up(tick) + 4, f"{tick:g}", "end"))
    return parts


def _day_axis(
    points: Iterable[Point], across: PageScale, foot: float = _HEIGHT - _BOTTOM
) -> list[str]:
    days = [point.day for point in points]
    low, high = min(days), max(days)
    parts = [svg_line([(_LEFT, foot), (_WIDTH - _RIGHT, foot)], "black")]
    for tick in ticks_between(low, high if high > low else low + 1.0):
        parts.append(svg_line([(across(tick), foot), (across(tick), foot + 5)], "black"))
        parts.append(svg_text(across(tick), foot + 18, f"{tick:g}", "middle"))
    parts.append(svg_text(_WIDTH - _RIGHT, foot + 32, "day", "end"))
    return parts


def _across(y: float, colour: str, dashes: str = "") -> str:
    return svg_line([(_LEFT, y), (_WIDTH - _RIGHT, y)], colour, dashes)


def _limit(value: float, up: PageScale) -> list[str]:
    y = up(value)
    return [
        _across(y, "#a8321f", "6 4"),
        svg_text(_WIDTH - _RIGHT + 6, y + 4, f"{value:+g} %"),
    ]


def _visit(x: float, y: float, point: Point, said: str) -> list[str]:
    if not point.call:
        return []
    parts = [_mark(x, y, point.call, said)]
    if point.new_lesion:
        parts.append(svg_text(x, y - 7, "new", "middle"))
    return parts


def _mark(x: float, y: float, call: str, said: str) -> str:
    shape = list(COLOURS).index(_kind_of(call))
    return svg_mark(x, y, shape, colour_of(call), said)


def _legend(calls: Iterable[str], *, has_shapes: bool = True) -> list[str]:
    """Return the calls that occur with their colours, in the order of the kinds."""
    order = list(COLOURS)
    found = sorted(set(calls), key=lambda call: (order.index(_kind_of(call)), call))
    x, parts = _WIDTH - _RIGHT + 60, []
    for place, call in enumerate(found):
        y = _TOP + 8 + 18 * place
        if has_shapes:
            parts.append(_mark(x + 5, y - 4, call, ""))
        else:
            parts.append(svg_box(x, y - 9, 10, 10, colour_of(call), call or "no call"))
        parts.append(svg_text(x + 15, y, call or "no call"))
    return parts
