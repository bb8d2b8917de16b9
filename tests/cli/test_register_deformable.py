"""`biomarker register` with demons: files, figures, and which ROI is deformed."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import SimpleITK
import yaml
from click.testing import CliRunner
from synthetic_deformation import Waves, organ_on, pair_of, quick_demons_data
from synthetic_registration import GRID

from biomarker_cli.cli.register import register
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.registration.anatomy import region_points_mm

WAVES = Waves(2)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a folder of two CT, a label image of the first, protocols and ROI maps."""
    folder = tmp_path_factory.mktemp("deformable")
    for name, volume in zip("ab", pair_of(WAVES), strict=True):
        write_nifti(volume.array.astype(np.float32), GRID, folder / f"{name}.nii.gz")
    labels = organ_on(GRID).mask.astype(np.uint8)
    labels[:8, :10, :10] = 2
    write_nifti(labels, GRID, folder / "mask.nii.gz")
    (folder / "mask.labels.csv").write_text("value,name\n1,Liver\n2,GTV-1\n")
    data = quick_demons_data() | {"id": "quick"}
    (folder / "quick.yaml").write_text(yaml.safe_dump(data))
    data["checks"]["rotation_deg"] = {"fail": 0}
    (folder / "fail.yaml").write_text(yaml.safe_dump(data))
    rois = {"liver": {"names": ["Liver"], "carry": "deformable"}, "gtv": "GTV-1"}
    (folder / "map.yaml").write_text(
        yaml.safe_dump({"format": "biomarker-roi-map/1", "rois": rois})
    )
    rois = {"liver": {"names": ["Liver"], "carry": "never"}, "gtv": "GTV-1"}
    (folder / "study.yaml").write_text(
        yaml.safe_dump({"format": "biomarker-study/1", "id": "x", "rois": rois})
    )
    return folder


def _words(files, *more, protocol="quick.yaml"):
    images = [str(files / f"{name}.nii.gz") for name in "ab"]
    return [*images, "--quantity", "hu", "--protocol", str(files / protocol), *map(str, more)]


def _carry(files, output, *more, protocol="quick.yaml"):
    words = _words(files, "--mask", files / "mask.nii.gz", "-o", output, *more, protocol=protocol)
    return CliRunner().invoke(register, ["carry", *words])


def _rows(path):
    with path.open() as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def registered(files, tmp_path_factory):
    output = tmp_path_factory.mktemp("registered")
    result = CliRunner().invoke(register, _words(files, "-o", output, "--resampled"))
    assert result.exit_code == 0, result.output
    return output


def test_the_field_is_what_itk_reads_as_a_displacement_field(registered):
    image = SimpleITK.ReadImage(
        str(registered / "displacement.nii.gz"), SimpleITK.sitkVectorFloat64
    )
    itk = SimpleITK.DisplacementFieldTransform(image)
    points = region_points_mm(organ_on(GRID))
    there = np.array([itk.TransformPoint(one) for one in points.tolist()])
    errors = np.linalg.norm(there - WAVES.to_moving(points), axis=1)
    assert errors.mean() < 0.8
    assert np.linalg.norm(there - WAVES.to_fixed(points), axis=1).mean() > 2
    names = {path.name for path in registered.iterdir()}
    assert {"displacement.nii.gz", "overlay.png", "moving_on_fixed.nii.gz"} <= names
    assert not {"transform.tfm", "transform.dcm"} & names


def test_the_table_has_the_figures_of_the_field(registered):
    (row,) = _rows(registered / "registration.csv")
    assert (row["transform"], row["transform_file"]) == ("demons", "displacement.nii.gz")
    assert row["field_levels"] == "8:60;4:60;2:40"
    assert float(row["folded_percent"]) == 0
    assert 0.3 < float(row["jacobian_min"]) < 1 < float(row["jacobian_max"]) < 3
    assert float(row["similarity"]) < float(row["deformed_similarity"])
    assert (row["status"], row["deformed_inverse_mm"]) == ("ok", "")


def test_an_organ_is_deformed_and_a_lesion_is_not(files, tmp_path):
    result = _carry(files, tmp_path, "--roi-map", files / "map.yaml", "--format", "json")
    assert result.exit_code == 5, result.output
    rows = {row["roi_id"]: row for row in json.loads(result.stdout)}
    assert (rows["liver"]["carried_by"], rows["liver"]["status"]) == ("deformable", "ok")
    assert rows["gtv"]["error_code"] == "REGISTRATION-CARRY-RIGID"
    assert rows["gtv"]["status"] == "failed"
    carried = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "carried.nii.gz")))
    truth = organ_on(GRID, WAVES).mask
    assert set(np.unique(carried)) == {0, 1}
    shared = ((carried == 1) & truth).sum()
    assert 2 * shared / ((carried == 1).sum() + truth.sum()) > 0.96
    written = {row["roi_id"]: row["label_value"] for row in _rows(tmp_path / "carried.csv")}
    assert written == {"gtv": "", "liver": "1"}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ((), "REGISTRATION-CARRY-RIGID"),
        (("--roi-map", "study.yaml", "--roi", "liver"), "REGISTRATION-CARRY-NEVER"),
        (("--roi-map", "none.yaml"), "ROI-MAP-INVALID"),
    ],
)
def test_what_no_map_lets_be_deformed_is_refused_before_anything_is_aligned(
    files, tmp_path, given, code
):
    words = [str(files / word) if word.endswith(".yaml") else word for word in given]
    result = _carry(files, tmp_path / "out", *words)
    assert isinstance(result.exception, BiomarkerError)
    assert result.exception.code == code
    assert not (tmp_path / "out").exists()


def test_a_reason_does_not_carry_by_a_field_that_was_not_made(files, tmp_path):
    words = ("--roi-map", files / "map.yaml", "--accept", "JD: looks fine", "--roi", "liver")
    result = _carry(files, tmp_path, *words, protocol="fail.yaml")
    assert result.exit_code == 6
    (row,) = _rows(tmp_path / "carried.csv")
    assert row["error_code"] == "REGISTRATION-NOT-DEFORMED"
    assert not (tmp_path / "carried.nii.gz").exists()
    row = _rows(tmp_path / "registration.csv")[0]
    assert (row["transform"], row["transform_file"]) == ("rigid", "transform.tfm")
    assert (tmp_path / "transform.tfm").exists()
