"""Bland-Altman plots as SVG: difference of two repeats over their mean."""

from __future__ import annotations

import math

import numpy as np

from biomarker_cli.drawing.axes import PageScale, svg_page, svg_text, svg_upright
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.multicentre.agreement import BlandAltman, bland_altman
from biomarker_cli.multicentre.repeatability_table import FeatureRepeatability

WIDTH, HEIGHT = 640, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 90, 150, 40, 60


def repeats_svg(one: FeatureRepeatability) -> str | None:
    """Return the plot of a feature measured twice; None without two pairs that have limits."""
    if one.repeats is None or len(one.labels) != 2:
        return None
    pairs = one.repeats.complete
    if len(pairs) < 2:
        return None
    limits = bland_altman(*pairs.T)
    if not math.isfinite(limits.low.value) or not math.isfinite(limits.high.value):
        return None
    first, second = one.labels
    title = " ".join(filter(None, one.key[2:]))
    return bland_altman_svg(pairs, title, one.repeats.unit, (first, second))


def bland_altman_svg(pairs: FloatArray, title: str, unit: str, names: tuple[str, str]) -> str:
    """Return the plot of pairs as the text of an SVG file.

    Parameters
    ----------
    pairs : ndarray, shape (n, 2)
        Without NaN; n >= 2.
    title, unit : str
    names : tuple of str
        Of the first and the second repeat.

    Returns
    -------
    str
        The same bytes for the same numbers.
    """
    first, second = pairs[:, 0], pairs[:, 1]
    limits = bland_altman(first, second)
    across, up = (first + second) / 2, second - first
    x_of = _axis(across, _LEFT, WIDTH - _RIGHT)
    y_of = _axis(np.array([*up, 0.0, limits.low.value, limits.high.value]), HEIGHT - _BOTTOM, _TOP)
    in_unit = "" if unit in {"", "1"} else f" [{unit}]"
    parts = [
        svg_text(_LEFT, 24, title),
        svg_text(_LEFT, HEIGHT - 14, f"mean of {names[0]} and {names[1]}{in_unit}"),
        svg_upright(16, HEIGHT - _BOTTOM, f"{names[1]} - {names[0]}{in_unit}"),
        f'<path d="M{_LEFT} {_TOP}V{HEIGHT - _BOTTOM}H{WIDTH - _RIGHT}" fill="none" '
        'stroke="black"/>',
        *_ticks(across, x_of),
        *_bands(limits, y_of),
        *_lines(limits, y_of),
        *(
            f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3" fill="#1f5fa8" '
            'fill-opacity="0.7"/>'
            for x, y in zip(across, up, strict=True)
        ),
    ]
    return svg_page(WIDTH, HEIGHT, parts)


def _axis(values: FloatArray, start: float, stop: float) -> PageScale:
    low, high = float(values.min()), float(values.max())
    # Numbers that are all alike stand in the middle.
    margin = 0.08 * (high - low) or max(abs(low), 1.0) * 0.5
    return PageScale(low - margin, high + margin, start, stop)


def _ticks(values: FloatArray, x_of: PageScale) -> list[str]:
    ends = sorted({float(values.min()), float(values.max())})
    foot = HEIGHT - _BOTTOM
    parts = []
    for value in ends:
        x = x_of(value)
        parts.append(f'<path d="M{x:.1f} {foot}v5" stroke="black"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{foot + 18}" text-anchor="middle">{_number(value)}</text>'
        )
    return parts


def _bands(limits: BlandAltman, y_of: PageScale) -> list[str]:
    """Return the confidence limits of bias and limits as bands, as far as the page goes."""
    parts = []
    for estimate in (limits.high, limits.bias, limits.low):
        if estimate.low is None or estimate.high is None:
            continue
        top = max(y_of(estimate.high), _TOP)
        foot = min(y_of(estimate.low), HEIGHT - _BOTTOM)
        parts.append(
            f'<rect x="{_LEFT}" y="{top:.1f}" width="{WIDTH - _RIGHT - _LEFT}" '
            f'height="{max(foot - top, 0.0):.1f}" fill="#a8321f" fill-opacity="0.12"/>'
        )
    parts.append(svg_text(WIDTH - _RIGHT, HEIGHT - 14, "bands: 95 % confidence", "middle"))
    return parts


def _lines(limits: BlandAltman, y_of: PageScale) -> list[str]:
    said = (
        (limits.high.value, "+1.96 SD", "6 4"),
        (limits.bias.value, "bias", "none"),
        (limits.low.value, "-1.96 SD", "6 4"),
    )
    parts = []
    for value, name, dashes in said:
        y = y_of(value)
        parts.append(
            f'<path d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}" stroke="#a8321f" '
            f'stroke-dasharray="{dashes}"/>'
        )
        parts.append(svg_text(WIDTH - _RIGHT + 6, y + 4, f"{name} {_number(value)}"))
    zero = y_of(0.0)
    parts.append(
        f'<path d="M{_LEFT} {zero:.1f}H{WIDTH - _RIGHT}" stroke="#999" stroke-dasharray="1 3"/>'
    )
    return parts


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else ""
