"""The executor of many machines: a window of cases at the workers of a Dask cluster.

Results come back to the run, which stores them as those of any executor: one process
writes, under the lock of the run, and a case that Dask runs twice is stored once.
"""

from __future__ import annotations

import pickle
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue

from biomarker_cli.case.plan import CasePlan
from biomarker_cli.model.errors import CaseError
from biomarker_cli.model.wording import counted
from biomarker_cli.study.cluster.client import ClusterClient, PendingReply
from biomarker_cli.study.cluster.environment import versions
from biomarker_cli.study.cluster.errors import ClusterError, ClusterLostError
from biomarker_cli.study.cluster.scheduler import (
    connected,
    other_versions,
    require_same_versions,
)
from biomarker_cli.study.cluster.worker_side import (
    OUT_OF_MEMORY,
    Parcel,
    Refused,
    Reply,
    measure_in_child,
    packed,
    unseen,
)
from biomarker_cli.study.errors import unexpected_error
from biomarker_cli.study.executors import LOOK_WHY, CaseOutcome, ended_by, outcome_of, run_in_worker
from biomarker_cli.study.finished import FinishedResult
from biomarker_cli.study.workers import TIMED_OUT, Answer

CASES_PER_WORKER = 4
"""So many are at the cluster for each thread of a worker: one is measured, others wait."""

DEATHS = 3
"""Of workers, over one case alone at the cluster, until it is held to be the cause."""

_DEFECTS = 2
_ASK_EVERY_S = 1.0
_SAY_AFTER_S = 10.0


def _say_nothing(text: str) -> None:
    del text


@dataclass(frozen=True)
class DaskExecutor:
    """The workers of a cluster.

    Attributes
    ----------
    client : ClusterClient
    timeout_s : float or None
        Longest time for one case.
    patience_s : float
        How long there may be no worker.
    say : callable
        Takes a line for people: what the run waits for.
    work : callable
        What a worker does with a case; importable by its name.
    """

    client: ClusterClient
    timeout_s: float | None = None
    patience_s: float = 600.0
    say: Callable[[str], None] = _say_nothing
    work: Callable[[CasePlan], FinishedResult] = run_in_worker

    def run(self, plans: Iterable[CasePlan]) -> Iterator[CaseOutcome]:
        """Run the cases; outcomes come as they are ready, in any order.

        Raises
        ------
        ClusterError
            ``CLUSTER-VERSIONS``, ``CLUSTER-FILES``: of a worker that joined later.
        ClusterLostError
            ``CLUSTER-LOST``, ``CLUSTER-NO-WORKERS``.
        """
        window = _Window(self)
        coming = iter(plans)
        try:
            while window.fill(coming):
                outcome = window.next_outcome()
                if outcome is not None:
                    yield outcome
        finally:
            window.empty()


@contextmanager
def dask_executor(
    scheduler: str, timeout_s: float | None, patience_s: float, say: Callable[[str], None]
) -> Iterator[DaskExecutor]:
    """Hold an executor whose cluster is there and measures as this process would.

    Parameters
    ----------
    scheduler : str
        Address or file.
    timeout_s : float or None
    patience_s : float
    say : callable

    Raises
    ------
    ClusterError
        See `scheduler.connected`.
    """
    with connected(scheduler) as client:
        yield DaskExecutor(client, timeout_s, patience_s, say)


@dataclass
class _Flying:
    """A case that is at the cluster."""

    index: int
    plan: CasePlan
    parcel: Parcel
    is_alone: bool = False
    deaths: int = 0
    defects: int = 0


class _Window:
    """The cases that are at the cluster, never more than a few for each of its workers."""

    def __init__(self, executor: DaskExecutor) -> None:
        self._executor = executor
        self._client = executor.client
        self._run = uuid.uuid4().hex[:12]
        self._sent = 0
        self._taken = 0
        self._flying: dict[PendingReply, _Flying] = {}
        self._suspects: list[_Flying] = []
        self._landed: SimpleQueue[PendingReply] = SimpleQueue()
        self._threads = _Threads(executor)

    def fill(self, plans: Iterator[CasePlan]) -> bool:
        """Send cases as long as there is room; tell whether any is at the cluster."""
        room = CASES_PER_WORKER * max(self._threads.number(), 1)
        while len(self._flying) < room:
            plan = next(plans, None)
            if plan is None:
                break
            content = packed(self._executor.work, plan)
            parcel = Parcel(content, versions(), self._executor.timeout_s)
            self._send(_Flying(self._taken, plan, parcel))
            self._taken += 1
        if self._suspects and not self._flying:
            # All others are done: who is at the cluster alone dies of nothing but itself.
            suspect = self._suspects.pop()
            suspect.is_alone = True
            self._send(suspect)
        return bool(self._flying)

    def _send(self, case: _Flying) -> None:
        # One prefix and one group for all: the scheduler keeps account of each for ever.
        key = (f"biomarker-{self._run}", case.plan.case_id, self._sent)
        self._sent += 1
        future = self._client.submit(measure_in_child, case.parcel, key=key, pure=False)
        self._flying[future] = case
        future.add_done_callback(self._landed.put)

    def next_outcome(self) -> CaseOutcome | None:
        """Wait a moment for a case that is done; None where none is, or one is sent again."""
        try:
            future = self._landed.get(timeout=_ASK_EVERY_S)
        except Empty:
            if self._client.status != "running":
                raise _lost() from None
            self._threads.require_some()
            return None
        case = self._flying.pop(future)
        try:
            return self._landing(case, future)
        finally:
            future.release()

    def _landing(self, case: _Flying, future: PendingReply) -> CaseOutcome | None:
        try:
            error = future.exception()
            reply = future.result() if error is None else error
        except (CancelledError, OSError, TimeoutError) as lost:
            raise _lost() from lost
        if isinstance(reply, BaseException):
            return self._without_reply(case, reply)
        if isinstance(reply.answer.value, Refused):
            self._judge(case, reply, reply.answer.value)
            return None
        return _outcome(case.index, reply.answer)

    def _without_reply(self, case: _Flying, error: BaseException) -> CaseOutcome | None:
        """Repeat a case whose workers died, or say what became of it."""
        from distributed.scheduler import KilledWorker

        # Or was it a worker that joined later, and cannot even open what it is sent?
        with suppress(OSError, TimeoutError):
            require_same_versions(self._client)
        if not isinstance(error, KilledWorker):
            case.defects += 1
            if case.defects > _DEFECTS:
                log = f"{type(error).__name__}: {error}"
                return CaseOutcome(case.index, None, unexpected_error(type(error).__name__), log)
        elif case.is_alone:
            # Wherever the scheduler was told to give up earlier, we do not.
            case.deaths += error.allowed_failures + 1
            if case.deaths > DEATHS:
                return CaseOutcome(case.index, None, _killed(case.deaths))
        else:
            # It, or one that waited or worked at the same workers.
            self._suspects.append(case)
            return None
        self._send(case)
        return None

    def _judge(self, case: _Flying, reply: Reply, refused: Refused) -> None:
        """Stop for a worker that must not measure; a file that we miss too is the case's own."""
        if refused.versions:
            raise other_versions({f"worker {reply.worker}": list(refused.versions)})
        if unseen(case.plan.inputs) is None:
            raise ClusterError(
                "CLUSTER-FILES",
                f"the worker {reply.worker} does not see an input of {case.plan.case_id} as it "
                f"is here: {refused.how}",
                where=str(refused.file),
                hint="Mount the folder of the data under one path on all machines. What has "
                "been measured is kept.",
            )
        case.parcel = replace(case.parcel, looks=False)
        self._send(case)

    def empty(self) -> None:
        """Let the cluster stop what is still there."""
        if self._flying and self._client.status == "running":
            self._client.cancel(list(self._flying), force=True)
        self._flying.clear()


class _Threads:
    """How many threads the workers have, asked for now and then: they come and go."""

    def __init__(self, executor: DaskExecutor) -> None:
        self._executor = executor
        self._found = 0
        self._asked = -float("inf")
        self._alone_since: float | None = None
        self._said = 0.0

    def number(self) -> int:
        """Return the number, at most a second old."""
        now = time.monotonic()
        if now - self._asked >= _ASK_EVERY_S:
            try:
                told = self._executor.client.nthreads()
            except (OSError, CancelledError, TimeoutError) as error:
                raise _lost() from error
            self._found, self._asked = sum(told.values()), now
            if self._found:
                self._alone_since, self._said = None, 0.0
            elif self._alone_since is None:
                self._alone_since = now
        return self._found

    def require_some(self) -> None:
        """Say so where there is no worker, and give up where there is none for long.

        Raises
        ------
        ClusterLostError
            ``CLUSTER-NO-WORKERS``.
        """
        if self.number() or self._alone_since is None:
            return
        alone = time.monotonic() - self._alone_since
        if alone > self._executor.patience_s:
            raise ClusterLostError(
                "CLUSTER-NO-WORKERS",
                f"the cluster has had no worker for {alone:.0f} s",
                hint="Start workers (`dask worker --scheduler-file FILE --nthreads 1`), and run "
                "the same command again: what has been measured is kept.",
            )
        if alone > max(_SAY_AFTER_S, 2 * self._said):
            self._said = alone
            self._executor.say(f"waiting for a worker of the cluster, none for {alone:.0f} s")


def _outcome(index: int, answer: Answer) -> CaseOutcome:
    if answer.end == OUT_OF_MEMORY:
        hint = "Raise --memory-limit of the workers, and run with --retry-failed."
        error = _died("the case took more memory than its worker may have", hint)
        return CaseOutcome(index, None, error)
    if answer.end and answer.end != TIMED_OUT:
        return CaseOutcome(index, None, _died(f"its process died: {ended_by(answer.end)}"))
    if answer.value is not None:
        answer = replace(answer, value=pickle.loads(answer.value))  # noqa: S301 - our own worker
    return outcome_of(index, answer)


def _died(
    what: str,
    hint: str = f"{LOOK_WHY}; give the workers more of it, with --retry-failed.",
) -> CaseError:
    return CaseError("CASE-WORKER-DIED", what, hint=hint)


def _killed(deaths: int) -> CaseError:
    return _died(f"{counted(deaths, 'worker')} of the cluster died, one after another, over it")


def _lost() -> ClusterLostError:
    return ClusterLostError(
        "CLUSTER-LOST",
        "the connection to the scheduler of the cluster was lost",
        hint="Start it again, and run the same command: what has been measured is kept.",
    )
