"""The index of what is kept: damage is noticed by name, and no path leads elsewhere."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace

import numpy as np
import pytest

from biomarker_cli.imaging.errors import KeptFileError
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.kept_maps import write_kept_map
from biomarker_cli.imaging.kept_masks import mask_bytes
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import ADC
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.kept import (
    KINDS,
    KeptFile,
    KeptIndex,
    case_folder,
    kept_cases,
    missing_kinds,
    read_index,
    read_kept,
    read_map,
    read_mask,
    write_index,
)

CASE = "A/S1/T1/ct"
MASK = np.ones((2, 3, 4), dtype=bool)
CONTENT = mask_bytes(Region(MASK, Geometry(MASK.shape, (1.0, 1.0, 1.0)), "GTV", "GTV"), "GTV", "ct")
FILE = KeptFile(
    "masks", "masks/GTV.mask", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), "ct", "GTV"
)
INDEX = KeptIndex(CASE, "key", ("masks",), (FILE,))


@pytest.fixture
def folder(tmp_path):
    folder = case_folder(tmp_path, CASE)
    (folder / "masks").mkdir(parents=True)
    (folder / "masks" / "GTV.mask").write_bytes(CONTENT)
    write_index(INDEX, folder)
    return folder


def _code(call, *given) -> str:
    with pytest.raises((KeptFileError, TableError)) as caught:
        call(*given)
    return caught.value.code


def test_what_was_written_is_read(folder, tmp_path):
    assert read_index(folder) == INDEX
    assert list(kept_cases(tmp_path)) == [folder]
    assert INDEX.of_kind("masks") == (FILE,)
    assert INDEX.of_kind("maps") == ()
    assert read_kept(folder, FILE) == CONTENT
    assert read_mask(folder, FILE).region.n_voxels == 24


def test_the_index_is_the_same_whatever_the_order(folder):
    second = replace(FILE, path="masks/A.mask")
    write_index(replace(INDEX, files=(FILE, second), kinds=("masks", "maps")), folder)
    first = (folder / "kept.json").read_bytes()
    write_index(replace(INDEX, files=(second, FILE), kinds=("maps", "masks")), folder)
    assert (folder / "kept.json").read_bytes() == first


def test_where_nothing_is_kept_it_is_said(tmp_path):
    assert _code(read_index, case_folder(tmp_path, CASE)) == "KEPT-NOT-FOUND"
    assert list(kept_cases(tmp_path)) == []


@pytest.mark.parametrize("at", [0, 1, len(CONTENT) // 2, len(CONTENT) - 1])
def test_a_changed_byte_is_noticed_by_name(folder, at):
    changed = bytearray(CONTENT)
    changed[at] ^= 1
    (folder / "masks" / "GTV.mask").write_bytes(changed)
    with pytest.raises(KeptFileError) as caught:
        read_kept(folder, FILE)
    assert caught.value.code == "KEPT-DAMAGED"
    assert caught.value.where == "A__S1__T1__ct/masks/GTV.mask"


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT + b"\0"])
def test_another_size_is_noticed_by_a_look(folder, content):
    (folder / "masks" / "GTV.mask").write_bytes(content)
    assert _code(read_kept, folder, FILE) == "KEPT-DAMAGED"
    assert missing_kinds(folder, "key", ["masks"]) == ("masks",)


def test_a_file_that_is_gone_is_missing(folder):
    assert missing_kinds(folder, "key", ["masks"]) == ()
    (folder / "masks" / "GTV.mask").unlink()
    assert _code(read_kept, folder, FILE) == "KEPT-NOT-FOUND"
    assert missing_kinds(folder, "key", ["masks"]) == ("masks",)


def test_a_pipe_is_no_file(folder):
    (folder / "masks" / "GTV.mask").unlink()
    os.mkfifo(folder / "masks" / "GTV.mask")
    assert _code(read_kept, folder, FILE) == "KEPT-NOT-FOUND"


def test_what_is_missing_is_told_by_kind_and_result(folder):
    assert missing_kinds(folder, "key", KINDS) == ("maps", "pictures")
    assert missing_kinds(folder, "other", KINDS) == tuple(KINDS)
    assert missing_kinds(folder, "key", []) == ()


def _edited(folder, **change) -> None:
    path = folder / "kept.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


@pytest.mark.parametrize(
    "change",
    [
        {"format": "biomarker-kept/2"},
        {"case_id": "A/S1/T1/pet"},
        {"result_key": "other"},
        {"kinds": ["maps", "masks"]},
        {"files": []},
        {"files": None},
        {"sha256": ""},
    ],
)
def test_an_edited_index_is_refused(folder, change):
    _edited(folder, **change)
    assert _code(read_index, folder) == "KEPT-DAMAGED"
    assert missing_kinds(folder, "key", ["masks"]) == ("masks",)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"[" * 100_000, b"\xff\xfe"])
def test_a_damaged_index_is_refused(folder, content):
    (folder / "kept.json").write_bytes(content)
    assert _code(read_index, folder) == "KEPT-DAMAGED"


def test_the_index_of_another_case_is_refused(folder):
    write_index(replace(INDEX, case_id="A/S2/T1/ct"), folder)
    assert _code(read_index, folder) == "KEPT-DAMAGED"


@pytest.mark.parametrize(
    "path",
    [
        "../../../../etc/passwd.mask",
        "/etc/x.mask",
        "masks/../../x.mask",
        "masks/a/b.mask",
        "masks/a\\b.mask",
        "masks/C:x.mask",
        "masks/.hidden.mask",
        "masks/GTV.svg",
        "maps/GTV.mask",
        "masks",
        "",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(folder, path):
    write_index(replace(INDEX, files=(replace(FILE, path=path),)), folder)
    assert _code(read_index, folder) == "KEPT-DAMAGED"


def test_a_mask_under_the_name_of_another_roi_is_refused(folder):
    assert _code(read_mask, folder, replace(FILE, roi_id="NODE")) == "KEPT-DAMAGED"
    assert _code(read_mask, folder, replace(FILE, image="pet")) == "KEPT-DAMAGED"


def test_a_map_of_no_known_quantity_is_refused(folder):
    assert _code(read_map, folder, FILE) == "KEPT-DAMAGED"


def _kept_map(folder, geometry, **changes):
    values = np.linspace(-1e-3, 3e-3, 24).reshape(2, 3, 4)
    (folder / "maps").mkdir()
    path = folder / "maps" / "adc.nii.gz"
    write_kept_map(Volume(values, geometry, ADC), path)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    plain = {
        "shape": list(geometry.shape),
        "spacing_mm": list(geometry.spacing_mm),
        "origin_mm": list(geometry.origin_mm),
        "direction": list(geometry.direction),
    }
    file = KeptFile(
        "maps",
        "maps/adc.nii.gz",
        digest,
        len(content),
        "dwi",
        map_name="adc",
        quantity="adc",
        geometry={**plain, **changes},
    )
    return file, values


PLACE = Geometry((2, 3, 4), (1 / 3, 0.7, 2.3), (-125.2, 1e-7, 44.3))


def test_a_map_lies_where_the_index_says_to_the_last_bit(folder):
    """The file itself holds its place in float32."""
    file, values = _kept_map(folder, PLACE)
    read = read_map(folder, file)
    np.testing.assert_array_equal(read.array, values)
    assert read.geometry == PLACE
    assert read.quantity == ADC
    assert read.volume_id == "adc"


@pytest.mark.parametrize(
    "changes",
    [
        {"origin_mm": [-125.2, 0.2, 44.3]},
        {"spacing_mm": [0.4, 0.7, 2.3]},
        {"origin_mm": [-125.2, 1e-7]},
        {"spacing_mm": ["1", 0.7, 2.3]},
        {"spacing_mm": [float("nan"), 0.7, 2.3]},
        {"shape": [2, 3, 4.0]},
        {"direction": [1.0, 0.0, 0.0]},
    ],
)
def test_a_map_that_lies_elsewhere_than_its_index_says_is_refused(folder, changes):
    file, _ = _kept_map(folder, PLACE, **changes)
    assert _code(read_map, folder, file) == "KEPT-DAMAGED"
