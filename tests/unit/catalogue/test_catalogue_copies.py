"""Copies of one SOPInstanceUID: left out where they say the same, else refused by name."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ImplicitVRLittleEndian
from synthetic_pet import radiopharmaceutical, write_pet
from synthetic_series import axial, write_series

from biomarker_cli.catalogue.catalogue import scan


def copied(folder, change, index=1, name="copy.dcm"):
    """Write the series, and an edited copy of one of its slices."""
    paths = write_pet(folder)
    dataset = dcmread(paths[index])
    change(dataset)
    dataset.save_as(folder / name, enforce_file_format=True)
    return scan([folder]).volumes


def put(**elements):
    def change(dataset):
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)

    return change


def item(**elements):
    def change(dataset):
        dataset.RadiopharmaceuticalInformationSequence = Sequence([radiopharmaceutical(**elements)])

    return change


def private(group, creator, offset, vr, value):
    def change(dataset):
        dataset.add_new((group, 0x10), "LO", creator)
        dataset.add_new((group, 0x1000 + offset), vr, value)

    return change


def without(keyword):
    return lambda dataset: delattr(dataset, keyword)


CONTRADICTIONS = {
    "PatientWeight": put(PatientWeight="100"),
    "PatientSize": put(PatientSize="1.6"),
    "PatientSex": put(PatientSex="F"),
    "RescaleSlope": put(RescaleSlope="7"),
    "RescaleIntercept": put(RescaleIntercept="-1"),
    "Units": put(Units="GML"),
    "DecayCorrection": put(DecayCorrection="ADMIN"),
    "CorrectedImage": put(CorrectedImage=["ATTN"]),
    "SeriesTime": put(SeriesTime="105900"),
    "AcquisitionTime": put(AcquisitionTime="110001"),
    "AcquisitionDate": put(AcquisitionDate="20250102"),
    "FrameReferenceTime": put(FrameReferenceTime="1"),
    "DecayFactor": put(DecayFactor="1.1"),
    "ActualFrameDuration": put(ActualFrameDuration="1"),
    "TimezoneOffsetFromUTC": put(TimezoneOffsetFromUTC="+0100"),
    "Manufacturer": put(Manufacturer="GE MEDICAL SYSTEMS"),
    "PixelPaddingValue": lambda dataset: dataset.add_new(0x00280120, "SS", 1000),
    "ImagePositionPatient": put(ImagePositionPatient=["0", "0", "100"]),
    "PixelSpacing": put(PixelSpacing=["4", "5"]),
    "SliceThickness": put(SliceThickness="3"),
    "FrameOfReferenceUID": put(FrameOfReferenceUID="1.2"),
    "PatientID": put(PatientID="P2"),
    "PatientName": put(PatientName="Other^Person"),
    "RadionuclideTotalDose": item(RadionuclideTotalDose="300e6"),
    "RadionuclideHalfLife": item(RadionuclideHalfLife="6588"),
    "RadiopharmaceuticalStartTime": item(RadiopharmaceuticalStartTime="100500"),
    "RadiopharmaceuticalStartDateTime": item(RadiopharmaceuticalStartDateTime="20250101100100"),
    "EchoTime": put(EchoTime="80"),
    "DiffusionBValue": put(DiffusionBValue=800.0),
    "ConvolutionKernel": put(ConvolutionKernel="B30f"),
    "(0071,xx22) SIEMENS MED PT": private(0x0071, "SIEMENS MED PT", 0x22, "DT", "20250101105000"),
    "(0009,xx0D) GEMS_PETD_01": private(0x0009, "GEMS_PETD_01", 0x0D, "DT", "20250101105000"),
    "(7053,xx00) Philips PET": private(0x7053, "Philips PET Private Group", 0x00, "DS", "2"),
    "(2005,xx0E) Philips MR": private(0x2005, "Philips MR Imaging DD 001", 0x0E, "FL", 2.0),
    "(0019,xx0C) SIEMENS MR": private(0x0019, "SIEMENS MR HEADER", 0x0C, "IS", "800"),
    "their pixels": put(PixelData=np.full((4, 5), 500, "<i2").tobytes()),
    "AcquisitionDate ": without("AcquisitionDate"),
}


@pytest.mark.parametrize(
    ("element", "name"),
    [(element, "copy.dcm") for element in CONTRADICTIONS]
    + [(element, "0.dcm") for element in ("PatientWeight", "RescaleSlope", "their pixels")],
)
def test_copies_that_differ_in_what_a_number_depends_on_are_refused(tmp_path, element, name):
    folder = tmp_path / "series"
    if name == "0.dcm":
        # The edited copy takes the first name, the right one another.
        write_pet(folder)
        shutil.move(folder / "0.dcm", folder / "zero.dcm")
        dataset = dcmread(folder / "zero.dcm")
        CONTRADICTIONS[element](dataset)
        dataset.save_as(folder / "0.dcm", enforce_file_format=True)
        volumes = scan([folder]).volumes
    else:
        volumes = copied(folder, CONTRADICTIONS[element])
    conflicts = [v for v in volumes if v.error_code == "SERIES-UID-CONFLICT"]
    assert conflicts
    assert all(element.strip() in v.error_message for v in conflicts)
    # Nothing that holds the instance can be measured, in whichever volume it came to lie.
    uid = dcmread(folder / name).SOPInstanceUID
    holding = [v for v in volumes if uid in {r.sop_instance_uid for r in v.refs}]
    assert holding == conflicts


HARMLESS = {
    "description": put(SeriesDescription="renamed", StudyDescription="x", StudyID="7"),
    "operator": put(OperatorsName="Somebody^Else", ReferringPhysicianName="A^B"),
    "institution": put(InstitutionName="elsewhere", InstitutionAddress="a street"),
    "comments": put(ImageComments="seen", PatientComments="none"),
    "written at": put(InstanceCreationDate="20250202", InstanceCreationTime="101010"),
    "window": put(WindowCenter="40", WindowWidth="400"),
    "request": put(AccessionNumber="12", RequestedProcedureDescription="PET"),
    "step": put(PerformedProcedureStepStartTime="1010", PerformedProcedureStepID="1"),
    "numbers as text": put(PatientWeight="70.000", PatientSize="01.75"),
    "times as text": put(AcquisitionTime="110000", SeriesTime="110000.0"),
    "spelling of a name": put(PatientName=""),
    "empty element": put(AcquisitionNumber=None),
    "private of nobody": private(0x0011, "ACME", 0x01, "LO", "word"),
    "item as text": item(RadionuclideTotalDose="368080000"),
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_copies_that_differ_in_nothing_that_moves_a_number_are_left_out(tmp_path, kind):
    (volume,) = copied(tmp_path, HARMLESS[kind])
    assert (volume.error_message, volume.n_files) == ("", 3)
    assert volume.flags == {"series_duplicates_dropped"}


def test_a_copy_in_another_syntax_with_private_elements_is_the_same(tmp_path):
    change = private(0x7053, "Philips PET Private Group", 0x09, "DS", "2.5")
    paths = write_pet(tmp_path, lambda dataset, _: change(dataset))
    dataset = dcmread(paths[1])
    # Private elements in another block and, being implicit, without their type.
    del dataset[0x7053, 0x10], dataset[0x7053, 0x1009]
    dataset.add_new((0x7053, 0x20), "LO", "Philips PET Private Group")
    dataset.add_new((0x7053, 0x2009), "DS", "2.50")
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.save_as(tmp_path / "copy.dcm", implicit_vr=True, little_endian=True)
    (volume,) = scan([tmp_path]).volumes
    assert volume.flags == {"series_duplicates_dropped"}


def test_a_copy_that_lost_the_private_creator_is_another_one(tmp_path):
    change = private(0x7053, "Philips PET Private Group", 0x09, "DS", "2.5")
    paths = write_pet(tmp_path, lambda dataset, _: change(dataset))
    dataset = dcmread(paths[1])
    del dataset[0x7053, 0x10]
    dataset.save_as(tmp_path / "copy.dcm")
    (volume,) = scan([tmp_path]).volumes
    assert volume.error_code == "SERIES-UID-CONFLICT"


def test_which_of_two_harmless_copies_stays_depends_on_their_content_alone(tmp_path):
    """Descriptions and the like come from the kept one: names must not choose it."""
    kept = []
    for folder, names in (("a", ("0", "1")), ("b", ("1", "0"))):
        paths = write_pet(tmp_path / folder)
        for name, text in zip(names, ("first", "second"), strict=True):
            dataset = dcmread(paths[1])
            dataset.SeriesDescription = text
            dataset.save_as(tmp_path / folder / f"copy{name}.dcm")
        paths[1].unlink()
        (volume,) = scan([tmp_path / folder]).volumes
        kept.append({dcmread(ref.path).SeriesDescription for ref in volume.refs})
    assert kept[0] == kept[1]


def test_copies_in_two_volumes_of_a_series_refuse_both(tmp_path):
    """A b-value or echo time that was edited moves the copy into a volume of its own."""
    paths = write_series(tmp_path, axial(0, 3, 6), change=lambda _, d: put(EchoTime="10")(d))
    for number, path in enumerate(paths):
        dataset = dcmread(path)
        dataset.EchoTime = "80"
        dataset.save_as(tmp_path / f"edited{number}.dcm")
    volumes = scan([tmp_path]).volumes
    assert [v.error_code for v in volumes] == ["SERIES-UID-CONFLICT"] * 2


def test_a_volume_of_the_series_without_copies_stays(tmp_path):
    write_series(tmp_path, axial(0, 3, 6), change=lambda _, d: put(EchoTime="10")(d))
    paths = write_series(
        tmp_path / "other",
        axial(0, 3, 6),
        change=lambda i, d: put(EchoTime="80", SOPInstanceUID=f"1.2.{i + 1}")(d),
    )
    dataset = dcmread(paths[0])
    dataset.RescaleSlope = 2
    dataset.save_as(tmp_path / "edited.dcm")
    assert [v.error_code for v in scan([tmp_path]).volumes] == ["", "SERIES-UID-CONFLICT"]


def test_a_copy_whose_pixels_are_cut_short_is_no_copy(tmp_path):
    paths = write_pet(tmp_path)
    (tmp_path / "cut.dcm").write_bytes(paths[1].read_bytes()[:-10])
    assert {v.status.value for v in scan([tmp_path]).volumes} == {"refused"}


def test_creators_that_are_read_are_those_that_count():
    """A reader of another vendor's element must add it to what copies are compared by."""
    import re
    from pathlib import Path

    import biomarker_cli
    from biomarker_cli.catalogue.contents import PRIVATE_CREATORS

    text = "".join(
        path.read_text()
        for room in ("dicom", "diffusion", "pet")
        for path in (Path(biomarker_cli.__file__).parent / room).glob("*.py")
    )
    named = set(re.findall(r'private\(\s*0x[0-9A-Fa-f]{4},\s*"([^"]+)"', text))
    named |= set(re.findall(r'(?:CREATOR|creator)\b[^=\n]*= .*?"([^"]+)"', text))
    named.discard("latin-1")
    assert "Philips PET Private Group" in named
    assert named <= PRIVATE_CREATORS


def test_contents_of_an_item_are_named_by_their_path():
    from biomarker_cli.catalogue.contents import contents_of

    dataset = Dataset()
    dataset.RadiopharmaceuticalInformationSequence = Sequence(
        [radiopharmaceutical(), radiopharmaceutical(RadionuclideTotalDose="1")]
    )
    found = contents_of(dataset)
    path = "RadiopharmaceuticalInformationSequence[2].RadionuclideTotalDose"
    assert found[path] == 1.0
