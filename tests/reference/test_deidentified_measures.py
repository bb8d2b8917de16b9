"""De-identified copies of real series are measured as their sources are, to the last digit."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import re
import shutil
from pathlib import Path

import pytest
from pydicom import dcmread
from synthetic_patients import KEY, copied

from biomarker_cli.cli.main import cli
from biomarker_cli.exchange.deidentifying.subjects import Subjects

# Dates move, UIDs are mapped, paths are made of them; all else has to be the same.
_OTHER = re.compile(r"uid|path|file|image|series|volume_id|date|error_message")
_DAY = re.compile(r"(19|20)\d\d-?\d\d-?\d\d")

HEADERS = {
    "mr_canon_enhanced_dti": "bvalues",
    "mr_ge_pioneer_dwi": "bvalues",
    "mr_philips_elition_dwi_oneslice": "bvalues",
    "mr_siemens_skyra_mosaic": "bvalues",
    "mr_siemens_xa30_enhanced_dwi": "bvalues",
    "mr_toshiba_galan_dti_oneslice": "bvalues",
    "mr_uih_umr770_dti": "bvalues",
    "pt_dro_0_0_bqml": "suv-explain",
    "pt_dro_3_0_dose_in_MBq": "suv-explain",
    "pt_ge_discoveryst_sts001": "suv-explain",
    "pt_ge_discoveryst_sts010": "suv-explain",
}


def command(*arguments: object) -> tuple[int, str]:
    """Exit code and what is printed."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
        code = cli.main([*map(str, arguments)], standalone_mode=False)
    return int(code or 0), output.getvalue()


def said(*arguments: object) -> object:
    """What a command says, without what may differ."""
    code, text = command(*arguments, "--format", "json")
    return code, _alike(json.loads(text))


def _alike(said: object) -> object:
    if isinstance(said, dict):
        return {key: _alike(one) for key, one in said.items() if not _OTHER.search(key)}
    if isinstance(said, list):
        return [_alike(one) for one in said]
    return _DAY.sub("day", said) if isinstance(said, str) else said


def copy_of(source: Path, output: Path, subjects: Subjects | None = None) -> Path:
    outcome = copied(source, output, *filter(None, [subjects]))
    assert {*outcome.left} <= {"DEID-NOT-DICOM"}
    return output


@pytest.mark.parametrize("name", HEADERS)
def test_headers_of_every_vendor_say_the_same(data_dir, tmp_path, name):
    source = data_dir / "headers" / name
    before = said(HEADERS[name], source)
    assert said(HEADERS[name], copy_of(source, tmp_path / "out")) == before


@pytest.mark.parametrize(
    "name", ["ge_mr29_classic_tensor", "toshiba_v50_classic_b0_untagged", "uih_r002_grid"]
)
def test_series_with_pixels_have_the_same_b_values(data_dir, tmp_path, name):
    source = data_dir / "dwi" / name
    before = said("bvalues", source)
    assert "b_value" in json.dumps(before)
    assert said("bvalues", copy_of(source, tmp_path / "out")) == before


def test_philips_series_have_the_same_b_values(data_dir, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for path in sorted((data_dir / "dwi" / "philips_r57_classic_b0001").glob("*.gz"))[:8]:
        (source / f"{path.stem}.dcm").write_bytes(gzip.decompress(path.read_bytes()))
    assert said("bvalues", copy_of(source, tmp_path / "out")) == said("bvalues", source)


@pytest.mark.parametrize("name", ["highdicom_seg", "lung1_holes"])
def test_segmentations_still_belong_to_their_images(data_dir, tmp_path, name):
    source, output = tmp_path / "in", tmp_path / "out"
    shutil.copytree(data_dir / "seg" / name, source)
    (source / "seg_image_sm_control_labelmap.dcm").unlink(missing_ok=True)
    pairs = [
        (dcmread(row["source"]), dcmread(output / row["written"]))
        for row in copied(source, output).link
        if row["written"]
    ]
    old = {str(before.SOPInstanceUID) for before, _ in pairs}
    new = {str(after.SOPInstanceUID) for _, after in pairs}
    kept = [[one in old for one in _references(before)] for before, _ in pairs]
    assert [[one in new for one in _references(after)] for _, after in pairs] == kept
    assert any(map(any, kept))


def _references(dataset) -> list[str]:
    return [str(e.value) for e in dataset.iterall() if e.keyword == "ReferencedSOPInstanceUID"]


def measured(source: Path, study: Path) -> bytes:
    assert command("init", source, "-o", study)[0] == 0
    assert command("run", study / "study.yaml", "-o", study / "out")[0] == 0
    return (study / "out" / "measurements.csv").read_bytes()


@pytest.mark.parametrize(
    "parts", [("PET",), pytest.param(("PET", "CT", "MR_T1"), marks=pytest.mark.slow)]
)
def test_a_run_of_the_copy_has_the_same_measurements(data_dir, tmp_path, parts):
    source = tmp_path / "in"
    for part in parts:
        shutil.copytree(data_dir / "sts" / "STS_001" / part, source / part)
    copy_of(source, tmp_path / "out", Subjects(KEY, {("STS_001", ""): "P01"}))
    table = measured(tmp_path / "out", tmp_path / "after")
    assert table == measured(source, tmp_path / "before")
    assert len([*csv.DictReader(io.StringIO(table.decode()))]) >= 20
