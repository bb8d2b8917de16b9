"""Kept masks and maps: what is read is what was written, to the last bit, or a named refusal."""

from __future__ import annotations

import json
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from biomarker_cli.imaging.errors import KeptFileError
from biomarker_cli.imaging.files import read_image_file
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.kept_maps import write_kept_map
from biomarker_cli.imaging.kept_masks import mask_bytes, mask_from_bytes
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import ADC

COSINES = (0.96, 0.28, 0.0, -0.28, 0.96, 0.0, 0.0, 0.0, 1.0)


def _region(mask, name="GTV"):
    grid = Geometry(mask.shape, (1 / 3, 0.7, 2.3), (-125.2, 1e-7, 44.3), COSINES)
    return Region(mask, grid, name, name)


BALL = np.zeros((6, 9, 11), dtype=bool)
BALL[1:5, 2:7, 3:10] = True
BALL[2, 3, 4] = False


@settings(max_examples=200)
@given(
    arrays(np.bool_, array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=9)),
    st.text(max_size=30),
    st.text(max_size=10),
)
def test_any_mask_is_read_as_it_was_written(mask, roi_id, image):
    region = _region(mask)
    kept = mask_from_bytes(mask_bytes(region, roi_id, image), "x.mask")
    np.testing.assert_array_equal(kept.region.mask, mask)
    assert kept.region.geometry == region.geometry
    assert (kept.region.name, kept.image) == (roi_id, image)


def test_a_mask_takes_a_bit_for_each_voxel_of_its_box_at_most():
    rng = np.random.default_rng(0)
    mask = np.zeros((40, 200, 200), dtype=bool)
    mask[10:20, 50:90, 60:100] = rng.random((10, 40, 40)) < 0.5
    head, _, packed = mask_bytes(_region(mask), "GTV", "ct").partition(b"\n")
    assert len(packed) < 10 * 40 * 40 / 8 * 1.01 + 20
    assert json.loads(head)["offset"] == [10, 50, 60]


def test_the_first_voxel_stands_in_the_highest_bit():
    mask = np.zeros((1, 1, 9), dtype=bool)
    mask[0, 0, [0, 8]] = True
    packed = mask_bytes(_region(mask), "GTV", "ct").partition(b"\n")[2]
    assert zlib.decompress(packed) == b"\x80\x80"


def _damaged(content: bytes) -> KeptFileError:
    with pytest.raises(KeptFileError) as caught:
        mask_from_bytes(content, "GTV.mask")
    assert caught.value.code == "KEPT-DAMAGED"
    assert caught.value.where == "GTV.mask"
    return caught.value


def test_a_mask_that_is_cut_anywhere_is_refused_by_name():
    content = mask_bytes(_region(BALL), "GTV", "ct")
    for end in range(len(content)):
        _damaged(content[:end])


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"{}\n", b"[]\n", b"null\n", b"\xff\xfe\n", b"[" * 60_000 + b"\n", b"a" * 10**6],
)
def test_what_is_no_mask_is_refused_by_name(content):
    _damaged(content)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "biomarker-mask/2"),
        ("roi_id", 3),
        ("image", None),
        ("shape", [6, 9]),
        ("shape", [6, 9, 9]),
        ("shape", [10**6, 10**6, 10**6]),
        ("shape", [6.0, 9, 11]),
        ("shape", [True, 9, 11]),
        ("spacing_mm", [1, 1, 0]),
        ("spacing_mm", [1, 1, -1]),
        ("spacing_mm", "abc"),
        ("origin_mm", [0, 0, 10**400]),
        ("origin_mm", [0, 0, "0"]),
        ("direction", [1, 0, 0]),
        ("offset", [-1, 2, 3]),
        ("offset", [3, 2, 3]),
        ("size", [4, 5, 8]),
        ("size", [0, 0, 0]),
        ("n_voxels", 138),
    ],
)
def test_a_mask_whose_first_line_says_something_else_is_refused(key, value):
    line, _, packed = mask_bytes(_region(BALL), "GTV", "ct").partition(b"\n")
    head = json.loads(line)
    assert json.dumps(head[key]) != json.dumps(value)
    _damaged(json.dumps({**head, key: value}).encode() + b"\n" + packed)
    del head[key]
    _damaged(json.dumps(head).encode() + b"\n" + packed)


def test_a_mask_that_would_inflate_without_end_is_left_before_it_does():
    line, _, _ = mask_bytes(_region(BALL), "GTV", "ct").partition(b"\n")
    _damaged(line + b"\n" + zlib.compress(bytes(10**7)))
    head = {**json.loads(line), "shape": [2000] * 3, "size": [2000] * 3, "offset": [0, 0, 0]}
    _damaged(json.dumps(head).encode() + b"\n" + zlib.compress(b"\0"))


def test_a_map_is_read_as_it_was_measured_and_gives_the_same_bytes(tmp_path):
    rng = np.random.default_rng(1)
    values = rng.normal(1e-3, 1e-4, BALL.shape)
    values[0, 0, :3] = np.nan, np.inf, -0.0
    volume = Volume(values, _region(BALL).geometry, ADC)
    for name in ("one.nii.gz", "two.nii.gz"):
        write_kept_map(volume, tmp_path / name)
    read = read_image_file(tmp_path / "one.nii.gz", ADC)
    assert read.array.tobytes() == values.tobytes()
    assert read.geometry.same_grid(volume.geometry, 1e-4)
    assert (tmp_path / "one.nii.gz").read_bytes() == (tmp_path / "two.nii.gz").read_bytes()


def test_other_programs_read_a_map(tmp_path):
    import nibabel

    values = np.arange(BALL.size, dtype=np.float32).reshape(BALL.shape)
    write_kept_map(
        Volume(values, Geometry(BALL.shape, (1.0, 2.0, 3.0)), ADC), tmp_path / "a.nii.gz"
    )
    image = nibabel.load(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(np.asarray(image.dataobj).T, values)
    assert image.header.get_zooms() == (1.0, 2.0, 3.0)


def test_a_kept_mask_is_the_region_that_was_measured():
    region = Region(BALL, _region(BALL).geometry, "GTV 1", "gtv")
    kept = mask_from_bytes(mask_bytes(region, "gtv", "ct"), "x.mask")
    assert kept.image == "ct"
    assert (kept.region.label, kept.region.name) == ("gtv", "gtv")
    assert dict(kept.region.audit) == {}
    assert kept.region.flags == frozenset()
    geometry = kept.region.geometry
    assert geometry.shape == BALL.shape
    assert geometry.spacing_mm == (1 / 3, 0.7, 2.3)
    assert geometry.origin_mm == (-125.2, 1e-7, 44.3)
    assert geometry.direction == COSINES
    np.testing.assert_array_equal(kept.region.mask, BALL)


def test_a_mask_of_more_voxels_than_an_image_may_have_is_refused_before_it_is_unpacked():
    line, _, _ = mask_bytes(_region(np.ones((1, 1, 1), dtype=bool)), "GTV", "ct").partition(b"\n")
    size = [2**11, 2**11, 2**10 + 1]
    head = json.loads(line) | {"shape": size, "offset": [0, 0, 0], "size": size}
    content = json.dumps(head).encode() + b"\n" + bytes(2**20)
    with pytest.raises(KeptFileError, match="voxels, at most"):
        mask_from_bytes(content, "x.mask")
