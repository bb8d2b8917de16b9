"""How kernels are compiled, and where their machine code is kept."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import platformdirs

Function = TypeVar("Function", bound=Callable[..., Any])

_VARIABLE = "NUMBA_CACHE_DIR"


def cache_dir() -> Path | None:
    """Return the folder of the compiled kernels: the user's choice, the user cache, else temporary.

    None where nothing can be written; kernels are then compiled by every process.
    """
    named = os.environ.get(_VARIABLE)
    if named:
        return Path(named)
    user = platformdirs.user_cache_path("biomarker", appauthor=False) / "kernels"
    identity = os.getuid() if hasattr(os, "getuid") else "user"
    fallback = Path(tempfile.gettempdir()) / f"biomarker-kernels-{identity}"
    return next((folder for folder in (user, fallback) if _writable(folder)), None)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


_FOLDER = cache_dir()

if _FOLDER is not None and "numba" not in sys.modules:
    os.environ.setdefault(_VARIABLE, str(_FOLDER))

import numba  # noqa: E402  (the folder must be chosen before numba reads it)

_settings: Any = numba.config
if _FOLDER is not None and not _settings.CACHE_DIR:
    # Someone else loaded numba before: say it where numba looks when it compiles.
    _settings.CACHE_DIR = str(_FOLDER)


def kernel(function: Function) -> Function:
    """Compile a function at its first call."""
    compiled: Any = numba.njit(
        cache=_FOLDER is not None, nogil=True, fastmath=False, error_model="numpy"
    )(function)
    return cast("Function", compiled)


inner = kernel
