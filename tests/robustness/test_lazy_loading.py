"""A command loads what its case needs: nobody waits for rooms that do not measure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest

from biomarker_cli.imaging import Geometry, write_nifti

ROOMS = (
    "acquisition",
    "case",
    "catalogue",
    "dicom",
    "diffusion",
    "imaging",
    "pet",
    "protocol",
    "radiomics",
    "regions",
    "study",
    "tables",
)

HEAVY = {"SimpleITK", "asyncio", "highdicom", "nibabel", "pandas", "pebble", "pydicom"}

OTHER_ROOMS = (
    "biomarker_cli.acquisition.rules",
    "biomarker_cli.catalogue.catalogue",
    "biomarker_cli.diffusion.rules",
    "biomarker_cli.pet.rules",
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


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_hands_out_all_that_it_offers(room):
    module = import_module(f"biomarker_cli.{room}")
    for name in module.__all__:
        value = getattr(module, name)
        # What a room offers is its own, and stays the same object.
        assert getattr(value, "__module__", module.__name__).startswith("biomarker_cli"), name
        assert getattr(module, name) is value
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        _ = module.no_such_name


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_loads_nothing_before_somebody_asks(room):
    before = _run("import biomarker_cli.on_demand")
    loaded = _run(f"import biomarker_cli.{room}") - before
    assert {name for name in loaded if name.startswith("biomarker_cli.")} == {
        f"biomarker_cli.{room}"
    }


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
    assert not loaded & set(OTHER_ROOMS)


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
