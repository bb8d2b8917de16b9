"""Marks of functions: `kernel` for those that Python calls, `inner` for those that kernels call.

A kernel is machine code of numba that is loaded without numba (`library`). What
that takes is little: annotations that say dtype and dimensions (`arrays`), and
globals that are numbers or functions marked here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar, cast

from biomarker_cli.radiomics.kernels.library import library
from biomarker_cli.radiomics.kernels.signatures import Signature
from biomarker_cli.radiomics.kernels.store import cache_dir

__all__ = ["Inner", "Kernel", "cache_dir", "inner", "kernel"]

P = ParamSpec("P")
R = TypeVar("R")


class Inner(Generic[P, R]):
    """A function that kernels call.

    Called from Python it is Python, and slow.

    Attributes
    ----------
    function : callable
        As it was written.
    """

    def __init__(self, function: Callable[P, R]) -> None:
        self.function = function
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function as it was written."""
        return self.function(*args, **kwargs)


class Kernel(Generic[P, R]):
    """A function that Python calls and that runs as machine code, without the GIL.

    Raises TypeError where an argument is not what its annotation says.

    Attributes
    ----------
    function : callable
        As it was written.
    signature : Signature
    """

    def __init__(self, function: Callable[P, R]) -> None:
        self.function = function
        self.signature = Signature.of(function)
        functools.update_wrapper(self, function)
        self._call: Callable[..., Any] = self._first_call

    @property
    def symbol(self) -> str:
        """Name of the machine code."""
        return f"{self.function.__module__}.{self.function.__qualname__}"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Check the arguments and run the machine code."""
        return cast("R", self._call(*args, **kwargs))

    def _first_call(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        package = self.function.__module__.rpartition(".")[0]
        self._call = library(package).call_of(self)
        return self._call(*args, **kwargs)


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """Mark a function that Python calls."""
    return Kernel(function)


def inner(function: Callable[P, R]) -> Inner[P, R]:
    """Mark a function that only kernels, and others of its kind, call."""
    return Inner(function)
