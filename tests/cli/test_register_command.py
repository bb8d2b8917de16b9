"""`biomarker register`: exit codes, files, and what is refused before the work."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from pydicom import dcmread
from synthetic_registration import GRID, body, motion, moved

from biomarker_cli.api.images import read_volume
from biomarker_cli.cli.register import register
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.multicentre.objects.ct import write_ct
from biomarker_cli.multicentre.objects.instances import ObjectGrid, Subject, frame_uid
from biomarker_cli.protocol.locator import ProtocolKind, locate
from biomarker_cli.registration.given_transforms import read_transform
from biomarker_cli.registration.tables import FILES
from biomarker_cli.registration.transform_files import write_tfm


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
    for name in ("restart_spread_mm", "restart_gain", "inverse_consistency_mm", "mirror_gain"):
        del data["checks"][name]
    _write(folder / "quick.yaml", data)
    data["checks"]["rotation_deg"] = {"review": 2}
    _write(folder / "review.yaml", data)
    data["checks"]["rotation_deg"] = {"fail": 2}
    _write(folder / "fail.yaml", data)
    none = locate(ProtocolKind.REGISTRATION, "none").read_bytes()
    (folder / "none.yaml").write_bytes(none)
    return folder


def _write(path, data):
    path.write_text(yaml.safe_dump(data))


def _run(pair, *more, protocol="quick.yaml", moving="moving.nii.gz"):
    words = [str(pair / "fixed.nii.gz"), str(pair / moving), "--quantity", "hu"]
    return CliRunner().invoke(register, [*words, "--protocol", str(pair / protocol), *more])


def test_a_quantity_of_two_dicom_series_is_refused(sample_dir):
    image = str(sample_dir / "centre_a/S0001/T1/ct/image")
    line = ["pair", image, image, "--protocol", "rigid-same-modality", "--quantity", "hu"]
    result = CliRunner().invoke(register, line)
    assert isinstance(result.exception, BiomarkerError)
    assert result.exception.code == "QUANTITY-UNUSED"


def test_table_and_transform_are_written_and_the_same_twice(pair, tmp_path):
    for name, more in (("a", []), ("b", ["--quiet"])):
        result = _run(pair, "--mask", str(pair / "mask.nii.gz"), "-o", str(tmp_path / name), *more)
        assert result.exit_code == 0, result.output
        assert bool(result.output) != bool(more)
    rows = _rows(tmp_path / "a")
    assert [row["status"] for row in rows] == ["ok", "ok"]
    assert rows[0]["roi_id"] == ""
    assert rows[0]["engine"] == "SimpleITK"
    assert rows[0]["seed"] == "42"
    assert "draft_protocol" in rows[0]["flags"]
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    assert {path.name for path in (tmp_path / "a").iterdir()} == {
        "datapackage.json",
        "overlay.png",
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


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Folders of two CT series of one patient, of a frame of reference each, and of another."""
    folder = tmp_path_factory.mktemp("series")
    grid = ObjectGrid(GRID.shape, GRID.spacing_mm, GRID.origin_mm)
    truth = moved(body(), motion()).geometry
    axes = truth.axes.T.tolist()
    away = ObjectGrid(GRID.shape, GRID.spacing_mm, truth.origin_mm, axes[0], axes[1])
    values = body().array.clip(-1024, 3000)

    def later(dataset, _index):
        dataset.FrameOfReferenceUID = "1.2.3"

    write_ct(folder / "a", grid, values, Subject("one"))
    write_ct(folder / "b", away, values, Subject("one"), series="later", change=later)
    write_ct(folder / "c", away, values, Subject("two"))
    write_ct(folder / "d", away, values, Subject("one"), series="same frame")
    return folder


def _register(series, pair, moving, *more, protocol="quick.yaml"):
    words = [str(series / "a"), str(series / moving), "--protocol", str(pair / protocol)]
    return CliRunner().invoke(register, [*words, *more])


def test_two_frames_of_reference_get_a_spatial_registration_object(series, pair, tmp_path):
    result = _register(series, pair, "b", "-o", str(tmp_path), "--identity", "keep")
    assert result.exit_code == 0, result.output
    fixed = frame_uid(Subject("one"))
    found = read_transform(tmp_path / "transform.dcm", fixed, "1.2.3")
    assert found == pytest.approx(motion(), abs=0.2)
    for number, file in enumerate(FILES):
        again = tmp_path / str(number)
        again.mkdir()
        (again / file).write_text("mine")
        refused = _register(series, pair, "b", "-o", str(again))
        assert isinstance(refused.exception, BiomarkerError)
        assert refused.exception.code == "OUTPUT-EXISTS"
        assert (again / file).read_text() == "mine"


def test_the_moving_image_is_written_on_the_grid_of_the_fixed_one(series, pair, tmp_path):
    result = _register(series, pair, "b", "-o", str(tmp_path), "--resampled")
    assert result.exit_code == 0, result.output
    there = read_volume(tmp_path / "moving_on_fixed.nii.gz", quantity="hu")
    fixed = read_volume(series / "a")
    assert there.geometry.shape == fixed.geometry.shape
    inside = (slice(8, 24), slice(16, 32), slice(20, 36))
    assert np.corrcoef(there.array[inside].ravel(), fixed.array[inside].ravel())[0, 1] > 0.95


def test_the_object_names_a_subject_of_ours_by_default(series, pair, tmp_path):
    assert _register(series, pair, "b", "-o", str(tmp_path)).exit_code == 0
    assert dcmread(tmp_path / "transform.dcm").PatientID.startswith("S-")
    assert b"1.2.3\0" not in (tmp_path / "transform.dcm").read_bytes()


@pytest.mark.parametrize(
    ("moving", "protocol", "exit_code"), [("d", "quick.yaml", 5), ("b", "fail.yaml", 6)]
)
def test_one_frame_or_a_failed_check_has_no_object(
    series, pair, tmp_path, moving, protocol, exit_code
):
    for name in ("transform.dcm", "moving_on_fixed.nii.gz"):
        (tmp_path / name).write_bytes(b"of an earlier run")
    words = ("-o", str(tmp_path), "--overwrite")
    assert _register(series, pair, moving, *words, protocol=protocol).exit_code == exit_code
    assert not (tmp_path / "transform.dcm").exists()
    assert not (tmp_path / "moving_on_fixed.nii.gz").exists()
    assert (tmp_path / "transform.tfm").exists()


TWO = "Transform: AffineTransform_double_3_3\nParameters: {}\nFixedParameters: 0 0 0\n"
PLAIN = "1 0 0 0 1 0 0 0 1 0 0 0"


def test_a_transform_of_an_earlier_run_is_taken_as_it_is(pair, tmp_path):
    assert _run(pair, "-o", str(tmp_path / "found")).exit_code == 0
    given = str(tmp_path / "found" / "transform.tfm")
    result = _run(pair, "--transform", given, "-o", str(tmp_path / "given"))
    assert result.exit_code == 0, result.output
    (found,), (again,) = (_rows(tmp_path / name) for name in ("found", "given"))
    assert (again["transform"], again["engine"], again["status"]) == ("given", "", "ok")
    for name in ("similarity", "displacement_mm", "rotation_deg"):
        assert float(again[name]) == pytest.approx(float(found[name]), abs=1e-6)
    assert again["registration_id"] != found["registration_id"]


def _rows(folder):
    with (folder / "registration.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_a_transform_that_leads_the_other_way_fails_its_checks(pair, tmp_path):
    write_tfm(np.linalg.inv(motion()), np.zeros(3), tmp_path / "back.tfm")
    result = _run(pair, "--transform", str(tmp_path / "back.tfm"), "--format", "json")
    assert result.exit_code == 6
    assert "similarity:failed" in json.loads(result.stdout)[0]["checks"]


def test_a_text_file_leads_within_one_frame_of_reference_and_an_object_does_not(
    series, pair, tmp_path
):
    write_tfm(motion(), np.zeros(3), tmp_path / "there.tfm")
    given = ("--transform", str(tmp_path / "there.tfm"), "--format", "json")
    result = _register(series, pair, "d", *given, protocol="none.yaml")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)[0]["transform"] == "given"
    made = ("-o", str(tmp_path / "made"), "--identity", "keep")
    assert _register(series, pair, "b", *given[:2], *made, protocol="none.yaml").exit_code == 0
    refused = _register(series, pair, "d", "--transform", str(tmp_path / "made" / "transform.dcm"))
    assert isinstance(refused.exception, BiomarkerError)
    assert refused.exception.code == "REG-FRAMES"


def _itk(*numbers):
    return "#Insight Transform File V1.0\n" + "".join(map(TWO.format, numbers))


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("cut.tfm", _itk(PLAIN)[:-9], "REGISTRATION-TRANSFORM"),
        ("empty.tfm", "", "REGISTRATION-TRANSFORM"),
        ("mirror.tfm", _itk("-" + PLAIN), "REGISTRATION-TRANSFORM"),
        ("several.tfm", _itk(PLAIN, PLAIN), "REGISTRATION-TRANSFORM"),
        ("spline.tfm", _itk(PLAIN).replace("Affine", "BSpline"), "REGISTRATION-TRANSFORM"),
        ("object.tfm", "DICM", "REGISTRATION-TRANSFORM"),
        ("text.dcm", _itk(PLAIN), "FILE-NOT-DICOM"),
        ("matrix.txt", _itk(PLAIN), "FILE-NOT-DICOM"),
    ],
)
def test_what_is_no_transform_is_refused_by_name_and_leaves_nothing(
    pair, tmp_path, name, content, code
):
    path = tmp_path / name
    path.write_text(content)
    result = _run(pair, "--transform", str(path), "-o", str(tmp_path / "out"))
    assert isinstance(result.exception, BiomarkerError)
    assert (result.exception.code, result.exception.where) == (code, name)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["pair", "carry"])
def test_two_transforms_are_not_one_of_them(pair, command):
    words = [command, str(pair / "fixed.nii.gz"), str(pair / "moving.nii.gz")]
    given = ["--transform", "a.tfm", "--transform", "b.tfm"]
    options = [*given, "--protocol", "none", "-o", "out"]
    result = CliRunner().invoke(register, [*words, *options])
    assert result.exit_code == 2
    assert "--transform takes one value and is given 2 times" in result.output


def test_a_transform_that_is_not_there_is_exit_3(pair, tmp_path):
    for path in (tmp_path, tmp_path / "none.tfm"):
        result = _run(pair, "--transform", str(path))
        assert isinstance(result.exception, BiomarkerError)
        assert result.exception.code == "NOTHING-FOUND"
        assert result.exception.exit_code == 3


def test_a_transform_that_stretches_is_judged_and_not_called_rigid(series, pair, tmp_path):
    write_tfm(motion() @ np.diag([1.02, 1.0, 1.0, 1.0]), np.zeros(3), tmp_path / "wide.tfm")
    given = ("--transform", str(tmp_path / "wide.tfm"), "-o", str(tmp_path / "out"))
    assert _register(series, pair, "b", *given, protocol="none.yaml").exit_code == 0
    item = dcmread(tmp_path / "out" / "transform.dcm").RegistrationSequence[1]
    matrix = item.MatrixRegistrationSequence[0].MatrixSequence[0]
    assert matrix.FrameOfReferenceTransformationMatrixType == "AFFINE"


def test_two_patients_ask_for_a_person(series, pair):
    result = _register(series, pair, "c", "--format", "json")
    assert result.exit_code == 5
    assert json.loads(result.stdout)[0]["checks"] == "patient:review"


@pytest.mark.parametrize(
    ("moving", "claim", "exit_code"), [("d", "shifted", 5), ("a", "plausible", 0)]
)
def test_check_says_whether_one_frame_of_reference_is_plausible(
    series, pair, moving, claim, exit_code
):
    words = ["check", str(series / "a"), str(series / moving), "--format", "json"]
    result = CliRunner().invoke(register, [*words, "--protocol", str(pair / "quick.yaml")])
    assert result.exit_code == exit_code, result.output
    said = json.loads(result.stdout)
    assert said["claim"] == claim
    assert said["spread_mm"] < 2


def test_check_refuses_what_claims_no_common_frame(series, pair):
    for words in (
        [str(series / "a"), str(series / "b"), "--protocol", "rigid-same-modality"],
        [str(pair / "fixed.nii.gz"), str(pair / "moving.nii.gz"), "--quantity", "hu"],
    ):
        result = CliRunner().invoke(register, ["check", *words])
        assert isinstance(result.exception, BiomarkerError)
        assert result.exception.code == "REGISTRATION-FRAMES"
