"""Plots of response: places follow the numbers, and text is text."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from biomarker_cli.drawing.axes import PageScale, svg_page, svg_text, ticks_between
from biomarker_cli.drawing.responses import (
    COLOURS,
    Bar,
    Lane,
    Point,
    colour_of,
    spider_svg,
    swimmer_svg,
    waterfall_svg,
)

SVG = "{http://www.w3.org/2000/svg}"
BARS = [Bar("S1", -60.0, "PR"), Bar("S2", 35.0, "PD"), Bar("S3", 0.0, "SD"), Bar("S4", -60.0, "CR")]
LANES = [
    Lane(
        "S1",
        (Point(0, 0, "", "BL"), Point(56, -40, "PR", "TP1"), Point(112, -20, "PD", "TP2", True)),
        "event",
        112.0,
    ),
    Lane("S2", (Point(0, 0, "", "BL"), Point(60, 10, "SD", "TP1")), "censored", 60.0),
]


def elements(text: str, name: str) -> list[ET.Element]:
    return ET.fromstring(text).findall(f".//{SVG}{name}")


def titled(text: str, name: str) -> dict[str, ET.Element]:
    """Return elements by what they say where a pointer rests."""
    found = {one.findtext(f"{SVG}title"): one for one in elements(text, name)}
    return {title: one for title, one in found.items() if title}


def test_bars_of_a_waterfall_fall_from_the_largest_growth_by_their_length():
    text = waterfall_svg(BARS, "t", (-30.0, 20.0))
    bars = titled(text, "rect")
    order = sorted(
        (title for title in bars if ":" in title), key=lambda title: float(bars[title].get("x"))
    )
    assert [title.partition(":")[0] for title in order] == ["S2", "S3", "S1", "S4"]
    heights = {t.partition(":")[0]: float(bars[t].get("height")) for t in order}
    assert heights["S1"] == pytest.approx(heights["S2"] * 60 / 35, abs=0.2)
    tops = {t.partition(":")[0]: float(bars[t].get("y")) for t in order}
    # Growth stands on the line of no change, shrinkage hangs from it.
    assert tops["S2"] + heights["S2"] == pytest.approx(tops["S1"], abs=0.2)
    assert bars["S2: +35.0 %, PD"].get("fill") == COLOURS["progression"]


def test_limits_are_dashed_lines_at_their_value():
    text = waterfall_svg(BARS, "t", (-30.0, 20.0))
    dashed = [one for one in elements(text, "polyline") if one.get("stroke-dasharray")]
    levels = [float(one.get("points").split()[0].split(",")[1]) for one in dashed]
    bars = titled(text, "rect")
    zero = float(bars["S1: -60.0 %, PR"].get("y"))
    per_percent = float(bars["S1: -60.0 %, PR"].get("height")) / 60
    assert levels == pytest.approx([zero + 30 * per_percent, zero - 20 * per_percent], abs=0.2)
    assert {"+20 %", "-30 %"} <= {one.text for one in elements(text, "text")}
    assert not [
        one
        for one in elements(waterfall_svg(BARS, "t", ()), "polyline")
        if one.get("stroke-dasharray")
    ]


def test_a_spider_has_a_line_and_a_dot_of_each_visit_behind_the_baseline():
    text = spider_svg(LANES, "t", (-30.0, 20.0))
    grey = [one for one in elements(text, "polyline") if one.get("stroke") == "#b0b0b0"]
    assert [len(one.get("points").split()) for one in grey] == [3, 2]
    dots = titled(text, "path")
    assert set(dots) == {
        "S1 TP1: -40.0 %, PR",
        "S1 TP2: -20.0 %, PD",
        "S2 TP1: +10.0 %, SD",
    }
    at = dots["S1 TP1: -40.0 %, PR"].get("transform")
    assert (
        at.removeprefix("translate(").rstrip(")").replace(" ", ",")
        == (grey[0].get("points").split()[1])
    )
    assert [one.text for one in elements(text, "text")].count("new") == 1


def test_no_call_is_told_by_colour_alone():
    text = spider_svg(LANES, "t", ())
    calls = {title.rpartition(", ")[2]: one.get("d") for title, one in titled(text, "path").items()}
    assert len(set(calls.values())) == len(calls) == 3
    # The key has the very shapes.
    untitled = [one.get("d") for one in elements(text, "path") if one.find(f"{SVG}title") is None]
    assert sorted(untitled) == sorted(calls.values())
    words = [one.text for one in elements(waterfall_svg(BARS, "t", ()), "text")]
    assert [words.count(bar.call) for bar in BARS] == [2, 2, 2, 2]
    many = [Bar(f"S{n}", float(n), "PD") for n in range(40)]
    words = [one.text for one in elements(waterfall_svg(many, "t", ()), "text")]
    assert words.count("PD") == 1


def test_lanes_of_a_swimmer_begin_with_the_longest_and_tell_their_end():
    text = swimmer_svg(list(reversed(LANES)), "t")
    lanes = {t: one for t, one in titled(text, "rect").items() if "to day" in t}
    longest, shorter = lanes["S1: to day 112, event"], lanes["S2: to day 60, censored"]
    assert float(longest.get("y")) < float(shorter.get("y"))
    assert float(shorter.get("width")) == pytest.approx(
        float(longest.get("width")) * 60 / 112, abs=0.2
    )
    ends = [one for one in elements(text, "polyline") if one.get("points").count(",") in (2, 3)]
    colours = [one.get("stroke") for one in ends]
    assert colours.count("#a8321f") == 1
    assert any(one.get("points").count(",") == 3 for one in ends)


def test_a_long_name_does_not_leave_the_page_and_the_tooltip_has_it_whole():
    name = "SITE-0042-SUBJECT-0007"
    text = swimmer_svg([replace(LANES[0], subject=name)], "t")
    shown = [one.text or "" for one in elements(text, "text")]
    assert not any(name in one for one in shown)
    assert any(one.endswith("0007") and len(one) == 10 for one in shown)
    assert any(name in told for told in titled(text, "rect"))


def test_a_picture_of_one_number_or_of_one_day_is_drawn():
    assert "S1" in waterfall_svg([Bar("S1", 0.0, "")], "t", ())
    assert "S1" in spider_svg([Lane("S1", (Point(3, 0, "SD", "BL"),))], "t", ())
    assert "S1" in swimmer_svg([Lane("S1", (Point(3, 0, "SD", "BL"),), "", 3.0)], "t")
    many = [Bar(f"S{n}", float(n % 7) - 3, "SD") for n in range(3000)]
    widths = [
        float(one.get("width")) for one in titled(waterfall_svg(many, "t", ()), "rect").values()
    ]
    assert min(widths) >= 0.1


def test_text_of_others_is_text():
    hostile = '</text><script>alert(1)</script>&"\x1b[31m\x00'
    lane = Lane(hostile, (Point(0, 0, hostile, hostile), Point(1, 5, "PD", hostile)))
    for text in (
        waterfall_svg([Bar(hostile, 1.0, hostile)], hostile, ()),
        spider_svg([lane], hostile, ()),
        swimmer_svg([lane], hostile),
    ):
        assert not elements(text, "script")
        assert "\x1b" not in text
        assert "\x00" not in text


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        ("CR", "complete"),
        ("iCR", "complete"),
        ("CMR", "complete"),
        ("PR", "partial"),
        ("PMR", "partial"),
        ("SD", "stable"),
        ("iSD", "stable"),
        ("PD", "progression"),
        ("iUPD", "progression"),
        ("iCPD", "progression"),
        ("PMD", "progression"),
        ("NE", "other"),
        ("", "other"),
    ],
)
def test_a_call_has_the_colour_of_its_kind(call, kind):
    assert colour_of(call) == COLOURS[kind]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 8, [0, 1, 2, 3, 4, 5, 6, 7, 8]), (-65, 40, [-60, -40, -20, 0, 20, 40]), (0.1, 0.2, None)],
)
def test_ticks_are_round_and_few(low, high, expected):
    ticks = ticks_between(low, high)
    assert expected is None or ticks == expected
    assert 3 <= len(ticks) <= 9
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)
    steps = {round(b - a, 9) for a, b in itertools.pairwise(ticks)}
    assert len(steps) == 1
    (step,) = steps
    assert round(step / 10 ** math.floor(math.log10(step) + 1e-9), 6) in (1.0, 2.0, 5.0)


def test_a_scale_and_a_page():
    assert PageScale(10, 20, 100, 0)(15) == 50
    page = svg_page(10, 20, [svg_text(1, 2, "a<b", "end")])
    assert page.endswith("</svg>\n")
    (text,) = elements(page, "text")
    assert (text.text, text.get("text-anchor")) == ("a<b", "end")
