"""Executors: run cases one after another here, or in a pool of processes.

A pool loses only the case whose worker dies or runs out of time; the others go
on. Every worker computes with one thread, so that numbers do not hang on the
number of cores.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from biomarker_cli.case.plan import CasePlan
from biomarker_cli.case.result import CaseResult
from biomarker_cli.case.running import run_case
from biomarker_cli.model.errors import CaseError
from biomarker_cli.study.errors import unexpected_error
from biomarker_cli.study.finished import FinishedResult, finished_or_refused
from biomarker_cli.study.put_down import put_down
from biomarker_cli.study.workers import TIMED_OUT, Answer, answer_of, answers

_ITK_THREADS = "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"


@dataclass(frozen=True)
class CaseOutcome:
    """What running one case gave: a result, or the error that stopped it.

    Attributes
    ----------
    index : int
        Place of the case in the stream.
    result : FinishedResult or None
    error : CaseError or None
    log : str
        Traceback of an unexpected error.
    seconds : float or None
        How long it took, where that is known.
    """

    index: int
    result: FinishedResult | None
    error: CaseError | None = None
    log: str = ""
    seconds: float | None = None


class Executor(Protocol):
    """Runs cases; yields outcomes as they come, in any order.

    The plans are a stream: each is taken when there is a worker for it, or will soon be.
    """

    def run(self, plans: Iterable[CasePlan]) -> Iterator[CaseOutcome]:
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


def run_in_worker(plan: CasePlan) -> FinishedResult:
    """Run a case with one thread, write the lines of its rows, and put them down."""
    with _one_thread():
        return put_down(plan, finished_or_refused(plan, _measured(plan)))


def _measured(plan: CasePlan) -> CaseResult:
    if plan.keep is None:
        return run_case(plan)
    from biomarker_cli.study.keeping import run_or_keep

    return run_or_keep(plan)


@dataclass(frozen=True)
class SerialExecutor:
    """One case after another, in this process."""

    def run(self, plans: Iterable[CasePlan]) -> Iterator[CaseOutcome]:
        """Run the cases in their order."""
        for index, plan in enumerate(plans):
            yield outcome_of(index, answer_of(run_in_worker, plan))


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
    work: Callable[[CasePlan], FinishedResult] = run_in_worker

    def run(self, plans: Iterable[CasePlan]) -> Iterator[CaseOutcome]:
        """Run the cases; outcomes come as they are ready, so that each is stored at once."""
        for index, answer in answers(plans, self.jobs, self.work, self.timeout_s):
            yield outcome_of(index, answer)


LOOK_WHY = "The log of the system (dmesg) tells whether memory ran out"
"""Nobody has looked there: a hint says where, and claims nothing."""


def ended_by(end: str) -> str:
    """Return in words how a process ended: exit code, below 0 a signal, or what is known."""
    signals = {str(-one.value): one.name for one in signal.Signals}
    words = f"exit code {end}" if end.lstrip("-").isdigit() else end
    return f"ended by {signals[end]}" if end in signals else words


def outcome_of(index: int, answer: Answer) -> CaseOutcome:
    """Turn whatever stopped one case into its error."""
    if answer.end == TIMED_OUT:
        error = CaseError(
            "CASE-TIMEOUT",
            "the case took longer than allowed",
            hint="Raise --timeout-per-case, and run with --retry-failed.",
        )
    elif answer.end:
        error = CaseError(
            "CASE-WORKER-DIED",
            f"the worker process died: {ended_by(answer.end)}",
            hint=f"{LOOK_WHY}; --jobs 1 leaves it all memory, with --retry-failed.",
        )
    elif answer.failure:
        error = unexpected_error(answer.failure)
    else:
        return CaseOutcome(index, answer.value, seconds=answer.seconds)
    return CaseOutcome(index, None, error, answer.log)
