"""The public functions give what the commands write, and fail as they do."""

from __future__ import annotations

import csv
import hashlib
import json
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from pool_runs import ANALYSIS, FEATURE_IDS, measurement, write_whole_run
from synthetic_series import axial, write_series

import biomarker_cli as bm
from biomarker_cli.api.paths import BiomarkerWarning
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.errors import BiomarkerError, CaseError, ConfigurationError
from biomarker_cli.tables.errors import TableError

CASE = "A/S1/T1/ct"
MEAN = "original.intensity.mean"
GRID = Geometry((6, 7, 8), (1.0, 1.0, 1.0))


@pytest.fixture
def pair(tmp_path):
    image = np.arange(6 * 7 * 8, dtype=np.float32).reshape(GRID.shape)
    mask = np.zeros(GRID.shape, dtype=np.uint8)
    mask[1:5, 1:6, 1:7] = 1
    write_nifti(image, GRID, tmp_path / "image.nii.gz")
    write_nifti(mask, GRID, tmp_path / "mask.nii.gz")
    return tmp_path / "image.nii.gz", tmp_path / "mask.nii.gz"


def test_the_import_loads_nothing_heavy():
    code = "import biomarker_cli as bm, sys; dir(bm); print(sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    for name in ("numpy", "pandas", "pydicom", "biomarker_cli.api", "biomarker_cli.cli"):
        assert f"'{name}'" not in loaded.stdout


def test_a_name_that_is_not_public_is_not_there():
    with pytest.raises(AttributeError, match="no attribute 'plan_single'"):
        bm.plan_single  # noqa: B018


def test_measure_gives_the_rows_that_extract_prints(pair):
    image, mask = pair
    rows = bm.measure(str(image), mask, "pyradiomics-default@1.0.0", quantity="hu")
    command = ["extract", "radiomics", "--image", image, "--mask", mask, "--quantity", "hu"]
    command += ["--analysis", "pyradiomics-default@1.0.0"]
    done = subprocess.run(
        [sys.executable, "-m", "biomarker_cli", *map(str, command)],
        capture_output=True,
        text=True,
        check=True,
    )
    printed = list(csv.DictReader(done.stdout.splitlines()))
    assert list(rows.columns) == list(printed[0])
    assert rows["feature_id"].tolist() == [row["feature_id"] for row in printed]
    assert rows["value"].tolist() == [float(row["value"]) for row in printed]
    assert rows["flags"].tolist() == [row["flags"] for row in printed]


def test_measure_raises_where_nothing_is_measured_and_warns_of_a_region(pair):
    image, mask = pair
    with pytest.raises(CaseError, match="no region"):
        bm.measure(image, mask, "pyradiomics-default@1.0.0", quantity="hu", roi="9")
    with pytest.raises(CaseError) as refused:
        bm.measure(image, mask, "pyradiomics-default@1.0.0")
    assert refused.value.code == "IMAGE-NO-QUANTITY"
    wanted = {"quantity": "hu", "roi": ["mask", "9"]}
    with pytest.warns(BiomarkerWarning, match="REGION-NOT-FOUND"):
        rows = bm.measure(image, mask, "pyradiomics-default@1.0.0", **wanted)
    assert set(rows["roi_id"]) == {"mask", "9"}
    assert rows["value"].notna().equals(rows["roi_id"] == "mask")


@pytest.mark.parametrize("quantity", [None, "HU", "", "stored_pet"])
def test_a_file_without_header_is_read_only_as_something(pair, quantity):
    with pytest.raises(CaseError) as refused:
        bm.read_volume(pair[0], quantity=quantity)
    assert refused.value.code == "IMAGE-NO-QUANTITY"
    assert bm.read_volume(pair[0], quantity="hu").array[0, 0, 7] == 7


def test_a_file_holds_no_series_to_choose(pair):
    image, mask = pair
    for call in (
        lambda: bm.read_volume(image, quantity="hu", series="1.2.3"),
        lambda: bm.read_regions(mask, image, series="1.2.3"),
    ):
        with pytest.raises(ConfigurationError) as refused:
            call()
        assert refused.value.code == "SERIES-UNUSED"


def test_dicom_says_itself_what_it_is(tmp_path):
    write_series(tmp_path, axial(0.0, 1.0, 2.0))
    assert bm.read_volume(tmp_path).array.shape[0] == 3
    with pytest.raises(ConfigurationError) as refused:
        bm.read_volume(tmp_path, quantity="hu")
    assert refused.value.code == "QUANTITY-UNUSED"
    with pytest.raises(BiomarkerError) as unknown:
        bm.read_volume(tmp_path, series="1.2.3.4.5")
    assert unknown.value.code == "IMAGE-NOT-FOUND"
    with pytest.raises(BiomarkerError) as no_pet:
        bm.suv_factor(tmp_path)
    assert no_pet.value.code.startswith("SUV-")


def test_scan_has_typed_columns_whatever_it_finds(tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    frame = bm.scan([tmp_path])
    assert frame["error_code"].tolist() == ["FILE-NOT-DICOM"]
    assert (str(frame["slices"].dtype), str(frame["spacing_x_mm"].dtype)) == ("Int64", "float64")
    assert "study_date" in bm.scan(tmp_path, dates=True)
    (tmp_path / "notes.txt").unlink()
    assert list(bm.scan(tmp_path).columns) == list(frame.columns)


def test_check_warns_of_what_no_rule_has_seen(tmp_path):
    write_series(tmp_path, axial(0.0, 1.0, 2.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checks = bm.check(tmp_path, "base-ct")
    assert {"pass", "not_evaluable"} & set(checks["outcome"])
    whole = next(tmp_path.rglob("*.dcm"))
    (tmp_path / "cut.dcm").write_bytes(whole.read_bytes()[:400])
    with pytest.warns(BiomarkerWarning, match="not read: FILE-"):
        bm.check(tmp_path, "base-ct")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BiomarkerError) as nothing:
        bm.check(tmp_path / "empty", "base-ct")
    assert nothing.value.code == "NOTHING-FOUND"


def test_results_carry_their_case_and_feature(tmp_path):
    other = CASE.replace("S1", "S2")
    volume = FEATURE_IDS[2]
    rows = [measurement(CASE, MEAN, 1.5), measurement(CASE, volume, None)]
    rows.append(measurement(other, MEAN, 2.5))
    frame = bm.read_results(write_whole_run(tmp_path / "run", [CASE, other], rows))
    assert frame["value"].dropna().tolist() == [1.5, 2.5]
    assert frame["family"].tolist() == ["intensity", "morphology", "intensity"]
    mean = frame[frame["feature_id"] == MEAN]
    assert mean["subject_id"].tolist() == ["S1", "S2"]
    assert set(mean["role"]) == {"ct"}
    assert all(
        isinstance(frame[name].dtype, pd.CategoricalDtype) for name in frame if name != "value"
    )
    assert list(frame["feature_id"].cat.categories) == sorted({MEAN, volume})
    assert set(frame["analysis_id"]) == {ANALYSIS}


def test_results_that_were_edited_are_refused(tmp_path):
    folder = write_whole_run(tmp_path / "run", [CASE], [measurement(CASE, MEAN, 1.5)])
    table = folder / "measurements.csv"
    table.write_text(table.read_text().replace("1.5", "1.6"))
    with pytest.raises(TableError) as refused:
        bm.read_results(folder)
    assert refused.value.code == "TABLE-CHANGED"
    with pytest.raises(TableError) as nothing:
        bm.read_results(tmp_path)
    assert nothing.value.code == "TABLE-NOT-FOUND"


@pytest.mark.parametrize("gone", ["cases", "features"])
def test_a_measurement_of_nothing_is_refused(tmp_path, gone):
    folder = write_whole_run(tmp_path / "run", [CASE], [measurement(CASE, MEAN, 1.5)])
    table = folder / f"{gone}.csv"
    table.write_text(table.read_text().splitlines()[0] + "\n")
    package = json.loads((folder / "datapackage.json").read_text())
    for one in package["resources"]:
        if one["name"] == gone:
            one["hash"] = f"sha256:{hashlib.sha256(table.read_bytes()).hexdigest()}"
    (folder / "datapackage.json").write_text(json.dumps(package))
    with pytest.raises(TableError) as refused:
        bm.read_results(folder)
    assert refused.value.code == "TABLE-VALUE"


def test_a_study_is_run_and_taken_up_again(tmp_path, pair):
    (tmp_path / "cases.csv").write_text(
        "site_id,subject_id,timepoint,role,image,mask,quantity\n"
        "S,P1,T1,ct,image.nii.gz,mask.nii.gz,hu\nS,P2,T1,ct,none.nii.gz,mask.nii.gz,hu\n"
    )
    (tmp_path / "study.yaml").write_text(
        "format: biomarker-study/1\nid: small\nroles:\n  ct: {analyses: [pyradiomics-default]}\n"
    )
    study = bm.load_study(tmp_path / "study.yaml")
    first = bm.run(study, tmp_path / "out")
    assert (int(first.exit_code), first.n_kept) == (5, 0)
    assert set(bm.read_results(first.folder)["subject_id"]) == {"P1"}
    again = bm.run(tmp_path / "study.yaml", tmp_path / "out")
    assert again.n_kept >= 1
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    with pytest.raises(BiomarkerError) as refused:
        bm.run(study, tmp_path / "taken")
    assert refused.value.code == "OUTPUT-EXISTS"
