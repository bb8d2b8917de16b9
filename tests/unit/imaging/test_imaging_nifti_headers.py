"""NIfTI headers that contradict themselves, or promise what is not there."""

import gzip
import struct

import nibabel
import numpy as np
import pytest

from biomarker_cli.imaging.errors import ImageFileError
from biomarker_cli.imaging.files import read_image_file
from biomarker_cli.model.quantity import HU

VOXELS = np.arange(60, dtype=np.int16).reshape(5, 4, 3)
AFFINE = np.diag([1.5, 2.0, 3.0, 1.0])

# Offsets in bytes and types of fields: NIfTI-1 and NIfTI-2.
FIELDS = {
    1: {"dim": (40, "h"), "pixdim": (76, "f"), "offset": (108, "f"), "magic": (344, "s")},
    2: {"dim": (16, "q"), "pixdim": (104, "d"), "offset": (168, "q"), "magic": (4, "s")},
}


def content(version=1, order="<", qform=False, **image):
    header = (nibabel.Nifti1Header, nibabel.Nifti2Header)[version - 1](endianness=order)
    header.set_data_dtype(np.dtype(f"{order}i2"))
    kind = (nibabel.Nifti1Image, nibabel.Nifti2Image)[version - 1]
    made = kind(VOXELS, AFFINE, header)
    made.set_sform(AFFINE, code=0 if qform else 1)
    made.set_qform(AFFINE if qform else None, code=1 if qform else 0)
    made.header["pixdim"][1:4] = (1.5, 2.0, 3.0)
    return bytearray(made.to_bytes())


def put(whole, version, field, index, value, order="<"):
    start, kind = FIELDS[version][field]
    size = struct.calcsize(kind)
    whole[start + index * size : start + (index + 1) * size] = struct.pack(f"{order}{kind}", value)
    return whole


def read(tmp_path, whole, name="a.nii"):
    path = tmp_path / name
    path.write_bytes(gzip.compress(bytes(whole)) if name.endswith("gz") else whole)
    return read_image_file(path, HU)


def refusal(tmp_path, whole, name="a.nii"):
    with pytest.raises(ImageFileError) as caught:
        read(tmp_path, whole, name)
    assert caught.value.where == name
    return caught.value.code


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [1, 2])
def test_every_version_and_order_is_read(tmp_path, version, order, name):
    volume = read(tmp_path, content(version, order), name)
    assert np.array_equal(volume.array, VOXELS.T)
    assert volume.geometry.spacing_mm == (1.5, 2.0, 3.0)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("factor", [0.5, 0.998, 1.002, 10.0, -1.0])
def test_a_pixdim_that_contradicts_the_sform_is_refused(tmp_path, version, axis, factor):
    width = (1.5, 2.0, 3.0)[axis] * factor
    whole = put(content(version), version, "pixdim", axis + 1, width)
    assert refusal(tmp_path, whole) == "IMAGE-FILE-GEOMETRY"


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("width", [1.5009, 1.4991, 0.0])
def test_a_pixdim_within_rounding_or_without_a_word_is_not(tmp_path, version, width):
    whole = put(content(version), version, "pixdim", 1, width)
    assert read(tmp_path, whole).geometry.spacing_mm == (1.5, 2.0, 3.0)


@pytest.mark.parametrize("width", [0.0, -1.5, np.nan, np.inf])
def test_a_qform_without_widths_is_not_taken_for_one_mm(tmp_path, width):
    assert read(tmp_path, content(qform=True)).geometry.spacing_mm == (1.5, 2.0, 3.0)
    whole = put(content(qform=True), 1, "pixdim", 1, width)
    assert refusal(tmp_path, whole) == "IMAGE-FILE-GEOMETRY"


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("version", [1, 2])
def test_sizes_beyond_what_is_there_are_refused(tmp_path, version, name):
    whole = content(version)
    for axis in (1, 2, 3):
        put(whole, version, "dim", axis, 32767)
    assert refusal(tmp_path, whole, name) == "IMAGE-FILE-TOO-LARGE"
    whole = put(content(version), version, "dim", 3, 1000)
    assert refusal(tmp_path, whole, name) == "IMAGE-FILE-UNREADABLE"


def test_sizes_that_overflow_are_refused(tmp_path):
    whole = content(2)
    for axis in (1, 2, 3):
        put(whole, 2, "dim", axis, 2**62)
    assert refusal(tmp_path, whole) == "IMAGE-FILE-TOO-LARGE"


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("offset", [0, 348, -352, 2**25, 10**12])
def test_voxels_that_begin_nowhere_are_refused(tmp_path, version, offset):
    whole = put(content(version), version, "offset", 0, offset)
    assert refusal(tmp_path, whole) == "IMAGE-FILE-UNREADABLE"


def test_the_header_of_two_files_is_no_image(tmp_path):
    whole = content()
    whole[344:348] = b"ni1\0"
    assert refusal(tmp_path, whole) == "IMAGE-FILE-UNREADABLE"


@pytest.mark.parametrize(("code", "bits"), [(128, 24), (32, 64), (2304, 32), (1, 1)])
def test_colour_complex_numbers_and_bits_are_refused(tmp_path, code, bits):
    whole = content()
    whole[70:74] = struct.pack("<hh", code, bits)
    assert refusal(tmp_path, whole) == "IMAGE-FILE-SHAPE"


def test_a_place_beyond_a_kilometre_is_refused(tmp_path):
    affine = AFFINE.copy()
    affine[0, 3] = 1e30
    whole = nibabel.Nifti1Image(VOXELS, affine).to_bytes()
    assert refusal(tmp_path, whole) == "IMAGE-FILE-GEOMETRY"


@pytest.mark.parametrize("said", [32, 27])
def test_extensions_are_passed_over(tmp_path, said):
    # 27 is no multiple of 16, which moves no number.
    whole = content()
    whole[348] = 1
    whole[352:352] = struct.pack("<ii", said, 6) + bytes(24)
    put(whole, 1, "offset", 0, 384)
    assert np.array_equal(read(tmp_path, whole).array, VOXELS.T)


@pytest.mark.parametrize(("bits", "is_refused"), [(0, False), (8, True), (32, True)])
def test_bits_of_another_type_are_refused(tmp_path, bits, is_refused):
    whole = content()
    whole[72:74] = struct.pack("<h", bits)
    if is_refused:
        assert refusal(tmp_path, whole) == "IMAGE-FILE-UNREADABLE"
    else:
        assert np.array_equal(read(tmp_path, whole).array, VOXELS.T)
