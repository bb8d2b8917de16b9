"""NRRD: voxel by voxel and place by place as SimpleITK reads it, or refused by name."""

import bz2
import gzip

import numpy as np
import pytest
import SimpleITK as sitk
from synthetic_image_files import VOXELS, read_as_itk, refusal, write_nrrd

from biomarker_cli.imaging.files import read_image_file
from biomarker_cli.model.quantity import HU

AS_ITK = {
    "plain": {},
    "line ends of DOS": {"line_end": "\r\n"},
    "space by its letters": {"space": "LPS"},
    "RAS": {"space": "right-anterior-superior"},
    "RAS in letters": {"space": "ras"},
    "LAS": {"space": "left-anterior-superior"},
    "oblique": {"space_directions": "(0.8,0.6,0) (-1.2,1.6,0) ( 0, 0, -3 )"},
    "kinds": {"kinds": "domain domain domain"},
    "kinds of space": {"kinds": "space space space"},
    "unsigned": {"type": "unsigned short"},
    "type in capitals": {"type": "Signed Short Int"},
    "comment and pair": {"extra": "# made by hand\nMade By:=somebody: else\n"},
    "fields in capitals": {"encoding": None, "extra": "ENCODING: RAW\nLineSkip: 0\n"},
    "units of mm": {"space_units": '"mm" "mm" "mm"'},
    "no units": {"space_units": '"" "" ""'},
    "lines before": {"line_skip": "2", "voxels": b"a\nb\n" + VOXELS.tobytes()},
    "bytes before": {"byte_skip": "3", "voxels": b"xyz" + VOXELS.tobytes()},
    "at the end": {"byte_skip": "-1", "voxels": b"xyz" + VOXELS.tobytes()},
    "big-endian": {"endian": "BIG", "voxels": VOXELS.astype(">i2").tobytes()},
    "gz": {"encoding": "gz", "voxels": gzip.compress(VOXELS.tobytes())},
    "gzip behind a line": {
        "encoding": "GZIP",
        "line_skip": "1",
        "byte_skip": "3",
        "voxels": b"a\n" + gzip.compress(b"xyz" + VOXELS.tobytes()),
    },
    "two members": {
        "encoding": "gzip",
        "voxels": gzip.compress(VOXELS.tobytes()[:50]) + gzip.compress(VOXELS.tobytes()[50:]),
    },
    "hex": {"encoding": "hex", "voxels": VOXELS.tobytes().hex("\n", 20).encode()},
    "text": {"encoding": "ascii", "voxels": " ".join(map(str, VOXELS.ravel())).encode()},
    "text of floats": {
        "encoding": "txt",
        "type": "float",
        "endian": None,
        "voxels": "\n".join(map(str, VOXELS.ravel() / 8)).encode(),
    },
    "bytes without an order": {
        "type": "uint8",
        "endian": None,
        "voxels": VOXELS.astype("u1").tobytes(),
    },
    "a layer of one": {
        "dimension": "4",
        "sizes": "1 5 4 3",
        "space_directions": "none (1,0,0) (0,2,0) (0,0,3)",
        "kinds": "list domain domain domain",
    },
    "a layer of one at the end": {
        "dimension": "4",
        "sizes": "5 4 3 1",
        "space_directions": "(1,0,0) (0,2,0) (0,0,3) none",
        "kinds": "domain domain domain list",
    },
}


@pytest.mark.parametrize("how", AS_ITK.values(), ids=AS_ITK)
def test_what_is_read_is_what_simpleitk_reads(tmp_path, how):
    read_as_itk(write_nrrd(tmp_path / "a.nrrd", **how))


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["a.nrrd", "a.nhdr", "a.mha", "a.mhd"])
def test_what_simpleitk_writes_is_read_as_it_reads_it(tmp_path, kind, packed, name):
    rng = np.random.default_rng(3)
    image = sitk.GetImageFromArray(rng.integers(0, 100, (3, 4, 5)).astype(kind))
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    image.SetDirection(axes.ravel().tolist())
    image.SetSpacing(rng.uniform(0.1, 5, 3))
    image.SetOrigin(rng.normal(0, 300, 3))
    sitk.WriteImage(image, str(tmp_path / name), packed)
    read_as_itk(tmp_path / name)


def test_bzip2_is_read(tmp_path):
    path = write_nrrd(tmp_path / "a.nrrd", bz2.compress(VOXELS.tobytes()), encoding="bzip2")
    assert np.array_equal(read_image_file(path, HU).array, VOXELS)


def test_units_without_quotes_are_read(tmp_path):
    path = write_nrrd(tmp_path / "a.nrrd", space_units="mm mm mm")
    assert np.array_equal(read_image_file(path, HU).array, VOXELS)


GEOMETRY = {
    "3D-right-handed": {"space": "3D-right-handed"},
    "3D-left-handed": {"space": "3D-left-handed"},
    "scanner-xyz": {"space": "scanner-xyz"},
    "letters of it": {"space": "3DRH"},
    "with time": {"space": "left-posterior-superior-time"},
    "RAI": {"space": "right-anterior-inferior"},
    "no space": {"space": None},
    "space dimension instead": {"space": None, "space_dimension": "3"},
    "space dimension beside": {"space_dimension": "3"},
    "space dimension of two": {"space_dimension": "2"},
    "no origin": {"space_origin": None},
    "no directions": {"space_directions": None, "spacings": "1 2 3"},
    "spacings beside": {"spacings": "1 2 3"},
    "units beside": {"units": '"mm" "mm" "mm"'},
    "cm": {"space_units": '"cm" "cm" "cm"'},
    "cm without quotes": {"space_units": "mm mm cm"},
    "one of m": {"space_units": '"mm" "mm" "m"'},
    "two directions": {"space_directions": "(1,0,0) (0,2,0)"},
    "no number": {"space_directions": "(1,0,0) (0,2,0) (0,0,nan)"},
    "a word": {"space_directions": "(1,0,0) (0,2,0) (0,0,three)"},
    "width of zero": {"space_directions": "(1,0,0) (0,2,0) (0,0,0)"},
    "endless": {"space_origin": "(1e300,0,0)"},
    "sheared": {"space_directions": "(1,0,0) (0.1,2,0) (0,0,3)"},
}


@pytest.mark.parametrize("how", GEOMETRY.values(), ids=GEOMETRY)
def test_a_place_that_is_not_told_is_refused(tmp_path, how):
    assert refusal(write_nrrd(tmp_path / "a.nrrd", **how)) == "IMAGE-FILE-GEOMETRY"


UNREADABLE = {
    "no byte order": {"endian": None},
    "a type of no size": {"type": "long"},
    "a block": {"type": "block"},
    "another encoding": {"encoding": "zrl"},
    "one field twice": {"extra": "sizes: 5 4 3\n"},
    "an unknown field": {"extra": "space direction: (1,0,0)\n"},
    "a pair twice": {"extra": "name:=a\nname:=b\n"},
    "no dimension": {"dimension": None},
    "another dimension": {"dimension": "2"},
    "sizes of signs": {"sizes": "5 4 -3"},
    "kinds of two": {"kinds": "domain domain"},
    "voxels missing": {"voxels": VOXELS.tobytes()[:-1]},
    "bytes behind": {"voxels": VOXELS.tobytes() + b"x"},
    "no gzip": {"encoding": "gzip"},
    "gzip with a rest": {"encoding": "gzip", "voxels": gzip.compress(VOXELS.tobytes()) + b"xx"},
    "gzip cut": {"encoding": "gzip", "voxels": gzip.compress(VOXELS.tobytes())[:-3]},
    "numbers missing": {"encoding": "ascii", "voxels": b"1 2 3"},
    "numbers too large": {"encoding": "ascii", "voxels": b"99999 " * 60},
    "no numbers": {"encoding": "ascii", "voxels": b"one " * 60},
    "no hex": {"encoding": "hex", "voxels": b"xx" * 120},
    "bytes before the end": {"byte_skip": "-2"},
    "endless skip": {"encoding": "gzip", "byte_skip": "99999999999"},
    "more lines than there are": {"line_skip": "99999"},
}


@pytest.mark.parametrize("how", UNREADABLE.values(), ids=UNREADABLE)
def test_a_header_or_voxels_that_are_not_whole_are_refused(tmp_path, how):
    assert refusal(write_nrrd(tmp_path / "a.nrrd", **how)) == "IMAGE-FILE-UNREADABLE"


SHAPE = {
    "time": {"kinds": "domain domain time"},
    "four in space": {
        "dimension": "4",
        "sizes": "5 4 3 1",
        "space_directions": "(1,0,0) (0,2,0) (0,0,3) (0,0,1)",
    },
    "layers": {
        "dimension": "4",
        "sizes": "2 5 2 3",
        "space_directions": "none (1,0,0) (0,2,0) (0,0,3)",
    },
    "none in space": {"space_directions": "none (0,2,0) (0,0,3)"},
    "a plane": {"dimension": "2", "sizes": "5 12"},
    "no slice": {"sizes": "5 4 0"},
}


@pytest.mark.parametrize("how", SHAPE.values(), ids=SHAPE)
def test_what_is_no_volume_is_refused(tmp_path, how):
    assert refusal(write_nrrd(tmp_path / "a.nrrd", **how)) == "IMAGE-FILE-SHAPE"


def test_numbers_that_are_quantised_are_refused(tmp_path):
    path = write_nrrd(tmp_path / "a.nrrd", extra="old min: -1000\nold max: 3000\n")
    assert refusal(path) == "IMAGE-FILE-SCALED"


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "hex", "ascii"])
def test_sizes_of_20_gigabytes_are_refused(tmp_path, encoding):
    path = write_nrrd(tmp_path / "a.nrrd", sizes="4096 4096 600", encoding=encoding)
    assert refusal(path) == "IMAGE-FILE-TOO-LARGE"
    path = write_nrrd(
        tmp_path / "a.nrrd", sizes=" ".join(["999999999999999999"] * 3), encoding=encoding
    )
    assert refusal(path) == "IMAGE-FILE-TOO-LARGE"
