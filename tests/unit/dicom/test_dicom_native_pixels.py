"""Stored pixels without pydicom: the same numbers as with it, and none of what is cut."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import pixel_array
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)
from synthetic_series import slice_dataset, write

from biomarker_cli.dicom.errors import HeaderError, PixelError
from biomarker_cli.dicom.files import DicomFiles


def _image(
    bits: tuple[int, int], signed: int, shape: tuple[int, int, int], syntax: str, *, junk: bool
):
    allocated, stored = bits
    n_frames, rows, columns = shape
    rng = np.random.default_rng(allocated * 100 + stored * 10 + signed + rows)
    width = allocated // 8
    numbers = rng.integers(0, 1 << allocated, n_frames * rows * columns, dtype=np.uint64)
    if not junk:
        numbers &= np.uint64((1 << stored) - 1)
        if signed:  # the bits above repeat the sign
            minus = (numbers >> np.uint64(stored - 1)) & np.uint64(1) == 1
            numbers[minus] |= np.uint64((1 << allocated) - (1 << stored))
    dataset = slice_dataset([0, 0, 0], np.zeros((rows, columns), np.int16))
    dataset.NumberOfFrames = n_frames
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, stored, stored - 1
    dataset.PixelRepresentation = signed
    content = numbers.astype(f"<u{width}").tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OW"
    if syntax == RLELossless:
        dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def _stored(path: Path, n_frames: int) -> np.ndarray:
    return np.stack(list(DicomFiles().stored(path, range(n_frames))))


NATIVE = [(8, 8), (8, 5), (16, 16), (16, 12), (16, 1), (32, 32), (32, 20)]
# pydicom writes no runs of 32 bits, and none of a single byte.
ENCODED = [
    *((ExplicitVRLittleEndian, bits, (1, 1, 1)) for bits in NATIVE),
    *((ImplicitVRLittleEndian, bits, (1, 1, 1)) for bits in NATIVE),
    *((ExplicitVRLittleEndian, bits, (3, 3, 3)) for bits in NATIVE),
    *((ImplicitVRLittleEndian, bits, (1, 3, 5)) for bits in NATIVE),
    *((RLELossless, bits, shape) for bits in NATIVE[:4] for shape in ((1, 3, 5), (3, 3, 3))),
]


@pytest.mark.parametrize(("syntax", "bits", "shape"), ENCODED)
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("junk", [False, True])
def test_numbers_are_those_that_pydicom_reads(tmp_path, syntax, bits, shape, signed, junk):
    path = tmp_path / "a.dcm"
    _image(bits, signed, shape, syntax, junk=junk).save_as(path, enforce_file_format=True)
    expected = pixel_array(dcmread(path)).reshape(shape)
    assert np.array_equal(_stored(path, shape[0]), expected)


@pytest.mark.parametrize("said", [None, "", 1])
@pytest.mark.parametrize("bits", [(8, 8), (16, 16)])
@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless]
)
def test_more_frames_than_are_said_are_never_left_out(tmp_path, said, bits, syntax):
    dataset = _image(bits, 0, (2, 3, 5), syntax, junk=True)
    dataset.NumberOfFrames = said
    if said is None:
        del dataset.NumberOfFrames
    path = tmp_path / "a.dcm"
    dataset.save_as(path, enforce_file_format=True)
    with pytest.raises(PixelError) as caught:
        _stored(path, 1)
    assert caught.value.code == "PIXELS-UNREADABLE"


@pytest.mark.parametrize("has_offsets", [True, False])
@pytest.mark.parametrize("said", [1, 2, 3])
def test_more_compressed_frames_than_are_said_are_never_left_out(tmp_path, said, has_offsets):
    dataset = _image((16, 16), 1, (3, 20, 20), ExplicitVRLittleEndian, junk=True)
    dataset.PixelData = np.arange(3 * 20 * 20, dtype="<i2").tobytes()
    dataset.compress(JPEGLSLossless, generate_instance_uid=False)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=3))
    # A frame may come in pieces; that makes it no two.
    dataset.PixelData = encapsulate(frames, fragments_per_frame=2, has_bot=has_offsets)
    dataset.NumberOfFrames = said
    path = tmp_path / "a.dcm"
    dataset.save_as(path, enforce_file_format=True)
    if said == 3:
        assert np.array_equal(_stored(path, 3), pixel_array(dcmread(path)))
        return
    with pytest.raises(PixelError) as caught:
        _stored(path, said)
    assert caught.value.code == "PIXELS-UNREADABLE"


@pytest.mark.parametrize("n_spare", [0, 1, 58, 60])
def test_more_pixels_of_big_endian_than_are_said_are_never_left_out(tmp_path, n_spare):
    dataset = _image((8, 8), 0, (1, 6, 10), ExplicitVRLittleEndian, junk=True)
    dataset.PixelData += bytes(n_spare)
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    path = tmp_path / "a.dcm"
    dataset.save_as(path, enforce_file_format=True, little_endian=False, implicit_vr=False)
    if n_spare < 60:
        assert _stored(path, 1).shape == (1, 6, 10)
        return
    with pytest.raises(PixelError):
        _stored(path, 1)


@pytest.mark.parametrize("shape", [(1, 4, 5), (2, 4, 5)])
def test_runs_that_are_cut_give_no_numbers(tmp_path, shape):
    dataset = _image((16, 16), 1, shape, RLELossless, junk=False)
    whole = dataset.PixelData
    right = dataset
    path = tmp_path / "a.dcm"
    right.save_as(path, enforce_file_format=True)
    assert _stored(path, shape[0]).shape == shape
    for n_bytes in range(2, 60, 2):
        right.PixelData = whole[:-n_bytes]
        right.save_as(path, enforce_file_format=True)
        with pytest.raises(PixelError):
            _stored(path, shape[0])
    content = path.read_bytes()
    for n_bytes in range(1, 60):
        path.write_bytes(content[:-n_bytes])
        with pytest.raises((PixelError, HeaderError)):
            _stored(path, shape[0])


def _frame(*segments: bytes) -> bytes:
    offsets, place = [], 64
    for segment in segments:
        offsets.append(place)
        place += len(segment)
    head = struct.pack("<16L", len(segments), *offsets, *[0] * (15 - len(segments)))
    return head + b"".join(segments)


# Six numbers of 16 bits: a run of the high byte, the low bytes one by one.
HIGH, LOW = b"\xfb\x01", b"\x05\x01\x02\x03\x04\x05\x06"
RUNS = {
    "right": (_frame(HIGH, LOW + b"\0"), True),
    "padded": (_frame(HIGH + b"\0\0", LOW + b"\0"), True),
    "one segment short of a number": (_frame(HIGH, b"\x04\x01\x02\x03\x04\x05"), False),
    "a literal that ends early": (_frame(HIGH, LOW[:-1]), False),
    "a run without its number": (_frame(b"\xfb", LOW), False),
    "twice as many numbers": (_frame(HIGH, LOW + LOW + LOW), False),
    "one segment of two": (_frame(HIGH), False),
    "three segments of two": (_frame(HIGH, LOW, LOW), False),
    "an empty segment": (_frame(b"", LOW), False),
    "a segment behind the end": (_frame(HIGH, LOW)[:66], False),
    "no head": (b"\0" * 30, False),
}


@pytest.mark.parametrize("name", RUNS)
def test_segments_of_runs_hold_what_is_promised_or_are_refused(tmp_path, name):
    frame, is_right = RUNS[name]
    dataset = _image((16, 16), 0, (1, 2, 3), ExplicitVRLittleEndian, junk=False)
    frame += b"\0" * (len(frame) % 2)
    item = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(frame)) + frame
    dataset.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0" + item
    dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = RLELossless
    path = tmp_path / "a.dcm"
    dataset.save_as(path, enforce_file_format=True)
    if is_right:
        expected = [[[0x101, 0x102, 0x103], [0x104, 0x105, 0x106]]]
        assert _stored(path, 1).tolist() == expected
        return
    with pytest.raises(PixelError) as caught:
        _stored(path, 1)
    assert caught.value.code == "PIXELS-UNREADABLE"


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_a_number_of_frames_that_is_no_integer_is_refused(tmp_path, syntax):
    dataset = _image((16, 16), 0, (2, 3, 5), syntax, junk=False)
    path = write(dataset, tmp_path / "a.dcm")
    content = path.read_bytes()
    assert content.count(b"\x28\0\x08\0IS") == 1
    path.write_bytes(content.replace(b"\x28\0\x08\0IS", b"\x28\0\x08\0DS"))
    with pytest.raises(PixelError, match="TypeError"):
        _stored(path, 2)
