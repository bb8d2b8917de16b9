"""The logs of a run: ``run.jsonl`` grows over all runs, ``run.log`` tells of the last one.

``run.jsonl`` has one JSON object a line: ``time`` (UTC), ``stage``, and for a case
``case_id``, ``status``, ``error_code``, ``duration_s`` and ``attempt``. Neither is a table:
what they hold differs from run to run.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from biomarker_cli.case.result import Note
from biomarker_cli.model.outputs import whole_file
from biomarker_cli.model.version import __version__
from biomarker_cli.model.wording import shown

if TYPE_CHECKING:
    from biomarker_cli.study.cohort import Cohort
    from biomarker_cli.study.packed import ResultHead

JSON_LINES = "run.jsonl"
TEXT = "run.log"


class RunLog:
    """The log of one run, which is written as it goes on.

    Parameters
    ----------
    path : Path
        Of ``run.jsonl``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: TextIO | None = None
        self._attempts: Counter[str] = Counter()

    def __enter__(self) -> Self:
        """Begin to write behind what earlier runs wrote."""
        self._attempts = _attempts(self._path)
        self._stream = self._path.open("a", encoding="utf-8", errors="backslashreplace")
        self._write("begin", version=__version__)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say how the run ended."""
        if kind is not None:
            self._write("stopped", error=kind.__name__)
        if self._stream is not None:
            self._stream.close()

    def planned(self, cohort: Cohort) -> None:
        """Write how many cases there are, and what is to be done with them."""
        due = {action: cohort.n_of(action) for action in ("run", "keep", "reuse", "refuse")}
        self._write("planned", cases=len(cohort), **due)

    def measured(self, head: ResultHead, seconds: float | None) -> None:
        """Write what became of a case."""
        self._attempts[head.case_id] += 1
        self._write(
            "measured",
            case_id=head.case_id,
            status=head.status,
            error_code=head.error_code,
            duration_s=None if seconds is None else round(seconds, 3),
            attempt=self._attempts[head.case_id],
        )

    def kept(self, case_id: str, error_code: str, seconds: float | None) -> None:
        """Write that what a case lacked was made, or why it was not."""
        took = None if seconds is None else round(seconds, 3)
        self._write("kept", case_id=case_id, error_code=error_code, duration_s=took)

    def ended(self) -> None:
        """Write that the tables are there."""
        self._write("tables")

    def _write(self, stage: str, **said: Any) -> None:
        if self._stream is None:
            return
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._stream.write(json.dumps({"time": time, "stage": stage, **said}) + "\n")
        self._stream.flush()


def _attempts(path: Path) -> Counter[str]:
    """Return how often each case has been measured, by an earlier log; lines cut off count not."""
    found: Counter[str] = Counter()
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            for line in stream:
                found.update(_measured_in(line))
    except OSError:
        pass
    return found


def _measured_in(line: str) -> Iterator[str]:
    if '"measured"' not in line:
        return
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return
    if isinstance(said, dict) and said.get("stage") == "measured":
        yield str(said.get("case_id"))


def write_text(cohort: Cohort, remarks: Iterable[str], folder: Path) -> None:
    """Write what was done and why, and the notes of every case, also of those kept."""
    with whole_file(folder / TEXT) as stream:

        def say(line: str) -> None:
            # People read it on a terminal, and names and messages of libraries stand in it.
            stream.write(f"{shown(line)}\n".encode())

        for case in cohort.cases():
            say(f"{case.case_id}: {case.action}, {case.reason}")
            for note in case.notes if case.refusal is None else ():
                say(f"{case.case_id}: {Note(*note)}")
        for text in remarks:
            for line in text.splitlines():
                say(line)
