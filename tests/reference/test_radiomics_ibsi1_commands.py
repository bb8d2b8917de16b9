"""IBSI chapter 1 through the command line: DICOM with RTSTRUCT, and NIfTI."""

import csv
import subprocess
import sys

import pytest

pytestmark = pytest.mark.data

PHANTOM = "ibsi/ct_phantom"
DIGITAL = "ibsi/digital_phantom"
RUNS = {
    **{
        f"dicom-{c}": (
            c.upper(),
            f"ibsi-1-config-{c}",
            [f"{PHANTOM}/dicom/image"],
            f"{PHANTOM}/dicom/mask/DCM_RS_00060.dcm",
            [],
        )
        for c in "abcde"
    },
    "nifti-c": (
        "C",
        "ibsi-1-config-c",
        [f"{PHANTOM}/nifti/image/phantom.nii.gz"],
        f"{PHANTOM}/nifti/mask/mask.nii.gz",
        ["--quantity", "hu"],
    ),
    "nifti-digital": (
        "digital",
        "ibsi-1-digital",
        [f"{DIGITAL}/image/phantom.nii.gz"],
        f"{DIGITAL}/mask/mask.nii.gz",
        ["--quantity", "signal"],
    ),
}


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("run", RUNS)
def test_extract_gives_every_value(run, data_dir, reference_dir, tmp_path):
    config, analysis, images, mask, options = RUNS[run]
    command = [sys.executable, "-m", "biomarker_cli", "extract", "radiomics", *options]
    for image in images:
        command += ["--image", str(data_dir / image)]
    command += ["--mask", str(data_dir / mask), "--analysis", analysis, "-o", str(tmp_path / "o")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    features = {row["feature_id"]: row for row in table(tmp_path / "o" / "features.csv")}
    rows = table(tmp_path / "o" / "measurements.csv")
    found = {}
    for row in rows:
        feature = features[row["feature_id"]]
        found[feature["ibsi_id"], feature["aggregation"]] = row["value"]
    assert len(found) == len(rows), "one row per (ibsi_id, aggregation)"
    wanted = [
        row
        for row in table(reference_dir / "ibsi1_reference_values.csv")
        if row["config"] == config
    ]
    off = []
    for row in wanted:
        value = float(f"{float(found[row['ibsi_id'], row['aggregation']]):.3g}")
        published = float(row["value"])
        if abs(value - published) > float(row["tolerance"]) + 1e-12 * abs(published):
            off.append((row["tag"], value, published))
    assert not off
