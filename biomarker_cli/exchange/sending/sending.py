"""The way of sending: what may leave, what is held already, what the target says of the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from biomarker_cli.exchange.fetching.errors import (
    RemoteError,
    SeriesRefusedError,
    SourceRefusedError,
)
from biomarker_cli.exchange.fetching.fetching import FRUITLESS_TRIES
from biomarker_cli.exchange.fetching.listing import PAUSES_S
from biomarker_cli.exchange.fetching.remote import RemoteSeries
from biomarker_cli.exchange.sending.outgoing_files import (
    CHANGED,
    OutgoingFile,
    files_below,
    is_keyed,
)
from biomarker_cli.exchange.sending.sent_table import FAILED, HELD, REFUSED, SENT, TO_SEND, SentRow
from biomarker_cli.exchange.sending.target import SendTarget

INTERRUPTED = "SEND-INTERRUPTED"


@dataclass
class Sending:
    """A folder on its way to a target.

    Attributes
    ----------
    target : SendTarget
        Connected.
    dry_run : bool
        Ask what is held, and send nothing.
    tell : callable
        Hears how many files are settled, of how many.
    pauses_s : sequence of float
        Before each try but the first.
    rows : list of SentRow
        What became of each file, sorted by name.
    n_bytes_sent, n_files_sent : int
    """

    target: SendTarget
    dry_run: bool = False
    tell: Callable[[int, int], None] = field(default=lambda *_: None)
    pauses_s: Sequence[float] = PAUSES_S
    n_bytes_sent: int = 0
    n_files_sent: int = 0
    _settled: dict[str, SentRow] = field(default_factory=dict)
    _waiting: dict[str, OutgoingFile] = field(default_factory=dict)

    @property
    def rows(self) -> list[SentRow]:
        """A row for each file; one that nobody came to says so."""
        rest = [file.row(FAILED, INTERRUPTED) for file in self._waiting.values()]
        return sorted([*self._settled.values(), *rest], key=lambda row: row.file)

    def run(self, folder: Path) -> None:
        """Send what lies in a folder, series by series, images before what is made of them."""
        by_series: dict[RemoteSeries, list[OutgoingFile]] = {}
        for found in files_below(folder):
            if isinstance(found, OutgoingFile):
                self._waiting[found.name] = found
                series = RemoteSeries(found.study_uid, found.series_uid)
                by_series.setdefault(series, []).append(found)
            else:
                self._settled[found.file] = found
        ordered = sorted(by_series.items(), key=lambda one: any(file.is_ours for file in one[1]))
        refused: SourceRefusedError | None = None
        for series, files in ordered:
            if refused is None:
                refused = self._send(series, files)
            if refused is not None:
                self._fail(files, refused)

    def _send(self, series: RemoteSeries, files: list[OutgoingFile]) -> SourceRefusedError | None:
        n_fruitless = 0
        problem: RemoteError | None = None
        while n_fruitless < FRUITLESS_TRIES:
            if n_fruitless:
                time.sleep(self.pauses_s[n_fruitless - 1])
            before = len(self._waiting)
            try:
                self._try(series, [file for file in files if file.name in self._waiting])
            except SourceRefusedError as error:
                return error
            except SeriesRefusedError as error:
                problem = error
                break
            except RemoteError as error:
                problem = error
            if not any(file.name in self._waiting for file in files):
                return None
            n_fruitless = 0 if len(self._waiting) < before else n_fruitless + 1
        self._fail(
            files, problem or RemoteError("SEND-UNANSWERED", "the target says nothing of it")
        )
        return None

    def _try(self, series: RemoteSeries, files: list[OutgoingFile]) -> None:
        if not self._may_leave(series, files):
            return
        held = self.target.held(series)
        missing = []
        for file in files:
            if file.sop_instance_uid in held:
                self._settle(file, file.row(HELD))
            elif self.dry_run:
                self._settle(file, file.row(TO_SEND))
            else:
                missing.append(file)
        if missing:
            self.target.store(missing, self._took)

    def _may_leave(self, series: RemoteSeries, files: list[OutgoingFile]) -> bool:
        """Refuse results under mapped UIDs where the target has nothing that they belong to."""
        if not is_keyed(series.study_uid) or not any(file.is_ours for file in files):
            return True
        images = any(
            row.study_uid == series.study_uid and row.status == TO_SEND
            for row in self._settled.values()
        )
        if images or self.target.has_study(series.study_uid):
            return True
        for file in files:
            message = (
                "it belongs to a study under mapped UIDs, of which the target holds nothing: "
                "send the de-identified images first, or export with --identity keep"
            )
            self._settle(file, file.row(REFUSED, "SEND-STUDY-ABSENT", message))
        return False

    def _took(self, file: OutgoingFile, code: str, message: str) -> None:
        if not code:
            self.n_files_sent += 1
            self.n_bytes_sent += file.n_bytes
        status = REFUSED if code == CHANGED else FAILED if code else SENT
        self._settle(file, file.row(status, code, message))

    def _fail(self, files: Sequence[OutgoingFile], error: RemoteError) -> None:
        for file in files:
            if file.name in self._waiting:
                self._settle(file, file.row(FAILED, error.code, str(error)))

    def _settle(self, file: OutgoingFile, row: SentRow) -> None:
        self._waiting.pop(file.name, None)
        self._settled[file.name] = row
        self.tell(len(self._settled), len(self._settled) + len(self._waiting))
