"""What a reader knows of the files before never changes what it reads of the next."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from synthetic_series import slice_dataset, write

from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.frames import FrameHeader, is_absent
from biomarker_cli.dicom.headers import read_header
from biomarker_cli.dicom.quick_headers import HeaderReader, QuickHeader
from biomarker_cli.model.inputs import FileSignature

PIXELS = np.zeros((4, 5), dtype=np.int16)
SYNTAXES = (
    ExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
)

text = st.text("abc ", max_size=9)
files = st.fixed_dictionaries(
    {
        "series": st.sampled_from("12"),
        "syntax": st.sampled_from(SYNTAXES),
        "description": text,
        "position": st.lists(st.integers(-999, 999), min_size=3, max_size=3),
        "inserted": st.sets(st.sampled_from(["KVP", "EchoTime", "StudyID", "ImageComments"])),
        "removed": st.sets(st.sampled_from(["PatientID", "SliceThickness", "InstanceNumber"])),
        "sequence": st.sampled_from(["none", "empty", "defined", "undefined"]),
        "private": st.lists(text, max_size=4),
        "kept": st.sampled_from([1.0, 1.0, 1.0, 0.9, 0.5, 0.2]),
    }
)


def _dataset(number, told):
    dataset = slice_dataset(told["position"], PIXELS, series=told["series"], number=number)
    dataset.SeriesDescription = told["description"]
    for keyword in told["inserted"]:
        setattr(dataset, keyword, "7")
    for keyword in told["removed"]:
        delattr(dataset, keyword)
    if told["sequence"] != "none":
        item = Dataset()
        item.ReferencedSOPInstanceUID = "1.2." + "3" * (number % 7)
        items = [] if told["sequence"] == "empty" else [item, Dataset()]
        dataset.ReferencedImageSequence = Sequence(items)
        undefined = told["sequence"] == "undefined"
        dataset["ReferencedImageSequence"].is_undefined_length = undefined
        for one in items:
            one.is_undefined_length_sequence_item = undefined
    for offset, value in enumerate(told["private"]):
        block = dataset.private_block(0x0019, "SOMEBODY", create=True)
        block.add_new(offset, "LO", value)
    dataset.file_meta.TransferSyntaxUID = told["syntax"]
    if told["syntax"] == ExplicitVRBigEndian:
        # What the pixels are does not matter here.
        dataset.PixelData = bytes(dataset.PixelData)
    return dataset


def _values(path, reader):
    """Return all that a reader tells of a file, or its error."""
    try:
        header = reader.read(path, FileSignature.of(path.stat()))
    except HeaderError as error:
        return error.code
    if not isinstance(header, QuickHeader):
        return "pydicom"
    return header.elements, header.missing_pixel_bytes


@given(st.lists(files, min_size=2, max_size=8))
@settings(deadline=None, max_examples=80)
def test_files_of_any_layout_in_any_order(told):
    knowing = HeaderReader()
    with tempfile.TemporaryDirectory() as name:
        for number, one in enumerate(told):
            path = write(_dataset(number, one), Path(name) / f"{number}.dcm")
            content = path.read_bytes()
            path.write_bytes(content[: int(one["kept"] * len(content))])
            found = _values(path, knowing)
            assert found == _values(path, HeaderReader())
            if one["kept"] == 1.0:
                assert found != "FILE-TRUNCATED"
                _assert_as_pydicom(knowing.read(path, FileSignature.of(path.stat())), path)


def _assert_as_pydicom(quick, path):
    slow = FrameHeader(read_header(path), 0, path)
    for element in slow.dataset:
        if element.VR == "SQ":
            assert len(quick.get(element.keyword, ())) == len(element.value)
        elif element.keyword:
            ours, theirs = quick.get(element.keyword), slow.get(element.keyword)
            assert ours == theirs or (is_absent(ours) and is_absent(theirs)), element.keyword
        elif element.tag.group == 0x0019:
            place = 0x0019, "SOMEBODY", element.tag.element & 0xFF
            assert quick.private(*place) == slow.private(*place)


@given(st.lists(st.binary(min_size=1, max_size=3), min_size=1, max_size=6), st.integers(0, 400))
@settings(deadline=None, max_examples=80)
def test_damage_in_a_file_of_a_known_layout_is_read_as_without_knowledge(bytes_written, at):
    knowing = HeaderReader()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.dcm"
        for number in range(3):
            write(slice_dataset((0, 0, number), PIXELS, number=number), path)
            _values(path, knowing)
        for patch in bytes_written:
            content = bytearray(path.read_bytes())
            content[132 + at : 132 + at + len(patch)] = patch
            path.write_bytes(content)
            assert _values(path, knowing) == _values(path, HeaderReader())
            at += 31
