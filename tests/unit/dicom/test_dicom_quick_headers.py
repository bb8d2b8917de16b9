"""The quick walk gives what pydicom gives, or hands the file to pydicom."""

import re
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian
from synthetic_series import slice_dataset, write

from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.frames import MOST_FRAMES, FrameHeader, frame_headers, is_absent
from biomarker_cli.dicom.headers import read_header
from biomarker_cli.dicom.quick_headers import HeaderReader, QuickFrame, QuickHeader
from biomarker_cli.dicom.windows import CHUNK_BYTES, LONGEST_VALUE_KEPT
from biomarker_cli.model.inputs import FileSignature

PIXELS = np.zeros((4, 5), dtype=np.int16)


def _read(path):
    return HeaderReader().read(path, FileSignature.of(path.stat()))


def _assert_same(quick, slow):
    """Every top-level element that has a keyword, and every private one."""
    for element in slow.dataset:
        if element.tag.group == 0x7FE0:
            continue
        if element.keyword:
            ours, theirs = quick.get(element.keyword), slow.get(element.keyword)
            if element.VR != "SQ" and not (is_absent(ours) and is_absent(theirs)):
                assert ours == theirs or (ours != ours and theirs != theirs), element.keyword
        elif element.tag.is_private and not element.tag.is_private_creator:
            block = slow.dataset.get((element.tag.group, element.tag.element >> 8))
            if block is None or element.VR == "SQ":
                continue
            place = element.tag.group, str(block.value).strip(), element.tag.element & 0xFF
            ours, theirs = quick.private(*place), slow.private(*place)
            assert ours == theirs or (is_absent(ours) and is_absent(theirs)) or ours != ours


@pytest.mark.data
def test_every_value_of_every_file_is_that_of_pydicom(data_dir):
    paths = [p for p in sorted(data_dir.rglob("*")) if p.is_file() and p.suffix != ".gz"]
    # One in three of a series is enough for a fast run; each series is met.
    seen: dict[object, int] = {}
    n_quick = 0
    reader = HeaderReader()
    for path in paths:
        seen[path.parent] = seen.get(path.parent, -1) + 1
        try:
            # One reader for all of them, so that it knows the files before.
            quick = reader.read(path, FileSignature.of(path.stat()))
        except HeaderError as error:
            with pytest.raises(HeaderError, match=re.escape(str(error))):
                read_header(path)
            continue
        if seen[path.parent] % 3 == 0 and isinstance(quick, QuickHeader):
            n_quick += 1
            _assert_same(quick, FrameHeader(read_header(path), 0, path))
    assert n_quick > 700


@pytest.mark.data
def test_every_frame_of_every_enhanced_file_is_that_of_pydicom(data_dir):
    n_frames = 0
    reader = HeaderReader()
    for path in [p for p in sorted(data_dir.rglob("*")) if p.is_file()]:
        try:
            header = reader.read(path, FileSignature.of(path.stat()))
        except HeaderError:
            continue
        if not isinstance(header, QuickHeader) or header.n_described is None:
            continue
        frames = header.split()
        theirs = frame_headers(read_header(path), path)
        assert [f.frame for f in frames] == [f.frame for f in theirs]
        for quick, slow in list(zip(frames, theirs, strict=True))[:: max(len(frames) // 12, 1)]:
            n_frames += isinstance(quick, QuickFrame)
            _assert_same_frame(quick, slow)
    assert n_frames > 50


def _assert_same_frame(quick, slow):
    """Every element of every level of a frame, and the private ones of vendors."""
    for level in slow._levels:
        for element in level:
            if element.tag.group == 0x7FE0 or element.VR == "SQ":
                continue
            if element.keyword:
                ours, theirs = quick.get(element.keyword), slow.get(element.keyword)
                assert ours == theirs or (is_absent(ours) and is_absent(theirs)), element.keyword
            elif element.tag.is_private and not element.tag.is_private_creator:
                creator = level.get((element.tag.group, element.tag.element >> 8))
                if creator is not None:
                    place = element.tag.group, str(creator.value), element.tag.element & 0xFF
                    assert quick.private(*place) == slow.private(*place)


def _awkward():
    """Return a header with whatever makes a walk stumble."""
    dataset = slice_dataset((0, 0, 0), PIXELS)
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SeriesDescription = "Schädel"
    dataset.AcquisitionNumber = None
    dataset.EchoTime = ""
    dataset.ContentTime = "120000.5 "
    nested = Dataset()
    nested.ReferencedSOPInstanceUID = "1.2.3"
    deeper = Dataset()
    deeper.PurposeOfReferenceCodeSequence = Sequence([nested, nested])
    dataset.ReferencedImageSequence = Sequence([deeper, Dataset()])
    block = dataset.private_block(0x0043, "GEMS_PARM_01", create=True)
    block.add_new(0x39, "IS", [1000000800, 8, 0, 0])
    other = dataset.private_block(0x0043, "SOMEBODY ELSE", create=True)
    other.add_new(0x39, "DS", "7")
    other.add_new(0x40, "UN", b"\x01\x02\x03\x04")
    return dataset


@pytest.mark.parametrize("undefined_length", [False, True])
@pytest.mark.parametrize("syntax", ["explicit", "implicit", "deflated"])
def test_awkward_headers(tmp_path, syntax, undefined_length):
    dataset = _awkward()
    if syntax == "implicit":
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    if syntax == "deflated":
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset["ReferencedImageSequence"].is_undefined_length = undefined_length
    for item in dataset.ReferencedImageSequence:
        item.is_undefined_length_sequence_item = undefined_length
    path = write(dataset, tmp_path / "a.dcm")
    header = _read(path)
    assert isinstance(header, QuickHeader) is (syntax != "deflated")
    _assert_same(header, FrameHeader(read_header(path), 0, path))
    assert header.get("SeriesDescription") == "Schädel"
    assert header.get("EchoTime") is None
    assert header.get("EchoTime", 3) == 3
    assert header.get("NoSuchKeyword", 4) == 4
    # Without a VR nobody knows what a private element is: it stays bytes, as in pydicom.
    expected = b"7 " if syntax == "implicit" else 7
    assert header.private(0x0043, "SOMEBODY ELSE", 0x39) == expected
    assert header.private(0x0043, "NOBODY", 0x39) is None
    assert len(header.get("ReferencedImageSequence")) == 2
    assert header.sop_instance_uid == dataset.SOPInstanceUID


@pytest.mark.parametrize("size", [CHUNK_BYTES - 600, CHUNK_BYTES, LONGEST_VALUE_KEPT + 1000])
def test_a_long_value_before_the_wanted_ones(tmp_path, size):
    # Wherever a chunk ends: inside the value, in the header behind it, or far beyond.
    for more in range(0, 60, 4):
        dataset = slice_dataset((0, 0, 0), PIXELS)
        block = dataset.private_block(0x0009, "BLOB", create=True)
        block.add_new(1, "OB", b"x" * (size + more))
        path = write(dataset, tmp_path / "a.dcm")
        header = _read(path)
        assert isinstance(header, QuickHeader)
        assert header.get("Columns") == 5
        assert header.missing_pixel_bytes == 0
        assert header.private(0x0009, "BLOB", 1) == b"x" * (size + more)


def test_a_long_sequence_of_undefined_length(tmp_path):
    dataset = slice_dataset((0, 0, 0), PIXELS)
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3"
    dataset.ReferencedImageSequence = Sequence([item] * 3000)
    dataset["ReferencedImageSequence"].is_undefined_length = True
    path = write(dataset, tmp_path / "a.dcm")
    assert path.stat().st_size > CHUNK_BYTES
    header = _read(path)
    assert isinstance(header, QuickHeader)
    assert header.get("Columns") == 5


def test_values_that_are_handed_out_are_not_shared(tmp_path):
    path = write(slice_dataset((1, 2, 3), PIXELS), tmp_path / "a.dcm")
    _read(path).get("ImagePositionPatient").append(4)
    assert _read(path).get("ImagePositionPatient") == [1, 2, 3]


def test_every_length_of_a_cut_file_is_told(tmp_path):
    path = write(_awkward(), tmp_path / "a.dcm")
    content = path.read_bytes()
    cut = tmp_path / "cut.dcm"
    outcomes = set()
    for length in range(0, len(content), 7):
        cut.write_bytes(content[:length])
        try:
            header = HeaderReader().read(cut, FileSignature.of(cut.stat()))
            outcomes.add(header.missing_pixel_bytes if isinstance(header, QuickHeader) else "slow")
        except HeaderError as error:
            outcomes.add(error.code)
    assert {"FILE-EMPTY", "FILE-NOT-DICOM", "FILE-TRUNCATED"} <= outcomes
    assert any(isinstance(o, int) and o > 0 for o in outcomes)


def test_tags_out_of_order_and_unknown_vrs_are_for_pydicom(tmp_path):
    path = write(slice_dataset((0, 0, 0), PIXELS), tmp_path / "a.dcm")
    content = path.read_bytes()
    odd = tmp_path / "odd.dcm"
    odd.write_bytes(content.replace(b"\x08\x00\x60\x00CS", b"\x08\x00\x60\x00zz"))
    assert type(_read(odd)) is FrameHeader
    repeated = content.replace(b"\x28\x00\x11\x00US", b"\x28\x00\x10\x00US")
    odd.write_bytes(repeated)
    assert type(_read(odd)) is FrameHeader


def test_descriptors_are_closed(tmp_path):
    path = write(slice_dataset((0, 0, 0), PIXELS), tmp_path / "a.dcm")
    junk = tmp_path / "junk"
    junk.write_bytes(bytes(1000))
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        _read(path)
        with pytest.raises(HeaderError):
            _read(junk)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def _enhanced(n_frames, *, undefined_length=False):
    """Return an enhanced object whose frames differ in position and in a private element."""

    def group(**elements):
        found = Dataset()
        for keyword, value in elements.items():
            setattr(found, keyword, value)
        return found

    dataset = slice_dataset((0, 0, 0), np.zeros((4 * n_frames, 5), dtype=np.int16))
    del dataset.ImagePositionPatient
    dataset.Rows, dataset.NumberOfFrames = 4, n_frames
    frames = []
    for number in range(n_frames):
        place = group(ImagePositionPatient=[0, 0, 3.0 * number], ImageComments="  ")
        frame = group(PlanePositionSequence=Sequence([place]), StackID="")
        block = frame.private_block(0x0021, "SOMEBODY", create=True)
        block.add_new(1, "IS", str(number))
        frames.append(frame)
    shared = group(PixelMeasuresSequence=Sequence([group(PixelSpacing=[3, 3], ImageComments="b")]))
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    for element in (dataset["PerFrameFunctionalGroupsSequence"], shared["PixelMeasuresSequence"]):
        element.is_undefined_length = undefined_length
    for frame in frames:
        frame.is_undefined_length_sequence_item = undefined_length
    return dataset


@pytest.mark.parametrize("undefined_length", [False, True])
@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("n_frames", [1, 3, 300])
def test_frames_of_an_enhanced_file(tmp_path, n_frames, implicit, undefined_length):
    dataset = _enhanced(n_frames, undefined_length=undefined_length)
    if implicit:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    path = write(dataset, tmp_path / "a.dcm")
    header = _read(path)
    assert isinstance(header, QuickHeader)
    assert header.n_described == n_frames
    frames = header.split()
    # Without a VR, a private element of a group might be a sequence: that is for pydicom.
    assert {isinstance(frame, QuickFrame) for frame in frames} == {not implicit}
    for quick, slow in zip(frames, frame_headers(read_header(path), path), strict=True):
        assert quick.get("ImagePositionPatient") == [0, 0, 3 * quick.frame]
        assert quick.get("PixelSpacing") == [3, 3]  # not the one of the top level
        assert quick.get("ImageComments") == slow.get("ImageComments")
        assert quick.get("StackID", "none") == "none"
        _assert_same_frame(quick, slow)


def test_a_frame_that_is_not_described_has_what_is_shared(tmp_path):
    dataset = _enhanced(3)
    del dataset.PerFrameFunctionalGroupsSequence[2]
    header = _read(write(dataset, tmp_path / "a.dcm"))
    assert header.n_described == 2
    last = header.split()[2]
    assert last.get("PixelSpacing") == [3, 3]
    assert last.get("ImagePositionPatient") is None


def test_a_damaged_number_of_frames_costs_no_memory(tmp_path):
    dataset = slice_dataset((0, 0, 0), PIXELS)
    dataset.NumberOfFrames = 2**31 - 1
    frames = _read(write(dataset, tmp_path / "a.dcm")).split()
    assert len(frames) == MOST_FRAMES
    assert frames[0].elements is frames[-1].elements


def test_functional_groups_of_unknown_vr_are_for_pydicom(tmp_path):
    path = write(_enhanced(2), tmp_path / "a.dcm")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\x20\x00\x13\x91SQ", b"\x20\x00\x13\x91UN"))
    header = _read(path)
    assert header.n_described == 2
    assert [type(frame) for frame in header.split()] == [FrameHeader] * 2
    assert [f.get("ImagePositionPatient") for f in header.split()] == [[0, 0, 0], [0, 0, 3]]
