"""MetaImage: as SimpleITK reads it where that reads it right, or refused by name."""

import gzip
import zlib

import numpy as np
import pytest
import SimpleITK as sitk
from synthetic_image_files import VOXELS, read_as_itk, refusal, write_meta

from biomarker_cli.imaging.files import read_image_file
from biomarker_cli.model.quantity import HU

PACKED = zlib.compress(VOXELS.tobytes())


AS_ITK = {
    "plain": {},
    "line ends of DOS": {"line_end": "\r\n"},
    "no blanks": {"separator": "="},
    "colons": {"separator": ": "},
    "local": {"named": "Local"},
    "big-endian": {"BinaryDataByteOrderMSB": "True", "voxels": VOXELS.astype(">i2").tobytes()},
    "order by its other name": {"BinaryDataByteOrderMSB": None, "ElementByteOrderMSB": "False"},
    "place by its other names": {"Offset": None, "Position": "1 2 3"},
    "zlib": {"CompressedData": "True", "CompressedDataSize": len(PACKED), "voxels": PACKED},
    "orientation of letters": {"AnatomicalOrientation": "RAI", "CenterOfRotation": "0 0 0"},
    "mm": {"DistanceUnits": "mm"},
    "long": {"ElementType": "MET_LONG", "voxels": VOXELS.astype("<i4").tobytes()},
    "double": {"ElementType": "MET_DOUBLE", "voxels": VOXELS.astype("<f8").tobytes()},
}


@pytest.mark.parametrize("how", AS_ITK.values(), ids=AS_ITK)
def test_what_is_read_is_what_simpleitk_reads(tmp_path, how):
    volume = read_as_itk(write_meta(tmp_path / "a.mha", **how))
    assert np.array_equal(volume.array, VOXELS)


def test_what_programs_keep_in_the_header_is_passed_over(tmp_path):
    image = sitk.GetImageFromArray(VOXELS)
    kept = {"0008|0005": "ISO_IR 100", "0008|103e": "x = y: z", "note": "one\ntwo", "a b": "c"}
    for key, value in (kept | {"position": "HFS", "Größe": "ü", "x:y": "1"}).items():
        image.SetMetaData(key, value)
    for name in ("a.mha", "a.mhd", "a.nrrd", "a.nhdr"):
        sitk.WriteImage(image, str(tmp_path / name), True)
        assert np.array_equal(read_image_file(tmp_path / name, HU).array, VOXELS)


READ = {
    # SimpleITK gives zeros for these.
    "zlib without its size": {"CompressedData": "True", "voxels": PACKED},
    "gzip": {"CompressedData": "True", "voxels": gzip.compress(VOXELS.tobytes())},
    "text": {"BinaryData": "False", "voxels": " ".join(map(str, VOXELS.ravel())).encode()},
}


@pytest.mark.parametrize("how", READ.values(), ids=READ)
def test_what_the_format_allows_is_read(tmp_path, how):
    path = write_meta(tmp_path / "a.mha", **how)
    assert np.array_equal(read_image_file(path, HU).array, VOXELS)


GEOMETRY = {
    "no spacing": {"ElementSpacing": None},
    "no offset": {"Offset": None},
    "no matrix": {"TransformMatrix": None},
    "matrix in other capitals": {"TransformMatrix": None, "transformMatrix": "1 0 0 0 1 0 0 0 1"},
    "cm": {"DistanceUnits": "cm"},
    "um": {"DistanceUnits": "um"},
    "axes of two": {"TransformMatrix": "2 0 0 0 2 0 0 0 2"},
    "axes of nothing": {"TransformMatrix": "0 0 0 0 0 0 0 0 0"},
    "sheared": {"TransformMatrix": "1 0 0 0.6 0.8 0 0 0 1"},
    "two numbers": {"Offset": "1 2"},
    "no number": {"Offset": "1 2 nan"},
    "a word": {"ElementSpacing": "1 2 three"},
    "negative": {"ElementSpacing": "1 2 -3"},
    "endless": {"ElementSpacing": "1 2 1e300"},
}


@pytest.mark.parametrize("how", GEOMETRY.values(), ids=GEOMETRY)
def test_a_place_that_is_not_told_is_refused(tmp_path, how):
    assert refusal(write_meta(tmp_path / "a.mha", **how)) == "IMAGE-FILE-GEOMETRY"


UNREADABLE = {
    "no byte order": {"BinaryDataByteOrderMSB": None},
    "two byte orders": {"ElementByteOrderMSB": "True"},
    "two places": {"Position": "9 9 9"},
    "field in other capitals": {"compressedData": "False"},
    "no image": {"ObjectType": "Tube"},
    "sizes of two": {"DimSize": "5 12"},
    "sizes of signs": {"DimSize": "5 4 -3"},
    "voxels missing": {"voxels": VOXELS.tobytes()[:-1]},
    "bytes behind": {"voxels": VOXELS.tobytes() + b"x"},
    "zlib cut": {"CompressedData": "True", "voxels": PACKED[:-3]},
    "zlib of another size": {"CompressedData": "True", "CompressedDataSize": 20, "voxels": PACKED},
    "zlib with a rest": {"CompressedData": "True", "voxels": PACKED + b"x"},
    "zlib damaged": {"CompressedData": "True", "voxels": PACKED[:-1] + b"x"},
    "neither true nor false": {"CompressedData": "maybe"},
    "packed text": {"CompressedData": "True", "BinaryData": "False"},
    "header size in one file": {"HeaderSize": "10"},
}


@pytest.mark.parametrize("how", UNREADABLE.values(), ids=UNREADABLE)
def test_a_header_or_voxels_that_are_not_whole_are_refused(tmp_path, how):
    assert refusal(write_meta(tmp_path / "a.mha", **how)) == "IMAGE-FILE-UNREADABLE"


def test_a_field_given_twice_is_refused(tmp_path):
    path = write_meta(tmp_path / "a.mha")
    path.write_bytes(b"ElementSpacing = 9 9 9\n" + path.read_bytes())
    assert refusal(path) == "IMAGE-FILE-UNREADABLE"


@pytest.mark.parametrize(
    "how",
    [
        {"ElementNumberOfChannels": "3"},
        {"ElementType": "MET_SHORT_ARRAY"},
        {"NDims": "4", "DimSize": "5 4 3 1"},
        {"DimSize": "5 4 0"},
    ],
)
def test_what_is_no_volume_is_refused(tmp_path, how):
    assert refusal(write_meta(tmp_path / "a.mha", **how)) == "IMAGE-FILE-SHAPE"


@pytest.mark.parametrize(
    ("name", "value", "is_refused"),
    [
        ("Slope", "2", True),
        ("Offset", "-1000", True),
        ("Slope", "1", False),
        ("Offset", "0", False),
    ],
)
def test_a_scale_that_readers_pass_over_is_refused(tmp_path, name, value, is_refused):
    path = write_meta(tmp_path / "a.mha", **{f"ElementToIntensityFunction{name}": value})
    if is_refused:
        assert refusal(path) == "IMAGE-FILE-SCALED"
    else:
        assert np.array_equal(read_image_file(path, HU).array, VOXELS)


@pytest.mark.parametrize("packed", ["True", "False"])
def test_sizes_of_20_gigabytes_are_refused(tmp_path, packed):
    path = write_meta(tmp_path / "a.mha", DimSize="4096 4096 600", CompressedData=packed)
    assert refusal(path) == "IMAGE-FILE-TOO-LARGE"
    path = write_meta(
        tmp_path / "a.mha", DimSize="512 512 512", CompressedData=packed, voxels=PACKED
    )
    assert refusal(path) == "IMAGE-FILE-UNREADABLE"
