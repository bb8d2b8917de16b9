"""Voxels in files beside their header: inputs like any other, or refused by name."""

import gzip
import os
import zlib

import numpy as np
import pytest
from synthetic_image_files import VOXELS, write_meta, write_nrrd

from biomarker_cli.imaging.files import files_of_image, read_image_file
from biomarker_cli.model.errors import CaseError
from biomarker_cli.model.quantity import HU
from biomarker_cli.regions.opening import files_of_segmentation

NAMES = ("s 1.raw", "s 2.raw", "s 3.raw")


def write(folder, name, said, key="data file", listed=(), **change):
    """Write a header without voxels that names the files of its voxels."""
    rest = "".join(f"{line}\n" for line in listed)
    if name.endswith((".nrrd", ".nhdr")):
        extra = f"{key}: {said}\n"
        write_nrrd(folder / name, b"", extra=extra, **change)
        if listed:  # the list ends the header
            path = folder / name
            path.write_bytes(path.read_bytes().rstrip(b"\n") + b"\n" + rest.encode())
        return folder / name
    return write_meta(folder / name, rest.encode(), named=said, **change)


def put_slices(folder, pack=bytes):
    for name, voxels in zip(NAMES, VOXELS, strict=True):
        (folder / name).write_bytes(pack(voxels.tobytes()))


def refusal(path):
    """Both refuse alike: the digest of the inputs, and the reading."""
    codes = []
    for read in (files_of_image, lambda p: read_image_file(p, HU)):
        with pytest.raises(CaseError) as caught:
            read(path)
        codes.append(caught.value.code)
    assert codes[0] == codes[1]
    return codes[0]


HEADERS = ["a.nrrd", "a.nhdr", "a.mha", "a.mhd"]


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("below", ["", "deeper/still "])
def test_one_file_is_an_input(tmp_path, name, below):
    (tmp_path / below).mkdir(parents=True, exist_ok=True)
    raw = tmp_path / below / "a.raw"
    raw.write_bytes(VOXELS.tobytes())
    path = write(tmp_path, name, f"{below}{'/' if below else ''}a.raw")
    assert files_of_image(path) == files_of_segmentation(path) == [path, raw]
    assert np.array_equal(read_image_file(path, HU).array, VOXELS)


@pytest.mark.parametrize("key", ["datafile", "Data File", "DATAFILE", "DATA FILE"])
def test_nrrd_keys_are_read_in_any_spelling(tmp_path, key):
    (tmp_path / "a.raw").write_bytes(VOXELS.tobytes())
    path = write(tmp_path, "a.nhdr", "a.raw", key=key)
    assert files_of_image(path) == [path, tmp_path / "a.raw"]


PATTERNS = {"s %d.raw 1 3 1": NAMES, "s %01d.raw 3 1 -1": NAMES[::-1]}


@pytest.mark.parametrize("said", PATTERNS)
@pytest.mark.parametrize("name", HEADERS)
def test_a_pattern_names_its_files_in_order(tmp_path, name, said):
    put_slices(tmp_path)
    (tmp_path / "s 4.raw").write_bytes(b"another")
    path = write(tmp_path, name, said)
    assert files_of_image(path) == [path, *(tmp_path / n for n in PATTERNS[said])]
    turned = VOXELS if PATTERNS[said] == NAMES else VOXELS[::-1]
    assert np.array_equal(read_image_file(path, HU).array, turned)


@pytest.mark.parametrize("said", ["LIST", "List", "LIST 2"])
@pytest.mark.parametrize("name", HEADERS)
def test_a_list_names_its_files_in_order(tmp_path, name, said):
    put_slices(tmp_path)
    path = write(tmp_path, name, said, listed=[NAMES[2], NAMES[0], NAMES[1]])
    assert files_of_image(path) == [path, *(tmp_path / NAMES[n] for n in (2, 0, 1))]
    assert np.array_equal(read_image_file(path, HU).array, VOXELS[[2, 0, 1]])


@pytest.mark.parametrize("name", HEADERS)
def test_a_list_of_one_file_with_all_axes(tmp_path, name):
    (tmp_path / "a.raw").write_bytes(VOXELS.tobytes())
    path = write(tmp_path, name, "LIST 3", listed=["a.raw"])
    assert np.array_equal(read_image_file(path, HU).array, VOXELS)


@pytest.mark.parametrize("name", HEADERS)
def test_each_file_is_compressed_by_itself(tmp_path, name):
    is_nrrd = name[2] == "n"
    put_slices(tmp_path, gzip.compress if is_nrrd else zlib.compress)
    packed = {"encoding": "gzip"} if is_nrrd else {"CompressedData": "True"}
    path = write(tmp_path, name, "LIST", listed=NAMES, **packed)
    assert np.array_equal(read_image_file(path, HU).array, VOXELS)


@pytest.mark.parametrize("skip", ["3", "-1"])
def test_what_stands_before_voxels_is_skipped(tmp_path, skip):
    (tmp_path / "a.raw").write_bytes(b"xyz" + VOXELS.tobytes())
    for path in (
        write(tmp_path, "a.nhdr", "a.raw", byte_skip=skip),
        write(tmp_path, "a.mhd", "a.raw", HeaderSize=skip),
    ):
        assert np.array_equal(read_image_file(path, HU).array, VOXELS)


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize(
    ("said", "listed"),
    [
        ("LIST", NAMES[:2]),
        ("LIST", (*NAMES, "s 4.raw")),
        ("LIST", ()),
        ("LIST", (NAMES[0], NAMES[0], NAMES[1])),
        ("LIST", (NAMES[0], NAMES[1], "absent.raw")),
        ("LIST 3", NAMES[:2]),
        ("LIST 1", NAMES),
        ("LIST 9", NAMES),
        ("s %d.raw 1 4 1", ()),
        ("s %d.raw 1 5 1", ()),
        ("s %d.raw 1 2 1", ()),
        ("s %d.raw 1 999999999 1", ()),
        ("s %d.raw 1 3 0", ()),
        ("s %d.raw 3 1 1", ()),
        ("s %d.raw", ()),
        ("s %s.raw 1 3 1", ()),
        ("s %d%d.raw 1 3 1", ()),
        ("s %999d.raw 1 3 1", ()),
        ("absent.raw", ()),
        ("ABSOLUTE", ()),
        ("../a.raw", ()),
        ("below/../../a.raw", ()),
        ("leads out.raw", ()),
        ("linked/a.raw", ()),
        ("nowhere.raw", ()),
        ("x" * 5000, ()),
        ("s %d" + " " * 50_000 + "x", ()),
        ("a\0b.raw", ()),
        ("HEADER", ()),
    ],
)
def test_what_cannot_be_taken_is_refused(tmp_path, name, said, listed):
    outside, folder = tmp_path / "outside", tmp_path / "study"
    for made in (outside, folder, folder / "below"):
        made.mkdir()
    put_slices(folder)
    (folder / "s 4.raw").write_bytes(VOXELS[0].tobytes())
    for place in (tmp_path / "a.raw", outside / "a.raw"):
        place.write_bytes(VOXELS.tobytes())
    (folder / "leads out.raw").symlink_to(outside / "a.raw")
    (folder / "linked").symlink_to(outside)
    (folder / "nowhere.raw").symlink_to(folder / "absent.raw")
    said = {"ABSOLUTE": str(folder / NAMES[0]), "HEADER": name}.get(said, said)
    path = write(folder, name, said, listed=listed)
    with pytest.raises(CaseError) as caught:
        read_image_file(path, HU)
    assert caught.value.code == "IMAGE-FILE-DETACHED"
    assert caught.value.where == name


@pytest.mark.parametrize("name", HEADERS)
def test_names_that_lead_out_are_no_input_either(tmp_path, name):
    (tmp_path / "study").mkdir()
    (tmp_path / "a.raw").write_bytes(VOXELS.tobytes())
    path = write(tmp_path / "study", name, "../a.raw")
    assert refusal(path) == "IMAGE-FILE-DETACHED"


def test_a_link_within_the_folder_is_followed(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "x").write_bytes(VOXELS.tobytes())
    (tmp_path / "a.raw").symlink_to(tmp_path / "store" / "x")
    path = write(tmp_path, "a.nhdr", "a.raw")
    assert np.array_equal(read_image_file(path, HU).array, VOXELS)


def test_a_folder_that_is_a_link_is_the_folder_of_its_header(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.raw").write_bytes(VOXELS.tobytes())
    write(tmp_path / "real", "a.nhdr", "a.raw")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert np.array_equal(read_image_file(tmp_path / "link" / "a.nhdr", HU).array, VOXELS)


@pytest.mark.parametrize("name", HEADERS)
def test_a_pipe_of_voxels_is_refused(tmp_path, name):
    os.mkfifo(tmp_path / "a.raw")
    assert refusal(write(tmp_path, name, "a.raw")) == "FILE-NOT-REGULAR"


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("size", [0, 119, 121])
def test_a_file_of_another_size_is_refused(tmp_path, name, size):
    (tmp_path / "a.raw").write_bytes((VOXELS.tobytes() + b"x")[:size])
    with pytest.raises(CaseError) as caught:
        read_image_file(write(tmp_path, name, "a.raw"), HU)
    assert caught.value.code == "IMAGE-FILE-UNREADABLE"
    assert caught.value.where == "a.raw"


def test_files_of_20_gigabytes_are_refused_before_they_are_read(tmp_path):
    for name in NAMES:
        with (tmp_path / name).open("wb") as file:
            file.truncate(2 * 1024**3)  # takes no room
    assert refusal(write(tmp_path, "a.nhdr", "LIST", listed=NAMES)) == "IMAGE-FILE-TOO-LARGE"
