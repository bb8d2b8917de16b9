"""Maps leave as NIfTI and as DICOM Parametric Map, with place, unit and NaN."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import highdicom
import nibabel
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr._concepts_dict import concepts
from pydicom.uid import UID
from synthetic_dwi import SHAPE, Spec, candidates, write_dwi

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.reading import read_volume
from biomarker_cli.dicom.identity import OutgoingIdentity, UidMap
from biomarker_cli.imaging.errors import ImageFileError
from biomarker_cli.imaging.map_files import write_maps
from biomarker_cli.imaging.parametric_map import parametric_map, write_parametric_map
from biomarker_cli.imaging.quantity_map import QuantityMap
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import ADC, KURTOSIS, QUANTITIES, SUVBW, Quantity

KEY = bytes(range(32))
STUDY = OutgoingIdentity("S0001", UidMap(KEY))
KEEP = OutgoingIdentity()

KTRANS = Quantity("ktrans", "/min", "volume transfer constant")


def map_of(folder: Path, change: Callable[[Dataset], object] | None = None) -> QuantityMap:
    """Return a map, with a hole, in the place of a series of three slices."""
    write_dwi(folder, [Spec(0) if change is None else Spec(0, change=change)])
    volume = read_volume(candidates(folder)[0])
    values = np.random.default_rng(8).uniform(5e-4, 3e-3, SHAPE)
    values[1, 1, 1] = np.nan
    return QuantityMap(volume.with_array(values, ADC), "adc", {"source": "fitted"})


@pytest.fixture
def result(tmp_path: Path) -> QuantityMap:
    return map_of(tmp_path / "series")


def test_maps_of_a_series_leave_in_both_formats(result: QuantityMap, tmp_path: Path) -> None:
    other = replace(result, image="ktrans", volume=replace(result.volume, quantity=KTRANS))
    folder = tmp_path / "new" / "maps"
    written = write_maps([result, other], folder, STUDY, "any@1.0.0")
    names = ["adc.nii.gz", "adc.dcm", "ktrans.nii.gz", "ktrans.dcm"]
    assert written == [folder / name for name in names]
    assert sorted(folder.iterdir()) == sorted(written)
    one, two = (dcmread(folder / name) for name in ("adc.dcm", "ktrans.dcm"))
    assert one.SOPInstanceUID != two.SOPInstanceUID
    assert (one.ContentLabel, two.ContentLabel) == ("ADC", "KTRANS")
    assert two.ContentDescription == "volume transfer constant"


def test_a_map_of_an_image_file_leaves_as_nifti_alone(result: QuantityMap, tmp_path: Path) -> None:
    volume = Volume(result.volume.array, result.volume.geometry, ADC)
    written = write_maps([replace(result, volume=volume)], tmp_path / "maps", STUDY, "any@1.0.0")
    assert [path.name for path in written] == ["adc.nii.gz"]
    image = nibabel.load(written[0])
    np.testing.assert_array_equal(np.asarray(image.dataobj).transpose(2, 1, 0), volume.array)
    to_ras = np.diag([-1.0, -1.0, 1.0, 1.0])
    np.testing.assert_allclose(image.affine, to_ras @ volume.geometry.affine, atol=1e-6)


@pytest.mark.parametrize("quantity", [ADC, SUVBW, KURTOSIS, KTRANS], ids=lambda q: q.name)
def test_unit_and_quantity_are_coded(
    result: QuantityMap, quantity: Quantity, tmp_path: Path
) -> None:
    one = replace(result, image="map", volume=replace(result.volume, quantity=quantity))
    write_parametric_map(one, tmp_path / "map.dcm", STUDY, "any@1.0.0")
    shared = dcmread(tmp_path / "map.dcm").SharedFunctionalGroupsSequence[0]
    mapping = shared.RealWorldValueMappingSequence[0]
    unit = mapping.MeasurementUnitsCodeSequence[0]
    assert (unit.CodeValue, unit.CodingSchemeDesignator) == (quantity.unit, "UCUM")
    coded = [q.ConceptCodeSequence[0] for q in mapping.get("QuantityDefinitionSequence", ())]
    expected = [(quantity.dicom_code, "DCM")] if quantity.dicom_code else []
    assert [(c.CodeValue, c.CodingSchemeDesignator) for c in coded] == expected
    # What was written comes back as what it was.
    again = read_volume(scan([tmp_path / "map.dcm"]).volumes[0])
    np.testing.assert_array_equal(again.array, one.volume.array)
    assert again.quantity.unit == quantity.unit
    assert not quantity.dicom_code or again.quantity == quantity


def test_codes_of_quantities_have_the_meaning_of_the_standard() -> None:
    held = {
        value: meaning
        for values in concepts["DCM"].values()
        for value, (meaning, _) in values.items()
    }
    coded = {q.dicom_code: q.dicom_meaning for q in QUANTITIES.values() if q.dicom_code}
    assert len(coded) > 7
    assert coded == {value: held[value] for value in coded}


def test_a_map_without_a_single_value_is_written(result: QuantityMap, tmp_path: Path) -> None:
    empty = replace(result, volume=result.volume.with_array(np.full(SHAPE, np.nan), ADC))
    write_parametric_map(empty, tmp_path / "adc.dcm", STUDY, "any@1.0.0")
    dataset = dcmread(tmp_path / "adc.dcm")
    assert np.isnan(np.frombuffer(dataset.DoubleFloatPixelData, "<f8")).all()


def test_parametric_map_keeps_values_place_unit_and_nan(
    result: QuantityMap, tmp_path: Path
) -> None:
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


def test_the_same_map_has_the_same_uids(result: QuantityMap, tmp_path: Path) -> None:
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


def test_a_map_without_dicom_source_is_refused(result: QuantityMap, tmp_path: Path) -> None:
    volume = Volume(result.volume.array, result.volume.geometry, ADC)
    with pytest.raises(ImageFileError) as caught:
        write_parametric_map(
            replace(result, volume=volume), tmp_path / "adc.dcm", STUDY, "dwi-adc@1.0.0"
        )
    assert caught.value.code == "MAP-NO-SOURCE"


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
def planted(tmp_path: Path) -> QuantityMap:
    return map_of(tmp_path / "planted", _planted)


def test_under_the_study_nothing_of_the_source_leaves(planted: QuantityMap, tmp_path: Path) -> None:
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
        if element.VR == "UI":
            assert str(element.value).startswith(("2.25.", "1.2.840.10008."))


def test_kept_identity_is_the_patient_and_study_of_the_source_whole(
    planted: QuantityMap, tmp_path: Path
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


def test_the_place_is_the_same_to_another_reader(result: QuantityMap, tmp_path: Path) -> None:
    write_parametric_map(result, tmp_path / "adc.dcm", STUDY, "dwi-adc@1.0.0")
    volume = highdicom.imread(tmp_path / "adc.dcm").get_volume(apply_real_world_transform=True)
    inverse = np.linalg.inv(volume.affine)
    ours = np.argwhere(np.isfinite(result.volume.array))[::7]
    points = result.volume.geometry.index_to_physical(ours[:, ::-1])
    theirs = np.rint(points @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
    np.testing.assert_allclose(
        volume.array[tuple(theirs.T)], result.volume.array[tuple(ours.T)], rtol=1e-12
    )


@pytest.mark.parametrize("identity", [STUDY, KEEP], ids=["study", "keep"])
def test_a_map_is_the_same_bytes_whenever_it_is_written(
    planted: QuantityMap, tmp_path: Path, identity: OutgoingIdentity
) -> None:
    paths = [tmp_path / name for name in ("one.dcm", "two.dcm")]
    for path in paths:
        write_parametric_map(planted, path, identity, "dwi-adc@1.0.0")
        time.sleep(1.01)  # for a clock of seconds to go on
    assert paths[0].read_bytes() == paths[1].read_bytes()
    dataset = dcmread(paths[0])
    assert f"{datetime.now(UTC):%Y%m%d}".encode() not in paths[0].read_bytes()
    source = planted.volume.frames.first
    told = (str(source.get("SeriesDate", "")), str(source.get("SeriesTime", "")))
    expected = told if identity is KEEP and all(told) else ("19000101", "000000")
    assert (dataset.ContentDate, dataset.ContentTime) == expected


def test_maps_of_two_derivations_have_dimensions_of_their_own(result: QuantityMap) -> None:
    one, two = (
        parametric_map(replace(result, image=name), STUDY, "any@1.0.0") for name in ("adc", "d")
    )
    places = [each.DimensionOrganizationSequence[0].DimensionOrganizationUID for each in (one, two)]
    assert len(set(places)) == 2
    for each, place in zip((one, two), places, strict=True):
        assert {item.DimensionOrganizationUID for item in each.DimensionIndexSequence} == {place}
