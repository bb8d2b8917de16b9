"""Flip angles that a map of the transmit field scales, and maps that cannot."""

from __future__ import annotations

import numpy as np
import pytest
from perfusion_cases import dce_rules, measured_dce, measured_t1
from synthetic_dce import SHAPE, Truth, Written, make_mr, siemens, write_dynamic, write_vfa
from synthetic_series import slice_dataset, write

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.perfusion.t1_rules import T1Rules

SCALE = 0.9
TRUTH = Truth(n=40, flip_scale=SCALE)
B1 = {"text": "B1 map", "nominal_value": 100.0}
RULES = T1Rules.model_validate({"statistics": ["median"], "b1": B1})


def write_b1(folder, *, spacing=1.0, change=lambda dataset: None, percent=100.0 * SCALE):
    """Write a map in percent over the whole volume, also coarser than the images."""
    shape = (SHAPE[0], round(SHAPE[1] / spacing) + 1, round(SHAPE[2] / spacing) + 1)
    for z in range(shape[0]):
        plane = np.full(shape[1:], percent)
        dataset = slice_dataset((0.0, 0.0, 3.0 * z), plane, series="b1", number=z + 1)
        make_mr(dataset, plane, Written(series="b1", field_t=3.0))
        dataset.SeriesDescription = "TFL b1 MAP"
        dataset.PixelSpacing = [2.0 * spacing, 1.0 * spacing]
        change(dataset)
        write(dataset, folder / f"b1_{z}.dcm")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("b1")
    write_vfa(folder, TRUTH, [2.0, 5.0, 10.0], Written(field_t=3.0))
    return folder


@pytest.mark.parametrize("spacing", [1.0, 2.0])
def test_t1_is_that_of_the_applied_flip_angles(spacing, images, tmp_path):
    write_b1(tmp_path, spacing=spacing)
    rows = measured_t1([images, tmp_path], RULES)["tumour"]
    assert rows["t1.perfusion.median"].value == pytest.approx(1200.0, rel=1e-3)
    assert "b1_uncorrected" not in rows["t1.perfusion.median"].flags
    plain = T1Rules.model_validate({"statistics": ["median"]})
    without = measured_t1([images], plain)["tumour"]["t1.perfusion.median"]
    # By about the square of the error of the angle.
    assert without.value == pytest.approx(1200.0 * SCALE**2, rel=0.02)
    assert "b1_uncorrected" in without.flags


def test_the_dynamic_series_is_scaled_as_well(tmp_path):
    write_vfa(tmp_path, TRUTH, [2.0, 5.0, 10.0])
    write_dynamic(tmp_path, TRUTH, Written(change=siemens(TRUTH)))
    write_b1(tmp_path)
    rows = measured_dce(tmp_path, dce_rules(t10={"source": "vfa", "b1": B1}))["tumour"]
    assert rows["ktrans_etofts.perfusion.region"].value == pytest.approx(0.2, rel=3e-3)
    assert rows["t10.perfusion.region"].value == pytest.approx(1200.0, rel=1e-3)


def test_voxels_without_a_plausible_value_have_no_t1(images, tmp_path):
    def hole(dataset):
        if dataset.ImagePositionPatient[2] == 3.0:
            stored = np.frombuffer(dataset.PixelData, "<u2").reshape(dataset.Rows, -1).copy()
            stored[1, 2:6] = 0
            dataset.PixelData = stored.tobytes()

    write_b1(tmp_path, change=hole)
    rows = measured_t1([images, tmp_path], RULES)["tumour"]
    assert rows["t1.perfusion.fraction_failed"].value == pytest.approx(4 / 12)
    assert rows["t1.perfusion.median"].value is None, "a third of the voxels failed"


@pytest.mark.parametrize(("percent", "failed"), [(195.0, 0.0), (205.0, 1.0), (15.0, 1.0)])
def test_a_map_in_another_unit_gives_no_t1(percent, failed, images, tmp_path):
    write_b1(tmp_path, percent=percent)
    rows = measured_t1([images, tmp_path], RULES)["tumour"]
    assert rows["t1.perfusion.fraction_failed"].value == failed


def test_a_map_that_is_smaller_leaves_voxels_without_t1(images, tmp_path):
    def moved(dataset):
        dataset.ImagePositionPatient = [4.0, 0.0, dataset.ImagePositionPatient[2]]

    write_b1(tmp_path, change=moved)
    rows = measured_t1([images, tmp_path], RULES)["tumour"]
    assert rows["t1.perfusion.fraction_failed"].value == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("keyword", "value", "code"),
    [
        ("SeriesDescription", "something else", "T1-B1-MAP"),
        ("FrameOfReferenceUID", "1.2.3", "T1-B1-PLACE"),
        ("FrameOfReferenceUID", "", "T1-B1-PLACE"),
        ("StudyInstanceUID", "1.2.3", "T1-B1-PLACE"),
    ],
)
def test_a_map_that_is_not_theirs_is_refused(keyword, value, code, images, tmp_path):
    write_b1(tmp_path, change=lambda dataset: setattr(dataset, keyword, value))
    with pytest.raises(BiomarkerError) as error:
        measured_t1([images, tmp_path], RULES)
    assert error.value.code == code


def test_two_maps_are_refused(images, tmp_path):
    def second(dataset):
        dataset.SeriesInstanceUID += ".2"
        dataset.SOPInstanceUID += ".2"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID

    write_b1(tmp_path / "one")
    write_b1(tmp_path / "two", change=second)
    with pytest.raises(BiomarkerError) as error:
        measured_t1([images, tmp_path], RULES)
    assert error.value.code == "T1-B1-MAP"
    assert "found 2" in str(error.value)
