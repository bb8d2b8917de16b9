"""A word planted wherever an object can hold text is in no byte of the copy."""

from __future__ import annotations

import warnings

import pytest
from pydicom import dcmread
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from synthetic_patients import PROFILE, WORD, copied, pet, save

from biomarker_cli.exchange.deidentifying.annex_e import safe_private, table
from biomarker_cli.exchange.deidentifying.leaks import NAMING

TEXT = {"LO", "SH", "ST", "LT", "UT", "UC", "PN", "CS", "AE", "UR"}
SHOUTED = WORD.upper()
UID = "1.2.276.0.99.12345"


def standard_places() -> list[str]:
    tags = [row["tag"] for row in table("annex_e_2024b")["attributes"]]
    named = [
        keyword_for_tag(int(one, 16))
        for one in tags
        if one.isalnum() and "X" not in one and one != "private"
    ]
    # Groups of commands and of file meta are in no data set.
    return sorted(
        {one for one in [*named, *PROFILE.rules.technical_text] if one and Tag(one).group > 7}
    )


CODED = (
    *("BodyPartExamined", "ImageType", "ScanOptions", "PatientSex", "ScanningSequence"),
    *("Units", "PatientPosition", "CorrectedImage", "Laterality", "SmokingStatus"),
    *("SpecificCharacterSet", "TimezoneOffsetFromUTC", "PatientAge", "FilterType"),
)


def plant(dataset: Dataset, known: bool) -> int:
    n_planted = 0
    for keyword in (*standard_places(), *CODED):
        vr = dictionary_VR(keyword)
        if keyword.endswith("ClassUID") or keyword == "SpecificCharacterSet":
            continue
        if not known and (vr == "PN" or keyword in NAMING):
            continue
        if vr in TEXT:
            setattr(dataset, keyword, SHOUTED if vr == "CS" else f"at {WORD} 1")
        elif vr == "UI" and keyword not in dataset:
            setattr(dataset, keyword, UID)
        elif vr in {"OB", "OW", "UN"}:
            dataset.add_new(keyword, vr, WORD.encode() + b" ")
        else:
            continue
        n_planted += 1
    return n_planted


def plant_private(dataset: Dataset) -> int:
    places = [(*place, vr) for place, vr in safe_private().items()]
    places += [(*rule.place, rule.vr) for rule in PROFILE.rules.private]
    for creator, group, element, vr in places:
        text = f" {WORD.upper()}"
        kind = vr if vr in TEXT else "UN"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            block = dataset.private_block(group, creator, create=True)
            block.add_new(element, kind, text if kind == vr else text.encode())
    own = dataset.private_block(0x0011, f"MAKER {WORD}", create=True)
    own.add_new(0x01, "LO", WORD)
    dataset.add_new(0x00130099, "LO", WORD)
    return len(places) + 3


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("known", [True, False], ids=["the name", "an unknown word"])
def test_a_word_planted_everywhere_is_in_no_byte(tmp_path, known):
    source = tmp_path / "in" / WORD / f"{WORD}.dcm"
    dataset = pet(source)
    n_planted = plant(dataset, known) + plant_private(dataset)
    assert n_planted > 200
    item = Dataset()
    plant(item, known)
    plant_private(item)
    if not known:
        # Text of the scanner's own stays where it says no name.
        for keyword in PROFILE.rules.technical_text:
            for one in (dataset, item):
                one.pop(keyword, None)
    deeper = Dataset()
    deeper.ReferencedImageSequence = [item]
    for keyword in ("ReferencedImageSequence", "RadiopharmaceuticalInformationSequence"):
        setattr(dataset, keyword, [deeper])
    save(dataset, source)
    copied(tmp_path / "in", tmp_path / "out")
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(written) == 2
    for path in written:
        content = path.read_bytes()
        assert WORD.casefold().encode() not in content.lower()
        assert UID.encode() not in content
        assert WORD.casefold() not in str(path.relative_to(tmp_path)).casefold()
    (copy,) = (dcmread(path) for path in written if path.suffix == ".dcm")
    assert len(copy.RadiopharmaceuticalInformationSequence) == 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("keyword", "vr", "raw"),
    [
        ("SliceThickness", "DS", b"Xanthippe "),
        ("InstanceNumber", "IS", b"Xanthippe "),
        ("AcquisitionTime", "TM", b"Xanthippe "),
        ("SeriesDate", "DA", b"Xanthippe "),
        ("PatientAge", "AS", b"Xanthippe "),
        ("PatientWeight", "DS", b"70\\Xanthippe"),
        ("AcquisitionDateTime", "DT", b"20200301Xanthippe "),
        ("SpecificCharacterSet", "CS", b"Xanthippe "),
        ("Modality", "CS", b"PT\0Xanthippe"),
        ("TimezoneOffsetFromUTC", "SH", b"Xanthippe "),
        # Of another VR than theirs.
        ("PatientName", "US", b"Xanthippe "),
        ("SliceThickness", "FD", b"Xanthippe       "),
        ("SeriesDescription", "SL", b"Xanthippe   "),
        ("SeriesDescription", "UI", b"Xanthippe "),
        ("PatientID", "SQ", b""),
        ("StudyInstanceUID", "LO", b"1.2.3.4"),
    ],
)
def test_a_word_where_a_number_is_expected_goes(tmp_path, keyword, vr, raw):
    source = tmp_path / "in" / "a.dcm"
    dataset = pet(source)
    tag = Tag(keyword)
    dataset[tag] = RawDataElement(tag, vr, len(raw), raw, 0, False, True)
    save(dataset, source)
    assert raw in source.read_bytes()
    outcome = copied(tmp_path / "in", tmp_path / "out")
    for name in outcome.written:
        assert b"xanthippe" not in (tmp_path / "out" / name).read_bytes().lower()
    assert len(outcome.written) + outcome.left.total() == 1


def test_a_name_among_binary_numbers_or_in_pixels_of_an_item_goes(tmp_path):
    dataset = pet(tmp_path / "in" / "a.dcm", PatientName=WORD)
    tag = Tag("LUTData")
    words = WORD.encode() + b" "
    dataset[tag] = RawDataElement(tag, "US", len(words), words, 0, False, True)
    item = Dataset()
    item.add_new("PixelData", "OW", b"Zenobia ")
    dataset.ReferencedImageSequence = [item]
    save(dataset, tmp_path / "in" / "a.dcm")
    assert words in (tmp_path / "in" / "a.dcm").read_bytes()
    (name,) = copied(tmp_path / "in", tmp_path / "out").written
    content = (tmp_path / "out" / name).read_bytes()
    assert words not in content
    assert b"Zenobia" not in content
    assert dcmread(tmp_path / "out" / name).PixelData == b"\1\2\3\4"


@pytest.mark.parametrize("text", [WORD.encode() + b" " * 7, b"Zenobia " * 10])
def test_a_private_number_is_one_or_a_vector(tmp_path, text):
    dataset = pet(tmp_path / "in" / "a.dcm", PatientName=WORD)
    block = dataset.private_block(0x0065, "Image Private Header", create=True)
    block.add_new(0x37, "FD", [0.0, 0.0, 1.0])
    tag = Tag(0x00651009)
    dataset[tag] = RawDataElement(tag, "FD", len(text), text, 0, False, True)
    save(dataset, tmp_path / "in" / "a.dcm")
    (name,) = copied(tmp_path / "in", tmp_path / "out").written
    copy = dcmread(tmp_path / "out" / name)
    assert tag not in copy
    assert copy[0x0065, 0x1037].value == [0.0, 0.0, 1.0]


def test_a_uid_of_the_source_in_a_text_goes(tmp_path):
    pet(tmp_path / "in" / "a.dcm", SoftwareVersions=f"of {UID}", FrameOfReferenceUID=UID)
    (name,) = copied(tmp_path / "in", tmp_path / "out").written
    assert "SoftwareVersions" not in dcmread(tmp_path / "out" / name)


def test_bytes_behind_the_image_are_refused_with_it(tmp_path):
    pet(tmp_path / "in" / "a.dcm", PixelData=b"\1\2\3\4" + WORD.encode() + b" ")
    pet(tmp_path / "in" / "b.dcm", PixelData=b"\1\2")
    outcome = copied(tmp_path / "in", tmp_path / "out")
    assert outcome.left == {"DEID-PIXELS": 2}
    assert not (tmp_path / "out").exists()


def test_an_overlay_in_the_pixels_is_refused(tmp_path):
    dataset = pet(tmp_path / "in" / "a.dcm")
    dataset.add_new(0x60000102, "US", 12)
    save(dataset, tmp_path / "in" / "a.dcm")
    assert copied(tmp_path / "in", tmp_path / "out").left == {"DEID-BURNED-IN": 1}
