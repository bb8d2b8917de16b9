"""A command loads what its case needs: nobody waits for rooms that do not measure."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from kept_study import write_study
from synthetic_series import axial, write_series

import biomarker_cli
from biomarker_cli.case.measures import MEASURES
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.inputs import FINE_SETTLING_NS

PACKAGE = Path(biomarker_cli.__file__).parent

HEAVY = {"SimpleITK", "asyncio", "highdicom", "nibabel", "pandas", "pebble", "pydicom"}

NOT_NEEDED = (
    "biomarker_cli.acquisition.rules",
    "biomarker_cli.catalogue.catalogue",
    "biomarker_cli.study.study_file",
    "biomarker_cli.cli.check",
)


def _run(code, *arguments):
    """Run code in a process of its own; return the modules it had loaded at its end."""
    end = "\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code + end, *arguments], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_a_room_offers_no_names_of_its_own():
    """A room that hands out names hides the modules of those names, or is hidden by them."""
    rooms = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))
    assert rooms
    for room in rooms:
        said = ast.parse((room / "__init__.py").read_text()).body
        assert [type(one) for one in said] == [ast.Expr], room.name


@pytest.mark.parametrize("first", ["reading", "header_facts", "evaluating"])
def test_facts_are_found_in_whatever_order_the_modules_load(first):
    """The name ``header_facts`` once was a function or its module, by what was asked first."""
    code = (
        f"import biomarker_cli.acquisition.{first}\n"
        "from biomarker_cli.acquisition.reading import tags_of\n"
        "from biomarker_cli.case import running\n"
        "from biomarker_cli.acquisition.header_facts import header_facts\n"
        "assert callable(header_facts) and callable(tags_of)"
    )
    _run(code)


def test_radiomics_of_nifti_load_no_dicom_and_no_other_room(tmp_path):
    grid = Geometry((8, 9, 10), (1.0, 1.0, 2.0))
    image = np.random.default_rng(0).normal(0, 50, grid.shape).astype(np.float32)
    mask = np.zeros(grid.shape, dtype=np.uint8)
    mask[2:6, 2:7, 3:8] = 1
    write_nifti(image, grid, tmp_path / "image.nii.gz")
    write_nifti(mask, grid, tmp_path / "mask.nii.gz")
    code = (
        "import sys\n"
        "from biomarker_cli.radiomics import measuring\n"
        # The engine is not what is looked at here.
        "measuring.radiomics_of_regions = lambda volume, regions, rules: {\n"
        "    region.name: [] for region in regions}\n"
        "from biomarker_cli.cli.main import cli\n"
        "cli(sys.argv[1:], standalone_mode=False)\n"
    )
    loaded = _run(
        code,
        *("extract", "radiomics", "--analysis", "pyradiomics-default", "--quantity", "hu"),
        *("--image", str(tmp_path / "image.nii.gz"), "--mask", str(tmp_path / "mask.nii.gz")),
        *("-o", str(tmp_path / "out")),
    )
    assert (tmp_path / "out" / "measurements.csv").is_file()
    assert not {name.partition(".")[0] for name in loaded} & HEAVY
    assert "scipy.ndimage" not in loaded
    assert not loaded & set(NOT_NEEDED)
    assert MEASURES["radiomics"] in loaded
    assert not loaded & {path for name, path in MEASURES.items() if name != "radiomics"}


def test_the_program_takes_one_thread_of_blas_unless_the_user_says_otherwise():
    def said(**environment):
        code = "import os, biomarker_cli.__main__; print(os.environ['OPENBLAS_NUM_THREADS'])"
        kept = {k: v for k, v in os.environ.items() if k != "OPENBLAS_NUM_THREADS"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**kept, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    assert said() == "1"
    assert said(OPENBLAS_NUM_THREADS="3") == "3"


def test_a_first_scan_of_plain_files_does_without_pydicom(tmp_path):
    """Its decoders take as long to load as thousands of headers to read."""
    write_series(tmp_path / "data", axial(0, 3, 6))
    code = (
        "from pathlib import Path\n"
        "from biomarker_cli.catalogue.catalogue import scan\n"
        "from biomarker_cli.catalogue.index import FileIndex\n"
        f"found = scan([Path({str(tmp_path / 'data')!r})], index=FileIndex(None))\n"
        "assert [c.status for c in found.candidates] == ['ok']"
    )
    assert not _run(code) & {"pydicom", "PIL", "gdcm", "openjpeg"}


def test_a_run_that_has_nothing_to_do_loads_nothing_that_measures(tmp_path):
    """A study is looked at many times for each time that it is measured."""
    study = write_study(tmp_path / "study", n_cases=1, keep=())
    write_series(tmp_path / "study" / "ct", axial(0, 3, 6))
    with (study.parent / "cases.csv").open("a") as cases:
        cases.write("A,S9,T1,dwi,ct,mask.nii.gz,\n")
    code = (
        "import sys\n"
        "from biomarker_cli.cli.main import cli\n"
        "cli(sys.argv[1:], standalone_mode=False)"
    )
    arguments = ("run", str(study), "-o", str(tmp_path / "out"), "--quiet")
    _run(code, *arguments)
    time.sleep(2 * FINE_SETTLING_NS / 1e9)
    _run(code, *arguments)
    loaded = {name.partition(".")[0] for name in _run(code, *arguments)}
    assert "numpy" in loaded
    assert not loaded & (HEAVY | {"scipy"})
