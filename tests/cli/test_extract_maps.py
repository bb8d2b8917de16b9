"""``biomarker extract adc --maps``: the maps leave as files that others read."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from pydicom import dcmread
from synthetic_dwi import ADC_MM2_S, SHAPE, Spec, candidates, write_dwi

from biomarker_cli.imaging.files import write_nifti


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    write_dwi(tmp_path / "dwi", [Spec(0), Spec(800)])
    geometry = candidates(tmp_path / "dwi")[0].geometry
    assert geometry is not None
    write_nifti(np.ones(SHAPE, dtype=np.uint8), geometry, tmp_path / "mask.nii.gz")
    where = ["--image", tmp_path / "dwi", "--mask", tmp_path / "mask.nii.gz"]
    return ["extract", "adc", *map(str, where), "--analysis", "dwi-adc"]


def test_the_map_is_written_as_nifti_and_dicom(biomarker, arguments, tmp_path: Path) -> None:
    done = biomarker(*arguments, "--maps", tmp_path / "maps")
    assert done.returncode == 0, done.stderr
    stored = np.asarray(nibabel.load(tmp_path / "maps" / "adc.nii.gz").dataobj)
    np.testing.assert_allclose(stored.transpose(2, 1, 0), ADC_MM2_S, rtol=5e-4)
    assert dcmread(tmp_path / "maps" / "adc.dcm").SOPClassUID.name == "Parametric Map Storage"


def test_existing_maps_are_not_overwritten_untold(biomarker, arguments, tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "adc.nii.gz").write_text("mine")
    done = biomarker(*arguments, "--maps", tmp_path / "maps")
    assert done.returncode == 2
    assert "OUTPUT-EXISTS" in done.stderr
    assert (tmp_path / "maps" / "adc.nii.gz").read_text() == "mine"


def test_maps_go_with_adc_alone(biomarker, arguments, tmp_path: Path) -> None:
    swapped = ["extract", "radiomics", *arguments[2:]]
    done = biomarker(*swapped, "--maps", tmp_path / "maps")
    assert done.returncode == 2
    assert "--maps goes with adc" in done.stderr


def test_maps_name_a_subject_unless_the_patient_is_asked_for(
    biomarker, arguments, tmp_path: Path
) -> None:
    source = dcmread(next((tmp_path / "dwi").iterdir()))
    done = biomarker(*arguments, "--maps", tmp_path / "ours")
    ours = dcmread(tmp_path / "ours" / "adc.dcm")
    assert source.PatientID == "P1"
    assert ours.PatientID.startswith("S-")
    assert ours.PatientID in done.stderr
    assert "P1" not in done.stderr
    assert ours.StudyInstanceUID.startswith("2.25.")
    assert ours.SeriesDescription.startswith("ADC dwi-adc@")
    done = biomarker(*arguments, "--maps", tmp_path / "kept", "--identity", "keep")
    kept = dcmread(tmp_path / "kept" / "adc.dcm")
    assert (kept.PatientID, kept.StudyInstanceUID) == ("P1", source.StudyInstanceUID)
    assert "--identity keep" in done.stderr
    again = biomarker(*arguments, "--maps", tmp_path / "again")
    assert again.returncode == 0
    assert dcmread(tmp_path / "again" / "adc.dcm").StudyInstanceUID == ours.StudyInstanceUID
