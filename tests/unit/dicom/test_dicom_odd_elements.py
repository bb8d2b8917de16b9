"""Damage that fuzzing found: the walk over a header tells what pydicom does, or leaves it to it."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian
from synthetic_series import slice_dataset, write

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.reading import read_volume
from biomarker_cli.dicom.errors import HeaderError, PixelError
from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.headers import read_header
from biomarker_cli.dicom.private_values import text
from biomarker_cli.dicom.quick_headers import HeaderReader
from biomarker_cli.model.inputs import FileSignature
from biomarker_cli.regions.importing import list_rois

PIXELS = np.arange(20, dtype=np.int16).reshape(4, 5)
ITEM, ITEM_END, END = (struct.pack("<I", tag) for tag in (0xE000FFFE, 0xE00DFFFE, 0xE0DDFFFE))


def written(path, change=lambda dataset: None, old=b"", new=b""):
    """Write a slice whose dataset and bytes are changed."""
    dataset = slice_dataset((0.0, 0.0, 0.0), PIXELS)
    change(dataset)
    content = write(dataset, path).read_bytes()
    assert content.count(old) == 1 or not old
    path.write_bytes(content.replace(old, new) if old else content)
    return path


def by_both(path, read):
    """Return what the walk and what pydicom tell, a refusal by its code."""
    signature = FileSignature.of(path.stat())
    found = []
    for header_of in (
        lambda: HeaderReader().read(path, signature),
        lambda: DicomFiles().read(path),
        lambda: FrameHeader(read_header(path), 0, path),
    ):
        try:
            found.append(read(header_of()))
        except HeaderError as error:
            found.append(error.code)
    assert found[0] == found[1]
    return found[0], found[2]


def test_elements_behind_one_of_a_later_group_are_not_lost(tmp_path):
    # The group of one element is damaged: what stands behind it is still the header.
    path = written(tmp_path / "a.dcm", old=b"\x18\x00\x50\x00DS", new=b"\xff\xff\x50\x00DS")
    ours, theirs = by_both(path, lambda header: header.get("BitsStored"))
    assert ours == theirs == 16


def test_elements_of_an_item_behind_one_of_a_later_group_are_not_lost(tmp_path):
    def change(dataset):
        item = Dataset()
        item.add_new(0x00180031, "LO", "FDG ")
        item.add_new(0x00181074, "DS", "368.08")
        dataset.RadiopharmaceuticalInformationSequence = Sequence([item])

    # The group of the item's first element is damaged: the dose behind it is still there.
    agent = b"\x18\0\x31\0LO"
    path = written(tmp_path / "a.dcm", change, agent, b"\xff\xff\x31\0LO")
    place = "RadiopharmaceuticalInformationSequence", "RadionuclideTotalDose"
    assert by_both(path, lambda header: float(header.nested(*place))) == (368.08, 368.08)
    assert by_both(path, lambda h: float(h.items(place[0])[0].get(place[1]))) == (368.08,) * 2


@pytest.mark.parametrize("nested", [False, True])
def test_a_value_of_undefined_length_is_no_sequence(tmp_path, nested):
    def change(dataset):
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.ReferencedImageSequence = Sequence([Dataset()])
        dataset.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2.3"

    # The UID of the item becomes items without a stated length, which its VR does not allow.
    uid = struct.pack("<HHI", 0x0008, 0x1155, 6) + b"1.2.3\0"
    value = ITEM + struct.pack("<I", 14) + uid + END + bytes(4)
    odd = struct.pack("<HHI", 0x0008, 0x1155, 0xFFFFFFFF) + value
    item = odd if not nested else odd[:8] + ITEM + b"\xff" * 4 + odd + ITEM_END + bytes(4)
    item += END + bytes(4) if nested else b""
    undefined = ITEM + b"\xff" * 4 + item + ITEM_END + bytes(4) + END + bytes(4)
    old = struct.pack("<HHI", 0x0008, 0x1140, 22) + ITEM + struct.pack("<I", 14) + uid
    path = written(
        tmp_path / "a.dcm", change, old, struct.pack("<HHI", 0x0008, 0x1140, 0xFFFFFFFF) + undefined
    )
    for keyword in ("BitsStored", "PatientID"):
        ours, theirs = by_both(path, lambda header, keyword=keyword: header.get(keyword))
        assert ours == theirs


def test_a_character_set_that_is_none_is_for_pydicom_to_judge(tmp_path):
    path = written(
        tmp_path / "a.dcm",
        lambda dataset: setattr(dataset, "SpecificCharacterSet", "ISO_IR 100"),
        b"ISO_IR 100",
        b"ISO\0\0R 100",
    )
    ours, theirs = by_both(path, lambda header: header.get("Modality"))
    assert ours == theirs == "FILE-NOT-DICOM"


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        *((b"AE", b"\x01\0"), (b"UI", b"1.2\t"), (b"IS", b"\0\x0012")),
        *((b"IS", b"9" * 24), (b"IS", b"9" * 400)),
    ],
)
def test_values_that_pydicom_takes_otherwise_are_left_to_it(tmp_path, vr, value):
    new = b"\x20\0\x13\0" + vr + struct.pack("<H", len(value)) + value
    path = written(tmp_path / "a.dcm", old=b"\x20\0\x13\0IS\x02\x001 ", new=new)
    ours, theirs = by_both(path, lambda header: header.get("InstanceNumber"))
    assert type(ours) is type(theirs)
    assert ours == theirs


@pytest.mark.parametrize(
    ("vr", "n_bytes", "reserves"),
    [(b"OB\0\0", "<I", False), (b"IS", "<H", False), (b"SH", "<H", True), (b"DA", "<H", False)],
)
def test_a_creator_that_is_no_text_reserves_nothing(tmp_path, vr, n_bytes, reserves):
    def change(dataset):
        dataset.private_block(0x7053, "Philips PET Private Group", create=True).add_new(
            0, "DS", "1.5"
        )

    path = written(tmp_path / "a.dcm", change)
    place = 0x7053, "Philips PET Private Group", 0
    assert by_both(path, lambda header: header.private(*place)) == (1.5, 1.5)
    creator = b"\x53\x70\x10\x00"
    content = path.read_bytes()
    at = content.index(creator + b"LO")
    value = content[at + 8 : at + 34]
    path.write_bytes(
        content[:at] + creator + vr + struct.pack(n_bytes, 26) + value + content[at + 34 :]
    )
    found = by_both(path, lambda header: header.private(*place))
    assert found == ((1.5, 1.5) if reserves else (None, None))


KINDS = {
    "a sequence for a value": (b"\x20\0\x0e\0", "SeriesInstanceUID"),
    "a sequence for words": (b"\x08\0\x08\0", "ImageType"),
    "a sequence for a number": (b"\x28\0\x00\x01", "BitsAllocated"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_items_where_a_value_should_be_are_named(tmp_path, kind):
    tag, keyword = KINDS[kind]
    content = written(tmp_path / "a.dcm").read_bytes()
    at = content.index(tag, 140)
    length = int.from_bytes(content[at + 6 : at + 8], "little")
    value = ITEM + struct.pack("<I", 3) + b"\x08\0\0"  # an item that ends too early
    new = tag + b"SQ\0\0" + struct.pack("<I", len(value)) + value
    (tmp_path / "a.dcm").write_bytes(content[:at] + new + content[at + 8 + length :])
    ours, theirs = by_both(tmp_path / "a.dcm", lambda header: header.get(keyword))
    assert ours == theirs == "FILE-ELEMENT"
    (candidate,) = scan([tmp_path]).candidates
    assert candidate.error_code == "FILE-ELEMENT"


def test_a_value_where_items_should_be_is_named(tmp_path):
    path = written(
        tmp_path / "a.dcm",
        lambda d: d.add_new(0x00081140, "SQ", Sequence()),
        b"\x08\0\x40\x11SQ\0\0\0\0\0\0",
        b"\x08\0\x40\x11LO\x04\0abcd",
    )
    keyword = "ReferencedImageSequence"
    assert by_both(path, lambda header: header.get(keyword)) == ("FILE-ELEMENT",) * 2
    assert by_both(path, lambda header: header.items(keyword)) == ("FILE-ELEMENT",) * 2
    ours, theirs = by_both(path, lambda h: h.nested(keyword, "ReferencedSOPInstanceUID"))
    assert ours == theirs == "FILE-ELEMENT"


@pytest.mark.filterwarnings("ignore:Unknown encoding")
def test_a_codec_of_python_that_is_no_character_set_is_named(tmp_path):
    def change(dataset):
        dataset.SpecificCharacterSet = "ISO_IR 100"
        dataset.PatientName = "DOE^J\N{LATIN SMALL LETTER O WITH DIAERESIS}RG"

    path = written(tmp_path / "a.dcm", change, b"ISO_IR 100", b"hex       ")
    assert by_both(path, lambda header: header.get("PatientName")) == ("FILE-ELEMENT",) * 2


@pytest.mark.parametrize("deep", [False, True])
def test_a_damaged_element_of_an_item_is_named(tmp_path, deep):
    """An item is decoded when it is asked, long after its sequence was."""

    def change(dataset):
        inner = Dataset()
        inner.CodeValue = "mm2/s-"
        outer = Dataset()
        outer.MeasurementUnitsCodeSequence = Sequence([inner])
        dataset.RealWorldValueMappingSequence = Sequence([outer])
        dataset.MeasurementUnitsCodeSequence = Sequence([inner])
        for holder in (dataset, outer):  # nothing says its length, so that the bytes may grow
            for element in holder:
                element.is_undefined_length = element.VR == "SQ"
        outer.is_undefined_length_sequence_item = True
        inner.is_undefined_length_sequence_item = True

    path = tmp_path / "a.dcm"
    content = written(path, change).read_bytes()
    code = b"SH\x06\0mm2/s-"
    assert content.count(code) == 2
    path.write_bytes(content.replace(code, b"UV\0\0\x06\0\0\0mm2/s-"))

    def read(header):
        if not deep:
            return header.items("MeasurementUnitsCodeSequence")[0].get("CodeValue")
        (mapping,) = header.items("RealWorldValueMappingSequence")
        return mapping.get("MeasurementUnitsCodeSequence")[0].get("CodeValue")

    assert by_both(path, read) == ("FILE-ELEMENT",) * 2


@pytest.mark.parametrize("count", ["0", "-3", "9" * 400])
def test_a_number_of_frames_that_cannot_be_is_a_refused_row(tmp_path, count):
    path = written(tmp_path / "a.dcm", lambda d: setattr(d, "NumberOfFrames", 7), b"7 ", b"7 ")
    content = path.read_bytes()
    at = content.index(b"\x28\0\x08\0IS")
    text = count.encode() + b" " * (len(count) % 2)
    new = content[at : at + 6] + struct.pack("<H", len(text)) + text
    path.write_bytes(content[:at] + new + content[at + 10 :])
    (candidate,) = scan([tmp_path]).candidates
    assert candidate.error_code in {"FILE-FRAMES", "FILE-ELEMENT"}
    assert len(DicomFiles().frames(path)) == 1


def test_a_position_that_is_one_number_is_named(tmp_path):
    content = written(tmp_path / "a.dcm").read_bytes()
    at = content.index(b"\x20\0\x32\0DS")
    length = int.from_bytes(content[at + 6 : at + 8], "little")
    new = b"\x20\0\x32\0US\x02\0\x07\0"
    (tmp_path / "a.dcm").write_bytes(content[:at] + new + content[at + 8 + length :])
    (candidate,) = scan([tmp_path]).volumes
    assert candidate.error_code == "SERIES-NO-POSITION"
    assert "'7' is no row of 3 numbers" in candidate.error_message


def stored(path):
    """Return the pixels of the one frame, or the code of the refusal."""
    try:
        (frame,) = DicomFiles().stored(path, [0])
    except (HeaderError, PixelError) as error:
        return error.code
    return frame.tolist()


@pytest.mark.parametrize("syntax", ["", DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("shown_as", ["MONOCHROME2", "", "nonsense", None])
def test_pixels_whose_kind_is_not_told_are_refused(tmp_path, syntax, shown_as):
    def change(dataset):
        dataset.PhotometricInterpretation = shown_as
        dataset.file_meta.TransferSyntaxUID = syntax or dataset.file_meta.TransferSyntaxUID
        if shown_as is None:
            del dataset.PhotometricInterpretation

    found = stored(written(tmp_path / "a.dcm", change))
    assert found == (PIXELS.tolist() if shown_as == "MONOCHROME2" else "PIXELS-UNREADABLE")


def test_more_frames_than_promised_are_refused_also_by_the_slow_way(tmp_path):
    def change(dataset):
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        dataset.PixelData = np.tile(PIXELS, (3, 1)).tobytes()

    assert stored(written(tmp_path / "a.dcm", change)) == "PIXELS-UNREADABLE"


def rle(path, frame, end=END + bytes(4)):
    """Write a slice of one RLE frame."""

    def change(dataset):
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.5"
        table = ITEM + bytes(4)
        dataset.PixelData = table + ITEM + struct.pack("<I", len(frame)) + frame
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True

    content = written(path, change).read_bytes()
    assert content.endswith(END + bytes(4))
    path.write_bytes(content[:-8] + end)
    return path


def _runs(*planes):
    offsets = [64 + sum(map(len, planes[:n])) for n in range(len(planes))]
    head = struct.pack("<16I", len(planes), *offsets, *[0] * (15 - len(planes)))
    return head + b"".join(planes)


def test_an_rle_run_without_its_value_is_a_named_error(tmp_path):
    low = b"\x13" + bytes(range(20)) + b"\0"
    high = b"\xed\0"  # 20 times zero
    assert stored(rle(tmp_path / "a.dcm", _runs(high, low))) == PIXELS.tolist()
    assert stored(rle(tmp_path / "b.dcm", _runs(high, b"\xed"))) == "PIXELS-UNREADABLE"


@pytest.mark.filterwarnings("ignore")
def test_runs_beyond_their_segment_are_a_named_error(tmp_path):
    # The decoder is no Python, and may panic instead of raising.
    low = b"\x13" + bytes(range(20)) + b"\0"
    assert stored(rle(tmp_path / "a.dcm", _runs(b"\x81\0", low))) == "PIXELS-UNREADABLE"


def test_rle_pixels_without_their_end_are_refused(tmp_path):
    frame = _runs(b"\xed\0", b"\x13" + bytes(range(20)) + b"\0")
    assert stored(rle(tmp_path / "a.dcm", frame, b"")) == "PIXELS-UNREADABLE"


def test_items_in_what_describes_pixels_are_not_written_out(tmp_path, monkeypatch):
    # pydicom would write them into its error, and each level of damage doubles the text.
    def odd(dataset):
        dataset.add_new(0x00280004, "SQ", Sequence([Dataset()]))
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    monkeypatch.setattr(Dataset, "__str__", lambda _: pytest.fail("a dataset was written out"))
    assert stored(written(tmp_path / "a.dcm", odd)) == "PIXELS-UNREADABLE"


def test_a_creator_that_is_a_sequence_is_not_written_out(monkeypatch):
    # Damage in each level of its items would double the text of pydicom's error.
    dataset = slice_dataset((0.0, 0.0, 0.0), PIXELS)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "MOSAIC"]
    dataset.add_new(0x00290010, "SQ", Sequence([Dataset()]))
    dataset.add_new(0x00291010, "OB", b"abcd")
    monkeypatch.setattr(Dataset, "__str__", lambda _: pytest.fail("a dataset was written out"))
    header = FrameHeader(dataset)
    assert header.private(0x0029, "SIEMENS CSA HEADER", 0x10) is None
    assert text(dataset[0x00290010].value) == ""
    with pytest.raises(HeaderError, match="slices as tiles"):
        header.split()


def test_a_mapping_whose_unit_is_no_code_is_named(tmp_path):
    mapping = Dataset()
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = 1.0, -1000.0
    mapping.add_new(0x004008EA, "SQ", Sequence([Dataset()]))
    path = written(
        tmp_path / "a.dcm", lambda d: setattr(d, "RealWorldValueMappingSequence", [mapping])
    )
    content = path.read_bytes()
    # The codes of the unit become a number.
    old = b"\x40\0\xea\x08SQ\0\0\x08\0\0\0" + ITEM + bytes(4)
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, b"\x40\0\xea\x08US\x0c\0" + b"\1\0" * 6))
    (candidate,) = scan([tmp_path]).volumes
    with pytest.raises(HeaderError) as caught:
        read_volume(candidate)
    assert caught.value.code == "FILE-ELEMENT"


def test_a_kind_of_object_that_is_no_text_is_named(tmp_path):
    path = written(tmp_path / "a.dcm")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\x08\0\x16\0UI", b"\x08\0\x16\0FD"))
    with pytest.raises(HeaderError) as caught:
        list_rois(path)
    assert caught.value.code == "FILE-ELEMENT"
