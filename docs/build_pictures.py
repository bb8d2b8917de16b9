"""Make the pictures of the docs: ``make pictures``, or ``python docs/build_pictures.py NAME...``.

A picture is a function here, named in `PICTURES`; tests hold that no picture is out of date.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from build_architecture import CHECKOUT, HERE, rooms_svg

SAMPLE = CHECKOUT / "sample_data"


def rooms() -> bytes:
    """Return the layers of the package, as an SVG file."""
    return rooms_svg().encode()


def tutorial_pet() -> bytes:
    """Return the lesion in the PET of the tutorial, as the run keeps it."""
    with tempfile.TemporaryDirectory() as folder:
        _biomarker("init", str(SAMPLE / "centre_a" / "S0001" / "T1" / "pet"), "-o", folder)
        _biomarker("run", f"{folder}/study.yaml", "-o", f"{folder}/out", "--report", "--quiet")
        (picture,) = Path(folder, "out", "kept").glob("*/pictures/GTV.svg")
        return picture.read_bytes()


PICTURES: dict[str, Callable[[], bytes]] = {
    "rooms.svg": rooms,
    "tutorial_pet.svg": tutorial_pet,
}
"""Files of ``docs/pictures`` and what makes each."""


def _biomarker(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "biomarker_cli", *arguments],
        check=True,
        cwd=CHECKOUT,
        stdout=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    for name in sys.argv[1:] or PICTURES:
        (HERE / "pictures" / name).write_bytes(PICTURES[name]())
