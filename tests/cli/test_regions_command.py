"""``biomarker regions``: list, table, masks, preview and exit codes."""

from __future__ import annotations

import csv
import json

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from synthetic_segmentations import Roi, cylinder, structure_set, write_structure_set
from synthetic_series import axial, uid, write_series

from biomarker_cli.catalogue.catalogue import scan


@pytest.fixture
def trial(tmp_path):
    write_series(tmp_path / "ct", axial(*range(0, 30, 3)), rows=40, columns=60)
    (candidate,) = scan([tmp_path / "ct"]).volumes
    grid = candidate.geometry
    rois = [
        Roi("lesion", cylinder(grid, range(2, 6), 12.3)),
        Roi("gappy", cylinder(grid, (2, 4, 6), 12.3), number=2),
        Roi("never drawn", number=3),
    ]
    return tmp_path, grid, rois


def write(trial, rois, **options):
    return write_structure_set(trial[0] / "rs.dcm", rois, **options)


def test_list_needs_no_image(biomarker, trial):
    path = write(trial, trial[2])
    done = biomarker("regions", path, "--list", "--format", "json")
    assert done.returncode == 0
    listed = json.loads(done.stdout)
    assert [entry["label"] for entry in listed] == ["lesion", "gappy", "never drawn"]


def test_table_masks_and_preview_of_a_partly_failed_file(biomarker, trial):
    folder, grid, rois = trial
    path, out = write(trial, rois), folder / "out"
    done = biomarker(
        "regions", path, "--image", folder / "ct", "-o", out, "--preview", out / "p.png"
    )
    assert done.returncode == 5
    assert "REGION-GAP" in done.stderr
    with (out / "regions.csv").open(newline="") as stream:
        rows = {row["roi_label"]: row for row in csv.DictReader(stream)}
    assert {name: row["status"] for name, row in rows.items()} == {
        "lesion": "ok",
        "gappy": "failed",
        "never drawn": "empty",
    }
    assert rows["gappy"]["volume_mm3"] == ""
    (mask,) = (out / "masks").iterdir()
    image = nib.load(mask)
    assert np.asanyarray(image.dataobj).sum() == int(rows["lesion"]["n_voxels"])
    # RAS of the first voxel is LPS with x and y turned.
    x, y, z = grid.origin_mm
    np.testing.assert_allclose(image.affine[:3, 3], (-x, -y, z))
    with Image.open(out / "p.png") as picture:
        # Tiles of 320 pixels over three lines of text, four in a row.
        assert picture.size == (4 * 320, 2 * (320 + 52))


def test_an_earlier_result_is_not_overwritten_unless_told(biomarker, trial):
    folder, _, rois = trial
    path, out = write(trial, rois[:1]), folder / "out"
    command = ("regions", path, "--image", folder / "ct", "-o", out)
    assert biomarker(*command).returncode == 0
    refused = biomarker(*command)
    assert refused.returncode == 2
    assert "OUTPUT-EXISTS" in refused.stderr
    assert biomarker(*command, "--overwrite").returncode == 0


def test_all_failed_is_exit_6(biomarker, trial):
    done = biomarker("regions", write(trial, trial[2][1:2]), "--image", trial[0] / "ct")
    assert done.returncode == 6


def test_other_frame_of_reference_is_exit_6_and_names_both(biomarker, trial):
    rois = [Roi("lesion", trial[2][0].contours, frame=uid("another frame"))]
    done = biomarker("regions", write(trial, rois), "--image", trial[0] / "ct")
    assert done.returncode == 6
    assert "REGION-FRAME-OF-REFERENCE" in done.stderr
    assert uid("another frame") in done.stderr
    assert uid("frame of reference") in done.stderr


def test_of_several_series_it_takes_the_one_the_segmentation_refers_to(biomarker, trial):
    folder, _, rois = trial
    write_series(folder / "other", axial(*range(0, 30, 3)), series="2", rows=40, columns=60)
    ambiguous = biomarker("regions", write(trial, rois[:1]), "--image", folder)
    assert ambiguous.returncode == 6
    assert "IMAGE-AMBIGUOUS" in ambiguous.stderr
    path = write(trial, rois[:1], referenced_series=[uid("series", "2")])
    done = biomarker("regions", path, "--image", folder, "--format", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)[0]["cross_series"] is False
    named = biomarker(
        "regions", path, "--image", folder, "--series", uid("series", "1"), "--format", "json"
    )
    assert json.loads(named.stdout)[0]["cross_series"] is True


@pytest.mark.parametrize(
    ("arguments", "code", "name"),
    [
        ((), 2, "IMAGE-NOT-NAMED"),
        (("--image", "ct", "--preview", "fit.jpg"), 2, "PREVIEW-FORMAT"),
        (("--image", "nowhere"), 3, "PATH-NOT-FOUND"),
    ],
)
def test_wrong_use_has_a_code(biomarker, trial, arguments, code, name):
    path = write(trial, trial[2])
    done = biomarker("regions", path, *arguments, cwd=trial[0])
    assert (done.returncode, name in done.stderr) == (code, True)


def test_no_such_segmentation_is_exit_3(biomarker, trial):
    done = biomarker("regions", "nowhere.dcm", "--image", trial[0] / "ct")
    assert done.returncode == 3


def test_an_image_is_no_segmentation(biomarker, trial):
    image = next((trial[0] / "ct").iterdir())
    done = biomarker("regions", image, "--image", trial[0] / "ct")
    assert done.returncode == 6
    assert "REGION-KIND" in done.stderr


def test_every_name_has_a_row_and_a_file_that_the_table_names(biomarker, trial):
    folder, grid, _ = trial
    names = ["n" * 300, "n" * 300 + "x", "a/b", "a_b", "x", "", "=1+1", "Läsion"]
    rois = [Roi(name, cylinder(grid, range(2, 6), 12.3), number=i) for i, name in enumerate(names)]
    dataset = structure_set(rois)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.save_as(folder / "rs.dcm", enforce_file_format=True)
    # A backslash, and bytes that are no UTF-8.
    content = (folder / "rs.dcm").read_bytes()
    content = content.replace(b"\x02\x00x ", b"\x02\x00\\x").replace(
        "Läsion ".encode(), b"L\xe4sion  "
    )
    (folder / "rs.dcm").write_bytes(content)
    done = biomarker("regions", folder / "rs.dcm", "--image", folder / "ct", "-o", folder / "out")
    assert done.returncode == 0, done.stderr
    with (folder / "out" / "regions.csv").open(newline="", encoding="utf-8") as stream:
        rows = {int(row["segment_number"]): row for row in csv.DictReader(stream)}
    assert [rows[i]["roi_label"].lstrip("'") for i in range(8)] == [*names[:4], "\\x", *names[5:]]
    files = {row["mask_file"] for row in rows.values()}
    assert len(files) == len(names)
    assert {(folder / "out" / name).is_file() for name in files} == {True}
    assert "roi_name_encoding" in rows[7]["flags"]


def test_thousands_of_rois_are_all_in_the_table_and_few_on_the_screen(biomarker, trial):
    folder = trial[0]
    path = write(trial, [Roi(f"r{n}", number=n) for n in range(1, 701)])
    done = biomarker("regions", path, "--image", folder / "ct", "-o", folder / "out")
    assert done.returncode == 0
    assert "r500" in done.stdout
    assert "r501" not in done.stdout
    assert "200 more" in done.stderr
    assert len((folder / "out" / "regions.csv").read_text().splitlines()) == 701
