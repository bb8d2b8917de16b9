"""A figure as PNG: what the SVG says stands at the same places."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from biomarker_cli.drawing import figure_png as module
from biomarker_cli.drawing.axes import svg_box, svg_line, svg_mark, svg_page, svg_text
from biomarker_cli.drawing.distributions import StripMark, strips_svg
from biomarker_cli.drawing.figure_png import FigureTooLargeError, figure_png


def pixels(*parts, size=(60, 40)):
    content = figure_png(svg_page(*size, parts))
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def at(found, x, y):
    return tuple(int(one) for one in found[round(2 * y), round(2 * x)])


def test_shapes_stand_where_the_figure_has_them():
    found = pixels(
        svg_box(10, 5, 20, 10, "#ff0000", "box"),
        '<circle cx="45" cy="30" r="5" fill="#0000ff"/>',
        svg_line([(0, 35), (20, 35), (20, 25)], "black"),
    )
    assert found.shape == (80, 120, 3)
    assert at(found, 11, 6) == at(found, 29, 14) == (255, 0, 0)
    assert at(found, 8, 6) == at(found, 32, 14) == at(found, 20, 17) == (255, 255, 255)
    assert at(found, 45, 30) == at(found, 49, 30) == (0, 0, 255)
    assert at(found, 49.5, 34.5) == (255, 255, 255)
    assert at(found, 10, 35) == at(found, 20, 30) == (0, 0, 0)
    assert at(found, 10, 30) == (255, 255, 255)


@pytest.mark.parametrize(("shape", "inside"), [(0, (3, 0)), (1, (3, 3)), (2, (3, 3)), (4, (3, -3))])
def test_marks_have_their_shape_and_let_the_ground_through(shape, inside):
    found = pixels(svg_mark(30, 20, shape, "#000000", ""))
    assert at(found, 30 + inside[0], 20 + inside[1]) == (51, 51, 51)
    assert at(found, 30 + inside[0], 20 - inside[1]) == (
        (255, 255, 255) if shape in {2, 4} else (51, 51, 51)
    )


def test_a_circle_mark_is_a_circle():
    found = pixels(svg_mark(30, 20, 0, "#000000", ""))
    assert (found[..., 0] < 150).sum() == pytest.approx(np.pi * 8**2, rel=0.06)


def test_dashes_have_gaps():
    found = pixels(svg_line([(0, 20), (60, 20)], "black", "6 4"))
    row = found[40, :, 0] < 128
    assert [bool(row[2 * x]) for x in (3, 8, 13, 18)] == [True, False, True, False]


def test_a_line_without_a_fill_of_its_own_is_no_area():
    found = pixels('<path d="M0 20H60" stroke="black" stroke-dasharray="6 4"/>')
    assert at(found, 3, 20) == (0, 0, 0)
    assert at(found, 8, 20) == (255, 255, 255)


def test_a_stroke_of_a_path_is_no_area():
    found = pixels('<path d="M10 5V35H50" fill="none" stroke="black"/>')
    assert at(found, 10, 20) == at(found, 30, 35) == (0, 0, 0)
    assert at(found, 15, 30) == (255, 255, 255)


def ink(found):
    rows, columns = np.nonzero(found[..., 0] < 128)
    return rows.min() / 2, rows.max() / 2, columns.min() / 2, columns.max() / 2


def test_text_stands_on_its_line_at_its_anchor():
    top, foot, left, _ = ink(pixels(svg_text(10, 20, "HHH")))
    assert foot == pytest.approx(20, abs=1)
    assert 7 < foot - top < 10
    assert left == pytest.approx(10, abs=2)
    assert ink(pixels(svg_text(50, 20, "HHH", "end")))[3] == pytest.approx(50, abs=2)
    _, _, left, right = ink(pixels(svg_text(30, 20, "HHH", "middle")))
    assert (left + right) / 2 == pytest.approx(30, abs=1)
    upright = '<g transform="translate(20 35) rotate(-90)"><text x="0" y="0">HHH</text></g>'
    top, foot, left, right = ink(pixels(upright))
    assert right == pytest.approx(20, abs=1)
    assert foot == pytest.approx(35, abs=2)
    assert foot - top > right - left


def test_what_the_font_lacks_is_an_escape_and_markup_is_text():
    assert module._written("a\u80ba\u00b1") == "a\\u80ba\u00b1"
    assert (pixels(svg_text(2, 20, "<b>&")) < 128).sum() > 50


def test_the_same_figure_gives_the_same_bytes_and_others_are_refused():
    page = svg_page(20, 20, [svg_text(2, 10, "x")])
    assert figure_png(page) == figure_png(page)
    with pytest.raises(ValueError, match="ellipse is not drawn"):
        figure_png(svg_page(20, 20, ["<ellipse/>"]))
    with pytest.raises(FigureTooLargeError, match="1360 x 200000 pixels"):
        figure_png(svg_page(680, 100_000, []))


@pytest.mark.parametrize("values", [(1e308, -1.7e308), (5e-324, 1e-323), (0.0, 0.0)])
def test_numbers_at_the_ends_of_what_a_float_holds_are_drawn(values):
    marks = [StripMark(value, "x") for value in values]
    text = strips_svg([("A", marks)], "t", "l")
    assert not re.search(r"\b(?:inf|nan)\b", text)
    assert figure_png(text).startswith(b"\x89PNG")
