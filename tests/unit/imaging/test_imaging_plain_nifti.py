"""Plain NIfTI files: voxel by voxel and digit by digit as nibabel reads them."""

import gzip

import nibabel
import numpy as np
import pytest

from biomarker_cli.imaging.errors import ImageFileError
from biomarker_cli.imaging.files import read_image_file
from biomarker_cli.imaging.plain_nifti import plain_header
from biomarker_cli.model.quantity import HU

VOXELS = np.arange(60, dtype=np.int16).reshape(5, 4, 3)


def _header(rng=None, **fields):
    """A header that nibabel would write, turned at random where a generator is given."""
    header = nibabel.Nifti1Header()
    header.set_data_shape(VOXELS.shape)
    header.set_data_dtype(np.int16)
    header["vox_offset"], header["magic"], header["sform_code"] = 352, b"n+1", 1
    header["srow_x"][0] = header["srow_y"][1] = header["srow_z"][2] = 1
    header["pixdim"][:4] = 1
    if rng is not None:
        quaternion = rng.normal(size=4) * rng.choice([1, 1, 0, 1e-9], size=4)
        quaternion /= max(np.linalg.norm(quaternion), 1e-12)
        header["qform_code"], header["sform_code"] = 1, rng.choice([0, 1])
        header["quatern_b"], header["quatern_c"], header["quatern_d"] = quaternion[1:]
        header["qoffset_x"], header["qoffset_y"], header["qoffset_z"] = rng.normal(0, 99, 3)
        header["pixdim"][:4] = (rng.choice([-1, 1]), *rng.uniform(0.1, 5, 3))
        for row in ("srow_x", "srow_y", "srow_z"):
            header[row] = rng.normal(size=4)
    for field, value in fields.items():
        header[field] = value
    return header


def _file(header, voxels=VOXELS):
    return header.binaryblock + bytes(4) + voxels.tobytes(order="F")


def test_affines_have_the_digits_of_nibabel():
    rng = np.random.default_rng(7)
    for _ in range(500):
        header = _header(rng)
        told = plain_header(_file(header))
        assert told is not None
        for own, code in ((told.sform, "sform"), (told.qform, "qform")):
            theirs, number = getattr(header, f"get_{code}")(coded=True)
            assert (own is None) == (number == 0)
            assert own is None or np.array_equal(own, theirs)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_voxels_are_those_of_nibabel(tmp_path, dtype, suffix):
    path = tmp_path / f"a{suffix}"
    voxels = np.random.default_rng(1).integers(0, 100, (7, 6, 5)).astype(dtype)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([-1, -2, 3, 1]), dtype=voxels.dtype), path)
    found = read_image_file(path, HU).array
    theirs = np.asanyarray(nibabel.load(path).dataobj).T
    assert found.dtype == theirs.dtype
    assert np.array_equal(found, theirs)
    assert found.flags.writeable
    assert found.flags.c_contiguous


ODD = {
    "four axes": {"dim": [4, 5, 4, 3, 1, 1, 1, 1]},
    "no slice": {"dim": [3, 5, 4, 0, 1, 1, 1, 1]},
    "complex numbers": {"datatype": 32, "bitpix": 64},
    "bits of another type": {"bitpix": 8},
    "width of zero": {"pixdim": [1, 0, 1, 1, 1, 1, 1, 1]},
    "no handedness": {"pixdim": [0, 1, 1, 1, 1, 1, 1, 1]},
    "scaled": {"scl_slope": 2},
    "shifted": {"scl_slope": 1, "scl_inter": -1024},
    "scaled beyond all numbers": {"scl_slope": np.inf},
    "unknown unit": {"xyzt_units": 4},
    "unknown time": {"xyzt_units": 58},
    "unknown space": {"sform_code": 9},
    "place not finite": {"qoffset_x": np.nan},
    "two files": {"magic": b"ni1"},
    "voxels elsewhere": {"vox_offset": 368},
    "long quaternion": {"qform_code": 1, "quatern_b": 1, "quatern_c": 1},
}


@pytest.mark.parametrize("fields", ODD.values(), ids=ODD)
def test_odd_headers_are_left_to_nibabel(fields):
    assert plain_header(_file(_header())) is not None
    assert plain_header(_file(_header(**fields))) is None


def test_headers_of_the_other_byte_order_are_left_to_nibabel(tmp_path):
    header = _header().as_byteswapped(">")
    assert plain_header(_file(header, VOXELS.astype(">i2"))) is None
    path = tmp_path / "big.nii"
    path.write_bytes(_file(header, VOXELS.astype(">i2")))
    assert np.array_equal(read_image_file(path, HU).array, VOXELS.T)


WHOLE = gzip.compress(_file(_header()))
DAMAGED = {
    "empty": b"",
    "no gzip": _file(_header()),
    "cut": WHOLE[:-20],
    "cut in the checksum": WHOLE[:-5],
    "wrong checksum": WHOLE[:-8] + b"xxxx" + WHOLE[-4:],
    "wrong length": WHOLE[:-4] + b"xxxx",
    "voxels missing": gzip.compress(_file(_header())[:-2]),
    "bytes behind the voxels": gzip.compress(_file(_header()) + b"x"),
    "bytes behind the end": WHOLE + b"x",
    "a header that promises too much": gzip.compress(
        _file(_header(dim=[3, 32767, 32767, 32767, 1, 1, 1, 1]))
    ),
    "header alone": gzip.compress(_header().binaryblock),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_what_is_not_whole_is_refused(tmp_path, content):
    path = tmp_path / "a.nii.gz"
    path.write_bytes(WHOLE)
    assert np.array_equal(read_image_file(path, HU).array, VOXELS.T)
    path.write_bytes(content)
    with pytest.raises(ImageFileError) as caught:
        read_image_file(path, HU)
    assert caught.value.code in {"IMAGE-FILE-UNREADABLE", "IMAGE-FILE-TOO-LARGE"}


@pytest.mark.parametrize("spoil", [lambda whole: whole[:-1], lambda whole: whole + b"x"])
def test_a_plain_file_of_another_length_is_refused(tmp_path, spoil):
    path = tmp_path / "a.nii"
    path.write_bytes(spoil(_file(_header())))
    with pytest.raises(ImageFileError):
        read_image_file(path, HU)


def test_several_members_are_one_stream(tmp_path):
    path = tmp_path / "a.nii.gz"
    whole = _file(_header())
    path.write_bytes(b"".join(map(gzip.compress, (b"", whole[:200], whole[200:400], whole[400:]))))
    assert np.array_equal(read_image_file(path, HU).array, VOXELS.T)
    path.write_bytes(path.read_bytes() + bytes(512))  # the rest of a block of a tape
    assert np.array_equal(read_image_file(path, HU).array, VOXELS.T)


def test_runs_of_zeros_come_in_many_pieces(tmp_path):
    # A kilobyte of deflated zeros is a megabyte: more than is taken at once.
    voxels = np.zeros((300, 200, 100), dtype=np.int16)
    voxels[150, 100, 50] = 7
    path = tmp_path / "a.nii.gz"
    path.write_bytes(gzip.compress(_file(_header(dim=[3, *voxels.shape, 1, 1, 1, 1]), voxels)))
    assert np.array_equal(read_image_file(path, HU).array, voxels.T)
