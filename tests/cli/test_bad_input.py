"""Bad input: one clear message, the exit code of the contract, no traceback."""

from __future__ import annotations

import pytest


@pytest.fixture
def ct(sample_dir):
    visit = sample_dir / "centre_a" / "S0001" / "T1" / "ct"
    return visit / "image", visit / "rtstruct.dcm"


def _extract(biomarker, image, mask, *more, measure="radiomics", analysis="pyradiomics-default"):
    return biomarker(
        "extract", measure, "--image", image, "--mask", mask, "--analysis", analysis, *more
    )


@pytest.mark.parametrize("command", ["scan", "check", "extract"])
def test_no_such_path_is_exit_3(biomarker, ct, command, tmp_path):
    nowhere = tmp_path / "nowhere"
    if command == "extract":
        done = _extract(biomarker, nowhere, ct[1])
    elif command == "check":
        done = biomarker("check", nowhere, "--protocol", "base-ct")
    else:
        done = biomarker("scan", nowhere)
    assert done.returncode == 3
    assert "PATH-NOT-FOUND" in done.stderr


def test_an_empty_folder_is_exit_3(biomarker, ct, tmp_path):
    for done in (biomarker("scan", tmp_path), _extract(biomarker, tmp_path, ct[1])):
        assert done.returncode == 3
        assert done.stderr.count("error ") == 1


def test_scan_of_a_text_file_lists_it_as_refused_and_exits_0(biomarker, tmp_path):
    note = tmp_path / "note.txt"
    note.write_text("hello")
    done = biomarker("scan", note, "--format", "json")
    assert done.returncode == 0
    assert "FILE-NOT-DICOM" in done.stdout


def test_a_text_file_as_image_is_exit_3(biomarker, ct, tmp_path):
    note = tmp_path / "note.txt"
    note.write_text("hello")
    done = _extract(biomarker, note, ct[1])
    assert done.returncode == 3
    assert "IMAGE-NOT-FOUND" in done.stderr


def test_a_text_file_as_mask_is_exit_6(biomarker, ct, tmp_path):
    note = tmp_path / "note.txt"
    note.write_text("hello")
    done = _extract(biomarker, ct[0], note)
    assert done.returncode == 6
    assert done.stderr.startswith("error ")


def test_a_mask_of_another_frame_of_reference_is_exit_6(biomarker, ct, sample_dir):
    later = sample_dir / "centre_a" / "S0001" / "T2" / "ct" / "rtstruct.dcm"
    done = _extract(biomarker, ct[0], later)
    assert done.returncode == 6
    assert "REGION-FRAME-OF-REFERENCE" in done.stderr


def test_a_mask_of_another_patient_is_exit_6(biomarker, ct, sample_dir):
    foreign = sample_dir / "centre_b" / "S0002" / "T1" / "ct" / "rtstruct.dcm"
    done = _extract(biomarker, ct[0], foreign)
    assert done.returncode == 6
    assert "STUDY-SUBJECT-MISMATCH" in done.stderr


def test_an_unknown_protocol_is_exit_2_and_lists_the_known_ones(biomarker, ct):
    done = _extract(biomarker, *ct, analysis="pyradiomics-defualt")
    assert done.returncode == 2
    assert "PROTOCOL-NOT-FOUND" in done.stderr
    assert "pyradiomics-default" in done.stderr


def test_an_analysis_of_another_measure_is_exit_2(biomarker, ct):
    done = _extract(biomarker, *ct, analysis="fdg-suv")
    assert done.returncode == 2
    assert "ANALYSIS-MEASURE" in done.stderr


def test_the_wrong_modality_is_exit_6(biomarker, ct):
    done = _extract(biomarker, *ct, measure="suv", analysis="fdg-suv")
    assert done.returncode == 6
    assert done.stderr.count("IMAGE-MODALITY") == 1


def test_a_region_that_is_not_there_is_told_with_what_is_there(biomarker, ct):
    done = _extract(biomarker, *ct, "--roi", "LIVER")
    assert done.returncode == 6
    assert "GTV-1" in done.stderr


def test_truncated_pixels_fail_the_case_by_name(biomarker, sample_copy):
    visit = sample_copy / "centre_a" / "S0001" / "T1" / "ct"
    victim = sorted((visit / "image").iterdir())[3]
    victim.write_bytes(victim.read_bytes()[:-500])
    done = _extract(biomarker, visit / "image", visit / "rtstruct.dcm")
    assert done.returncode == 6
    assert victim.name in done.stderr


def test_a_missing_slice_is_refused_as_a_gap(biomarker, sample_copy):
    visit = sample_copy / "centre_a" / "S0001" / "T1" / "ct"
    sorted((visit / "image").iterdir())[7].unlink()
    done = _extract(biomarker, visit / "image", visit / "rtstruct.dcm")
    assert done.returncode == 6
    assert "SERIES-GAP" in done.stderr


def test_an_earlier_run_is_not_overwritten_unless_told(biomarker, ct, tmp_path):
    arguments = (*ct, "--roi", "GTV-1", "-o", tmp_path / "out")
    assert _extract(biomarker, *arguments).returncode == 0
    again = _extract(biomarker, *arguments)
    assert again.returncode == 2
    assert "OUTPUT-EXISTS" in again.stderr
    assert _extract(biomarker, *arguments, "--overwrite").returncode == 0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("format: biomarker-study/1\nid: x\nid: y\n", "STUDY-INVALID"),
        ("[1, 2]", "STUDY-INVALID"),
        ("format: biomarker-study/1\nid: x\nroles: {}\n", "STUDY-INVALID"),
        ("format: biomarker-study/1\nid: x\nroles: {ct: {analyses: [a], colour: red}}\n", "colour"),
    ],
)
def test_a_bad_study_file_is_exit_2_with_the_line(biomarker, tmp_path, text, code):
    study = tmp_path / "study.yaml"
    study.write_text(text)
    done = biomarker("run", study)
    assert done.returncode == 2
    assert code in done.stderr


def test_no_study_file_is_exit_2(biomarker, tmp_path):
    done = biomarker("run", tmp_path / "study.yaml")
    assert done.returncode == 2
    assert "STUDY-NOT-FOUND" in done.stderr


@pytest.mark.parametrize(
    ("measure", "analysis", "code"),
    [
        ("suv", "fdg-suv", "SUV-NO-HEADER"),
        ("adc", "dwi-adc", "ADC-NO-B-VALUES"),
        ("radiomics", "pyradiomics-default", "IMAGE-NO-QUANTITY"),
    ],
)
def test_a_nifti_image_has_no_unit_unless_declared(biomarker, sample_dir, measure, analysis, code):
    mask = sample_dir / "centre_a" / "S0001" / "T1" / "dwi" / "mask.nii.gz"
    done = _extract(biomarker, mask, mask, measure=measure, analysis=analysis)
    assert done.returncode == 6
    assert code in done.stderr


def test_a_declared_quantity_is_flagged_on_every_row(biomarker, sample_dir):
    mask = sample_dir / "centre_a" / "S0001" / "T1" / "dwi" / "mask.nii.gz"
    done = _extract(
        biomarker,
        mask,
        mask,
        "--roi",
        "GTV",
        "--quantity",
        "signal",
        analysis="pyradiomics-default",
    )
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()[1:]
    assert rows
    assert all("quantity_declared" in row for row in rows)


def test_a_series_of_a_file_that_is_one_image_is_exit_2(biomarker, tmp_path):
    image = tmp_path / "a.nii.gz"
    image.write_bytes(b"")
    done = biomarker(
        *("extract", "radiomics", "--image", image, "--mask", image, "--quantity", "hu"),
        *("--analysis", "pyradiomics-default", "--series", "1.2.3"),
    )
    assert done.returncode == 2
    assert "SERIES-UNUSED" in done.stderr


def test_a_declared_quantity_of_dicom_is_exit_2(biomarker, ct):
    done = _extract(biomarker, *ct, "--quantity", "suvbw")
    assert done.returncode == 2
    assert "QUANTITY-UNUSED" in done.stderr
