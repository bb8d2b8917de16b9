"""Damaged files: scan and read say what is wrong and never crash, hang or swell."""

import resource
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from synthetic_series import axial, slice_dataset, write, write_series

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.catalogue.reading import read_frames, read_volume
from biomarker_cli.dicom.frames import MOST_FRAMES
from biomarker_cli.model.errors import BiomarkerError

NO_INDEX = FileIndex(None)

LONGEST_SECONDS = 20.0
"""A bound against endless loops, not a measure of speed."""

MOST_EXTRA_BYTES = 64 * 1024 * 1024


def _survives(folder: Path) -> set[str]:
    """Scan and read everything; return the codes of what was refused."""
    start = time.monotonic()
    tracemalloc.start()
    try:
        catalogue = scan([folder], index=NO_INDEX)
        codes = {c.error_code for c in catalogue.candidates}
        for candidate in catalogue.volumes:
            for read in (read_frames, read_volume):
                try:
                    read(candidate)
                except BiomarkerError as error:
                    codes.add(error.code)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert catalogue.candidates
    assert all(c.status != "ok" or c.geometry for c in catalogue.candidates)
    assert time.monotonic() - start < LONGEST_SECONDS
    assert peak < MOST_EXTRA_BYTES
    return codes


def _enhanced() -> Dataset:
    """Return a small enhanced object of three frames."""
    dataset = slice_dataset((0, 0, 0), np.zeros((12, 5)))
    dataset.Rows, dataset.NumberOfFrames = 4, 3
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    frames = []
    for index in range(3):
        place, frame = Dataset(), Dataset()
        place.ImagePositionPatient = [0, 0, 3.0 * index]
        frame.PlanePositionSequence = Sequence([place])
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    shared = Dataset()
    plane, measures = Dataset(), Dataset()
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures.PixelSpacing, measures.SliceThickness = [1, 1], 3
    shared.PlaneOrientationSequence = Sequence([plane])
    shared.PixelMeasuresSequence = Sequence([measures])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    del dataset.ImagePositionPatient
    return dataset


@pytest.fixture(scope="module")
def seeds(tmp_path_factory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("seeds")
    (classic,) = write_series(folder, axial(0))
    enhanced = write(_enhanced(), folder / "enhanced.dcm")
    compressed = slice_dataset((0, 0, 3), np.arange(20).reshape(4, 5), number=2)
    compressed.compress("1.2.840.10008.1.2.5")
    packed = write(compressed, folder / "packed.dcm")
    return [path.read_bytes() for path in (classic, enhanced, packed)]


def test_the_seeds_are_sound(seeds, tmp_path):
    for number, content in enumerate(seeds):
        (tmp_path / f"{number}.dcm").write_bytes(content)
    assert "FILE-NOT-DICOM" not in _survives(tmp_path)


@given(st.integers(0, 2), st.floats(0, 1))
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_files_cut_anywhere(seeds, tmp_path_factory, which, part):
    folder = tmp_path_factory.mktemp("cut")
    content = seeds[which]
    length = int(part * (len(content) - 1))
    (folder / "cut.dcm").write_bytes(content[:length])
    refused = _survives(folder) - {""}
    # Behind the compressed frame only its end mark can be lost.
    assert refused or (which == 2 and len(content) - length <= 12)


@given(
    st.integers(0, 2),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12),
)
@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_changed_bytes(seeds, tmp_path_factory, which, changes):
    folder = tmp_path_factory.mktemp("changed")
    content = bytearray(seeds[which])
    for where, byte in changes:
        content[132 + int(where * (len(content) - 133))] = byte
    (folder / "changed.dcm").write_bytes(content)
    _survives(folder)


@given(st.binary(min_size=0, max_size=600))
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_behind_the_mark(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("bytes")
    meta = b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00"
    (folder / "a.dcm").write_bytes(bytes(128) + b"DICM" + meta + content)
    (folder / "b.dcm").write_bytes(bytes(128) + b"DICM" + content)
    (folder / "c.dcm").write_bytes(content)
    _survives(folder)


def test_a_length_of_four_gigabytes_costs_no_memory(tmp_path):
    (path,) = write_series(tmp_path, axial(0))
    content = path.read_bytes()
    at = content.index(b"\x08\x00\x05\x00") if b"\x08\x00\x05\x00" in content else 132 + 200
    huge = content[:at] + b"\x09\x00\x10\x00OB\x00\x00\xfe\xff\xff\xff" + content[at:]
    path.write_bytes(huge)
    assert _survives(tmp_path) & {"FILE-TRUNCATED", "FILE-NOT-DICOM"}


def test_a_picture_of_absurd_size_is_refused(tmp_path):
    def swell(index, dataset):
        dataset.Rows = dataset.Columns = 65535

    write_series(tmp_path, axial(0), change=swell)
    limit = resource.getrlimit(resource.RLIMIT_AS)
    codes = set()
    for candidate in scan([tmp_path], index=NO_INDEX).volumes:
        with pytest.raises(BiomarkerError) as caught:
            read_volume(candidate)
        codes.add(caught.value.code)
    assert codes
    assert resource.getrlimit(resource.RLIMIT_AS) == limit


def test_frames_that_are_promised_but_absent(tmp_path):
    dataset = _enhanced()
    dataset.NumberOfFrames = MOST_FRAMES
    write(dataset, tmp_path / "a.dcm")
    codes = {c.error_code for c in scan([tmp_path], index=NO_INDEX).volumes}
    assert codes & {"SERIES-NO-POSITION", "FILE-FRAMES", "FILE-TRUNCATED"}


def test_sequences_that_nest_without_end(tmp_path):
    (path,) = write_series(tmp_path, axial(0))
    content = path.read_bytes()
    opening = b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    at = content.index(b"\x10\x00\x20\x00")
    path.write_bytes(content[:at] + opening * 3000 + content[at:])
    _survives(tmp_path)


@pytest.mark.parametrize("n_deep", [5, 40])
def test_deep_sequences_are_read_or_refused(tmp_path, n_deep):
    dataset = slice_dataset((0, 0, 0), np.zeros((4, 5)))
    inner = Dataset()
    for _ in range(n_deep):
        outer = Dataset()
        outer.ReferencedImageSequence = Sequence([inner])
        outer["ReferencedImageSequence"].is_undefined_length = True
        inner = outer
    dataset.ReferencedImageSequence = inner.ReferencedImageSequence
    dataset["ReferencedImageSequence"].is_undefined_length = True
    write(dataset, tmp_path / "a.dcm")
    assert "" in _survives(tmp_path)


def test_a_pixel_element_of_unknown_representation_is_refused_by_name(seeds, tmp_path):
    content = bytes(seeds[0])
    mark = b"\xe0\x7f\x10\x00OW"
    assert content.count(mark) == 1
    (tmp_path / "changed.dcm").write_bytes(content.replace(mark, mark[:4] + b"O\x00"))
    assert _survives(tmp_path) - {""}
