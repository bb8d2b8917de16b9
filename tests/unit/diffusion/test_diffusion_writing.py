"""Maps leave as NIfTI and as DICOM Parametric Map, with place, unit and NaN."""

from __future__ import annotations

import subprocess
from pathlib import Path
from uuid import UUID

import highdicom
import nibabel
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID
from synthetic_dwi import SHAPE, Spec, candidates, write_dwi

from biomarker_cli.dicom.identity import OutgoingIdentity, UidMap
from biomarker_cli.diffusion.adc import AdcResult
from biomarker_cli.diffusion.declared import declared_adc
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.maps import diffusion_maps
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.diffusion.writing import write_map_nifti, write_parametric_map
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import ADC

KEY = bytes(range(32))
STUDY = OutgoingIdentity("S0001", UidMap(KEY))
KEEP = OutgoingIdentity()

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
    write_parametric_map(result, path, STUDY, "dwi-adc@1.0.0")
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
    assert (quantity.CodeValue, quantity.CodingSchemeDesignator) == ("113041", "DCM")
    assert quantity.CodeMeaning == "Apparent Diffusion Coefficient"
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert list(measures.PixelSpacing) == [2.0, 1.0]


def test_the_same_map_has_the_same_uids(result: AdcResult, tmp_path: Path) -> None:
    for name in ("a.dcm", "b.dcm"):
        write_parametric_map(result, tmp_path / name, STUDY, "dwi-adc@1.0.0")
    one, two = (dcmread(tmp_path / name) for name in ("a.dcm", "b.dcm"))
    assert one.SOPInstanceUID == two.SOPInstanceUID
    source = result.volume.frames.first
    assert one.StudyInstanceUID == UidMap(KEY)(str(source.get("StudyInstanceUID")))
    assert one.FrameOfReferenceUID == UidMap(KEY)(str(source.get("FrameOfReferenceUID")))
    other = OutgoingIdentity("S0001", UidMap(KEY[::-1]))
    write_parametric_map(result, tmp_path / "c.dcm", other, "dwi-adc@1.0.0")
    third = dcmread(tmp_path / "c.dcm")
    assert third.SOPInstanceUID != one.SOPInstanceUID
    assert third.StudyInstanceUID != one.StudyInstanceUID


def test_a_map_without_dicom_source_is_refused(result: AdcResult, tmp_path: Path) -> None:
    volume = Volume(result.volume.array, result.volume.geometry, ADC)
    with pytest.raises(AdcError) as caught:
        write_parametric_map(
            declared_adc(volume, RULES), tmp_path / "adc.dcm", STUDY, "dwi-adc@1.0.0"
        )
    assert caught.value.code == "ADC-MAP-NO-SOURCE"


PLANTED = {
    "PatientID": "PLANTED-ID",
    "PatientName": "PLANTED^NAME",
    "PatientBirthDate": "19371224",
    "PatientSex": "F",
    "PatientAge": "087Y",
    "PatientWeight": "71.25",
    "PatientComments": "PLANTED COMMENT",
    "OtherPatientNames": "PLANTED^OTHER",
    "EthnicGroup": "PLANTED GROUP",
    "AccessionNumber": "PLANTED-ACC",
    "StudyID": "PLANTED-STUDY",
    "StudyDate": "19991231",
    "StudyTime": "235959",
    "StudyDescription": "PLANTED STUDY",
    "SeriesDescription": "PLANTED SERIES",
    "ReferringPhysicianName": "PLANTED^REFERRER",
    "NameOfPhysiciansReadingStudy": "PLANTED^READER",
    "OperatorsName": "PLANTED^OPERATOR",
    "PerformingPhysicianName": "PLANTED^PERFORMER",
    "InstitutionName": "PLANTED HOSPITAL",
    "InstitutionAddress": "PLANTED STREET",
    "InstitutionalDepartmentName": "PLANTED WARD",
    "StationName": "PLANTED-STATION",
    "DeviceSerialNumber": "PLANTED-SERIAL",
    "ImageComments": "PLANTED REMARK",
    "ProtocolName": "PLANTED PROTOCOL",
    "AdditionalPatientHistory": "PLANTED HISTORY",
    "PositionReferenceIndicator": "PLANTED MARK",
}


def _planted(dataset: Dataset) -> None:
    for keyword, value in PLANTED.items():
        setattr(dataset, keyword, value)
    block = dataset.private_block(0x0011, "PLANTED CREATOR", create=True)
    block.add_new(0x01, "LO", "PLANTED PRIVATE")


@pytest.fixture
def planted(tmp_path: Path) -> AdcResult:
    specs = [Spec(0, change=_planted), Spec(800, change=_planted)]
    write_dwi(tmp_path / "planted", specs)
    return diffusion_maps(candidates(tmp_path / "planted"), RULES)[0]


def test_under_the_study_nothing_of_the_source_leaves(planted: AdcResult, tmp_path: Path) -> None:
    path = tmp_path / "adc.dcm"
    write_parametric_map(planted, path, STUDY, "dwi-adc@1.0.0")
    content = path.read_bytes()
    for word in (b"PLANTED", b"19371224", b"19991231", b"235959", b"087Y", b"71.25"):
        assert word not in content
    dataset = dcmread(path)
    assert (dataset.PatientID, str(dataset.PatientName)) == ("S0001", "S0001")
    assert dataset.SeriesDescription == "ADC dwi-adc@1.0.0"
    frames = planted.volume.frames
    keywords = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")
    sources = {str(frame.get(keyword)) for frame in frames for keyword in keywords}
    assert not any(uid.encode() in content for uid in sources)
    mapped = {UidMap(KEY)(uid) for uid in sources}
    referenced = {
        str(e.value) for e in dataset.iterall() if e.keyword == "ReferencedSOPInstanceUID"
    }
    assert referenced
    assert referenced <= mapped
    for element in dataset.iterall():
        if element.VR == "UI" and element.keyword != "DimensionOrganizationUID":
            assert str(element.value).startswith(("2.25.", "1.2.840.10008."))


def test_kept_identity_is_the_patient_and_study_of_the_source_whole(
    planted: AdcResult, tmp_path: Path
) -> None:
    path = tmp_path / "adc.dcm"
    write_parametric_map(planted, path, KEEP, "dwi-adc@1.0.0")
    dataset, source = dcmread(path), planted.volume.frames.first.dataset
    kept = [word for word in PLANTED if word.startswith(("Patient", "Study", "Other", "Access"))]
    assert len(kept) > 10
    for keyword in (*kept, "EthnicGroup", "ReferringPhysicianName", "AdditionalPatientHistory"):
        assert dataset[keyword].value == source[keyword].value, keyword
    assert dataset.StudyInstanceUID == source.StudyInstanceUID
    assert dataset.FrameOfReferenceUID == source.FrameOfReferenceUID
    assert dataset.SeriesDescription == "ADC dwi-adc@1.0.0"


def test_a_uid_has_one_place_in_the_map_and_those_of_the_standard_stay() -> None:
    uids = UidMap(KEY)
    assert uids("1.2.3") == uids("1.2.3") != uids("1.2.4")
    assert uids("1.2.3") != UidMap(KEY[::-1])("1.2.3")
    assert uids("1.2.840.10008.1.4.1.1") == "1.2.840.10008.1.4.1.1"
    assert uids("") == ""
    for number in range(50):
        uid = UID(uids(f"1.2.{number}"))
        assert uid.is_valid
        assert len(uid) <= 64
        assert UUID(int=int(uid.removeprefix("2.25."))).version == 8


@pytest.mark.oracle
@pytest.mark.parametrize("identity", [STUDY, KEEP])
@pytest.mark.parametrize("source", ["result", "planted"])
def test_an_independent_validator_finds_no_error(
    dciodvfy: str,
    request: pytest.FixtureRequest,
    source: str,
    identity: OutgoingIdentity,
    tmp_path: Path,
) -> None:
    path = tmp_path / "adc.dcm"
    write_parametric_map(request.getfixturevalue(source), path, identity, "dwi-adc@1.0.0")
    done = subprocess.run([dciodvfy, path], capture_output=True, text=True, check=False)
    found = [line for line in (done.stdout + done.stderr).splitlines() if "Error" in line]
    assert found == []


def test_the_place_is_the_same_to_another_reader(result: AdcResult, tmp_path: Path) -> None:
    write_parametric_map(result, tmp_path / "adc.dcm", STUDY, "dwi-adc@1.0.0")
    volume = highdicom.imread(tmp_path / "adc.dcm").get_volume(apply_real_world_transform=True)
    inverse = np.linalg.inv(volume.affine)
    ours = np.argwhere(np.isfinite(result.volume.array))[::7]
    points = result.volume.geometry.index_to_physical(ours[:, ::-1])
    theirs = np.rint(points @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
    np.testing.assert_allclose(
        volume.array[tuple(theirs.T)], result.volume.array[tuple(ours.T)], rtol=1e-12
    )
