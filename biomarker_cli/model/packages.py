"""The packages that ours needs, as its own metadata name them, and their versions.

Which packages are needed is said once, in ``pyproject.toml``.
"""

from __future__ import annotations

import re

DISTRIBUTION = "biomarker-cli"

REFERENCE_ENGINE = "pyradiomics-bhklab"
"""Distribution of the reference engine, an extra."""

MOVING_NUMBERS = (
    "highdicom",
    "nibabel",
    "numpy",
    "pandas",
    "pydicom",
    REFERENCE_ENGINE,
    "PyWavelets",
    "scipy",
    "SimpleITK",
)
"""Packages whose versions the manifest of a run names."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def required_packages() -> tuple[str, ...]:
    """Return the packages that ours needs, those of its extras left out.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        Where ours itself is not installed.
    """
    # Commands load this module; few of them need to know of other packages.
    from importlib import metadata

    found = (_NAME.match(line) for line in metadata.requires(DISTRIBUTION) or () if ";" not in line)
    return tuple(sorted((match[0] for match in found if match), key=str.lower))


def version_of(package: str) -> str | None:
    """Return the version of an installed package, None where it is not installed."""
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
