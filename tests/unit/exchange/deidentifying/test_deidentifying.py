"""De-identified copies: what goes, what stays, and what is refused."""

from __future__ import annotations

import json

import pytest
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from synthetic_patients import KEY, PET, PROFILE, WORD, copied, copies, pet, save

from biomarker_cli.exchange.deidentifying.cleaning import Cleaner
from biomarker_cli.exchange.deidentifying.copies import (
    MANIFEST,
    deidentify,
    examine,
    read_or_make_key,
)
from biomarker_cli.exchange.deidentifying.profile import load_profile
from biomarker_cli.exchange.deidentifying.subjects import Subjects
from biomarker_cli.exchange.deidentifying.values import MOST_DAYS, SubjectKey
from biomarker_cli.exchange.errors import ExchangeError, LeakError

STRUCT = "1.2.840.10008.5.1.4.1.1.481.3"

PLANTED = (
    *("PatientName", "PatientID", "OtherPatientIDs", "PatientAddress", "AccessionNumber"),
    *("ReferringPhysicianName", "InstitutionName", "StationName", "DeviceSerialNumber"),
    *("StudyDescription", "SeriesDescription", "ProtocolName", "ImageComments", "StudyID"),
    *("PatientComments", "AdditionalPatientHistory", "OperatorsName", "PerformingPhysicianName"),
    *("InstitutionAddress", "RequestedProcedureDescription", "DerivationDescription"),
    *("PatientBirthName", "EthnicGroup", "Occupation", "MedicalAlerts", "ContrastBolusAgent"),
    *("DetectorID", "GantryID", "WindowCenterWidthExplanation", "ReceiveCoilName"),
)


def test_planted_words_are_in_no_byte(tmp_path):
    dataset = pet(tmp_path / "in" / f"{WORD}.dcm")
    for keyword in PLANTED:
        setattr(dataset, keyword, WORD)
    block = dataset.private_block(0x0011, f"MAKER {WORD}", create=True)
    block.add_new(0x01, "LO", WORD)
    block.add_new(0x02, "UN", WORD.encode())
    item = Dataset()
    item.PatientName, item.TextValue, item.ReferencedSOPInstanceUID = WORD, WORD, "1.2.3"
    dataset.SourceImageSequence = [item]
    dataset.add_new(0x00110099, "UN", WORD.encode())
    save(dataset, tmp_path / "in" / f"{WORD}.dcm")
    copied(tmp_path / "in", tmp_path / "out")
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(written) == 2
    for path in written:
        assert WORD.casefold() not in str(path.relative_to(tmp_path)).casefold()
        assert WORD.casefold().encode() not in path.read_bytes().lower()
    assert WORD in (tmp_path / "out.link.csv").read_text()
    assert (tmp_path / "out.link.csv").stat().st_mode & 0o777 == 0o600


def test_what_is_measured_stays_as_it_was(tmp_path):
    pet(tmp_path / "in" / "a.dcm")
    (copy,) = copies(tmp_path / "in", tmp_path / "out")
    assert (copy.PatientWeight, copy.PatientAge, copy.SeriesTime) == (70.25, "070Y", "101112.5")
    assert copy.PixelData == b"\1\2\3\4"
    assert copy.PatientBirthDate == ""
    codes = [item.CodeValue for item in copy.DeidentificationMethodCodeSequence]
    assert codes == [*PROFILE.rules.methods]
    assert copy.LongitudinalTemporalInformationModified == "MODIFIED"


def test_dates_of_a_subject_keep_their_distances(tmp_path):
    pet(tmp_path / "in" / "a.dcm", AcquisitionDateTime="20200229235959.5+0100")
    pet(tmp_path / "in" / "b.dcm", SeriesDate="20200401")
    dates = sorted(one.SeriesDate for one in copies(tmp_path / "in", tmp_path / "out"))
    subject = SubjectKey(KEY, str(dcmread(next((tmp_path / "out").rglob("*.dcm"))).PatientID))
    assert dates == sorted(map(subject.shifted, ("20200301", "20200401")))
    assert dates[0] < "20200301"


def test_offsets_are_uniform_over_ten_years():
    days = [SubjectKey(KEY, f"S{n}").days for n in range(4000)]
    assert min(days) >= 1
    assert max(days) <= MOST_DAYS
    assert abs(sum(days) / len(days) - (MOST_DAYS + 1) / 2) < 60
    assert SubjectKey(bytes(32), "S1").days != SubjectKey(KEY, "S1").days


@pytest.mark.parametrize(
    ("text", "moved"),
    [("20200301", 8), ("2020.03.01", 10), ("20200301101112.5+0100", 21), ("2020", 0), ("***", 0)],
)
def test_a_date_keeps_its_form_or_goes(text, moved):
    subject = SubjectKey(KEY, "S1")
    shifted = subject.shifted(text)
    assert len(shifted) == moved
    assert shifted[8:] == text[8:] or "." in text[:8]


def test_references_still_meet_their_images(tmp_path):
    image = pet(tmp_path / "in" / "a.dcm")
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = PET, image.SOPInstanceUID
    pet(tmp_path / "in" / "b.dcm", SOPClassUID=STRUCT, ReferencedImageSequence=[item])
    both = {one.SOPClassUID: one for one in copies(tmp_path / "in", tmp_path / "out")}
    (reference,) = both[STRUCT].ReferencedImageSequence
    assert reference.ReferencedSOPInstanceUID == both[PET].SOPInstanceUID
    assert reference.ReferencedSOPClassUID == PET
    assert both[PET].SOPInstanceUID != image.SOPInstanceUID


def test_a_roi_name_stays_only_where_every_word_is_known():
    subject = SubjectKey(KEY, "S1", frozenset(PROFILE.rules.words))
    assert subject.roi_name("GTV_Mass 2") == "GTV_Mass 2"
    assert subject.roi_name("GTV_Smith").startswith("ROI_")
    assert subject.roi_name("GTV 12345").startswith("ROI_")
    assert subject.cleaned("PET Smith 12345 AX 5") == "PET AX 5"


def test_safe_private_elements_stay_and_others_go(tmp_path):
    dataset = pet(tmp_path / "in" / "a.dcm")
    block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
    block.add_new(0x00, "DS", "0.00012")
    block.add_new(0x03, "LO", "free text")
    ge = dataset.private_block(0x0009, "GEMS_PETD_01", create=True)
    ge.add_new(0x0D, "DT", "20200301101112")
    other = dataset.private_block(0x0043, "GEMS_PARM_01", create=True)
    other.add_new(0x39, "LO", "no number")
    save(dataset, tmp_path / "in" / "a.dcm")
    (copy,) = copies(tmp_path / "in", tmp_path / "out")
    assert copy[0x7053, 0x1000].value == 0.00012
    assert (0x7053, 0x1003) not in copy
    assert (0x0043, 0x1039) not in copy
    assert (0x0043, 0x0010) not in copy
    shift = SubjectKey(KEY, str(copy.PatientID)).shifted
    assert str(copy[0x0009, 0x100D].value) == shift("20200301101112")


def test_one_key_gives_the_same_bytes(tmp_path):
    pet(tmp_path / "in" / "a.dcm")
    first = copied(tmp_path / "in", tmp_path / "1")
    assert copied(tmp_path / "in", tmp_path / "2").written == first.written
    other = copied(tmp_path / "in", tmp_path / "3", Subjects(bytes(32)))
    assert {*other.written.values()}.isdisjoint(first.written.values())


def test_technical_text_that_says_anybodys_name_goes(tmp_path):
    pet(tmp_path / "in" / "a.dcm", SoftwareVersions="made for SMITH and Jane", SequenceName="ep2d")
    pet(tmp_path / "in" / "b.dcm", PatientName="Smith^John", PatientID="77-12-3")
    both = copies(tmp_path / "in", tmp_path / "out")
    assert {one.get("SequenceName") for one in both} == {"ep2d", None}
    assert not any("SoftwareVersions" in one for one in both)


def test_a_leak_takes_everything_away(tmp_path, monkeypatch):
    monkeypatch.setattr(Cleaner, "_says_an_original", lambda *_: False)
    pet(tmp_path / "in" / "a.dcm", SoftwareVersions="made for DOE and Jane")
    with pytest.raises(LeakError) as caught:
        copied(tmp_path / "in", tmp_path / "out")
    assert caught.value.code == "DEID-LEAK"
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_cleaned_is_refused_by_code(tmp_path):
    pet(tmp_path / "in" / "a.dcm")
    pet(tmp_path / "in" / "b.dcm", BurnedInAnnotation="YES")
    pet(tmp_path / "in" / "c.dcm", SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    (tmp_path / "in" / "d.txt").write_text("no DICOM")
    (tmp_path / "in" / "e.dcm").write_bytes(b"")
    outcome = copied(tmp_path / "in", tmp_path / "out")
    assert outcome.left == {"DEID-BURNED-IN": 1, "DEID-OBJECT": 1, "DEID-NOT-DICOM": 2}
    assert outcome.is_partial
    assert len(outcome.written) == 1
    assert "12345678" not in (tmp_path / "out" / MANIFEST).read_text()


def test_a_key_is_made_once_and_a_broken_one_refused(tmp_path):
    path = tmp_path / "site.key"
    assert read_or_make_key(path) == read_or_make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("12")
    with pytest.raises(ExchangeError) as caught:
        read_or_make_key(path)
    assert caught.value.code == "DEID-KEY"


@pytest.mark.parametrize(
    "wanted",
    ["none", "", "quantitative@9.9.9", "quantitative@x", "a" * 300, "../quantitative", "none.yaml"],
)
def test_a_profile_that_is_not_there_is_refused(wanted):
    with pytest.raises(ExchangeError) as caught:
        load_profile(wanted)
    assert caught.value.code == "DEID-PROFILE"


def test_two_persons_under_one_id_are_not_one_subject(tmp_path):
    pet(tmp_path / "in" / "a.dcm", PatientName="Doe^Jane")
    pet(tmp_path / "in" / "b.dcm", PatientName="DOE JANE")
    other = pet(tmp_path / "in" / "c.dcm", PatientID="9", PatientBirthDate="19500102")
    pet(tmp_path / "in" / "d.dcm", PatientID="9", PatientBirthDate="19610304")
    outcome = copied(tmp_path / "in", tmp_path / "out")
    assert outcome.left == {"DEID-TWO-PERSONS": 2}
    assert len(outcome.written) == 2
    listed = {("9", str(other.StudyInstanceUID)): "P1", ("9", ""): "P2", ("12345678", ""): "P3"}
    outcome = copied(tmp_path / "in", tmp_path / "all", Subjects(KEY, listed))
    assert [row["subject_id"] for row in outcome.link] == ["P3", "P3", "P1", "P2"]
    assert len(outcome.written) == 4


def test_only_uids_of_the_standard_itself_stay():
    subject = SubjectKey(KEY, "S1")
    assert subject.uid(PET) == PET
    for uid in ("1.2.840.10008.12345678", "1.2.3", "Xanthippe"):
        assert subject.uid(uid).startswith("2.25.")
        assert "12345678" not in subject.uid(uid)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("SOPInstanceUID", "../../x"), ("StudyInstanceUID", ""), ("SeriesInstanceUID", "1." * 40)],
)
@pytest.mark.filterwarnings("ignore")
def test_an_object_without_uids_is_refused(tmp_path, keyword, value):
    pet(tmp_path / "in" / "a.dcm", **{keyword: value})
    assert copied(tmp_path / "in", tmp_path / "out").left == {"DEID-UIDS": 1}
    assert not (tmp_path / "out").exists()


def test_those_over_89_become_90(tmp_path):
    pet(tmp_path / "in" / "a.dcm", PatientAge="093Y")
    pet(tmp_path / "in" / "b.dcm", PatientAge="089Y")
    assert {one.PatientAge for one in copies(tmp_path / "in", tmp_path / "out")} == {"090Y", "089Y"}


@pytest.mark.parametrize(
    ("part", "kind", "n_faces"),
    [("HEAD", "2", 1), ("", "4.1", 1), ("WHOLEBODY", "128", 1), ("CHEST", "2", 0), ("", "66.4", 0)],
)
def test_images_that_may_show_a_face_are_named_or_refused(tmp_path, part, kind, n_faces):
    pet(
        tmp_path / "in" / "a.dcm",
        BodyPartExamined=part,
        SOPClassUID=f"1.2.840.10008.5.1.4.1.1.{kind}",
    )
    copied(tmp_path / "in", tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert manifest["n_recognisable"] == n_faces
    assert manifest["recognisable_features"] == ("kept" if n_faces else "none_expected")
    assert "113102" not in manifest["methods"]
    strict = PROFILE.rules.model_copy(update={"recognisable_features": "refuse"})
    outcome = examine(tmp_path / "in", PROFILE._replace(rules=strict), Subjects(KEY))
    assert outcome.left == ({"DEID-FACE": 1} if n_faces else {})


def test_the_basic_profile_keeps_no_characteristics_and_no_private_elements(tmp_path):
    dataset = pet(tmp_path / "in" / "a.dcm", PatientSex="F")
    block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
    block.add_new(0x00, "DS", "0.00012")
    save(dataset, tmp_path / "in" / "a.dcm")
    basic = load_profile("research-basic")
    deidentify(tmp_path / "in", tmp_path / "out", tmp_path / "link", basic, Subjects(KEY))
    copy = dcmread(next((tmp_path / "out").rglob("*.dcm")))
    assert not {"PatientWeight", "PatientAge"} & {e.keyword for e in copy}
    assert not copy.get("PatientSex")
    assert not [e for e in copy if e.tag.is_private]
    codes = [item.CodeValue for item in copy.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113105", "113107"]
    assert copy.SeriesDate < "20200301"


@pytest.mark.parametrize(
    "name", ["Clean^Profile", "Option^Yes", "Modified^Removed", "Method^Dates"]
)
def test_a_person_may_be_called_like_what_copies_say(tmp_path, name):
    pet(tmp_path / "in" / "a.dcm", PatientName=name, ContentCreatorName=name)
    assert len(copied(tmp_path / "in", tmp_path / "out").written) == 1


@pytest.mark.parametrize("position", [b"-0.42\xff", b"1\\2\\x3"])
def test_a_mosaic_whose_place_cannot_be_read_is_refused(tmp_path, position):
    dataset = pet(tmp_path / "in" / "a.dcm", ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])
    tag = Tag("ImagePositionPatient")
    dataset[tag] = RawDataElement(tag, "DS", len(position), position, 0, False, True)
    save(dataset, tmp_path / "in" / "a.dcm")
    assert copied(tmp_path / "in", tmp_path / "out").left == {"DEID-MOSAIC": 1}


@pytest.mark.parametrize(("trial", "passes"), [(True, 2), (False, 3)])
def test_progress_counts_each_pass_over_the_files(tmp_path, trial, passes):
    for name in "abc":
        pet(tmp_path / "in" / f"{name}.dcm")
    told = []
    asked = (PROFILE, Subjects(KEY), lambda done, total: told.append((done, total)))
    if trial:
        examine(tmp_path / "in", *asked)
    else:
        deidentify(tmp_path / "in", tmp_path / "out", tmp_path / "link", *asked)
    total = 3 * passes
    assert told == [(step, total) for step in range(1, total + 1)]
