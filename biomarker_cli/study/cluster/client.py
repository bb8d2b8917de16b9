"""What a run asks of the client of a cluster, in types: Dask declares hardly any.

Each call stands as it is made here, so that a checker sees what comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from biomarker_cli.study.cluster.worker_side import Parcel, Reply


class PendingReply(Protocol):
    """What stands for the reply of a worker until it comes: a `distributed.Future`."""

    def add_done_callback(self, told: Callable[[PendingReply], None], /) -> None:
        """Call this once it has come, or the cluster gave up."""

    def exception(self) -> BaseException | None:
        """Return what the cluster gave up with; None where there is a reply."""

    def result(self) -> Reply:
        """Return the reply."""

    def release(self) -> None:
        """Let the cluster forget it."""


class ClusterClient(Protocol):
    """A connection to a scheduler: a `distributed.Client`."""

    @property
    def status(self) -> str:
        """Return ``running`` where the scheduler is reached."""

    def submit(
        self, work: Callable[[Parcel], Reply], parcel: Parcel, /, *, key: object, pure: bool
    ) -> PendingReply:
        """Send a parcel to a worker, which does this work with it."""

    def cancel(self, pending: list[PendingReply], /, *, force: bool) -> object:
        """Let the cluster stop what is there."""

    def nthreads(self) -> Mapping[str, int]:
        """Return the threads of each worker."""

    def get_versions(self) -> Mapping[str, Any]:
        """Return what Dask tells of ``scheduler`` and ``workers``."""

    def run_on_scheduler(self, asked: Callable[[], object], /) -> object:
        """Return what a function returns there."""

    def run(
        self, asked: Callable[[], object], /, *, workers: Iterable[str], on_error: str
    ) -> Mapping[str, object]:
        """Return what a function returns at each worker."""

    def close(self, *, timeout: float) -> object:
        """Leave the scheduler."""
