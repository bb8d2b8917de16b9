"""One thread for linear algebra: the matrices are small, and the bits must not hang on cores."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any


def one_thread_of_blas() -> AbstractContextManager[Any]:
    """Return a context in which BLAS and LAPACK take one thread.

    On matrices of some dozen grey levels more threads wait for each other: the
    eigenvalues of co-occurrence took three times the processor time with two.
    """
    limit: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limit


@cache
def _controller() -> Any:
    """Return the libraries that numpy has loaded; to look for them takes milliseconds."""
    import numpy as np
    from threadpoolctl import ThreadpoolController

    # Some builds of numpy load their library at the first use.
    np.linalg.eigvals(np.eye(2))
    return ThreadpoolController()
