"""A file that says what another said has the record that reading all of it gives."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian
from synthetic_series import axial, slice_dataset, uid, write, write_series

from biomarker_cli.catalogue import alike
from biomarker_cli.catalogue.alike import ASKED, MOST_KEPT, VARYING, Alike, _varying
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.describing import describe_file
from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.catalogue.records import FileRecord, pack_file
from biomarker_cli.dicom.quick_headers import HeaderReader, KeptHeaders, QuickHeader
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.inputs import FileSignature


def signature(path: Path) -> FileSignature:
    return FileSignature.of(path.stat())


def whole(path: Path) -> FileRecord | str:
    """Return the record by reading all of a header, or the code it is refused with."""
    reader = HeaderReader()
    try:
        return pack_file(*describe_file(reader.read(path, signature(path)), reader))
    except BiomarkerError as error:
        return error.code


def quick(known: Alike, path: Path) -> FileRecord | str:
    try:
        return known.record(str(path), signature(path))
    except BiomarkerError as error:
        return error.code


def mr_with_directions(index: int, dataset: Dataset) -> None:
    dataset.Modality = "MR"
    dataset.Manufacturer = "SIEMENS"
    dataset.DiffusionBValue = 800.0
    dataset.DiffusionGradientOrientation = [1.0, 0.0, 0.0]
    item = Dataset()
    item.DiffusionBValueXX, item.DiffusionBValueYY, item.DiffusionBValueZZ = 800.0, 0.0, 0.0
    dataset.DiffusionBMatrixSequence = Sequence([item])
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "800" if index != 2 else "400")


def pet_times(index: int, dataset: Dataset) -> None:
    dataset.Modality, dataset.Units = "PT", "BQML"
    dataset.ContentTime, dataset.AcquisitionTime = f"1200{index:02d}.5", ""
    dataset.FrameReferenceTime = 1000.0 * (index // 2)


def enhanced_time(index: int, dataset: Dataset) -> None:
    dataset.FrameAcquisitionDateTime = f"2026010112000{index}"
    dataset.AcquisitionTime = f"12000{index}"


def implicit(_: int, dataset: Dataset) -> None:
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    item = Dataset()
    item.CodeValue = "1"
    dataset.ProcedureCodeSequence = Sequence([item])


def umlaut(_: int, dataset: Dataset) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SeriesDescription, dataset.PatientName = "Schädel", "Müller^J"


KINDS = [lambda *_: None, mr_with_directions, pet_times, enhanced_time, implicit, umlaut]


@pytest.mark.parametrize("change", KINDS)
def test_alike_files_have_the_records_of_whole_headers(tmp_path, change):
    paths = write_series(tmp_path, axial(0, 3, 6, 9.25, 12), change=change)
    known = Alike()
    for path in paths:
        assert quick(known, path) == whole(path)


def test_most_files_of_a_series_are_read_in_part_alone(tmp_path, monkeypatch):
    paths = write_series(tmp_path, axial(0, 3, 6))
    known = Alike()
    first = quick(known, paths[0])
    monkeypatch.setattr(alike, "describe_file", None)
    assert [quick(known, p) for p in paths] == [first, *map(whole, paths[1:])]


@pytest.mark.parametrize("keyword", [*VARYING, *ASKED])
def test_no_element_that_is_asked_for_goes_unseen(tmp_path, keyword):
    """A file that differs in one element alone, or lacks it, is described anew."""
    paths = write_series(tmp_path, axial(0, 3, 6), change=mr_with_directions)
    known = Alike()
    quick(known, paths[0])

    def change(index: int, dataset: Dataset) -> None:
        mr_with_directions(0, dataset)
        if keyword == "TransferSyntaxUID":
            dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        elif keyword == "BitsAllocated":
            dataset.BitsAllocated = 8  # without it nothing can be written
        elif keyword in dataset:
            del dataset[keyword]
        else:
            value = _OTHER.get(keyword, "7")
            setattr(dataset, keyword, value)

    for path in write_series(tmp_path / "other", axial(0, 3, 6), change=change):
        assert quick(known, path) == whole(path)


_ITEM = Dataset()
_ITEM.StackID = "x"
_OTHER = {
    "PerFrameFunctionalGroupsSequence": Sequence([_ITEM]),
    "SharedFunctionalGroupsSequence": Sequence([_ITEM]),
    "DiffusionGradientDirectionSequence": Sequence([_ITEM]),
    "SpecificCharacterSet": "ISO_IR 100",
    **dict.fromkeys(
        ("EffectiveEchoTime", "NominalCardiacTriggerDelayTime", "TemporalPositionIndex"), 7
    ),
    "PatientSex": "F",
    "PatientBirthDate": "19500101",
    "FrameType": ["DERIVED", "PRIMARY"],
    "FrameAcquisitionDateTime": "20260101120000",
    "AcquisitionTime": "120000",
    "ContentTime": "120000",
}


def test_asked_names_every_element_that_describing_looks_at(tmp_path, monkeypatch):
    """An element that it does not name could differ between two files that are taken for one."""
    asked = set()
    get, nested = QuickHeader.get, QuickHeader.nested

    def spy(self, keyword, default=None):
        asked.add(keyword)
        return get(self, keyword, default)

    def nested_spy(self, sequence, keyword):
        asked.add(sequence)
        return nested(self, sequence, keyword)

    monkeypatch.setattr(QuickHeader, "get", spy)
    monkeypatch.setattr(QuickHeader, "nested", nested_spy)
    for number, manufacturer in enumerate(("SIEMENS", "GE", "Philips", "UIH", "TOSHIBA", "")):

        def change(index, dataset, manufacturer=manufacturer, number=number):
            mr_with_directions(index, dataset)
            dataset.Manufacturer = manufacturer
            if number % 2:
                del dataset.DiffusionGradientOrientation

        for path in write_series(tmp_path / str(number), axial(0, 3), change=change):
            whole(path)
    # Never asked by `get`: the text of a name, and what says how the elements are stored.
    assert asked <= {*ASKED, *VARYING}
    assert {*VARYING, "ImageComments", "DiffusionBMatrixSequence"} <= asked


def test_bytes_that_are_turned_over_never_give_another_record(tmp_path):
    """What the quick look takes for alike is what reading the whole header says."""
    path = write_series(tmp_path, axial(0), change=pet_times)[0]
    content, seeds = path.read_bytes(), random.Random(7)
    end = content.index(b"\xe0\x7f\x10\x00") + 12
    known = Alike()
    assert quick(known, path) == whole(path)
    for _ in range(600):
        changed = bytearray(content)
        for _ in range(seeds.choice((1, 1, 2, 6))):
            place = seeds.randrange(128, end)
            changed[place] = seeds.choice((0, 1, 32, 48, 49, 92, 255, changed[place] ^ 1))
        path.write_bytes(bytes(changed[: seeds.choice((len(changed), seeds.randrange(end)))]))
        assert quick(known, path) == whole(path), changed


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("SOPInstanceUID", ""),
        ("ImagePositionPatient", [1.0, 2.0]),
        ("ImagePositionPatient", [float("1e308"), float("1e308"), float("1e308")]),
        ("ContentTime", "12:00:00"),
        ("Rows", 0),
    ],
)
def test_values_that_are_not_plain_are_for_the_whole_reader(tmp_path, keyword, value):
    paths = write_series(tmp_path / "a", axial(0, 3))
    known = Alike()
    quick(known, paths[0])
    dataset = slice_dataset((0, 0, 3), np.zeros((4, 5)), number=9)
    setattr(dataset, keyword, value)
    path = tmp_path / "odd.dcm"
    dataset.save_as(path, enforce_file_format=False)
    assert quick(known, path) == whole(path)


def test_a_file_that_is_cut_short_is_refused_though_its_header_is_known(tmp_path):
    first, second = write_series(tmp_path, axial(0, 3))
    known = Alike()
    quick(known, first)
    second.write_bytes(second.read_bytes()[:-1])
    assert quick(known, second) == whole(second)
    assert "FILE-TRUNCATED" in quick(known, second).text


def test_a_file_that_changed_since_it_was_found_is_refused(tmp_path):
    path = write_series(tmp_path, axial(0))[0]
    known = Alike()
    before = signature(path)
    quick(known, path)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(BiomarkerError) as caught:
        known.record(str(path), before)
    assert caught.value.code == "INPUT-CHANGED"


def test_no_more_is_kept_than_is_said(tmp_path):
    known = Alike()
    for number in range(MOST_KEPT + 2):
        dataset = slice_dataset((0, 0, 0), np.zeros((2, 2)), series=str(number))
        quick(known, write(dataset, tmp_path / "one.dcm"))
    assert len(known._kept) == 2


def test_other_encodings_are_left_to_others(tmp_path):
    dataset = slice_dataset((0, 0, 0), np.zeros((2, 2)))
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    dataset.SOPInstanceUID = uid("big")
    path = tmp_path / "big.dcm"
    dataset.PixelData = dataset.PixelData[::-1]
    dataset.save_as(path, little_endian=False, implicit_vr=False)
    known = Alike()
    assert quick(known, path) == whole(path)
    assert not known._kept


def test_a_file_is_opened_once(tmp_path, monkeypatch):
    paths = write_series(tmp_path, axial(0, 3, 6))
    names, real = [], os.open
    monkeypatch.setattr(
        os, "open", lambda path, *more: names.append(str(path)) or real(path, *more)
    )
    known = Alike()
    for path in paths:
        quick(known, path)
    assert names == list(map(str, paths))


def test_a_reader_that_keeps_headers_reads_each_as_a_whole(tmp_path):
    paths = write_series(tmp_path, axial(0, 3, 6))
    reader = KeptHeaders()
    scan([tmp_path], index=FileIndex(None), reader=reader)
    for path in paths:
        path.unlink()
    assert [reader.read(path, None).get("Rows") for path in paths] == [4, 4, 4]


def test_a_uid_of_padding_alone_is_for_the_whole_reader():
    """It is no UID, which only the whole reader says."""
    assert _varying(b"\0\0", b"", b"", b"0\\0\\0") is None
    assert _varying(b"  ", b"", b"", b"0\\0\\0") is None
    assert _varying(b"1.2\0", b"", b"", b"0\\0\\0").sop_instance_uid == "1.2"
