"""A figure of ours as PNG: draws the elements that `axes` writes, and no others."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np

from biomarker_cli.drawing.tiles import png
from biomarker_cli.model.arrays import FloatArray

if TYPE_CHECKING:
    from PIL.Image import Image

PIXELS_PER_UNIT = 2
"""A figure of 680 units becomes 1360 pixels wide."""

MOST_PIXELS = 60_000_000

_FINER = 4
"""A shape is drawn so much larger and averaged down: its edges become smooth."""

_FONT_UNITS = 12
_HALF_CIRCLE_STEPS = 12
_COMMAND = re.compile(r"([MmHhVvLaz])([^MmHhVvLaz]*)")
_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)")
_NO_GLYPH = "\uffff"


class FigureTooLargeError(ValueError):
    """A figure that has too many pixels for one picture."""


def figure_png(svg: str) -> bytes:
    """Return the content of a PNG file of a figure, the same bytes for the same figure.

    Parameters
    ----------
    svg : str
        That `axes.svg_page` made.

    Raises
    ------
    FigureTooLargeError
        Beyond `MOST_PIXELS`.
    ValueError
        Where the figure has an element that is not drawn here.
    """
    from PIL import Image

    # The text is ours: what it quotes was escaped when it was made.
    root = ET.fromstring(svg)  # noqa: S314
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    size = math.ceil(width * PIXELS_PER_UNIT), math.ceil(height * PIXELS_PER_UNIT)
    if size[0] * size[1] > MOST_PIXELS:
        raise FigureTooLargeError(f"{size[0]} x {size[1]} pixels")
    picture = Image.new("RGB", size, "white")
    for element in root:
        _draw(picture, element, (0.0, 0.0))
    return png(picture)


def _draw(picture: Image, element: ET.Element, origin: tuple[float, float]) -> None:
    kind = element.tag.rpartition("}")[2]
    place = _moved(element.get("transform", ""), origin)
    if kind == "g":
        _draw_text(picture, element[0], place, upright=True)
    elif kind == "text":
        _draw_text(picture, element, place, upright=False)
    else:
        _draw_shape(picture, element.attrib, _lines(kind, element.attrib), place)


def _moved(transform: str, origin: tuple[float, float]) -> tuple[float, float]:
    found = re.match(r"translate\((\S+) (\S+)\)", transform)
    if not found:
        return origin
    return origin[0] + float(found[1]), origin[1] + float(found[2])


def _lines(kind: str, given: Mapping[str, str]) -> list[FloatArray]:
    """Return the lines of a shape: ``(x, y)`` of shape (n, 2) each."""

    def number(name: str) -> float:
        return float(given.get(name, 0))

    if kind == "rect":
        x, y, width, height = map(number, ("x", "y", "width", "height"))
        return [np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])]
    if kind == "circle":
        turn = np.linspace(0, 2 * np.pi, 2 * _HALF_CIRCLE_STEPS + 1)
        ring = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        return [ring * number("r") + (number("cx"), number("cy"))]
    if kind == "polyline":
        pairs = [tuple(map(float, pair.split(","))) for pair in given["points"].split()]
        return [np.array(pairs)]
    if kind == "path":
        return [np.array(points) for points in _path(given["d"])]
    raise ValueError(f"{kind} is not drawn")


def _path(way: str) -> Iterator[list[tuple[float, float]]]:
    points: list[tuple[float, float]] = []
    for command, rest in _COMMAND.findall(way):
        numbers = [float(one) for one in _NUMBER.findall(rest)]
        if command in "Mm":
            if points:
                yield points
            points = [(numbers[0], numbers[1])]
            numbers = numbers[2:]
        points += _steps(command, numbers, points[-1])
        if command == "z":
            points.append(points[0])
    yield points


def _steps(
    command: str, numbers: Sequence[float], at: tuple[float, float]
) -> list[tuple[float, float]]:
    """Return the points that a command adds to a path."""
    x, y = at
    if command == "H":
        return [(numbers[0], y)]
    if command == "V":
        return [(x, numbers[0])]
    if command == "h":
        return [(x + numbers[0], y)]
    if command == "v":
        return [(x, y + numbers[0])]
    if command == "a":
        return _half_circle(at, (numbers[5], numbers[6]))
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    if command in "ML":
        return list(pairs)
    found = []
    for along, down in pairs:
        x, y = x + along, y + down
        found.append((x, y))
    return found


def _half_circle(
    start: tuple[float, float], chord: tuple[float, float]
) -> list[tuple[float, float]]:
    """Return the half circle that goes anticlockwise on the page, which all arcs of ours do."""
    middle = np.array(start) + np.array(chord) / 2
    radius = math.hypot(*chord) / 2
    first = math.atan2(start[1] - middle[1], start[0] - middle[0])
    turn = first - np.linspace(0, np.pi, _HALF_CIRCLE_STEPS + 1)[1:]
    return [(middle[0] + radius * math.cos(a), middle[1] + radius * math.sin(a)) for a in turn]


def _draw_shape(
    picture: Image,
    given: Mapping[str, str],
    lines: Sequence[FloatArray],
    place: tuple[float, float],
) -> None:
    from PIL import Image, ImageDraw

    scale = PIXELS_PER_UNIT * _FINER
    fill, stroke = given.get("fill", "black"), given.get("stroke", "none")
    moved = [(line + place) * PIXELS_PER_UNIT for line in lines]
    every = np.concatenate(moved)
    margin = PIXELS_PER_UNIT
    left, top = (int(one) - margin for one in every.min(axis=0))
    right, bottom = (int(one) + margin + 1 for one in every.max(axis=0))
    size = right - left, bottom - top
    opacity = round(255 * float(given.get("fill-opacity", 1)))
    for colour, is_fill in ((fill, True), (stroke, False)):
        if colour == "none":
            continue
        mask = Image.new("L", (size[0] * _FINER, size[1] * _FINER))
        draw = ImageDraw.Draw(mask)
        for line in moved:
            points = (line - (left, top)) * _FINER
            if is_fill:
                # Two points hold no area.
                if len(points) > 2:
                    draw.polygon([tuple(p) for p in points], fill=opacity)
                continue
            for part in _dashed(points, given.get("stroke-dasharray", "none"), scale):
                draw.line([tuple(p) for p in part], fill=255, width=scale, joint="curve")
        smooth = mask.resize(size, Image.Resampling.BOX)
        picture.paste(colour, (left, top, right, bottom), smooth)


def _dashed(points: FloatArray, dashes: str, scale: float) -> Iterator[FloatArray]:
    """Yield the strokes of a line."""
    if dashes == "none" or len(points) < 2:
        yield points
        return
    lengths = [float(one) * scale for one in dashes.split()]
    steps = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    start, place = 0.0, 0
    while start < along[-1]:
        stop = min(start + lengths[place % len(lengths)], along[-1])
        if place % 2 == 0:
            inside = along[(along > start) & (along < stop)]
            at = np.concatenate([[start], inside, [stop]])
            yield np.stack([np.interp(at, along, points[:, axis]) for axis in (0, 1)], axis=1)
        start, place = stop, place + 1


def _draw_text(
    picture: Image, element: ET.Element, place: tuple[float, float], *, upright: bool
) -> None:
    from PIL import Image, ImageDraw

    text, font = _written(element.text or ""), _font()
    width = max(math.ceil(font.getlength(text)), 1)
    ascent, descent = font.getmetrics()
    mask = Image.new("L", (width, ascent + descent))
    ImageDraw.Draw(mask).text((0, 0), text, fill=255, font=font)
    x, y = (
        (shift + float(element.get(name, 0))) * PIXELS_PER_UNIT
        for shift, name in zip(place, "xy", strict=True)
    )
    back = {"middle": width / 2, "end": width}.get(element.get("text-anchor", ""), 0)
    if upright:
        mask = mask.transpose(Image.Transpose.ROTATE_90)
        corner = round(x) - ascent, round(y - width + back)
    else:
        corner = round(x - back), round(y) - ascent
    box = (*corner, corner[0] + mask.width, corner[1] + mask.height)
    picture.paste("black", box, mask)


def _written(text: str) -> str:
    """Return a text with an escape for each character that the font lacks."""
    return "".join(one if _has_glyph(one) else ascii(one)[1:-1] for one in text)


@cache
def _has_glyph(character: str) -> bool:
    if character.isascii():
        return True
    font = _font()
    return bool(bytes(font.getmask(character)) != bytes(font.getmask(_NO_GLYPH)))


@cache
def _font() -> Any:
    from PIL import ImageFont

    # The one that comes with pillow: the same letters on every machine.
    return ImageFont.load_default(size=_FONT_UNITS * PIXELS_PER_UNIT)
