"""Axes of plots as SVG: scales, ticks, text. The same bytes for the same numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

from biomarker_cli.model.wording import shown

MOST_TICKS = 8

_LARGEST = 8e307
"""Numbers beyond it stand at the edge: their difference is no number any more."""


class PageScale:
    """Maps a number to a place on the page.

    Parameters
    ----------
    low, high : float
        Different numbers.
    start, stop : float
        Their places.
    """

    def __init__(self, low: float, high: float, start: float, stop: float) -> None:
        low, high = _drawable(low), _drawable(high)
        self._low, self._factor, self._start = low, (stop - start) / (high - low), start

    def __call__(self, value: float) -> float:
        """Return the place of a number."""
        return self._start + (_drawable(value) - self._low) * self._factor


def _drawable(value: float) -> float:
    return min(max(float(value), -_LARGEST), _LARGEST)


def svg_page(width: float, height: float, parts: Iterable[str]) -> str:
    """Return the text of an SVG file with a white ground.

    Parameters
    ----------
    width, height : float
    parts : iterable of str
        Elements, from the back to the front.
    """
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width:g}" height="{height:g}" fill="white"/>',
    )
    return "\n".join((*head, *parts, "</svg>\n"))


def svg_text(x: float, y: float, text: str, anchor: str = "") -> str:
    """Return a text; what it says may come from anywhere.

    Parameters
    ----------
    x, y : float
    text : str
    anchor : str
        ``middle`` or ``end``; empty begins at the place.
    """
    at = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{at}>{escape(shown(text))}</text>'


def svg_upright(x: float, y: float, text: str) -> str:
    """Return a text that runs upwards from a place."""
    return f'<g transform="translate({x:g} {y:g}) rotate(-90)">{svg_text(0, 0, text)}</g>'


def svg_line(points: Sequence[tuple[float, float]], colour: str, dashes: str = "") -> str:
    """Return a line through points.

    Parameters
    ----------
    points : sequence of (x, y)
    colour : str
    dashes : str
        Lengths of strokes and gaps; empty for none.
    """
    way = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    broken = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{way}" fill="none" stroke="{colour}"{broken}/>'


def svg_box(x: float, y: float, width: float, height: float, colour: str, title: str) -> str:
    """Return a filled box that says what it is where a pointer rests on it."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{colour}"><title>{escape(shown(title))}</title></rect>'
    )


_MARKS = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "M-3.6-3.6h7.2v7.2h-7.2z",
    "M0-4.6L4.4 3.6H-4.4z",
    "M0-5L5 0L0 5L-5 0z",
    "M0 4.6L4.4-3.6H-4.4z",
    "M-4.5-1.4h3.1v-3.1h2.8v3.1h3.1v2.8h-3.1v3.1h-2.8v-3.1h-3.1z",
)
"""Circle, square, triangle, diamond, triangle upside down, cross."""


def svg_mark(x: float, y: float, shape: int, colour: str, title: str) -> str:
    """Return a mark of one of six shapes, which are used again from the seventh on."""
    said = f"<title>{escape(shown(title))}</title>" if title else ""
    return (
        f'<path d="{_MARKS[shape % len(_MARKS)]}" transform="translate({x:.1f} {y:.1f})" '
        f'fill="{colour}" fill-opacity="0.8">{said}</path>'
    )


def ticks_between(low: float, high: float) -> list[float]:
    """Return round numbers from `low` to `high`, at most `MOST_TICKS` and one more.

    Parameters
    ----------
    low, high : float
        Different numbers.
    """
    low, high = _drawable(low), _drawable(high)
    raw = (high - low) / MOST_TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= raw)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(number * step, 12) + 0.0 for number in range(first, last + 1)]
