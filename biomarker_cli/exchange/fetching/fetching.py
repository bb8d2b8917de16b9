"""The way of a fetch: query, what is missing, retrieve, again what is missing, a table."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from biomarker_cli.exchange.fetching.errors import (
    RemoteError,
    SeriesRefusedError,
    SourceRefusedError,
)
from biomarker_cli.exchange.fetching.fetched_table import (
    COMPLETE,
    FAILED,
    INCOMPLETE,
    FetchedRow,
    earlier_rows,
    write_fetched,
)
from biomarker_cli.exchange.fetching.listing import LOST_IN_A_ROW, PAUSES_S
from biomarker_cli.exchange.fetching.remote import Remote, RemoteInstance, RemoteSeries
from biomarker_cli.exchange.fetching.storing import SeriesStore
from biomarker_cli.model.wording import counted

FRUITLESS_TRIES = 3
"""Asked so often in a row without one more file, a series is given up."""

INTERRUPTED = "FETCH-INTERRUPTED"
"""Code of a series that the command ended before."""


class Advanced(NamedTuple):
    """How far a fetch has come.

    Attributes
    ----------
    n_files, n_expected : int
        Files that are here, of those that were listed so far.
    n_bytes : int
        Received in this fetch.
    """

    n_files: int
    n_expected: int
    n_bytes: int


NOTHING_YET = Advanced(0, 0, 0)
"""Where every fetch begins."""

Tell = Callable[[Advanced], None]


@dataclass
class Fetch:
    """A fetch from a source into a folder.

    Attributes
    ----------
    remote : Remote
        Connected.
    output : Path
    tell : callable
        Hears of each file.
    pauses_s : sequence of float
        Before each try but the first.
    rows : list of FetchedRow
        What became of each series.
    problems : list of (RemoteSeries, BiomarkerError)
        Why one is not complete.
    n_bytes_received, n_files_received : int
    """

    remote: Remote
    output: Path
    tell: Tell = field(default=lambda _: None)
    pauses_s: Sequence[float] = PAUSES_S
    rows: list[FetchedRow] = field(default_factory=list)
    problems: list[tuple[RemoteSeries, RemoteError]] = field(default_factory=list)
    n_bytes_received: int = 0
    n_files_received: int = 0
    _advanced: Advanced = NOTHING_YET

    def run(self, series: Sequence[RemoteSeries]) -> None:
        """Fetch series one after the other, and write ``fetched.csv`` whatever happens.

        Raises
        ------
        SourceError
            ``OUTPUT-EXISTS``, ``FETCH-PLACE``.
        OSError
            Where the disk is full; what was stored stands, and the table says so.
        """
        # Read for what it may raise: nothing is fetched beside tables of something else.
        earlier_rows(self.output)
        waiting = list(series)
        n_lost = 0
        try:
            while waiting:
                problem = self._fetch(waiting.pop(0))
                if isinstance(problem, SourceRefusedError):
                    break
                is_lost = problem is not None and not isinstance(problem, SeriesRefusedError)
                n_lost = n_lost + 1 if is_lost else 0
                if n_lost >= LOST_IN_A_ROW:
                    break
            if waiting:
                code = self.problems[-1][1].code
                self.rows += [_row(rest, None, code) for rest in waiting]
                waiting.clear()
        finally:
            # Interrupted, or the disk is full: those that nobody came to are named as well.
            self.rows += [_row(rest, None, INTERRUPTED) for rest in waiting]
            write_fetched(self.rows, self.output)

    def advance(self, n_listed: int, n_here: int, n_bytes: int) -> None:
        """Tell that more was listed, or is here."""
        now = self._advanced
        self._advanced = Advanced(
            now.n_files + n_here, now.n_expected + n_listed, now.n_bytes + n_bytes
        )
        self.tell(self._advanced)

    def _fetch(self, series: RemoteSeries) -> RemoteError | None:
        """Fetch a series; return why it is not complete, and count a loss only without a file."""
        one = _SeriesFetch(self, series)
        code = INTERRUPTED
        try:
            problem = one.run()
            code = problem.code if problem else ""
        finally:
            self.rows.append(_row(series, one.store, code))
            if one.store is not None:
                self.n_bytes_received += one.store.n_bytes_received
        if problem is not None:
            self.problems.append((series, problem))
        return problem


class _SeriesFetch:
    """The tries of one series."""

    def __init__(self, fetch: Fetch, series: RemoteSeries) -> None:
        self.fetch = fetch
        self.series = series
        self.store: SeriesStore | None = None
        self.instances: list[RemoteInstance] = []

    def run(self) -> RemoteError | None:
        """Ask until all is there, or nothing more comes; return why it is not complete."""
        n_fruitless = 0
        problem: RemoteError | None = None
        while n_fruitless < FRUITLESS_TRIES:
            if n_fruitless:
                time.sleep(self.fetch.pauses_s[n_fruitless - 1])
            n_before = self.n_missing
            problem = self._try()
            if self.store is not None and self.instances and not self.store.missing:
                return None
            if isinstance(problem, SeriesRefusedError):
                break
            n_fruitless = 0 if self.n_missing < n_before else n_fruitless + 1
        return problem or self._not_handed_over()

    @property
    def n_missing(self) -> float:
        """How many are not here; before the source was asked it may be any number."""
        return float("inf") if self.store is None else len(self.store.missing)

    def _try(self) -> RemoteError | None:
        fetch = self.fetch
        try:
            if self.store is None:
                self._list()
            if self.store is not None and self.store.missing:
                missing = self.store.missing.copy()
                wanted = [one for one in self.instances if one.sop_instance_uid in missing]
                fetch.remote.retrieve(self.series, wanted, self._receive)
        except RemoteError as error:
            return error
        return None

    def _list(self) -> None:
        fetch = self.fetch
        instances = fetch.remote.find_instances(self.series)
        if not instances:
            raise SeriesRefusedError(
                "FETCH-EMPTY",
                "the source lists the series, and no instance of it",
                where=self.series.series_uid,
            )
        uids = [one.sop_instance_uid for one in instances]
        self.store = SeriesStore(fetch.output, self.series, uids)
        self.store.tidy()
        self.instances = instances
        fetch.advance(len(uids), len(uids) - len(self.store.missing), 0)

    def _receive(self, pieces: Iterable[bytes]) -> None:
        if self.store is None:
            return
        n_missing, n_bytes = len(self.store.missing), self.store.n_bytes_received
        self.store.receive(pieces)
        n_more = n_missing - len(self.store.missing)
        self.fetch.n_files_received += n_more
        self.fetch.advance(0, n_more, self.store.n_bytes_received - n_bytes)

    def _not_handed_over(self) -> RemoteError:
        store = self.store
        if store is None:
            raise AssertionError
        detail = "".join(f"; {uid}: {fault}" for uid, fault in sorted(store.faults.items())[:3])
        return SeriesRefusedError(
            "FETCH-INCOMPLETE",
            f"{len(store.missing)} of {counted(len(store.expected), 'instance')} did not come "
            f"whole in {FRUITLESS_TRIES} tries{detail}",
            where=self.series.series_uid,
            hint="Ask the viewer of the source for one of them; the next fetch asks for these.",
        )


def _row(series: RemoteSeries, store: SeriesStore | None, code: str) -> FetchedRow:
    n_here = 0 if store is None else len(store.expected) - len(store.missing)
    return FetchedRow(
        study_uid=series.study_uid,
        series_uid=series.series_uid,
        modality=series.modality,
        n_expected=None if store is None else len(store.expected),
        n_on_disk=n_here,
        n_bytes=0 if store is None else store.n_bytes_on_disk(),
        n_dropped=0 if store is None else store.n_dropped,
        status=COMPLETE if not code else INCOMPLETE if n_here else FAILED,
        error_code=code,
    )
