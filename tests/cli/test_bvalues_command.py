"""``biomarker bvalues`` on the series of real scanners."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest
from synthetic_dwi import Spec, write_dwi


@pytest.fixture(scope="module")
def expected(reference_dir: Path) -> dict[str, dict[str, object]]:
    return json.loads((reference_dir / "bvalues_expected.json").read_text())


@pytest.mark.data
@pytest.mark.parametrize(
    "series",
    [
        "siemens_xa30_enhanced/s10_dwi_b0_b2500",
        "siemens_xa30_enhanced/s12_vendor_tracew",
        "siemens_xa30_enhanced/s16_vendor_b0",
        "siemens_xa30_enhanced/s11_vendor_adc",
        "siemens_xa30_enhanced/s13_vendor_fa_decoy",
        "ge_mr29_classic_tensor",
        "ge_dv26_epi_fmri_decoy",
        "uih_r002_grid",
        "philips_r57_classic_b0001",
        "toshiba_v50_classic_b0_untagged",
    ],
)
def test_every_volume_has_the_expected_b_value(
    biomarker, data_dir: Path, expected: dict, series: str, tmp_path: Path
) -> None:
    folder = data_dir / "dwi" / series
    for packed in folder.glob("*.gz"):
        (tmp_path / f"{packed.stem}.dcm").write_bytes(gzip.decompress(packed.read_bytes()))
        folder = tmp_path
    done = biomarker("bvalues", folder, "--format", "json")
    assert done.returncode == 0
    volumes = json.loads(done.stdout)["volumes"]
    want = expected[series]
    listed = want.get("bval_dcm2niix", want.get("bval"))
    found = sorted(v["b_value"] for v in volumes if v["b_value"] is not None)
    if listed is None:
        assert found == []
        return
    np.testing.assert_allclose(found, sorted(listed), atol=1e-4)
    if "bval_user" in want:
        assert sorted(v["b_nominal"] for v in volumes) == sorted(want["bval_user"])
    assert all(v["rule"] for v in volumes)


def test_json_has_the_columns_that_scripts_rely_on(biomarker, tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(None), Spec(800, (1, 0, 0))])
    found = json.loads(biomarker("bvalues", tmp_path, "--format", "json").stdout)
    first, second = found["volumes"]
    assert {"b_value", "b_nominal", "b_actual", "kind", "rule", "tag", "n_frames"} <= set(first)
    assert (first["b_value"], first["kind"], first["rule"]) == (0.0, "b0", "absent_in_dwi_series")
    assert (second["b_value"], second["kind"], second["n_frames"]) == (800.0, "directional", 3)
    assert found["set"]["flags"] == ["b0_untagged"]


def test_csv_and_text_say_the_same(biomarker, tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(0), Spec(800)])
    rows = list(
        csv.DictReader(io.StringIO(biomarker("bvalues", tmp_path, "--format", "csv").stdout))
    )
    assert [float(row["b_value"]) for row in rows] == [0.0, 800.0]
    text = biomarker("bvalues", tmp_path).stdout
    assert "one diffusion set: b 0 (1 volume, 1 direction); b 800" in text


def test_a_refusal_is_named_beside_the_table(biomarker, tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(800)])
    done = biomarker("bvalues", tmp_path)
    assert done.returncode == 0
    assert "ADC-SINGLE-B" in done.stdout


def test_a_folder_without_mr_is_nothing_found(biomarker, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("no DICOM")
    done = biomarker("bvalues", tmp_path)
    assert done.returncode == 3
    assert "NOTHING-FOUND" in done.stderr


def test_a_b_value_that_is_no_number_does_not_break_the_table(biomarker, tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(0), Spec(800), Spec(float("nan"))])
    done = biomarker("bvalues", tmp_path, "--format", "json")
    found = json.loads(done.stdout)
    assert found["set"]["error_code"] == "ADC-B-INVALID"
    assert [v["b_value"] for v in found["volumes"]].count(None) == 1
