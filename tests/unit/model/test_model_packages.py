"""What is needed is said once, in pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from biomarker_cli.cli import doctor
from biomarker_cli.model import packages
from biomarker_cli.model.packages import (
    DISTRIBUTION,
    MOVING_NUMBERS,
    REFERENCE_ENGINE,
    required_packages,
    version_of,
)
from biomarker_cli.tables import installation

PROJECT = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9._-]", one)[0].lower() for one in requirements}


def test_ours_is_named_as_in_the_project():
    assert PROJECT["name"] == DISTRIBUTION


def test_required_packages_are_those_without_extras(monkeypatch):
    lines = ["numpy>=2.0", "SimpleITK>=2.4", 'pyarrow>=17; extra == "parquet"']
    monkeypatch.setattr("importlib.metadata.requires", lambda _: lines)
    assert required_packages() == ("numpy", "SimpleITK")


def test_a_package_that_is_not_there_has_no_version():
    assert version_of("numpy")
    assert version_of("no-such-package-anywhere") is None


def test_the_manifest_names_packages_of_ours():
    known = names([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["pyradiomics"]])
    assert {one.lower() for one in MOVING_NUMBERS} <= known
    assert REFERENCE_ENGINE.lower() in known


def test_a_decoder_of_the_doctor_is_a_package_of_ours():
    assert set(doctor._DECODERS) <= names(PROJECT["dependencies"])


@pytest.mark.parametrize("room", [doctor, installation])
def test_versions_are_asked_for_in_one_way(room):
    assert room.version_of is packages.version_of
