"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


def _data_dir() -> Path:
    named = os.environ.get("BIOMARKER_TEST_DATA")
    return Path(named) if named else CHECKOUT.parent / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _own_index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the index of the user out of the tests, and the tests out of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIOMARKER_CACHE_DIR", str(tmp_path_factory.mktemp("index")))
        yield


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the reference DICOM, found through BIOMARKER_TEST_DATA."""
    folder = _data_dir()
    if not folder.is_dir():
        pytest.skip(f"reference DICOM absent: no folder {folder} (set BIOMARKER_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def reference_dir(data_dir: Path) -> Path:
    """Folder of the reference tables that lies beside the data."""
    folder = data_dir.parent / "reference"
    if not folder.is_dir():
        pytest.skip(f"reference tables absent: no folder {folder}")
    return folder


@pytest.fixture(scope="session")
def sample_dir() -> Path:
    """Folder of the synthetic trial that is part of the project."""
    return CHECKOUT / "sample_data"
