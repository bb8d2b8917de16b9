"""The kernels of a package: found in the store, or compiled and put there, or left to numba."""

from __future__ import annotations

import functools
import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.radiomics.kernels.loading import Code, KernelError, processor
from biomarker_cli.radiomics.kernels.signatures import native_call, python_call
from biomarker_cli.radiomics.kernels.store import (
    Content,
    alone,
    cache_dir,
    is_own,
    key_of,
    read_store,
    writable,
    write_store,
)

if TYPE_CHECKING:
    from biomarker_cli.radiomics.kernels.compilation import Kernel

_log = logging.getLogger(__name__)


class Library:
    """The machine code of one package of kernels, loaded once in a process.

    Parameters
    ----------
    package : str
        Whose modules hold the kernels; empty for those that are compiled one by one.
    """

    def __init__(self, package: str) -> None:
        self._package = package
        self._lock = threading.RLock()
        self._tried = not package
        self._code: Code | None = None
        self._folder: Path | None = None
        if hasattr(os, "register_at_fork"):
            # A fork waits until another thread has loaded the code: the child has it whole.
            os.register_at_fork(
                before=self._lock.acquire,
                after_in_parent=self._lock.release,
                after_in_child=self._lock.release,
            )

    def call_of(self, kernel: Kernel[..., Any]) -> Callable[..., Any]:
        """Return what runs a kernel: code from the store, else what numba makes of it here."""
        code = self.code()
        if code is not None:
            try:
                return native_call(kernel.signature, code.address_of(kernel.symbol), code)
            except KernelError as error:
                _log.info("%s", error)
        from biomarker_cli.radiomics.kernels.jitting import jit_here

        with self._lock:
            return python_call(kernel.signature, jit_here(kernel, self._folder))

    def code(self) -> Code | None:
        """Return the machine code of the package; None where numba has to do without a store."""
        with self._lock:
            if not self._tried:
                self._tried = True
                try:
                    self._code = self._load()
                except Exception as error:  # noqa: BLE001 (numba does the same, only later)
                    _log.info("numba compiles kernels in this process: %s", error)
            return self._code

    def _load(self) -> Code:
        self._folder = folder = trusted_dir()
        if folder is None:
            raise KernelError("no folder to keep machine code")
        own = {Path(__file__).parent, *map(Path, sys.modules[self._package].__path__)}
        key = key_of(sorted(own), processor())
        content = read_store(folder, key)
        if content is None:
            if not writable(folder):
                raise KernelError(f"{folder} cannot be written")
            with alone(folder):
                # Another process may have been first.
                content = read_store(folder, key) or self._compile(folder, key)
        return Code(content)

    def _compile(self, folder: Path, key: str) -> Content:
        from biomarker_cli.radiomics.kernels.jitting import compile_package

        # A user who waits must know why, and that it is for the first and last time.
        _log.warning("compiling kernels, once: some twenty seconds; they are kept in %s", folder)
        try:
            content = compile_package(self._package)
        except KernelError as error:
            # Said in the store too: no other process need try.
            _log.warning("kernels cannot be kept as machine code: %s", error)
            content = Content((), (), str(error), b"")
        try:
            write_store(folder, key, content)
        except OSError as error:
            _log.warning("kernels cannot be kept in %s: %s", folder, error)
        return content


@functools.cache
def library(package: str) -> Library:
    """Return the one library of a package."""
    return Library(package)


def trusted_dir() -> Path | None:
    """Return the folder of the compiled kernels; None unless only this user can write there."""
    folder = cache_dir()
    if folder is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if is_own(folder.stat()):
            return folder
        _log.warning("kernels are not kept in %s: others can write there", folder)
    except OSError as error:
        _log.info("kernels are not kept in %s: %s", folder, error)
    return None
