"""A new measure touches its room and the table: extract, studies and protocols find it there."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from synthetic_series import axial, write_series

from biomarker_cli.case import measures
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.study import initialise
from biomarker_cli.study.initialise import initialise_study

ROOM = '''
"""A toy as a measure of a case: the mean of a region, scaled."""
from biomarker_cli.catalogue.case_image import ProposedRole
from biomarker_cli.imaging.prepared_image import PreparedImage, one_by_one
from biomarker_cli.model.features import UNIT_OF_IMAGE, FeatureDefinition
from biomarker_cli.model.measurement import measured
from biomarker_cli.protocol.document import Strict

MEAN = FeatureDefinition(family="toy", name="mean", title="Scaled mean", unit=UNIT_OF_IMAGE)


class ToyRules(Strict):
    scale: float


SECTION = ToyRules
MODALITIES = ("CT",)
CASE_ROLE = "doll"
ROLES = (ProposedRole("doll", "CT", "base-ct", "toy"),)
EVERY_VOLUME = False
derived_volume = None
required_regions = None
maps = None


def engine(_rules):
    return "toy", "7"


def prepare(image, rules, context):
    volume = image.volume()

    def mean(region, _others):
        value = float(volume.array[region.mask].mean()) * rules.scale
        return [measured("original", MEAN, value, volume.quantity.unit, region.flags)]

    return PreparedImage(volume, one_by_one(mean), {"scale": rules.scale})
'''

ANALYSIS = """
format: biomarker-analysis/1
id: toy
version: 0.1.0
status: draft
title: Toy
source: [{doc: none, section: "-", confirmed: {by: recall}}]
changelog: [{version: 0.1.0, date: 2026-11-20, change: first}]
applies_to: {}
measure: toy
regions: {}
toy: {scale: SCALE}
"""

STUDY = """
format: biomarker-study/1
id: toys
roles:
  doll: {analyses: [toy.yaml]}
"""

CASES = """site_id,subject_id,timepoint,role,image,mask,quantity
S,1,T1,doll,image.nii,mask.nii,hu
"""

# The registration is all that a new room adds to the product.
START = """
from biomarker_cli.case import measures
measures.MEASURES = {**measures.MEASURES, "toy": "toy_room"}
from biomarker_cli.cli.main import main
main()
"""

GRID = Geometry((4, 5, 6), (1.0, 1.0, 2.0))


@pytest.fixture
def folder(tmp_path):
    image = np.arange(np.prod(GRID.shape), dtype=np.int16).reshape(GRID.shape)
    mask = np.zeros(GRID.shape, dtype=np.uint8)
    mask[1:3, 1:4, 2:5] = 1
    write_nifti(image, GRID, tmp_path / "image.nii")
    write_nifti(mask, GRID, tmp_path / "mask.nii")
    (tmp_path / "toy_room.py").write_text(ROOM)
    (tmp_path / "toy.yaml").write_text(ANALYSIS.replace("SCALE", "0.5"))
    (tmp_path / "wrong.yaml").write_text(ANALYSIS.replace("SCALE", "much"))
    (tmp_path / "study.yaml").write_text(STUDY)
    (tmp_path / "cases.csv").write_text(CASES)
    return tmp_path


@pytest.fixture
def biomarker(folder):
    """Run the program with the toy in its table."""

    def run(*arguments):
        paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        return subprocess.run(
            [sys.executable, "-c", START, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


EXTRACT = ("--image", "image.nii", "--mask", "mask.nii", "--quantity", "hu")


def _only_row(path):
    with path.open() as stream:
        (row,) = csv.DictReader(stream)
    return row


@pytest.mark.parametrize(
    ("command", "case_id"),
    [
        (("extract", "toy", *EXTRACT, "--analysis", "toy.yaml"), "local/S0001/T1/doll"),
        (("run", "study.yaml", "--jobs", "1"), "S/1/T1/doll"),
    ],
)
def test_a_measure_of_the_table_goes_from_the_protocol_to_the_tables(
    folder, biomarker, command, case_id
):
    done = biomarker(*command, "-o", "out")
    assert done.returncode == 0, done.stderr
    row = _only_row(folder / "out" / "measurements.csv")
    # The mean of the voxels z 1-2, y 1-3, x 2-4 of 0, 1, 2 ... is that of the middle.
    expected = 0.5 * (1.5 * 30 + 2 * 6 + 3)
    assert (row["case_id"], row["feature_id"]) == (case_id, "original.toy.mean")
    assert float(row["value"]) == pytest.approx(expected, rel=1e-15)
    feature = _only_row(folder / "out" / "features.csv")
    assert (feature["engine"], feature["engine_version"]) == ("toy", "7")
    assert [path.name for path in (folder / "out" / "derivations").iterdir()]


def test_its_section_is_read_by_the_model_of_its_room(biomarker):
    done = biomarker("protocol", "lint", "wrong.yaml")
    assert done.returncode == 2
    assert "wrong.yaml:12: error invalid toy.scale: expected a valid number" in done.stdout


def test_it_is_no_measure_without_the_table(folder, biomarker):
    done = biomarker("extract", "toys", *EXTRACT, "--analysis", "toy.yaml")
    assert done.returncode == 2
    assert re.search("is not one of 'radiomics', .*, 'toy'", done.stderr)
    plain = subprocess.run(
        [sys.executable, "-m", "biomarker_cli", "protocol", "lint", str(folder / "toy.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert plain.returncode == 2
    assert re.search("measure: expected 'radiomics', .* or '(?!toy')", plain.stdout)


def test_maps_are_asked_only_of_measures_that_have_them(biomarker):
    done = biomarker("extract", "toy", *EXTRACT, "--analysis", "toy.yaml", "--maps", "maps")
    assert done.returncode == 2
    assert "--maps goes with adc, t1, dce." in done.stderr


def test_a_new_study_is_proposed_the_roles_of_the_table(folder, monkeypatch):
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(measures, "MEASURES", {"toy": "toy_room"})
    # Its analysis is shipped with nothing, so that no version of it can be pinned.
    monkeypatch.setattr(initialise, "_pinned", lambda _kind, ident: ident)
    write_series(folder / "dicom", axial(0.0, 3.0, 6.0))
    assert initialise_study(folder / "dicom").n_cases == 1
    study = (folder / "dicom" / "study.yaml").read_text()
    assert "  doll:\n    acquisition: base-ct\n    analyses: [toy]\n" in study
