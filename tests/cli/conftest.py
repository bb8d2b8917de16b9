"""Run the command line as a user does: a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def biomarker() -> Run:
    """Run ``biomarker`` with arguments; nothing it prints may be a traceback."""

    def run(
        *arguments: object, cwd: Path | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        paths = [str(CHECKOUT), os.environ.get("PYTHONPATH", "")]
        done = subprocess.run(
            [sys.executable, "-m", "biomarker_cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **env},
            timeout=600,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def sample_run(biomarker: Run, sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a run of the sample trial."""
    folder = tmp_path_factory.mktemp("sample") / "out"
    done = biomarker("run", sample_dir / "study.yaml", "-o", folder, "--jobs", 2)
    assert done.returncode == 0, done.stderr + done.stdout
    return folder


@pytest.fixture
def sample_copy(sample_dir: Path, tmp_path: Path) -> Path:
    """A copy of the sample trial that a test may break."""
    copy = tmp_path / "trial"
    others = shutil.ignore_patterns("*.py", "__pycache__", "response", "perfusion")
    shutil.copytree(sample_dir, copy, ignore=others)
    return copy
