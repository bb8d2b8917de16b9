"""Maps leave as NIfTI and as DICOM Parametric Map, with place, unit and NaN."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import highdicom
import nibabel
import numpy as np
import pytest
from pydicom import dcmread
from synthetic_dwi import SHAPE, Spec, candidates, write_dwi

from biomarker_cli.diffusion import (
    AdcError,
    AdcResult,
    AdcRules,
    declared_adc,
    diffusion_maps,
    write_map_nifti,
    write_parametric_map,
)
from biomarker_cli.imaging import Volume
from biomarker_cli.model.quantity import ADC

RULES = AdcRules.model_validate(
    {"estimator": "lls", "b_set": {"kind": "all"}, "statistics": ["mean"]}
)


@pytest.fixture
def result(tmp_path: Path) -> AdcResult:
    hole = np.array(Spec(800).signal())
    hole[1, 1, 1] = 0.0
    write_dwi(tmp_path / "dwi", [Spec(0), Spec(800, array=hole)])
    return diffusion_maps(candidates(tmp_path / "dwi"), RULES)[0]


def test_nifti_keeps_values_place_and_nan(result: AdcResult, tmp_path: Path) -> None:
    path = tmp_path / "adc.nii.gz"
    write_map_nifti(result, path)
    image = nibabel.load(path)
    np.testing.assert_array_equal(np.asarray(image.dataobj).transpose(2, 1, 0), result.volume.array)
    to_ras = np.diag([-1.0, -1.0, 1.0, 1.0])
    np.testing.assert_allclose(image.affine, to_ras @ result.volume.geometry.affine, atol=1e-6)


def test_parametric_map_keeps_values_place_unit_and_nan(result: AdcResult, tmp_path: Path) -> None:
    path = tmp_path / "adc.dcm"
    write_parametric_map(result, path)
    dataset = dcmread(path)
    assert dataset.SOPClassUID.name == "Parametric Map Storage"
    stored = np.frombuffer(dataset.DoubleFloatPixelData, "<f8").reshape(SHAPE)
    frames = dataset.PerFrameFunctionalGroupsSequence
    z_mm = [f.PlanePositionSequence[0].ImagePositionPatient[2] for f in frames]
    assert sorted(z_mm) == [0.0, 3.0, 6.0]
    by_position = stored[np.argsort(z_mm)]
    np.testing.assert_array_equal(by_position, result.volume.array)
    assert np.isnan(by_position[1, 1, 1])
    mapping = dataset.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    unit = mapping.MeasurementUnitsCodeSequence[0]
    assert (unit.CodeValue, unit.CodingSchemeDesignator) == ("mm2/s", "UCUM")
    quantity = mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0]
    assert quantity.CodeValue == "113041"
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert list(measures.PixelSpacing) == [2.0, 1.0]


def test_the_same_map_has_the_same_uids(result: AdcResult, tmp_path: Path) -> None:
    for name in ("a.dcm", "b.dcm"):
        write_parametric_map(result, tmp_path / name)
    one, two = (dcmread(tmp_path / name) for name in ("a.dcm", "b.dcm"))
    assert one.SOPInstanceUID == two.SOPInstanceUID
    assert one.StudyInstanceUID == result.volume.frames.first.get("StudyInstanceUID")


def test_a_map_without_dicom_source_is_refused(result: AdcResult, tmp_path: Path) -> None:
    volume = Volume(result.volume.array, result.volume.geometry, ADC)
    with pytest.raises(AdcError) as caught:
        write_parametric_map(declared_adc(volume, RULES), tmp_path / "adc.dcm")
    assert caught.value.code == "ADC-MAP-NO-SOURCE"


@pytest.mark.oracle
def test_an_independent_validator_finds_no_error(result: AdcResult, tmp_path: Path) -> None:
    validator = shutil.which("dciodvfy")
    if validator is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    write_parametric_map(result, tmp_path / "adc.dcm")
    done = subprocess.run(
        [validator, tmp_path / "adc.dcm"], capture_output=True, text=True, check=False
    )
    found = [line for line in (done.stdout + done.stderr).splitlines() if "Error" in line]
    assert found == []


def test_the_place_is_the_same_to_another_reader(result: AdcResult, tmp_path: Path) -> None:
    write_parametric_map(result, tmp_path / "adc.dcm")
    volume = highdicom.imread(tmp_path / "adc.dcm").get_volume(apply_real_world_transform=True)
    inverse = np.linalg.inv(volume.affine)
    ours = np.argwhere(np.isfinite(result.volume.array))[::7]
    points = result.volume.geometry.index_to_physical(ours[:, ::-1])
    theirs = np.rint(points @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
    np.testing.assert_allclose(
        volume.array[tuple(theirs.T)], result.volume.array[tuple(ours.T)], rtol=1e-12
    )
