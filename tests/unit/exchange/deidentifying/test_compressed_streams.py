"""Compressed pixel data leave with their images, and nothing beside them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from synthetic_patients import WORD, copied, pet

JPEG, JPEG_2000 = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.90"
RLE, MPEG4 = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.102"
HEADER = b"\xff\xc3\0\x0b\x08\0\2\0\2\1\1\x11\0"
SCAN = b"\xff\xda\0\x08\1\1\0\1\0\0\x11\xff\0\x22\xff\xd9"
STREAM = b"\xff\xd8" + HEADER + SCAN
TEXT = WORD.encode()
SEGMENT = (2 + len(TEXT)).to_bytes(2, "big") + TEXT


def leave(tmp_path, frames, syntax=JPEG, n_frames=None, **more):
    """Copy compressed frames; return the outcome, the copy's pixel data, and all bytes."""
    dataset = pet(tmp_path / "in" / "a.dcm", NumberOfFrames=n_frames or len(frames), **more)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.save_as(tmp_path / "in" / "a.dcm", enforce_file_format=True)
    outcome = copied(tmp_path / "in", tmp_path / "out")
    found = [(tmp_path / "out" / name).read_bytes() for name in outcome.written]
    return outcome, b"".join(found)


@pytest.mark.parametrize("name", [WORD, "Doe"], ids=["the name", "an unknown word"])
@pytest.mark.parametrize(
    "frames",
    [
        [b"\xff\xd8\xff\xfe" + SEGMENT + HEADER + SCAN],
        [b"\xff\xd8\xff\xe1" + SEGMENT + HEADER + SCAN],
        [STREAM + TEXT],
        [STREAM + TEXT, STREAM],
        [STREAM, b"\xff\xd8\xff\xfe" + SEGMENT + HEADER + SCAN],
        [b"\xff\xd8\xff\xef" + (4002).to_bytes(2) + bytes(4000) + b"\xff\xfe" + SEGMENT + SCAN],
    ],
)
def test_text_beside_an_image_is_blanked(tmp_path, frames, name):
    outcome, content = leave(tmp_path, frames, PatientName=name)
    assert not outcome.left
    assert TEXT not in content
    assert content.count(SCAN) == len(frames)


@pytest.mark.parametrize(
    ("frames", "syntax", "n_frames"),
    [
        ([STREAM, STREAM], JPEG, 1),
        ([TEXT + STREAM], JPEG, 1),
        ([STREAM[:-2]], JPEG, 1),
        ([b"\xff\xd8\xff\xfe\xff\xff" + TEXT], JPEG, 1),
        ([STREAM], JPEG_2000, 1),
        ([STREAM], MPEG4, 1),
        ([(1).to_bytes(4, "little") + TEXT.ljust(60) + b"\3\1\2\3\4"], RLE, 1),
        ([(1).to_bytes(4, "little") + bytes(60) + bytes(5000) + TEXT], RLE, 1),
    ],
)
def test_streams_that_hold_more_than_their_images_are_refused(tmp_path, frames, syntax, n_frames):
    outcome, _ = leave(tmp_path, frames, syntax, n_frames, PatientName=WORD)
    assert outcome.left == {"DEID-PIXELS": 1}


def test_a_table_of_offsets_that_is_text_is_refused(tmp_path):
    source = tmp_path / "in" / "a.dcm"
    leave(tmp_path, [STREAM])
    content = source.read_bytes()
    table = b"\xfe\xff\0\xe0\x04\0\0\0\0\0\0\0"
    assert table in content
    source.write_bytes(content.replace(table, b"\xfe\xff\0\xe0\x0a\0\0\0" + TEXT + b" "))
    assert copied(tmp_path / "in", tmp_path / "2").left == {"DEID-PIXELS": 1}


@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
def test_the_image_is_decoded_to_the_same_pixels(tmp_path, kind):
    from PIL import Image

    pixels = np.random.default_rng(7).integers(0, 256, (64, 48), dtype=np.uint8)
    stream = io.BytesIO()
    more = {"no_jp2": True} if kind == "JPEG2000" else {}
    Image.fromarray(pixels).save(stream, kind, comment=TEXT, **more)
    assert TEXT in stream.getvalue()
    syntax = JPEG_2000 if kind == "JPEG2000" else "1.2.840.10008.1.2.4.50"
    size = {"Rows": 64, "Columns": 48, "SamplesPerPixel": 1, "BitsStored": 8, "HighBit": 7}
    more = {"PhotometricInterpretation": "MONOCHROME2", "PixelRepresentation": 0}
    outcome, content = leave(tmp_path, [stream.getvalue()], syntax, **size, **more)
    assert TEXT not in content
    assert outcome.written
    first = dcmread(tmp_path / "in" / "a.dcm").pixel_array
    assert np.array_equal(dcmread(io.BytesIO(content)).pixel_array, first)
