"""Draw the layers of docs/architecture.md from the import contract in pyproject.toml.

``python docs/build_architecture.py`` rewrites the drawing; a test holds that it is current.
"""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
BEGIN, END = "<!-- layers: begin -->", "<!-- layers: end -->"


def layers() -> list[list[str]]:
    """Return the rooms of each layer that exist, from top to ground."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = project["tool"]["importlinter"]["contracts"]
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
    """Return the layers as a picture of text and a table."""
    rows = layers()
    width = max(len("   ".join(rooms)) for rooms in rows) + 2
    edge = f"+{'-' * width}+"
    picture = [edge]
    for rooms in rows:
        picture += [f"|{'   '.join(rooms).center(width)}|", edge]
    table = ["| room | what it does |", "|---|---|"]
    table += [f"| `{room}/` | {purpose(room)} |" for rooms in rows for room in rooms]
    return "\n".join([BEGIN, "```", *picture, "```", "", *table, END])


def page(text: str) -> str:
    """Return the page with the drawing in its place."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + drawing() + after


if __name__ == "__main__":
    path = HERE / "architecture.md"
    path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")
