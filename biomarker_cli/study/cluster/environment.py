"""What a process measures with: versions that must be one wherever cases are measured."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache

from biomarker_cli.model.packages import MOVING_NUMBERS, version_of
from biomarker_cli.model.version import __version__, code_digest

_PARTS = (
    *MOVING_NUMBERS,
    # What decodes lossy pixels decides on their last bit.
    "pyjpegls",
    "pylibjpeg-openjpeg",
    "pylibjpeg-rle",
    "python-gdcm",
    # What plans and results are packed with.
    "cloudpickle",
    "dask",
    "distributed",
    "pydantic",
)

ABSENT = "none"


@cache
def versions() -> Mapping[str, str]:
    """Return the versions of this process by name.

    They are those it started with: a package that is replaced on the disk meanwhile is
    not the one that is loaded.

    Returns
    -------
    mapping
        ``biomarker`` (with the digest of its code, kernels included), ``python``, ``machine``
        and distributions of others; `ABSENT` for what is not there.
    """
    found = {
        "biomarker": f"{__version__} ({code_digest()})",
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    return found | {part: version_of(part) or ABSENT for part in _PARTS}


def differences(wanted: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Return what differs, such as ``numpy 2.4.6 here, 2.3.0 there``.

    Parameters
    ----------
    wanted : mapping
        The versions here; what it does not name is not asked for.
    found : mapping
        Those there.
    """
    return [
        f"{name} {version} here, {found.get(name, ABSENT)} there"
        for name, version in wanted.items()
        if found.get(name, ABSENT) != version
    ]
