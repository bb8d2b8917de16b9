"""Fixtures that every test may use."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Sets how pydicom takes odd values, as in the product: no test may hang on which ran before.
import biomarker_cli.dicom.headers  # noqa: F401

# What nohup ignores, the commands of the tests would ignore as well.
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

CHECKOUT = Path(__file__).resolve().parent.parent


def _data_dir() -> Path:
    named = os.environ.get("BIOMARKER_TEST_DATA")
    return Path(named) if named else CHECKOUT.parent / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _own_index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep index and certificate of the user out of the tests, and the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BIOMARKER_CACHE_DIR", str(tmp_path_factory.mktemp("index")))
        patch.setenv("BIOMARKER_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        yield


def absent(what: str) -> None:
    """Skip a test for lack of something, saying so; CI (BIOMARKER_REQUIRE_ALL) fails instead."""
    if os.environ.get("BIOMARKER_REQUIRE_ALL"):
        pytest.fail(f"{what} (CI must have it)")
    pytest.skip(what)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser without a window, for tests of pages.

    Of one module: while it is open an event loop runs, beside which a Dask client makes none.
    """
    path = shutil.which("chromium")
    if path is None:
        absent("browser absent: no chromium on PATH (apt-get install chromium)")
    for package in ("playwright", "axe_playwright_python"):
        if importlib.util.find_spec(package) is None:
            absent(f"browser tests need {package} (make setup)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def mkdocs() -> list[str]:
    """Command of the program that builds the site of the docs."""
    if importlib.util.find_spec("material") is None:
        absent("the site of the docs needs mkdocs-material (make setup)")
    return [sys.executable, "-m", "mkdocs"]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the reference DICOM, found through BIOMARKER_TEST_DATA."""
    folder = _data_dir()
    if not folder.is_dir():
        absent(f"reference DICOM absent: no folder {folder} (set BIOMARKER_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def reference_dir(data_dir: Path) -> Path:
    """Folder of the reference tables that lies beside the data."""
    folder = data_dir.parent / "reference"
    if not folder.is_dir():
        absent(f"reference tables absent: no folder {folder}")
    return folder


@pytest.fixture(scope="session")
def dciodvfy() -> str:
    """Path of the DICOM validator of dicom3tools."""
    return _program("dciodvfy", "dicom3tools")


@pytest.fixture(scope="session")
def plastimatch() -> str:
    """Path of plastimatch, an independent importer of segmentations."""
    return _program("plastimatch", "plastimatch")


@pytest.fixture(scope="session")
def rscript() -> str:
    """Path of R's interpreter, for what the docs say in R."""
    return _program("Rscript", "r-base-core")


@pytest.fixture(scope="session")
def new_orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Start a DICOM server with a store of its own; the session kills every one that it made.

    ``new_orthanc(dicomweb=, users=, move_ports=, ...)``: the fields of `servers.orthanc.Orthanc`.
    """
    from tests.servers.orthanc import PLUGIN, Orthanc

    _program("Orthanc", "orthanc")
    made: list[Orthanc] = []

    def start(**fields: Any) -> Orthanc:
        server = Orthanc(tmp_path_factory.mktemp("orthanc"), **fields)
        if server.dicomweb and not PLUGIN.exists():
            absent(f"DICOMweb server absent: no {PLUGIN} (apt-get install orthanc-dicomweb)")
        made.append(server)
        return server.start()

    yield start
    for server in made:
        server.kill()


@pytest.fixture(scope="session")
def private_authority(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A private certificate authority (`servers.certificates.Authority`)."""
    from tests.servers.certificates import new_authority

    _program("openssl", "openssl")
    return new_authority(tmp_path_factory.mktemp("authority") / "ca")


def _program(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        absent(f"oracle absent: {name} (apt-get install {package})")
    return str(found)


@pytest.fixture(scope="session")
def slurm_programs() -> None:
    """Require Slurm, of which a test starts its own on this machine."""
    for name in ("munged", "slurmctld", "slurmd", "sbatch"):
        if shutil.which(name) is None:
            absent(f"Slurm absent: {name} (apt-get install slurm-wlm munge)")
    if os.geteuid() != 0:
        absent("Slurm starts jobs as their users: this test needs root")


@pytest.fixture(scope="session")
def snakemake() -> str:
    """Path of Snakemake, found through BIOMARKER_SNAKEMAKE: it has an environment of its own."""
    found = os.environ.get("BIOMARKER_SNAKEMAKE") or shutil.which("snakemake")
    if found is None:
        absent("Snakemake absent (pip install snakemake, and name it in BIOMARKER_SNAKEMAKE)")
    return str(found)


@pytest.fixture(scope="session")
def sample_dir() -> Path:
    """Folder of the synthetic trial that is part of the project."""
    return CHECKOUT / "sample_data"
