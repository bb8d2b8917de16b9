"""Draw the layers of docs/architecture.md from the import contract in pyproject.toml.

``python docs/build_architecture.py`` rewrites picture and table; a test holds that they are
current.
"""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

from biomarker_cli.drawing.axes import svg_page, svg_text

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
BEGIN, END = "<!-- layers: begin -->", "<!-- layers: end -->"


def layers() -> list[list[str]]:
    """Return the rooms of each layer that exist, from top to ground."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    contract, *_ = project["tool"]["importlinter"]["contracts"]
    found = []
    for layer in contract["layers"]:
        names = [part.strip(" ()").rpartition(".")[2] for part in layer.split("|")]
        rooms = [name for name in names if (CHECKOUT / "biomarker_cli" / name).is_dir()]
        if rooms:
            found.append(rooms)
    return found


def purpose(room: str) -> str:
    """Return the first sentence of a room's description."""
    source = (CHECKOUT / "biomarker_cli" / room / "__init__.py").read_text(encoding="utf-8")
    text = ast.get_docstring(ast.parse(source)) or ""
    return text.partition("\n\n")[0].replace("\n", " ")


def drawing() -> str:
    """Return the picture of the layers and the table of their rooms."""
    table = ["| room | what it does |", "|---|---|"]
    table += [f"| `{room}/` | {purpose(room)} |" for rooms in layers() for room in rooms]
    return "\n".join(
        [BEGIN, "![The rooms, from top to ground](pictures/rooms.svg)", "", *table, END]
    )


def rooms_svg() -> str:
    """Return the layers as a picture: a band for each, its rooms side by side."""
    width, height, gap, name = 760.0, 30.0, 6.0, 92.0
    parts, top = [], gap
    for rooms in layers():
        parts.append(
            f'<rect x="{gap:g}" y="{top:g}" width="{width - 2 * gap:g}" height="{height:g}" '
            'rx="4" fill="#eceff1"/>'
        )
        first = width / 2 - len(rooms) * (name + gap) / 2 + gap / 2
        for number, room in enumerate(rooms):
            left = first + number * (name + gap)
            parts.append(
                f'<rect x="{left:g}" y="{top + 4:g}" width="{name:g}" height="{height - 8:g}" '
                'rx="3" fill="white" stroke="#546e7a"/>'
            )
            parts.append(svg_text(left + name / 2, top + 19, room, "middle"))
        top += height + gap
    arrow = f"M {width - 22:g} {gap + 10:g} V {top - 16:g} m -4 -8 l 4 8 l 4 -8"
    parts.append(f'<path d="{arrow}" fill="none" stroke="#546e7a"/>')
    parts.append(svg_text(width - 28, top - 16 - height / 2, "imports", "end"))
    return svg_page(width, top, parts)


def page(text: str) -> str:
    """Return the page with the drawing in its place."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + drawing() + after


if __name__ == "__main__":
    path = HERE / "architecture.md"
    path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
    (HERE / "pictures" / "rooms.svg").write_text(rooms_svg(), encoding="utf-8")
