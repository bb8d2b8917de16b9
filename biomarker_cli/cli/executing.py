"""Where the cases of a run are measured: here, or by the workers of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.options import Seconds
from biomarker_cli.cli.output import say

if TYPE_CHECKING:
    from biomarker_cli.study.executors import Executor


def executor_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say where cases are measured; see `Measurer.taken`."""
    for option in (
        click.option(
            "--wait-for-workers",
            type=Seconds(min=0),
            default=600.0,
            show_default=True,
            metavar="S",
            help="Seconds for which the cluster may have no worker.",
        ),
        click.option(
            "--scheduler",
            metavar="ADDRESS|FILE",
            help="Of the Dask cluster: host:port, or what `dask scheduler "
            "--scheduler-file FILE` writes.",
        ),
        click.option(
            "--executor",
            type=click.Choice(["local", "dask"]),
            default="local",
            show_default=True,
            help="Measure in processes here, or by the workers of a Dask cluster.",
        ),
    ):
        command = option(command)
    return command


@dataclass(frozen=True)
class Measurer:
    """What the user chose.

    Attributes
    ----------
    scheduler : str or None
        None for processes here.
    patience_s : float
    """

    scheduler: str | None
    patience_s: float

    @classmethod
    def taken(cls, given: dict[str, Any]) -> Measurer:
        """Take the options of `executor_options` out of those of a command.

        Raises
        ------
        click.UsageError
            Where a cluster has no address.
        """
        scheduler, patience_s = given.pop("scheduler"), given.pop("wait_for_workers")
        if given.pop("executor") == "dask" and not scheduler:
            raise click.UsageError("--executor dask needs --scheduler ADDRESS|FILE.")
        return cls(scheduler, patience_s)

    @contextmanager
    def executor(self, timeout_s: float | None) -> Iterator[Executor | None]:
        """Hold what measures; None for processes here.

        Raises
        ------
        ClusterError
            Where the cluster cannot be used, which is known before anything is planned.
        """
        if self.scheduler is None:
            yield None
            return
        from biomarker_cli.study.cluster.executor import dask_executor

        with dask_executor(self.scheduler, timeout_s, self.patience_s, _say) as executor:
            yield executor


def _say(text: str) -> None:
    say(text, err=True)
