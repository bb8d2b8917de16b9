"""Each folder of tests passes alone and in random order: no test leans on one before it."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
TESTS = CHECKOUT / "tests"
FOLDERS = sorted({path.parent.relative_to(CHECKOUT) for path in TESTS.rglob("test_*.py")})
WHOLE = os.environ.get("BIOMARKER_SLOW_TESTS") == "all"
SEED = 15
N_FOLDERS, N_TESTS = 3, 40
"""How many of the rooms are tried by default, and how many tests of each."""

FEW = f"""
import random, sys
import pytest

class Few:
    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items[:] = random.Random({SEED}).sample(items, min({N_TESTS}, len(items)))

sys.exit(pytest.main(sys.argv[1:], plugins=[Few()]))
"""


def _chosen() -> list[Path]:
    if WHOLE:
        return FOLDERS
    rooms = [folder for folder in FOLDERS if folder.parent.name == "unit"]
    return random.Random(SEED).sample(rooms, N_FOLDERS)


def _run(folder: Path, script: list[str], *options: str) -> None:
    kept = {key: value for key, value in os.environ.items() if key != "BIOMARKER_SLOW_TESTS"}
    done = subprocess.run(
        [sys.executable, *script, str(folder), "-q", "-p", "no:cacheprovider", *options],
        cwd=CHECKOUT,
        env={**kept, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed", done.stdout), done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("folder", _chosen(), ids=str)
def test_a_folder_of_tests_passes_alone_and_in_random_order(folder):
    if not WHOLE:
        _run(folder, ["-c", FEW])
        return
    assert find_spec("pytest_randomly"), "pytest-randomly is not installed: make setup"
    own = f"--ignore={Path(__file__).relative_to(CHECKOUT)}"
    _run(folder, ["-m", "pytest"], "-p", "pytest_randomly", f"--randomly-seed={SEED}", own)
