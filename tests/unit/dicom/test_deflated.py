"""A deflated object is measured before it is inflated."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from synthetic_patients import copied, pet

from biomarker_cli.dicom import deflated as bounds
from biomarker_cli.dicom import segment_frames
from biomarker_cli.dicom.errors import HeaderError, PixelError
from biomarker_cli.dicom.headers import parse_header, read_header
from biomarker_cli.dicom.pixels import decoded_frames, pixel_bytes
from biomarker_cli.dicom.segment_frames import read_with_pixels
from biomarker_cli.exchange.errors import ReportRefusedError
from biomarker_cli.exchange.importing import report_content

DEFLATED = "1.2.840.10008.1.2.1.99"
PADDING = 200_000


def deflated(path) -> bytes:
    """Write a deflated object that is small, and grows to more than its padding."""
    dataset = pet(path, SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2")
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 7, 0
    dataset.add_new(0xFFFCFFFC, "OB", bytes(PADDING))
    dataset.file_meta.TransferSyntaxUID = DEFLATED
    dataset.save_as(path, enforce_file_format=True)
    return path.read_bytes()


def meta_end(content: bytes) -> int:
    return 144 + int.from_bytes(content[140:144], "little")


def inflated_size(content: bytes) -> int:
    return len(zlib.decompress(content[meta_end(content) :], -15))


def wrong_length(content: bytes) -> bytes:
    return content[:140] + (1000).to_bytes(4, "little") + content[144:]


def no_length(content: bytes) -> bytes:
    return content[:132] + content[144:]


def long_meta(content: bytes) -> bytes:
    """Put a private element of 100 kB before the end of the meta group."""
    end = meta_end(content)
    element = b"\x02\x00\x02\x01OB\0\0" + (100_000).to_bytes(4, "little") + bytes(100_000)
    return content[:end] + element + content[end:]


READERS = {
    "header": lambda content, path: read_header(path),
    "content": parse_header,
    "frames": lambda content, path: list(decoded_frames(content, path, [0])),
    "segmentation": read_with_pixels,
}


@pytest.mark.parametrize("shape", [bytes, wrong_length, no_length, long_meta])
@pytest.mark.parametrize("reader", READERS)
def test_a_bomb_is_refused_by_every_reader_whatever_its_meta_group_says(
    tmp_path, monkeypatch, reader, shape
):
    path = tmp_path / "a.dcm"
    content = deflated(path)
    size = inflated_size(content)
    assert len(content) < PADDING / 100 < size
    content = shape(content)
    path.write_bytes(content)
    monkeypatch.setattr(bounds, "MOST_INFLATED_BYTES", size)
    READERS[reader](content, path)
    monkeypatch.setattr(bounds, "MOST_INFLATED_BYTES", size - 1)
    with pytest.raises(HeaderError) as raised:
        READERS[reader](content, path)
    assert raised.value.code == "FILE-INFLATES"
    assert raised.value.where == "a.dcm"


def test_a_large_file_is_measured_as_a_small_one_is(tmp_path, monkeypatch):
    path = tmp_path / "a.dcm"
    size = inflated_size(deflated(path))
    monkeypatch.setattr("biomarker_cli.dicom.headers.WHOLE_FILE_BYTES", 10)
    assert read_header(path, most_inflated=size).Rows == 2
    with pytest.raises(HeaderError, match="deflated"):
        read_header(path, most_inflated=size - 1)


def test_the_digest_of_pixels_takes_no_bomb_in(tmp_path, monkeypatch):
    path = tmp_path / "a.dcm"
    content = deflated(path)
    assert pixel_bytes(content, path) == b"\1\2\3\4"
    monkeypatch.setattr(bounds, "MOST_INFLATED_BYTES", 1000)
    assert pixel_bytes(content, path) == b""


@pytest.mark.parametrize("cut", [160, 400, -20])
def test_a_cut_or_damaged_file_is_left_to_the_parser(tmp_path, cut):
    path = tmp_path / "a.dcm"
    content = deflated(path)[:cut] + b"x" * 20
    with pytest.raises(HeaderError) as raised:
        parse_header(content, path)
    assert raised.value.code == "FILE-NOT-DICOM"


def test_a_bomb_is_refused_where_objects_are_copied_and_reports_are_read(tmp_path, monkeypatch):
    deflated(tmp_path / "in" / "a.dcm")
    assert copied(tmp_path / "in", tmp_path / "1").written
    (copy,) = (tmp_path / "1").rglob("*.dcm")
    assert dcmread(copy).PixelData == b"\1\2\3\4"
    monkeypatch.setattr(bounds, "MOST_INFLATED_BYTES", PADDING)
    assert copied(tmp_path / "in", tmp_path / "2").left == {"DEID-UNREADABLE": 1}
    monkeypatch.setattr(report_content, "MOST_BYTES", PADDING)
    with pytest.raises(ReportRefusedError) as raised:
        report_content.read_report(tmp_path / "in" / "a.dcm")
    assert raised.value.code == "SR-TOO-LARGE"


def bomb(path: Path, mebibytes: int) -> None:
    """Write an object that grows to that, of 1 kB for each."""
    content = deflated(path)
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = zlib.decompress(content[meta_end(content) :], -15)[: -PADDING - 4]
    head += (mebibytes * 1024**2).to_bytes(4, "little")
    begun = packing.compress(head) + packing.flush(zlib.Z_FULL_FLUSH)
    piece = packing.compress(bytes(1024**2)) + packing.flush(zlib.Z_FULL_FLUSH)
    path.write_bytes(content[: meta_end(content)] + begun + mebibytes * piece + packing.flush())


@pytest.mark.parametrize("command", ["scan", "check"])
def test_a_command_holds_no_bomb_in_memory(tmp_path, command):
    (tmp_path / "in").mkdir()
    bomb(tmp_path / "in" / "a.dcm", 520)
    pet(tmp_path / "in" / "b.dcm")
    more = ["--protocol", "base-pet"] if command == "check" else ["-o", "index.csv"]
    # What a child may reserve at once, threads and libraries included.
    measured = (
        "import resource, runpy, sys; "
        "sys.argv = sys.argv[1:]; "
        "import atexit; "
        # ru_maxrss of the process itself begins with that of the one that started it.
        "own = lambda: int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]); "
        "atexit.register(lambda: print('peak', max(own(), "
        "resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))); "
        "runpy.run_module('biomarker_cli', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", measured, "biomarker", command, "in", *more],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "FILE-INFLATES" in done.stdout + done.stderr
    peak_kib = int(done.stdout.rpartition("peak ")[2])
    assert peak_kib < 400 * 1024


def test_a_frame_that_was_deflated_for_itself_has_a_bound_as_well(monkeypatch):
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = segment_frames.DEFLATED_IMAGE_FRAME
    dataset.Rows = dataset.Columns = 100
    dataset.BitsAllocated, dataset.NumberOfFrames = 8, 1
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    frame = packing.compress(bytes(10_000)) + packing.flush()
    dataset.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2)])
    assert segment_frames.decode_frame(dataset, 0, "a.dcm").shape == (100, 100)
    monkeypatch.setattr(segment_frames, "MOST_INFLATED_BYTES", 9_999)
    with pytest.raises(PixelError) as raised:
        segment_frames.decode_frame(dataset, 0, "a.dcm")
    assert raised.value.code == "PIXELS-UNREADABLE"


NOT_MEASURED = {
    # Of files that this program made itself.
    "multicentre/objects/seg.py",
}


def test_every_reader_of_a_data_set_measures_it():
    package = Path(bounds.__file__).parents[1]
    unmeasured = set()
    for path in package.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for call in re.findall(r"\bdcmread\(([^)]*)", text):
            is_measured = "MeasuredContent" in call or (
                call.startswith(("file,", "content")) and "MeasuredContent" in text
            )
            if not is_measured:
                unmeasured.add(path.relative_to(package).as_posix())
    assert unmeasured == NOT_MEASURED
