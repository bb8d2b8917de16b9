"""`biomarker register`: exit codes, files, and what is refused before the work."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from synthetic_registration import GRID, body, motion, moved

from biomarker_cli.cli.register import register
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.protocol.locator import ProtocolKind, locate


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Both images, a mask, and the shipped protocol with fewer points and no restarts."""
    folder = tmp_path_factory.mktemp("pair")
    fixed = body()
    moving = moved(fixed, motion())
    write_nifti(fixed.array, fixed.geometry, folder / "fixed.nii.gz")
    write_nifti(moving.array, moving.geometry, folder / "moving.nii.gz")
    write_nifti(np.zeros(GRID.shape), moving.geometry, folder / "zero.nii.gz")
    mask = np.zeros(GRID.shape, dtype=np.uint8)
    mask[12:18, 20:28, 24:32] = 1
    write_nifti(mask, fixed.geometry, folder / "mask.nii.gz")
    data = yaml.safe_load(locate(ProtocolKind.REGISTRATION, "rigid-same-modality").read_text())
    data["id"] = "quick"
    data["rigid"]["sampling"]["points"] = 3000
    for name in ("restart_spread_mm", "inverse_consistency_mm", "mirror_gain"):
        del data["checks"][name]
    _write(folder / "quick.yaml", data)
    data["checks"]["rotation_deg"] = {"review": 2}
    _write(folder / "review.yaml", data)
    data["checks"]["rotation_deg"] = {"fail": 2}
    _write(folder / "fail.yaml", data)
    return folder


def _write(path, data):
    path.write_text(yaml.safe_dump(data))


def _run(pair, *more, protocol="quick.yaml", moving="moving.nii.gz"):
    words = [str(pair / "fixed.nii.gz"), str(pair / moving), "--quantity", "hu"]
    return CliRunner().invoke(register, [*words, "--protocol", str(pair / protocol), *more])


def test_table_and_transform_are_written_and_the_same_twice(pair, tmp_path):
    for name in ("a", "b"):
        result = _run(pair, "--mask", str(pair / "mask.nii.gz"), "-o", str(tmp_path / name))
        assert result.exit_code == 0, result.output
    with (tmp_path / "a" / "registration.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["status"] for row in rows] == ["ok", "ok"]
    assert rows[0]["roi_id"] == ""
    assert rows[0]["engine"] == "SimpleITK"
    assert rows[0]["seed"] == "42"
    assert "draft_protocol" in rows[0]["flags"]
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    assert {path.name for path in (tmp_path / "a").iterdir()} == {
        "datapackage.json",
        "registration.csv",
        "transform.tfm",
    }


@pytest.mark.parametrize(
    ("protocol", "code", "status"), [("review.yaml", 5, "review"), ("fail.yaml", 6, "failed")]
)
def test_review_is_exit_5_and_failed_is_6(pair, protocol, code, status):
    result = _run(pair, "--format", "json", protocol=protocol)
    assert result.exit_code == code
    (row,) = json.loads(result.stdout)
    assert row["status"] == status
    assert row["checks"] == f"rotation_deg:{status}"


def test_nothing_is_overwritten_without_being_told(pair, tmp_path):
    (tmp_path / "registration.csv").write_text("mine")
    result = _run(pair, "-o", str(tmp_path))
    assert isinstance(result.exception, BiomarkerError)
    assert result.exception.code == "OUTPUT-EXISTS"
    assert (tmp_path / "registration.csv").read_text() == "mine"


def test_an_image_of_zeros_is_exit_6(pair):
    result = _run(pair, moving="zero.nii.gz")
    assert isinstance(result.exception, BiomarkerError)
    assert result.exception.code == "REGISTRATION-CONSTANT"
    assert result.exception.exit_code == 6


def test_another_kind_of_protocol_is_refused(pair):
    words = [str(pair / "fixed.nii.gz"), str(pair / "moving.nii.gz"), "--protocol", "recist-ct"]
    result = CliRunner().invoke(register, words)
    assert isinstance(result.exception, BiomarkerError)
    assert result.exception.code == "PROTOCOL-NOT-FOUND"
