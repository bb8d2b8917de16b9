"""Files are read once, from regular files only, or taken from bytes in memory."""

import builtins
import gzip
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from biomarker_cli.imaging.detached import DataFiles
from biomarker_cli.imaging.files import files_of_image, read_image_file, write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.inflating import gathered, inflated
from biomarker_cli.imaging.voxels import Voxels, require_size
from biomarker_cli.model.errors import CaseError
from biomarker_cli.model.inputs import read_beginning
from biomarker_cli.model.quantity import HU
from biomarker_cli.regions.opening import files_of_segmentation, open_segmentation

GRID = Geometry((3, 4, 5), (1.0, 2.0, 3.5), (-10.0, 20.0, 5.0))
LABELS = (np.arange(60) % 4).astype(np.uint8).reshape(GRID.shape)
SUFFIXES = [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"]


def write(path):
    if ".nii" in path.name:
        write_nifti(LABELS, GRID, path)
        return path
    image = sitk.GetImageFromArray(LABELS)
    image.SetSpacing(GRID.spacing_mm)
    image.SetOrigin(GRID.origin_mm)
    if ".seg." in path.name:
        for n in (1, 2, 3):
            image.SetMetaData(f"Segment{n}_Name", f"part {n}")
            image.SetMetaData(f"Segment{n}_LabelValue", str(n))
            image.SetMetaData(f"Segment{n}_Layer", "0")
    sitk.WriteImage(image, str(path), True)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_an_image_comes_from_memory_when_its_bytes_are_there(tmp_path, suffix, kind):
    path = write(tmp_path / f"a{suffix}")
    contents = {file: kind(file.read_bytes()) for file in files_of_image(path)}
    for file in contents:
        file.write_bytes(b"something else by now")
    volume = read_image_file(path, HU, contents)
    assert np.array_equal(volume.array, LABELS)
    assert volume.geometry.same_grid(GRID)
    assert volume.array.flags.writeable
    assert files_of_image(path, contents) == list(contents)


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".seg.nrrd"])
def test_a_mask_comes_from_memory_when_its_bytes_are_there(tmp_path, suffix):
    path = write(tmp_path / f"a{suffix}")
    if suffix != ".seg.nrrd":
        (tmp_path / "a.labels.csv").write_text("value,name\n1,part 1\n2,part 2\n3,part 3\n")
    contents = {file: file.read_bytes() for file in files_of_segmentation(path)}
    for file in contents:
        file.unlink()
    segmentation = open_segmentation(path, contents)
    assert [entry.label for entry in segmentation.entries] == ["part 1", "part 2", "part 3"]
    assert np.array_equal(segmentation.layers[0], LABELS)


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".seg.nrrd"])
def test_each_file_is_opened_once(tmp_path, suffix, monkeypatch):
    path = write(tmp_path / f"a{suffix}")
    files = files_of_segmentation(path)
    opened = []
    real = os.open
    monkeypatch.setattr(
        os, "open", lambda p, *a, **k: (opened.append(Path(p)), real(p, *a, **k))[1]
    )
    plain = builtins.open

    def watched(file, *arguments, **options):
        if not options.get("opener"):
            opened.append(Path(file))
        return plain(file, *arguments, **options)

    monkeypatch.setattr(builtins, "open", watched)
    open_segmentation(path)
    assert sorted(p for p in opened if p.parent == tmp_path) == sorted(files)


def not_a_file(kind, path):
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_no_regular_file_is_refused(tmp_path, kind, suffix):
    path = tmp_path / f"a{suffix}"
    not_a_file(kind, path)
    with pytest.raises(CaseError) as caught:
        read_image_file(path, HU)
    assert caught.value.code == "FILE-NOT-REGULAR"
    with pytest.raises(CaseError) as caught:
        read_beginning(path, 352)
    assert caught.value.code == "FILE-NOT-REGULAR"


def test_a_file_of_20_gigabytes_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "a.nii"
    with path.open("wb") as file:
        file.truncate(20 * 1024**3)  # takes no room
    with pytest.raises(CaseError) as caught:
        read_image_file(path, HU)
    assert caught.value.code == "FILE-TOO-LARGE"


def test_a_stream_is_left_where_its_promise_ends():
    taken = []

    def pieces():
        for piece in inflated(memoryview(gzip.compress(bytes(50_000_000))), "gzip"):
            taken.append(len(piece))
            yield piece

    with pytest.raises(ValueError, match="found more"):
        gathered(pieces(), 3_000_000)
    assert sum(taken) < 5_000_000


def test_empty_members_by_the_thousand_take_no_time():
    packed = gzip.compress(b"") * 20_000 + gzip.compress(b"end")
    assert gathered(inflated(memoryview(packed), "gzip"), 3).tobytes() == b"end"


@pytest.mark.parametrize("damage", ["checksum", "length"])
@pytest.mark.parametrize("encoding", ["gzip", "zlib"])
def test_checksums_must_hold(encoding, damage):
    packed = bytearray((gzip if encoding == "gzip" else zlib).compress(LABELS.tobytes()))
    packed[-8 if encoding == "gzip" and damage == "checksum" else -1] ^= 1
    with pytest.raises(Exception, match="checksum"):
        gathered(inflated(memoryview(packed), encoding), LABELS.nbytes)


@pytest.mark.parametrize(("n_planes", "is_refused"), [(1024, False), (1025, True)])
def test_voxels_of_4_gigabytes_are_the_most(n_planes, is_refused):
    voxels = Voxels(np.dtype("<i2"), (n_planes, 1024, 2048), "raw", 0, DataFiles())
    if not is_refused:
        require_size(voxels, Path("a.nrrd"))
        return
    with pytest.raises(CaseError) as caught:
        require_size(voxels, Path("a.nrrd"))
    assert caught.value.code == "IMAGE-FILE-TOO-LARGE"


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_the_files_of_an_image_are_told_by_its_beginning(tmp_path, suffix):
    path = write(tmp_path / f"a{suffix}")
    with path.open("ab") as file:
        file.truncate(3 * 1024**3)
    assert files_of_image(path) == [path]
