"""Objects with known content: valid, the same bytes every time, and read as they were meant."""

from __future__ import annotations

import ast
import hashlib
import subprocess
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.reading import read_volume
from biomarker_cli.multicentre.objects import dwi, pet
from biomarker_cli.multicentre.objects.ct import write_ct
from biomarker_cli.multicentre.objects.instances import ObjectGrid, Subject, decimal, uid_of
from biomarker_cli.multicentre.objects.rtstruct import Structure, rectangle, write_rtstruct
from biomarker_cli.multicentre.objects.seg import write_seg

SUBJECT = Subject("T1", "O", 70.0, 1.75)
GRID = ObjectGrid((3, 4, 5), (4.0, 3.0, 2.0), (-10.0, 5.0, 7.0))
SUV = np.broadcast_to(np.array([0.2, 1.0, 4.0])[:, None, None], GRID.shape)
ADC = np.linspace(0.4e-3, 2.6e-3, 60).reshape(GRID.shape)
OBLIQUE = ObjectGrid((3, 4, 5), (2.0, 2.0, 3.0), (1.0, 2.0, 3.0), (0.8, 0.6, 0.0), (0.0, 0.0, -1.0))


def volumes():
    return [
        dwi.Weighting(0.0, dwi.signal_of(1000.0, ADC, 0.0)),
        dwi.Weighting(800.0, dwi.signal_of(1000.0, ADC, 800.0), (1.0, 0.0, 0.0)),
        dwi.Weighting(800.0, dwi.signal_of(1000.0, ADC, 800.0), (0.0, 1.0, 0.0)),
    ]


def write_all(folder: Path) -> list[Path]:
    ct = write_ct(folder / "ct", GRID, 10.0 * np.arange(60).reshape(GRID.shape), SUBJECT)
    paths = list(ct)
    for dialect in pet.DIALECTS:
        paths += pet.write_pet(folder / dialect, pet.PetObject(SUBJECT, GRID, SUV), dialect)
    for dialect in (*dwi.DIALECTS, *dwi.FILES):
        written = dwi.DwiObject(SUBJECT, GRID, volumes())
        paths += dwi.write_dwi(folder / f"dwi {dialect}", written, dialect)
    structures = [Structure("A", [rectangle(GRID, 1, (0.5, 0.5), (3.5, 2.5))])]
    paths.append(write_rtstruct(folder / "rs.dcm", structures, SUBJECT, n_slices=3))
    masks = np.zeros((2, *GRID.shape), bool)
    masks[0, 1], masks[1, 1:, 2] = True, True
    paths.append(write_seg(folder / "seg.dcm", ct, masks, ["a", "b"]))
    return paths


def digests(paths):
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def test_the_same_object_has_the_same_bytes(tmp_path):
    first, second = (write_all(tmp_path / name) for name in "ab")
    assert digests(first) == digests(second)


def test_ct_is_read_where_it_was_put_and_as_it_was_written(tmp_path):
    hu = 10.0 * np.arange(60).reshape(OBLIQUE.shape) - 300.0
    write_ct(tmp_path, OBLIQUE, hu, SUBJECT)
    (candidate,) = scan([tmp_path]).volumes
    volume = read_volume(candidate)
    assert np.array_equal(volume.array, hu)
    assert volume.geometry.spacing_mm == OBLIQUE.spacing_mm
    for index in ((0, 0, 0), (4, 3, 2), (1, 2, 0)):
        expected = OBLIQUE.place(*index)
        assert volume.geometry.index_to_physical(index) == pytest.approx(expected)


def test_a_grid_is_right_handed_and_its_voxel_a_product():
    assert OBLIQUE.normal == pytest.approx((-0.6, 0.8, 0.0))
    assert OBLIQUE.voxel_mm3 == 12.0
    assert GRID.place(1, 1, 1) == (-6.0, 8.0, 9.0)


def test_half_numbers_are_stored_with_a_slope(tmp_path):
    hu = np.full(GRID.shape, -10.25)
    write_ct(tmp_path, GRID, hu, SUBJECT, slope=0.25)
    (candidate,) = scan([tmp_path]).volumes
    assert np.array_equal(read_volume(candidate).array, hu)


def test_a_value_that_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ValueError, match="32767"):
        write_ct(tmp_path, GRID, np.full(GRID.shape, 40_000.0), SUBJECT)


@pytest.mark.parametrize("value", [1 / 3, 2.42902977e-4, -1e-300, 123456789012345.0, 0.0, 5.0])
def test_decimal_strings_are_short_and_exact(value):
    text = decimal(value)
    assert len(text) <= 16
    assert float(text) == pytest.approx(value, rel=1e-8)


def test_uids_are_valid_and_follow_from_their_parts():
    assert uid_of("a", 1) == uid_of("a", 1) != uid_of("a", 2)
    assert len(uid_of("a")) <= 64


def test_segments_may_overlap_and_keep_their_names(tmp_path):
    write_all(tmp_path)
    seg = dcmread(tmp_path / "seg.dcm")
    assert [item.SegmentLabel for item in seg.SegmentSequence] == ["a", "b"]


def test_the_writers_import_nothing_that_measures():
    folder = Path(pet.__file__).parent
    allowed = ("biomarker_cli.multicentre.objects.", "biomarker_cli.model.")
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("biomarker_cli"):
                assert f"{node.module}.".startswith(allowed), (path.name, node.module)


@pytest.mark.oracle
def test_dciodvfy_finds_no_error_in_what_leaves(tmp_path, dciodvfy):
    # Of the enhanced series, what a reader of diffusion asks for is written, no more.
    found = []
    for path in write_all(tmp_path):
        if path.parent.name != "dwi enhanced":
            done = subprocess.run(
                [dciodvfy, str(path)], capture_output=True, text=True, check=False
            )
            lines = (done.stdout + done.stderr).splitlines()
            found += [f"{path.parent.name}: {line}" for line in lines if line.startswith("Error")]
    assert not found
