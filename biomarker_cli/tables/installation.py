"""What an installation is: its versions, its code, and the machine that it computes on."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path
from typing import Any

from biomarker_cli.model.packages import MOVING_NUMBERS, version_of
from biomarker_cli.model.version import __version__

PACKAGE = Path(__file__).resolve().parents[1]

PROTOCOLS = ("_protocols", "../protocols")
"""Where the shipped protocols lie from the package: of a wheel, and of a checkout."""

_CODE = frozenset({".py", ".so", ".pyd", ".yaml", ".csv"})
"""Endings of files that can move a number."""

_CPU_INFO = Path("/proc/cpuinfo")


def versions() -> dict[str, str]:
    """Return the version of this program and of the packages that can move a number."""
    found = ((package, version_of(package)) for package in MOVING_NUMBERS)
    return {"biomarker": __version__} | {name: v for name, v in found if v is not None}


def platform_of() -> dict[str, str]:
    """Return Python, system and kind of machine."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
    }


def processor(cpu_info: Path = _CPU_INFO) -> str:
    """Return the name of the processor; on Linux Python does not know it.

    Parameters
    ----------
    cpu_info : Path
        Where Linux tells it.
    """
    try:
        lines = cpu_info.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(filter(None, named), "") or platform.processor() or "unknown"


def code_sha256(package: Path = PACKAGE) -> str:
    """Return a digest of the files that can move a number: code, kernels, protocols, values.

    Parameters
    ----------
    package : Path
    """
    places = [package / place for place in PROTOCOLS]
    # Beside a package that is installed, a folder of that name is somebody else's.
    protocols = next((folder for folder in places if folder.is_dir()), places[0])
    found = hashlib.sha256()
    for folder in (package, protocols):
        for path in sorted(p for p in folder.rglob("*") if p.suffix in _CODE):
            name = path.relative_to(folder).as_posix()
            if folder is protocols or protocols not in path.parents:
                found.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def this_installation() -> dict[str, Any]:
    """Return what a certificate is about, as JSON holds it."""
    return {
        "software": versions(),
        "platform": platform_of(),
        "processor": processor(),
        "code_sha256": code_sha256(),
    }
