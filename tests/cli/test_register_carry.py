"""`biomarker register carry`: what is carried, what is not, and what the rows then say."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from synthetic_registration import GRID, body, motion, moved

from biomarker_cli.api.images import read_volume
from biomarker_cli.cli.extract import extract
from biomarker_cli.cli.register import register
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.multicentre.objects.ct import write_ct
from biomarker_cli.multicentre.objects.instances import ObjectGrid, Subject
from biomarker_cli.protocol.locator import ProtocolKind, locate
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget
from biomarker_cli.registration.transform_files import write_tfm

INSIDE = (slice(12, 18), slice(20, 28), slice(24, 32))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two series of one patient in frames of their own, masks on the first, two protocols."""
    folder = tmp_path_factory.mktemp("carry")
    values = body().array.clip(-1024, 3000)
    truth = moved(body(), motion()).geometry
    axes = truth.axes.T.tolist()
    first = ObjectGrid(GRID.shape, GRID.spacing_mm, GRID.origin_mm)
    second = ObjectGrid(GRID.shape, GRID.spacing_mm, truth.origin_mm, axes[0], axes[1])

    def later(dataset, _index):
        dataset.FrameOfReferenceUID = "1.2.3"

    write_ct(folder / "a", first, values, Subject("one"))
    write_ct(folder / "b", second, values, Subject("one"), series="later", change=later)
    mask = np.zeros(GRID.shape, dtype=np.uint8)
    mask[INSIDE] = 1
    write_nifti(mask, GRID, folder / "mask.nii.gz")
    data = yaml.safe_load(locate(ProtocolKind.REGISTRATION, "rigid-same-modality").read_text())
    data["id"] = "quick"
    data["rigid"]["sampling"]["points"] = 3000
    for name in ("restart_spread_mm", "restart_gain", "inverse_consistency_mm", "mirror_gain"):
        del data["checks"][name]
    (folder / "quick.yaml").write_text(yaml.safe_dump(data))
    data["checks"]["rotation_deg"] = {"fail": 2}
    (folder / "fail.yaml").write_text(yaml.safe_dump(data))
    headers = locate(ProtocolKind.REGISTRATION, "none").read_bytes()
    (folder / "headers.yaml").write_bytes(headers)
    return folder


def _carry(files, output, *more, protocol="quick.yaml"):
    words = ["carry", str(files / "a"), str(files / "b"), "--mask", str(files / "mask.nii.gz")]
    words += ["--protocol", str(files / protocol), "-o", str(output), *more]
    return CliRunner().invoke(register, words)


def _imported(files, output):
    target = ImageTarget.from_volume(read_volume(files / "b"))
    return import_regions(output / "carried.nii.gz", target, RegionRules(), None)


def test_a_carried_mask_lies_on_the_lesion_and_says_where_it_is_from(files, tmp_path):
    result = _carry(files, tmp_path)
    assert result.exit_code == 0, result.output
    (roi,) = _imported(files, tmp_path)
    expected = np.zeros(GRID.shape, dtype=bool)
    expected[INSIDE] = True
    shared = (roi.region.mask & expected).sum()
    assert 2 * shared / (roi.n_voxels + expected.sum()) > 0.95
    with (tmp_path / "registration.csv").open() as stream:
        ident = next(csv.DictReader(stream))["registration_id"]
    assert f"mask_propagated:{ident}" in roi.flags
    assert "registration_accepted" not in roi.flags
    with (tmp_path / "carried.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert (row["status"], row["label_value"], row["accepted_because"]) == ("ok", "1", "")
    assert (row["registration_id"], float(row["cut_percent"])) == (ident, 0.0)


def test_what_failed_is_carried_with_a_reason_only(files, tmp_path):
    for name in ("carried.nii.gz", "carried.labels.csv"):
        (tmp_path / name).write_bytes(b"of an earlier run")
    result = _carry(files, tmp_path, "--overwrite", "--accept", " ", protocol="fail.yaml")
    assert result.exit_code == 6
    assert not (tmp_path / "carried.nii.gz").exists()
    assert not (tmp_path / "carried.labels.csv").exists()
    reason = "=JD: seen"
    assert "--accept REASON" in _carry(files, tmp_path, "--overwrite", protocol="fail.yaml").output
    words = ("--overwrite", "--accept", reason, "--format", "json")
    result = _carry(files, tmp_path, *words, protocol="fail.yaml")
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)
    assert (row["status"], row["accepted_because"]) == ("failed", reason)
    assert "'=JD" in (tmp_path / "carried.csv").read_text()
    (roi,) = _imported(files, tmp_path)
    assert "registration_accepted" in roi.flags


def test_nothing_is_overwritten_without_being_told(files, tmp_path):
    (tmp_path / "carried.nii.gz").write_text("mine")
    result = _carry(files, tmp_path)
    assert isinstance(result.exception, BiomarkerError)
    assert result.exception.code == "OUTPUT-EXISTS"
    assert [path.name for path in tmp_path.iterdir()] == ["carried.nii.gz"]


def test_a_given_object_is_taken_and_another_kind_is_not(files, tmp_path):
    words = [str(files / "a"), str(files / "b"), "--protocol", str(files / "quick.yaml")]
    made = [*words, "-o", str(tmp_path / "made"), "--identity", "keep"]
    assert CliRunner().invoke(register, made).exit_code == 0
    given = ("--transform", str(tmp_path / "made" / "transform.dcm"))
    assert _carry(files, tmp_path / "given", *given).exit_code == 0
    with (tmp_path / "given" / "registration.csv").open() as stream:
        row = next(csv.DictReader(stream))
    assert (row["transform"], row["engine"]) == ("given", "")
    (slice_, *_) = sorted((files / "a").iterdir())
    refused = _carry(files, tmp_path / "none", "--transform", str(slice_))
    assert isinstance(refused.exception, BiomarkerError)
    assert refused.exception.code == "REG-KIND"


def test_a_text_file_is_taken_and_one_that_stretches_carries_nothing(files, tmp_path):
    write_tfm(motion(), np.zeros(3), tmp_path / "there.tfm")
    given = ("--transform", str(tmp_path / "there.tfm"))
    assert _carry(files, tmp_path / "given", *given).exit_code == 0
    write_tfm(motion() @ np.diag([1.25, 0.8, 1.0, 1.0]), np.zeros(3), tmp_path / "wide.tfm")
    given = ("--transform", str(tmp_path / "wide.tfm"))
    refused = _carry(files, tmp_path / "none", *given, protocol="headers.yaml")
    assert refused.exit_code == 6
    assert "REGISTRATION-CARRY-RIGID" in (tmp_path / "none" / "carried.csv").read_text()
    assert not (tmp_path / "none" / "carried.nii.gz").exists()


def test_a_roi_that_is_not_there_is_named(files, tmp_path):
    result = _carry(files, tmp_path, "--roi", "liver")
    assert isinstance(result.exception, BiomarkerError)
    assert "liver" in str(result.exception)
    assert _carry(files, tmp_path, protocol="none.yaml").exit_code != 0
    assert not list(tmp_path.iterdir())


def test_the_rows_of_a_measured_case_name_the_registration(files, tmp_path):
    assert _carry(files, tmp_path / "carried").exit_code == 0
    words = ["radiomics", "--image", str(files / "b"), "--analysis", "radiomics-ct"]
    words += ["--mask", str(tmp_path / "carried" / "carried.nii.gz"), "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(extract, words)
    assert result.exit_code == 0, result.output
    with (tmp_path / "out" / "measurements.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert rows
    for row in rows:
        assert "mask_propagated:quick@0.1.0:" in row["flags"]
        assert row["usable"] == "caution"
