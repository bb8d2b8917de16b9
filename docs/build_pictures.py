"""Make the pictures of the docs: ``make pictures``, or ``python docs/build_pictures.py NAME...``.

A picture is a function here, named in `PICTURES`; tests hold that no picture is out of date.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

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


def report() -> bytes:
    """Return what a report of the sample trial looks like, as a PNG that says of what it is.

    Needs chromium: the head of the page, and the pictures of one region.
    """
    import shutil

    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        _biomarker("run", str(SAMPLE / "study.yaml"), "-o", folder, "--report", "--quiet")
        path = Path(folder, "report.html")
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": SHOWN_WIDTH, "height": SHOWN_WIDTH})
        page.goto(path.as_uri())
        page.evaluate("document.getElementById('box-case-1').open = true")
        rules = page.locator("section[aria-labelledby=rules] tbody tr")
        case = page.locator("#box-case-1 > h3"), page.locator("#box-case-1 .tiles").first
        pictures = [
            page.screenshot(full_page=True, clip=_between(page.locator("h1"), rules.nth(3))),
            page.screenshot(full_page=True, clip=_between(*case)),
        ]
        browser.close()
        return _stacked(pictures, report_digest(path.read_text(encoding="utf-8")))


SHOWN_WIDTH, GAP = 1000, 16

_IN_CASE = re.compile(r"<figcaption>.*?</figcaption>", re.DOTALL)


def report_digest(page: str) -> str:
    """Return the digest of what the picture shows of a report: its style, head and captions."""
    head = page[page.index("<style>") : page.index('<section aria-labelledby="cases">')]
    case = page[page.index('id="box-case-1"') : page.index('id="box-case-2"')]
    return hashlib.sha256("".join([head, *_IN_CASE.findall(case)]).encode()).hexdigest()


def _between(first: Any, last: Any) -> dict[str, float]:
    top, foot = first.bounding_box(), last.bounding_box()
    y = top["y"] - 12
    return {"x": 0, "y": y, "width": SHOWN_WIDTH, "height": foot["y"] + foot["height"] - y}


def _stacked(pictures: Sequence[bytes], digest: str) -> bytes:
    from PIL import Image, PngImagePlugin

    parts = [Image.open(BytesIO(one)).convert("RGB") for one in pictures]
    sheet = Image.new("RGB", (parts[0].width, sum(part.height + GAP for part in parts)), "white")
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height + GAP
    told = PngImagePlugin.PngInfo()
    told.add_text("report", digest)
    stream = BytesIO()
    sheet.save(stream, format="PNG", optimize=True, pnginfo=told)
    return stream.getvalue()


PICTURES: dict[str, Callable[[], bytes]] = {
    "report.png": report,
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
