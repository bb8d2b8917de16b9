"""``biomarker plot``: a picture from the folder of an assessment."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table
from biomarker_cli.tables.writing import write_table

TEXTS = ("criterion", "subject_id", "reader", "best")
BEST = Table(
    "best",
    "subject",
    (*(Column(n, "string", "-") for n in TEXTS), Column("best_change_percent", "number", "-")),
    TEXTS[:3],
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        {"criterion": "recist-1.1@1.0.0", "subject_id": s, "best": "PR", "best_change_percent": v}
        for s, v in (("S1", -36.0), ("S\x1b2", None))
    ]
    write_table(BEST, rows, tmp_path)
    write_datapackage([BEST], tmp_path, "response")
    return tmp_path


def test_a_picture_is_written_and_not_overwritten_untold(biomarker, folder):
    done = biomarker("plot", "waterfall", folder)
    assert done.returncode == 0, done.stderr
    assert "recist-1.1@1.0.0: 1 subject" in done.stdout
    assert "without a value to show: S\\x1b2" in done.stdout
    picture = folder / "waterfall.svg"
    ET.fromstring(picture.read_text())
    again = biomarker("plot", "waterfall", folder)
    assert again.returncode == 2
    assert "OUTPUT-EXISTS" in again.stderr
    before = picture.read_bytes()
    done = biomarker("plot", "waterfall", folder, "--overwrite", "--format", "json")
    assert picture.read_bytes() == before
    told = json.loads(done.stdout)
    assert (told["subjects"], told["left_out"]) == (1, ["S\x1b2"])


def test_another_format_and_another_folder_are_refused(biomarker, folder, tmp_path):
    done = biomarker("plot", "waterfall", folder, "-o", folder / "waterfall.png")
    assert done.returncode == 2
    assert "OUTPUT-FORMAT" in done.stderr
    done = biomarker("plot", "spider", folder)
    assert done.returncode == 2
    assert "PLOT-NO-RESPONSE" in done.stderr
