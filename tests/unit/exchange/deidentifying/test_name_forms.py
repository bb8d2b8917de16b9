"""A name, an id or a day is found in the forms in which people write them."""

from __future__ import annotations

import time

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from synthetic_patients import KEY, PROFILE, WORD, copied, copies, pet, save

from biomarker_cli.exchange.deidentifying.leaks import Originals
from biomarker_cli.exchange.deidentifying.subjects import Subjects
from biomarker_cli.exchange.deidentifying.values import SubjectKey
from biomarker_cli.exchange.errors import ExchangeError

NAMES = [
    ("王^小明", "CT王小明"),
    ("王小明", "CT王小明"),
    ("Wang^XiaoMing=王^小明", "王小明"),
    ("김^철수", "김철수 CT"),
    ("Müller^Zoë", "scan of MULLER"),
    ("Müller^Zoë", "scan of MUELLER"),
    ("Mueller^A", "scan of Müller"),
    ("Müller^Zoë", "scan of Mu\u0308ller"),
    ("Smith-Jones^A", "for SMITH JONES"),
    ("Smith-Jones^A", "for JONES"),
    ("O'Brien^A", "for OBRIEN"),
    ("Li^Bo", "for LIBO"),
    ("Li^Bo", "for boli"),
]


@pytest.mark.parametrize("charset", ["ISO_IR 192", "GB18030"])
@pytest.mark.parametrize(("name", "text"), NAMES)
def test_a_name_is_found_as_people_write_it(tmp_path, charset, name, text):
    if charset == "GB18030" and name.startswith("김"):
        charset = "ISO 2022 IR 149"
    pet(
        tmp_path / "in" / "a.dcm",
        SpecificCharacterSet=charset,
        PatientName=name,
        ManufacturerModelName=text,
    )
    (copy,) = copies(tmp_path / "in", tmp_path / "out")
    assert "ManufacturerModelName" not in copy


@pytest.mark.parametrize(
    ("keyword", "value", "text"),
    [
        ("PatientID", "123456789", "id 123-456-789"),
        ("PatientID", "123-456-789", "id 123456789"),
        ("PatientID", "00012345", "id 12345"),
        ("PatientBirthDate", "19500301", "born 1950-03-01"),
        ("PatientBirthDate", "19500301", "born 01.03.1950"),
        ("PatientBirthDate", "19500301", "born 03/01/1950"),
        ("PatientBirthDate", "19500301", "born 1-Mar-1950"),
    ],
)
def test_an_id_and_a_day_are_found_whatever_separates_them(tmp_path, keyword, value, text):
    pet(tmp_path / "in" / "a.dcm", SoftwareVersions=text, **{keyword: value})
    (copy,) = copies(tmp_path / "in", tmp_path / "out")
    assert "SoftwareVersions" not in copy


def test_numbers_without_a_word_between_them_are_one_number():
    subject = SubjectKey(KEY, "S1", frozenset(PROFILE.rules.words), frozenset(PROFILE.rules.codes))
    assert subject.cleaned("PET 1.3.50 AX 5") == "PET AX 5"
    assert subject.cleaned("PET 123 456 789 CT 2.5") == "PET CT 2 5"
    assert subject.roi_name("123 456 789").startswith("ROI_")
    assert subject.roi_name("GTV 1 2") == "GTV 1 2"
    assert subject.code("12-34-56").startswith("X")


@pytest.mark.parametrize("subject", [WORD, f"{WORD}-1", "0012345"])
def test_a_listed_subject_that_is_a_name_or_id_of_the_files_is_refused(tmp_path, subject):
    one = pet(tmp_path / "in" / "a.dcm", PatientName=f"{WORD}^Q", PatientID="0012345")
    listed = {("0012345", str(one.StudyInstanceUID)): subject}
    with pytest.raises(ExchangeError) as raised:
        copied(tmp_path / "in", tmp_path / "out", Subjects(KEY, listed))
    assert raised.value.code == "DEID-SUBJECTS"
    assert not (tmp_path / "out").exists()


def test_pixels_of_an_item_go(tmp_path):
    source = tmp_path / "in" / "a.dcm"
    dataset, item = pet(source), Dataset()
    item.Rows = item.Columns = 1
    item.add_new(0x7FE00010, "OB", f"{WORD} ".encode())
    dataset.ReferencedImageSequence = [item]
    save(dataset, source)
    outcome = copied(tmp_path / "in", tmp_path / "out")
    (name,) = outcome.written
    assert WORD.encode() not in (tmp_path / "out" / name).read_bytes()
    assert dcmread(tmp_path / "out" / name).PixelData == b"\1\2\3\4"


def test_each_of_several_ages_is_grouped(tmp_path):
    pet(tmp_path / "in" / "a.dcm", PatientAge=["091Y", "050Y"])
    (copy,) = copies(tmp_path / "in", tmp_path / "out")
    assert list(copy.PatientAge) == ["090Y", "050Y"]


@pytest.mark.parametrize("keyword", ["StudyID", "PatientID", "AccessionNumber"])
@pytest.mark.parametrize("number", ["1000", "1234"])
def test_a_number_of_a_private_element_stays_though_an_id_has_its_digits(tmp_path, keyword, number):
    source = tmp_path / "in" / "a.dcm"
    dataset = pet(source, **{keyword: number})
    b_value = dataset.private_block(0x0043, "GEMS_PARM_01", create=True)
    b_value.add_new(0x39, "IS", ["1000", "8", "0", "0"])
    direction = dataset.private_block(0x0019, "GEMS_ACQU_01", create=True)
    direction.add_new(0xBB, "DS", "0.1234567")
    save(dataset, source)
    (copy,) = copies(tmp_path / "in", tmp_path / "out")
    assert copy[0x0043, 0x1039].value == [1000, 8, 0, 0]
    assert copy[0x0019, 0x10BB].value == 0.1234567


@pytest.mark.parametrize(
    ("keyword", "word"),
    [
        *[("SUVType", one) for one in ("BW", "LBM", "LBMJAMES128", "LBMJANMA", "BSA", "IBW")],
        *[("Units", one) for one in ("BQML", "GML", "CM2ML", "PROPCPS", "PROPCNTS", "CNTS")],
        *[("ImageType", one) for one in ("CALC_BVALUE", "COMPUTED_BVALUE", "CDWI", "EADC")],
        *[("ImageType", one) for one in ("SCOUT", "REFORMATTED", "LOCALIZER", "ADC")],
        ("ContourGeometricType", "OPEN_NONPLANAR"),
    ],
)
def test_words_that_decide_what_is_measured_stay(tmp_path, keyword, word):
    pet(tmp_path / "in" / "a.dcm", **{keyword: word})
    (copy,) = copies(tmp_path / "in", tmp_path / "out")
    assert copy[keyword].value == word


@pytest.mark.parametrize(("value", "stays"), [(b"Zanthipp", False), (1000.0, True), (0.0, True)])
def test_letters_are_no_double(tmp_path, value, stays):
    source = tmp_path / "in" / "a.dcm"
    dataset = pet(source)
    block = dataset.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x09, "UN" if isinstance(value, bytes) else "FD", value)
    save(dataset, source)
    (copy,) = copies(tmp_path / "in", tmp_path / "out")
    assert ((0x0065, 0x1009) in copy) is stays


def test_a_large_file_of_another_kind_is_not_read(tmp_path):
    pet(tmp_path / "in" / "a.dcm")
    with (tmp_path / "in" / "b.raw").open("wb") as file:
        file.truncate(2**40)
    outcome = copied(tmp_path / "in", tmp_path / "out")
    assert outcome.left == {"DEID-NOT-DICOM": 1}


@pytest.mark.parametrize(
    "keyword",
    [
        *("IssuerOfPatientID", "CurrentPatientLocation", "RequestingService", "StationAETitle"),
        *("ScheduledStationName", "PerformedLocation", "ResponsibleOrganization", "PlateID"),
        *("ClinicalTrialSiteName", "ClinicalTrialSubjectID", "LocalNamespaceEntityID"),
    ],
)
def test_every_element_that_names_a_place_or_an_id_is_looked_for(tmp_path, keyword):
    pet(
        tmp_path / "in" / "a.dcm", SoftwareVersions="by kantonsspital", **{keyword: "KANTONSSPITAL"}
    )
    (copy,) = copies(tmp_path / "in", tmp_path / "out")
    assert "SoftwareVersions" not in copy


@pytest.mark.parametrize(
    ("text", "stays"),
    [("108369006", True), ("no 1083", False), ("A1083B", False), ("01083", False), ("1084", True)],
)
def test_a_number_of_four_digits_is_found_as_a_number(tmp_path, text, stays):
    pet(tmp_path / "in" / "a.dcm", StudyID="1083", SoftwareVersions=text)
    (copy,) = copies(tmp_path / "in", tmp_path / "out")
    assert ("SoftwareVersions" in copy) is stays


def test_a_table_of_numbers_that_spells_a_name_goes(tmp_path):
    source = tmp_path / "in" / "a.dcm"
    dataset, item = pet(source, PatientName=WORD), Dataset()
    letters = f"{WORD} ".encode()
    table = [int.from_bytes(letters[i : i + 2], "little") for i in range(0, len(letters), 2)]
    item.add_new(0x00283006, "US", table)
    item.LUTDescriptor = [4, 0, 16]
    dataset.ModalityLUTSequence = [item]
    save(dataset, source)
    assert WORD.encode() in source.read_bytes()[132:]
    (copy,) = copies(tmp_path / "in", tmp_path / "out")
    assert "LUTData" not in copy.ModalityLUTSequence[0]
    assert copy.ModalityLUTSequence[0].LUTDescriptor == [4, 0, 16]


def test_an_id_of_zeros_is_in_no_other_text(tmp_path):
    pet(tmp_path / "in" / "a.dcm", StudyID="0000", SoftwareVersions="VE11 / 0")
    (copy,) = copies(tmp_path / "in", tmp_path / "out")
    assert copy.SoftwareVersions == "VE11 / 0"


def test_a_long_text_of_digits_is_searched_once():
    originals = Originals(uids={"1.2.276.0.99"})
    begun = time.process_time()
    assert not originals.says("1" * 400_000)
    assert originals.says("1" * 10 + " 1.2.276.0.99 " + "1" * 10)
    assert time.process_time() - begun < 5
