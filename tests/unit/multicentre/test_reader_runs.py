"""Readers by the masks that their runs kept: on the grid that was measured, damage by name."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.kept_masks import mask_bytes
from biomarker_cli.imaging.region import Region
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.multicentre.reader_runs import kept_reader_rows
from biomarker_cli.tables.kept import KeptFile, KeptIndex, case_folder, write_index
from biomarker_cli.tables.schema import ROIS
from biomarker_cli.tables.writing import write_table

CASE = "A/S1/T1/ct"
CT = Geometry((8, 10, 12), (1.0, 1.0, 2.0), (3.0, 4.0, 5.0))
PET = Geometry((4, 5, 6), (4.0, 4.0, 4.0))


def _box(geometry, start):
    mask = np.zeros(geometry.shape, dtype=bool)
    mask[1:3, 1:4, start : start + 3] = True
    return mask


def _run(folder, regions, statuses=(), kinds=("masks",)):
    """Write a run that kept regions ``{roi_id: (image, geometry, mask)}`` of the case."""
    kept = case_folder(folder, CASE)
    (kept / "masks").mkdir(parents=True)
    files = []
    for roi_id, (image, geometry, mask) in regions.items():
        content = mask_bytes(Region(mask, geometry, roi_id, roi_id), roi_id, image)
        path = f"masks/{roi_id}.mask"
        (kept / path).write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        files.append(KeptFile("masks", path, digest, len(content), image, roi_id))
    write_index(KeptIndex(CASE, "key", kinds, tuple(files)), kept)
    rows = [{"case_id": CASE, "roi_id": roi_id, "status": "ok"} for roi_id in regions]
    rows += [
        {"case_id": CASE, "roi_id": roi_id, "status": status, "error_code": code}
        for roi_id, status, code in statuses
    ]
    write_table(ROIS, rows, folder)
    return folder


@pytest.fixture
def runs(tmp_path):
    alice = {"GTV": ("ct", CT, _box(CT, 2)), "GTV@pet": ("pet", PET, _box(PET, 1))}
    bob = {"GTV": ("ct", CT, _box(CT, 3)), "GTV@pet": ("pet", PET, _box(PET, 1))}
    return {"alice": _run(tmp_path / "alice", alice), "bob": _run(tmp_path / "bob", bob)}


def test_each_roi_is_compared_on_its_own_grid(runs):
    ct, pet = kept_reader_rows(runs, CASE)
    assert (ct["roi_id"], ct["status"]) == ("GTV", "ok")
    assert ct["dice"] == pytest.approx(2 * 2 / 6)
    assert ct["volume_a_mm3"] == 2 * 3 * 3 * 2.0
    assert (pet["roi_id"], pet["dice"]) == ("GTV@pet", 1.0)
    assert pet["volume_a_mm3"] == 2 * 3 * 3 * 64.0
    assert [row["roi_id"] for row in kept_reader_rows(runs, CASE, ["GTV"])] == ["GTV"]


def test_a_reader_on_another_grid_fails_by_name(runs, tmp_path):
    moved = Geometry(CT.shape, CT.spacing_mm, (3.0, 4.0, 5.5))
    runs["carol"] = _run(tmp_path / "carol", {"GTV": ("ct", moved, _box(CT, 2))})
    rows = kept_reader_rows(runs, CASE, ["GTV"])
    assert {row["status"] for row in rows if "carol" in (row["reader_a"], row["reader_b"])} == {
        "failed"
    }
    assert "origin 0.500 mm apart" in rows[1]["reason"]
    assert rows[0]["status"] == "ok"


def test_a_damaged_mask_fails_its_rows_and_no_others(runs):
    path = case_folder(runs["bob"], CASE) / "masks" / "GTV.mask"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"\0")
    ct, pet = kept_reader_rows(runs, CASE)
    assert (ct["status"], pet["status"]) == ("failed", "ok")
    assert ct["reason"].startswith("KEPT-DAMAGED")
    assert "masks/GTV.mask" in ct["reason"]


def test_what_the_table_says_of_a_roi_without_a_mask_holds(runs, tmp_path):
    runs["bob"] = _run(
        tmp_path / "other",
        {},
        [("GTV", "empty", "REGION-EMPTY"), ("GTV@pet", "failed", "REGION-GAP")],
    )
    ct, pet = kept_reader_rows(runs, CASE)
    assert (ct["status"], ct["dice"]) == ("one_empty", 0.0)
    assert (pet["status"], pet["reason"].split()[0]) == ("failed", "REGION-GAP")
    nobody = {"one": runs["bob"], "two": runs["bob"]}
    assert [row["status"] for row in kept_reader_rows(nobody, CASE)] == ["both_empty", "failed"]


def test_a_roi_that_one_never_drew_is_missing(runs, tmp_path):
    runs["bob"] = _run(tmp_path / "other", {"GTV": ("ct", CT, _box(CT, 2))})
    ct, pet = kept_reader_rows(runs, CASE)
    assert (ct["status"], ct["dice"], pet["status"]) == ("ok", 1.0, "missing")


@pytest.mark.parametrize(
    ("case_id", "code"), [("A/S9/T1/ct", "KEPT-NOT-FOUND"), ("../../..", "KEPT-NOT-FOUND")]
)
def test_a_case_that_nobody_kept_is_refused(runs, case_id, code):
    with pytest.raises(BiomarkerError) as caught:
        kept_reader_rows(runs, case_id)
    assert caught.value.code == code


def test_a_run_that_keeps_maps_alone_has_no_masks(runs, tmp_path):
    runs["bob"] = _run(tmp_path / "other", {}, kinds=("maps",))
    with pytest.raises(BiomarkerError) as caught:
        kept_reader_rows(runs, CASE)
    assert caught.value.code == "KEPT-NOT-FOUND"


def test_a_roi_that_no_reader_has_is_not_found(runs):
    with pytest.raises(BiomarkerError) as caught:
        kept_reader_rows(runs, CASE, ["NODE"])
    assert caught.value.code == "NOTHING-FOUND"
