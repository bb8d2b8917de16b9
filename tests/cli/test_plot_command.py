"""``biomarker plot``: a picture from the folder of an assessment."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from kept_study import run, write_study

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
    done = biomarker("plot", "waterfall", folder, "-o", folder / "waterfall.pdf")
    assert done.returncode == 2
    assert "OUTPUT-FORMAT" in done.stderr
    done = biomarker("plot", "spider", folder)
    assert done.returncode == 2
    assert "PLOT-NO-RESPONSE" in done.stderr


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plots")
    study = write_study(folder / "study", n_cases=2, keep=())
    run(study, folder / "out")
    return folder / "out"


def first_value(folder: Path) -> tuple[str, str]:
    table = (folder / "measurements.csv").read_text().splitlines()
    row = next(csv.DictReader(table))
    return row["feature_id"], row["roi_id"]


def test_a_figure_of_a_run_is_that_of_its_report(biomarker, run_folder, tmp_path):
    from biomarker_cli.report.run_reading import read_run
    from biomarker_cli.report.values import feature_values, sites_figure

    feature, roi = first_value(run_folder)
    done = biomarker(
        "plot", "sites", run_folder, "--feature", feature, "--roi", roi, "-o", tmp_path / "a.svg"
    )
    assert done.returncode == 0, done.stderr
    tables = read_run(run_folder)
    (found,) = [one for one in feature_values(tables, [feature]) if one.roi_id == roi]
    assert (tmp_path / "a.svg").read_text() == sites_figure(tables, found).svg
    more = ("-o", tmp_path / "a.png", "--format", "json")
    done = biomarker("plot", "sites", run_folder, "--feature", feature, "--roi", roi, *more)
    assert json.loads(done.stdout)["columns"] == ["case", "value", "usable"]
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_figure_that_could_be_several_or_none_is_refused(biomarker, run_folder, tmp_path):
    output = ("-o", tmp_path / "a.svg")
    several = biomarker("plot", "sites", run_folder, "--feature", "*", *output)
    assert several.returncode == 2
    assert "PLOT-AMBIGUOUS" in several.stderr
    feature, roi = first_value(run_folder)
    none = biomarker("plot", "change", run_folder, "--feature", "no.such", *output)
    assert "PLOT-NOTHING" in none.stderr
    one = ("--feature", feature, "--roi", roi)
    other = biomarker("plot", "sites", run_folder, *one, "--analysis", "other", *output)
    assert "PLOT-NOTHING" in other.stderr
    other = biomarker("plot", "sites", run_folder, *one, "--role", "other", *output)
    assert "PLOT-NOTHING" in other.stderr
    assert not (tmp_path / "a.svg").exists()


def pairs(path: Path) -> Path:
    values = {"S1": (1.0, 1.5), "S2": (2.0, 2.0), "S3": (3.0, 2.5), "S4": (9.0, None)}
    rows = [
        f"{subject},{repeat},adc.intensity.median,{value}"
        for subject, both in values.items()
        for repeat, value in zip(("A", "B"), both, strict=True)
        if value is not None
    ]
    path.write_text("\n".join(["subject_id,repeat_id,feature_id,value", *rows, ""]))
    return path


def test_bland_altman_of_pairs_is_that_of_repeatability(biomarker, tmp_path):
    table = pairs(tmp_path / "pairs.csv")
    done = biomarker("plot", "bland-altman", table, "--format", "json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["columns"] == ["subject", "A", "B"]
    assert told["rows"] == [["S1", "1", "1.5"], ["S2", "2", "2"], ["S3", "3", "2.5"]]
    done = biomarker("repeatability", table, "--plots", "-o", tmp_path / "out")
    (plot,) = (tmp_path / "out" / "plots").glob("*.svg")
    assert Path(told["file"]).read_bytes() == plot.read_bytes()
    done = biomarker("plot", "bland-altman", table, "--overwrite")
    assert "Bias 0, limits of agreement -0.98 to 0.98" in done.stdout
    assert "of 3 pairs" in done.stdout
    none = biomarker("plot", "bland-altman", table, "--overwrite", "--role", "pet")
    assert "PLOT-NOTHING" in none.stderr


def test_pairs_beyond_what_a_float_holds_have_no_plot(biomarker, tmp_path):
    rows = [f"S{n},{r},a.b,{v}" for n, v in ((1, 1.7e308), (2, -1.7e308)) for r in "AB"]
    rows[1] = "S1,B,a.b,-1.7e308"
    table = tmp_path / "pairs.csv"
    table.write_text("\n".join(["subject_id,repeat_id,feature_id,value", *rows, ""]))
    done = biomarker("plot", "bland-altman", table, "-o", tmp_path / "a.png")
    assert done.returncode == 2, done.stderr
    assert "PLOT-NOTHING" in done.stderr


def test_a_folder_in_place_of_the_file_is_refused(biomarker, folder, tmp_path):
    (tmp_path / "a.svg").mkdir()
    done = biomarker("plot", "waterfall", folder, "-o", tmp_path / "a.svg", "--overwrite")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_png_of_too_many_pixels_is_refused(folder, monkeypatch):
    from click.testing import CliRunner

    from biomarker_cli.cli.plot import plot
    from biomarker_cli.drawing import figure_png
    from biomarker_cli.report.errors import ReportError

    monkeypatch.setattr(figure_png, "MOST_PIXELS", 1000)
    done = CliRunner().invoke(plot, ["waterfall", str(folder), "-o", str(folder / "a.png")])
    assert isinstance(done.exception, ReportError)
    assert done.exception.code == "PLOT-TOO-LARGE"
    assert not (folder / "a.png").exists()
    done = CliRunner().invoke(plot, ["waterfall", str(folder), "-o", str(folder / "a.svg")])
    assert done.exit_code == 0, done.output
