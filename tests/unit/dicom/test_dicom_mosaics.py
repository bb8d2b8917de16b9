"""Mosaics: one picture of tiles becomes slices at their true positions."""

import struct

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from synthetic_series import AXIAL, slice_dataset, write

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.reading import read_frames, read_volume
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.mosaics import read_tiles, siemens_csa

UIH = "Image Private Header"


def _uih_grid(slices=5, rows=4, columns=6) -> Dataset:
    """Return 5 slices on a grid of 2 x 3 tiles, each filled with its number."""
    picture = np.zeros((2 * rows, 3 * columns), dtype=np.int16)
    for k in range(slices):
        top, left = (k // 3) * rows, (k % 3) * columns
        picture[top : top + rows, left : left + columns] = k + 1
    dataset = slice_dataset((0, 0, 0), picture)
    dataset.Modality = "MR"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "VFRAME"]
    del dataset.ImagePositionPatient
    del dataset.RescaleIntercept
    del dataset.RescaleSlope
    items = []
    for k in range(slices):
        item = Dataset()
        item.ImagePositionPatient = [-10.0, -20.0, 4.0 * k]
        items.append(item)
    block = dataset.private_block(0x0065, UIH, create=True)
    block.add_new(0x51, "SQ", Sequence(items))
    return dataset


def test_uih_tiles_become_slices(tmp_path):
    write(_uih_grid(), tmp_path / "grid.dcm")
    (candidate,) = scan([tmp_path]).volumes
    volume = read_volume(candidate)
    assert volume.geometry.shape == (5, 4, 6)
    assert volume.geometry.spacing_mm == (1.0, 2.0, 4.0)
    assert volume.geometry.origin_mm == (-10.0, -20.0, 0.0)
    assert (volume.array == np.arange(1, 6)[:, None, None]).all()


def test_a_frame_header_of_a_tile_speaks_of_the_slice(tmp_path):
    write(_uih_grid(), tmp_path / "grid.dcm")
    (candidate,) = scan([tmp_path]).volumes
    frames = read_frames(candidate)
    assert [f.get("ImagePositionPatient")[2] for f in frames] == [0, 4, 8, 12, 16]
    assert (frames.first.get("Rows"), frames.first.get("Columns")) == (4, 6)
    assert frames.first.dataset.Rows == 8


def test_an_element_that_is_empty_for_a_tile_stands_above_it(tmp_path):
    dataset = _uih_grid()
    dataset.EchoTime = 80
    for item in dataset[0x0065, 0x1051].value:
        item.ModalityLUTSequence = Sequence()
        item.EchoTime = None
    write(dataset, tmp_path / "grid.dcm")
    (candidate,) = scan([tmp_path]).volumes
    assert read_frames(candidate).first.get("EchoTime") == 80
    assert (read_volume(candidate).array == np.arange(1, 6)[:, None, None]).all()


def test_items_of_a_tile_where_a_value_should_be_are_named(tmp_path):
    dataset = _uih_grid()
    for item in dataset[0x0065, 0x1051].value:
        item.add_new(0x00180081, "SQ", Sequence([Dataset()]))
    write(dataset, tmp_path / "grid.dcm")
    (candidate,) = scan([tmp_path]).candidates
    assert candidate.error_code == "FILE-ELEMENT"
    assert "EchoTime" in candidate.error_message


def test_a_tile_without_a_position_is_refused(tmp_path):
    dataset = _uih_grid()
    del dataset[0x0065, 0x1051].value[2].ImagePositionPatient
    with pytest.raises(HeaderError) as caught:
        read_tiles(dataset)
    assert caught.value.code == "MOSAIC-INCOMPLETE"
    write(dataset, tmp_path / "grid.dcm")
    (candidate,) = scan([tmp_path]).volumes
    assert (candidate.status, candidate.error_code) == ("refused", "MOSAIC-INCOMPLETE")
    assert len(read_frames(candidate)) == 1


def test_a_siemens_mosaic_without_its_csa_header_is_refused():
    dataset = slice_dataset((0, 0, 0), np.zeros((6, 6), dtype=np.int16))
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]
    dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", 4)
    with pytest.raises(HeaderError, match="SliceNormalVector"):
        read_tiles(dataset)


def test_an_ordinary_image_has_no_tiles():
    assert read_tiles(slice_dataset((0, 0, 0), np.zeros((6, 6)))) == ()


@pytest.mark.data
def test_siemens_skyra_mosaic_lies_around_the_isocentre(data_dir):
    # 216 x 216 pixels of 3 mm at -324 mm: the slices are 72 x 72 from -108 mm.
    candidates = scan([data_dir / "headers" / "mr_siemens_skyra_mosaic"]).volumes
    assert [c.status for c in candidates] == ["ok", "ok"]
    for candidate in candidates:
        assert candidate.geometry.shape == (5, 72, 72)
        assert candidate.geometry.origin_mm == (-108.0, -108.0, 16.0)
        assert candidate.geometry.spacing_mm == (3.0, 3.0, 12.0)
        assert candidate.geometry.direction == (1, 0, 0, 0, 1, 0, 0, 0, 1)


@pytest.mark.data
def test_uih_grid_lies_where_its_tiles_say(data_dir):
    candidates = scan([data_dir / "dwi" / "uih_r002_grid"]).volumes
    assert len(candidates) == 17
    for candidate in candidates:
        assert candidate.geometry.shape == (20, 64, 64)
        assert candidate.status == "ok"
        tiles = read_frames(candidate).first.dataset[0x0065, 0x1051].value
        expected = [list(item.ImagePositionPatient) for item in tiles]
        grid = [candidate.geometry.index_to_physical([0, 0, k]).tolist() for k in range(20)]
        assert np.allclose(grid, expected, atol=1e-3)
    centre = candidates[0].geometry.index_to_physical([32, 32, 0])
    item = read_frames(candidates[0]).first.dataset[0x0065, 0x1051].value[0]
    assert np.allclose(centre, item[0x0065, 0x1015].value, atol=1e-3)


def test_axial_tiles_follow_the_orientation_of_the_picture():
    dataset = _uih_grid()
    assert tuple(dataset.ImageOrientationPatient) == AXIAL
    assert [t.top for t in read_tiles(dataset)] == [0, 0, 0, 4, 4]
    assert [t.left for t in read_tiles(dataset)] == [0, 6, 12, 0, 6]


@pytest.mark.parametrize("n_bytes", [3, 12, 16, 60, 100, 111])
def test_a_csa_header_that_ends_early_is_named(n_bytes):
    head = b"SV10" + bytes(4) + struct.pack("<II", 1, 77)
    tag = struct.pack("<64si4siii", b"SliceNormalVector", 1, b"FD", 0, 1, 77)
    whole = head + tag + struct.pack("<iiii", 2, 2, 77, 2) + b"1\0\0\0"
    dataset = Dataset()
    block = dataset.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", whole)
    assert siemens_csa(dataset) == {"SliceNormalVector": [1.0]}
    block[0x10].value = whole[:n_bytes]
    with pytest.raises(HeaderError) as caught:
        siemens_csa(dataset)
    assert caught.value.code == "MOSAIC-INCOMPLETE"
