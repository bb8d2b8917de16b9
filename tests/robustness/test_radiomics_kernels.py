"""Kernels where nothing can be written, and the same bits from any number of threads."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics import threads as threads_of_radiomics
from biomarker_cli.radiomics.measuring import radiomics_measurements
from biomarker_cli.radiomics.rules import RadiomicsRules
from biomarker_cli.radiomics.warming import warm_kernels

NOWHERE = "/proc/no/such/folder"


def run(code, **environment):
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "PYTHONPATH", "LD_LIBRARY_PATH"}}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env={**kept, **environment}, capture_output=True, text=True, check=False
    )


def test_without_home_a_temporary_folder_is_taken(tmp_path):
    code = "from biomarker_cli.radiomics.kernels.compilation import cache_dir; print(cache_dir())"
    done = run(code, XDG_CACHE_HOME=NOWHERE, TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))


def test_the_users_choice_wins(tmp_path):
    code = "from biomarker_cli.radiomics.kernels.compilation import cache_dir; print(cache_dir())"
    done = run(code, NUMBA_CACHE_DIR=str(tmp_path / "mine"))
    assert done.stdout.strip() == str(tmp_path / "mine")


def test_kernels_work_uncached_where_nothing_can_be_written():
    code = (
        "import biomarker_cli.radiomics.kernels.compilation as c, pathlib\n"
        "assert c.cache_dir() is None, c.cache_dir()\n"
        "import numpy as np\n"
        "from biomarker_cli.radiomics.kernels.surface import count_cases\n"
        "number, places = np.zeros(256, int), np.zeros((256, 3), int)\n"
        "count_cases(np.zeros((3, 3, 3), bool), number, places)\n"
        "print(number.sum())\n"
    )
    # A folder that is a file can be written by nobody, not even by root.
    guard = "import tempfile; tempfile.tempdir = '/dev/null'\n"
    done = run(guard + code, XDG_CACHE_HOME=NOWHERE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "0"


def test_the_public_modules_do_not_load_numba():
    code = "import sys, biomarker_cli.radiomics; print('numba' in sys.modules)"
    assert run(code).stdout.strip() == "False"


def test_warming_says_where_kernels_are_kept():
    state = warm_kernels()
    assert state.seconds > 0
    assert state.folder is None or state.folder.is_dir()


def test_threads_do_not_move_a_bit():
    rng = np.random.default_rng(3)
    shape = (16, 30, 30)
    geometry = Geometry(shape, (1.1, 1.1, 2.0))
    volume = Volume(rng.normal(0, 60, shape), geometry, HU)
    mask = rng.random(shape) < 0.7
    region = Region(mask, geometry, "x", "x")
    document = load_document(ProtocolKind.ANALYSIS, "radiomics-ct")
    rules = validate_section(RadiomicsRules, document, "radiomics")

    def values(_=None):
        rows = radiomics_measurements(volume, [region], rules)["x"]
        return [(row.feature_id, row.value) for row in rows]

    first = values()
    with ThreadPoolExecutor(2) as pool:
        assert all(found == first for found in pool.map(values, range(5)))


def test_linear_algebra_takes_one_thread():
    from threadpoolctl import threadpool_info

    def threads():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    # Other tests have loaded a BLAS of scipy since, which no feature uses.
    threads_of_radiomics._controller.cache_clear()
    before = threads()
    with threads_of_radiomics.one_thread_of_blas():
        assert threads() == {1}
    assert threads() == before
