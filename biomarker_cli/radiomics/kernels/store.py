"""The file that keeps machine code: where it lies, what it is named by, when it may be trusted."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import platformdirs

_VARIABLE = "NUMBA_CACHE_DIR"
_FORMAT = b"biomarker-kernels-1"
_PATTERN = "kernels-*.store"

_KEPT = 8
"""Files of other versions or processors that stay: homes are shared by unlike machines."""

_OF_NO_EFFECT = {_VARIABLE, "NUMBA_NUM_THREADS"}


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
    return next((folder for folder in (user, fallback) if writable(folder)), None)


def writable(folder: Path) -> bool:
    """Return whether files can be made in a folder, which is made where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def is_own(found: os.stat_result) -> bool:
    """Return whether only this user, or root, can have written a file or a folder.

    Whoever can write there could have any code run.
    """
    if not hasattr(os, "getuid"):
        return True
    shared = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return found.st_uid in (os.getuid(), 0) and not shared


@dataclass(frozen=True)
class Content:
    """What a store holds.

    Attributes
    ----------
    symbols : tuple of str
        Names of the kernels.
    needed : tuple of str
        Names that the code expects in the process.
    refused : str
        Why there is no code; empty where there is.
    code : bytes
        Object file.
    """

    symbols: tuple[str, ...]
    needed: tuple[str, ...]
    refused: str
    code: bytes


def key_of(folders: Sequence[Path], processor: str) -> str:
    """Return a digest of everything that machine code depends on.

    Parameters
    ----------
    folders : sequence of Path
        Of the sources.
    processor : str
        What the code is compiled for.

    Raises
    ------
    OSError
        Where there are no sources to read.
    """
    digest = hashlib.sha256(_FORMAT)
    for folder in folders:
        sources = sorted(folder.rglob("*.py"))
        if not sources:
            raise FileNotFoundError(f"no sources in {folder}")
        for source in sources:
            text = source.read_bytes()
            digest.update(f"{source.relative_to(folder)} {len(text)}\n".encode() + text)
    settings = sorted(
        f"{name}={value}"
        for name, value in os.environ.items()
        if name.startswith("NUMBA_") and name not in _OF_NO_EFFECT
    )
    python = f"{sys.implementation.cache_tag} {sys.platform} {platform.machine()}"
    digest.update("\n".join([python, np.__version__, processor, *settings]).encode())
    digest.update(_version_of_numba())
    return digest.hexdigest()


def _version_of_numba() -> bytes:
    # Importing numba, or importlib.metadata, for it would take longer than all the rest.
    spec = find_spec("numba")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("numba is not installed")
    return Path(spec.origin).with_name("_version.py").read_bytes()


def read_store(folder: Path, key: str) -> Content | None:
    """Return what is kept under a key; None unless it is whole and from a trusted hand."""
    try:
        with _path(folder, key).open("rb") as file:
            if not is_own(os.fstat(file.fileno())):
                return None
            name, digest, own_key, rest = file.read().split(b"\n", 3)
            if name != _FORMAT or own_key != key.encode():
                return None
        if digest != hashlib.sha256(own_key + b"\n" + rest).hexdigest().encode():
            return None
        head, code = rest.split(b"\n", 1)
        data = json.loads(head)
        return Content(tuple(data["symbols"]), tuple(data["needed"]), data["refused"], code)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_store(folder: Path, key: str, content: Content) -> None:
    """Write a file as a whole: another process sees all of it or none.

    Raises
    ------
    OSError
    """
    data = {
        "symbols": content.symbols,
        "needed": content.needed,
        "refused": content.refused,
    }
    body = key.encode() + b"\n" + json.dumps(data).encode() + b"\n" + content.code
    digest = hashlib.sha256(body).hexdigest().encode()
    handle, name = tempfile.mkstemp(prefix="kernels-", suffix=".part", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(b"\n".join([_FORMAT, digest, body]))
        # An image may carry a store that root has made for others.
        os.chmod(name, 0o644)  # noqa: PTH101
        os.replace(name, _path(folder, key))  # noqa: PTH105
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108
        raise
    _forget_old(folder)


def _path(folder: Path, key: str) -> Path:
    return folder / _PATTERN.replace("*", key[:32])


def _forget_old(folder: Path) -> None:
    ages = []
    for path in folder.glob(_PATTERN):
        with contextlib.suppress(OSError):
            ages.append((path.stat().st_mtime, path))
    for _, path in sorted(ages, reverse=True)[_KEPT:]:
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from compiling the same; where that cannot be had, they do."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            lock = stack.enter_context((folder / "kernels.lock").open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
