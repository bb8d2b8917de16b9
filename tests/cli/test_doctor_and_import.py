"""``doctor`` and ``protocol import-pyradiomics``."""

from __future__ import annotations

import json
import stat

import pytest


def test_doctor_finds_everything_and_the_kernels_compiled(biomarker):
    done = biomarker("doctor", "--format", "json")
    assert done.returncode == 0, done.stdout
    rows = {row["check"]: row for row in json.loads(done.stdout)}
    assert rows["kernels"]["found"].startswith("compiled, of sources ")
    assert all(row["ok"] for row in rows.values())


def test_doctor_works_without_home_and_on_a_folder_that_cannot_be_written(biomarker, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(stat.S_IRUSR | stat.S_IXUSR)
    done = biomarker("doctor", HOME=str(locked / "none"), XDG_CACHE_HOME=str(locked / "none"))
    assert done.returncode == 0, done.stderr


def test_a_parameter_file_becomes_a_protocol_that_measures(biomarker, sample_dir, tmp_path):
    parameters = tmp_path / "params.yaml"
    parameters.write_text(
        "setting:\n  binWidth: 10\n"
        "imageType:\n  Original: {}\n"
        "featureClass:\n  firstorder:\n  glcm:\n"
    )
    protocol = tmp_path / "mine.yaml"
    done = biomarker("protocol", "import-pyradiomics", parameters, "-o", protocol)
    assert done.returncode == 0, done.stderr
    visit = sample_dir / "centre_a" / "S0001" / "T1" / "ct"
    named = ("--image", visit / "image", "--mask", visit / "rtstruct.dcm", "--roi", "GTV-1")
    measured = biomarker("extract", "radiomics", *named, "--analysis", protocol)
    assert measured.returncode == 0, measured.stderr
    assert "original.glcm.joint_entropy.3d_average" in measured.stdout
    assert "glrlm" not in measured.stdout
    again = biomarker("protocol", "import-pyradiomics", parameters, "-o", protocol)
    assert again.returncode == 2


@pytest.mark.parametrize("name", ["nowhere.yaml"])
def test_a_parameter_file_that_is_not_there_is_exit_3(biomarker, tmp_path, name):
    assert biomarker("protocol", "import-pyradiomics", tmp_path / name).returncode == 3
