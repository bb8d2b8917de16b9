"""Executors: run cases one after another here, or in a pool of processes.

A pool loses only the case whose worker dies or runs out of time; the others go
on. Every worker computes with one thread, so that numbers do not hang on the
number of cores.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from biomarker_cli.case import CasePlan, CaseResult, run_case
from biomarker_cli.model import CaseError
from biomarker_cli.study.errors import unexpected_error

_ITK_THREADS = "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"


@dataclass(frozen=True)
class Outcome:
    """What running one case gave: a result, or the error that stopped it.

    Attributes
    ----------
    index : int
        Place of the case in what was submitted.
    result : CaseResult or None
    error : CaseError or None
    log : str
        Traceback of an unexpected error.
    """

    index: int
    result: CaseResult | None
    error: CaseError | None = None
    log: str = ""


class Executor(Protocol):
    """Runs cases; yields outcomes as they come, in any order."""

    def run(self, plans: Sequence[CasePlan]) -> Iterator[Outcome]:
        """Run the cases."""


@contextmanager
def _one_thread() -> Iterator[None]:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1), _one_thread_of_itk():
        yield


@contextmanager
def _one_thread_of_itk() -> Iterator[None]:
    """Limit SimpleITK, which many cases never load: then its environment says it."""
    loaded: Any = sys.modules.get("SimpleITK")
    if loaded is None:
        before = os.environ.get(_ITK_THREADS)
        os.environ[_ITK_THREADS] = "1"
        try:
            yield
        finally:
            if before is None:
                del os.environ[_ITK_THREADS]
            else:
                os.environ[_ITK_THREADS] = before
        return
    threads = loaded.ProcessObject.GetGlobalDefaultNumberOfThreads()
    loaded.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        loaded.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)


def run_in_worker(plan: CasePlan) -> CaseResult:
    """Run a case with one thread."""
    with _one_thread():
        return run_case(plan)


@dataclass(frozen=True)
class SerialExecutor:
    """One case after another, in this process."""

    def run(self, plans: Sequence[CasePlan]) -> Iterator[Outcome]:
        """Run the cases in their order."""
        for index, plan in enumerate(plans):
            yield _guarded(index, partial(run_in_worker, plan))


@dataclass(frozen=True)
class PoolExecutor:
    """A pool of processes on this machine.

    Attributes
    ----------
    jobs : int
        Number of workers.
    timeout_s : float or None
        Longest time for one case.
    work : callable
        What a worker does with a case; importable by its name.
    """

    jobs: int
    timeout_s: float | None = None
    work: Callable[[CasePlan], CaseResult] = run_in_worker

    def run(self, plans: Sequence[CasePlan]) -> Iterator[Outcome]:
        """Run the cases; outcomes come as they are ready, so that each is stored at once."""
        from concurrent.futures import Future, as_completed
        from multiprocessing import get_context

        from pebble import ProcessPool

        pool = ProcessPool(max_workers=min(self.jobs, len(plans)), context=get_context("spawn"))
        try:
            index_of: dict[Future[CaseResult], int] = {
                pool.schedule(self.work, args=[plan], timeout=self.timeout_s): index
                for index, plan in enumerate(plans)
            }
            for future in as_completed(index_of):
                yield _guarded(index_of[future], future.result)
            pool.close()
        finally:
            pool.stop()
            pool.join()


def _guarded(index: int, call: Callable[[], CaseResult]) -> Outcome:
    """Turn whatever stops one case into its outcome, so that the others go on."""
    try:
        return Outcome(index, call())
    except TimeoutError:
        error = CaseError(
            "CASE-TIMEOUT",
            "the case took longer than allowed",
            hint="Raise --timeout-per-case, and run with --retry-failed.",
        )
        return Outcome(index, None, error)
    except Exception as unexpected:  # noqa: BLE001 - becomes a named error row; others go on
        died = _died_with(unexpected)
        if died is not None:
            error = CaseError(
                "CASE-WORKER-DIED",
                f"the worker process died (exit code {died})",
                hint="It may have run out of memory: try --jobs 1, with --retry-failed.",
            )
            return Outcome(index, None, error)
        return Outcome(index, None, unexpected_error(unexpected), traceback.format_exc())


def _died_with(error: Exception) -> str | None:
    """Return the exit code of a worker that died; without a pool there is none to ask for."""
    pebble: Any = sys.modules.get("pebble")
    if pebble is None or not isinstance(error, pebble.ProcessExpired):
        return None
    return str(error.exitcode)
