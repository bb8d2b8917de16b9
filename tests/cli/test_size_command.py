"""Size as users measure it: ``extract size``, its tables, refusals and exports."""

from __future__ import annotations

import csv
import json
import math
import shutil
from pathlib import Path

import frictionless
import numpy as np
import pytest
from synthetic_series import axial, write_series

from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry

GRID = Geometry((5, 24, 40), (1.0, 2.0, 3.0), (-10.0, -20.0, 0.0))
KEY = ("case_id", "roi_id", "analysis_id", "feature_id")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    """A CT of five slices with a label image of two lesions."""
    folder = tmp_path_factory.mktemp("image")
    write_series(folder / "ct", axial(0, 3, 6, 9, 12), rows=24, columns=40)
    labels = np.zeros(GRID.shape, dtype=np.uint8)
    labels[1:4, 4:10, 5:25] = 1
    labels[2:4, 15:18, 30:33] = 2
    write_nifti(labels, GRID, folder / "mask.nii.gz")
    (folder / "mask.labels.csv").write_text("value,name\n1,LIVER_1\n2,=NODE\n")
    return folder


def extract(biomarker, image: Path, *arguments: object):
    where = ("--image", image / "ct", "--mask", image / "mask.nii.gz")
    return biomarker("extract", "size", *where, "--analysis", "recist-size", *arguments)


def test_extract_prints_the_sizes(biomarker, image):
    done = extract(biomarker, image, "--roi", "LIVER_1")
    assert done.returncode == 0, done.stderr
    rows = {row["feature_id"]: row for row in csv.DictReader(done.stdout.splitlines())}
    # From above the first pixel to below the last: 19 columns of 1 mm, 6 rows of 2 mm.
    longest = rows["mask.size.longest_diameter"]
    assert float(longest["value"]) == pytest.approx(math.hypot(19, 12), abs=1e-9)
    assert (longest["unit"], longest["usable"]) == ("mm", "caution")  # a draft
    assert float(rows["mask.size.volume"]["value"]) == 3 * 6 * 20 * 6 / 1000


def test_every_length_has_its_line_in_the_data_package(biomarker, image, tmp_path):
    done = extract(biomarker, image, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    lines = read(tmp_path / "out" / "diameters.csv")
    measured = {tuple(r[k] for k in KEY): r for r in read(tmp_path / "out" / "measurements.csv")}
    assert len(lines) == 8
    assert {line["roi_id"] for line in lines} == {"LIVER_1", "'=NODE"}
    for line in lines:
        start, end = ([float(line[f"{e}_{a}_mm"]) for a in "xyz"] for e in ("start", "end"))
        value = float(measured[tuple(line[k] for k in KEY)]["value"])
        assert math.dist(start, end) == pytest.approx(value, abs=2e-4)
        assert line["slice_uid"].startswith("1.2.")
        assert len(line["mask_sha256"]) == 64
        assert start[2] == 3.0 * int(line["slice_index"])
    package = json.loads((tmp_path / "out" / "datapackage.json").read_text())
    (table,) = (r for r in package["resources"] if r["name"] == "diameters")
    assert table["schema"]["primaryKey"] == list(KEY)
    assert table["schema"]["foreignKeys"][0]["reference"]["resource"] == "measurements"
    report = frictionless.validate(str(tmp_path / "out" / "datapackage.json"))
    assert report.valid, report.flatten(["type", "message"])


def test_a_coronal_series_is_refused_by_its_code(biomarker, image, tmp_path):
    def coronal(index, dataset):
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
        dataset.ImagePositionPatient = [-10, 3 * index, 20]

    write_series(tmp_path / "cor" / "ct", axial(0, 3, 6, 9, 12), change=coronal)
    shutil.copy(image / "mask.nii.gz", tmp_path / "cor")
    done = extract(biomarker, tmp_path / "cor")
    assert done.returncode == 6
    assert "RESPONSE-PLANE-CHANGED" in done.stderr
    assert "90.0 degrees off" in done.stderr


def test_pet_is_no_image_of_a_size(biomarker, image, tmp_path):
    def as_pet(_index, dataset):
        dataset.Modality = "PT"

    write_series(tmp_path / "pet" / "ct", axial(0, 3, 6, 9, 12), change=as_pet)
    shutil.copy(image / "mask.nii.gz", tmp_path / "pet")
    done = extract(biomarker, tmp_path / "pet")
    assert done.returncode == 6
    assert "IMAGE-MODALITY" in done.stderr


def test_lines_leave_as_parquet(biomarker, image, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    extract(biomarker, image, "-o", tmp_path / "out")
    done = biomarker("export", "parquet", tmp_path / "out", "-o", tmp_path / "parquet")
    assert done.returncode == 0, done.stderr
    found = parquet.read_table(tmp_path / "parquet" / "diameters.parquet").to_pylist()
    assert len(found) == 8
    assert {row["roi_id"] for row in found} == {"LIVER_1", "=NODE"}
    assert isinstance(found[0]["start_x_mm"], float)
    assert found[0]["frame_number"] is None
