"""Run many inputs in warm worker processes that are watched.

A worker makes each input itself, takes its time and its highest resident memory, and
tells what came of it. An input that hangs or ends its worker is told by the file in
which the worker notes where it is.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

MOST_SECONDS = 10.0
"""CPU time of one input."""

MOST_BYTES = 1 << 30
"""Resident memory while one input is worked on."""

ADDRESS_SPACE_BYTES = 6 << 30
"""What a worker may ask for at all: a guard of the machine, above what is judged."""

BATCH_SECONDS = 120.0
"""Wall time after which a batch is ended: a hang. The machine may be busy."""

_WORKER: dict[str, Any] = {}


@dataclass(frozen=True)
class Batch:
    """Inputs of one target, one after the other."""

    target: str
    seed: int
    first: int
    count: int


@dataclass(frozen=True)
class Finding:
    """An input that came to something else than a result or a named error.

    Attributes
    ----------
    kind : str
        Exception and place, or ``slow``, ``memory``, ``hang``, ``died``.
    """

    target: str
    seed: int
    index: int
    kind: str
    text: str


@dataclass
class Tally:
    """What came of the inputs of a target."""

    outcomes: Counter[str] = field(default_factory=Counter)
    cpu_s: float = 0.0
    slowest_s: float = 0.0
    most_bytes: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def n_inputs(self) -> int:
        """How many inputs were run."""
        return self.outcomes.total()

    def add(self, other: Tally) -> None:
        """Take in another tally."""
        self.outcomes += other.outcomes
        self.cpu_s += other.cpu_s
        self.slowest_s = max(self.slowest_s, other.slowest_s)
        self.most_bytes = max(self.most_bytes, other.most_bytes)
        self.findings += other.findings


def start_worker(home: str) -> None:
    """Load all that inputs are put through, and make the seeds."""
    os.environ["BIOMARKER_CACHE_DIR"] = str(Path(home) / "cache")
    # What libraries remark upon is said on stderr by the command; it is no failure.
    warnings.simplefilter("ignore")
    from fuzzing.jobs import TARGETS  # noqa: F401 - the imports are what takes time
    from fuzzing.seeds import make_seeds

    folder = Path(tempfile.mkdtemp(dir=home))
    (folder / "seeds").mkdir()
    _WORKER["seeds"] = make_seeds(folder / "seeds")
    _WORKER["folder"] = folder
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _highest_bytes() -> int:
    """Return the highest resident memory since it was last reset."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def run_batch(batch: Batch, home: str) -> Tally:
    """Run the inputs of a batch in a worker."""
    from fuzzing.jobs import make_input

    tally = Tally()
    place = Path(home) / f"{batch.target}-{batch.first}.at"
    for index in range(batch.first, batch.first + batch.count):
        place.write_text(str(index))
        made = make_input(batch.target, batch.seed, index, _WORKER["folder"], _WORKER["seeds"])
        with contextlib.suppress(OSError):  # some kernels forbid it: the mark then only rises
            Path("/proc/self/clear_refs").write_text("5")
        begin = time.process_time()
        finding = None
        try:
            told = made.call()
        except Exception as error:  # noqa: BLE001 - whatever comes is the finding
            told = "! " + type(error).__name__
            finding = kind_of(error), f"seed {made.seed}\n{traceback.format_exc()}"
        taken, highest = time.process_time() - begin, _highest_bytes()
        if finding is None and taken > MOST_SECONDS:
            finding = "slow", f"seed {made.seed}: {taken:.1f} s, {told}"
        if finding is None and highest > MOST_BYTES:
            finding = "memory", f"seed {made.seed}: {highest / 1e6:.0f} MB, {told}"
        tally.outcomes[told] += 1
        tally.cpu_s += taken
        tally.slowest_s = max(tally.slowest_s, taken)
        tally.most_bytes = max(tally.most_bytes, highest)
        if finding is not None:
            tally.findings.append(Finding(batch.target, batch.seed, index, *finding))
    place.unlink()
    return tally


def kind_of(error: BaseException) -> str:
    """Return the kind of an error: its type and the innermost place in the product."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "biomarker_cli" in f.filename] or frames
    place = f"{Path(ours[-1].filename).name}:{ours[-1].name}"
    said = str(error).partition(":")[0][:60] if "Disagreement" in type(error).__name__ else ""
    return " ".join(filter(None, (type(error).__name__, place, said)))


def batches(counts: dict[str, int], seed: int, first: int = 0) -> Iterator[Batch]:
    """Yield the batches of a number of inputs per target, the dear ones first."""
    for target, count in sorted(counts.items(), key=lambda item: item[1]):
        size = {"case": 10, "study": 5, "series": 40}.get(target, 100)
        for start in range(0, count, size):
            yield Batch(target, seed, first + start, min(size, count - start))


def run_all(wanted: Iterable[Batch], home: Path, workers: int) -> dict[str, Tally]:
    """Run batches in a pool; return what came of each target."""
    from pebble import ProcessPool

    tallies: dict[str, Tally] = {}
    pool = ProcessPool(
        max_workers=workers,
        context=get_context("spawn"),
        initializer=start_worker,
        initargs=[str(home)],
    )
    try:
        futures = {
            pool.schedule(run_batch, args=[batch, str(home)], timeout=BATCH_SECONDS): batch
            for batch in wanted
        }
        for future in as_completed(futures):
            batch = futures[future]
            tally = tallies.setdefault(batch.target, Tally())
            try:
                tally.add(future.result())
            except Exception as error:  # noqa: BLE001 - a hang or a death is a finding
                tally.add(_lost(batch, home, error))
        pool.close()
    finally:
        pool.stop()
        pool.join()
    return tallies


def _lost(batch: Batch, home: Path, error: Exception) -> Tally:
    place = home / f"{batch.target}-{batch.first}.at"
    index = int(place.read_text()) if place.exists() else batch.first
    kind = "hang" if isinstance(error, TimeoutError) else "died"
    tally = Tally(Counter({f"! {kind}": index - batch.first + 1}))
    tally.findings.append(Finding(batch.target, batch.seed, index, kind, str(error)))
    return tally


def summary(tallies: dict[str, Tally]) -> str:
    """Return counts, times and memory as a table."""
    lines = [f"{'target':10}{'inputs':>8}{'findings':>10}{'ms each':>9}{'slowest s':>11}{'MB':>7}"]
    for target, t in sorted(tallies.items()):
        each = 1000.0 * t.cpu_s / max(t.n_inputs, 1)
        lines.append(
            f"{target:10}{t.n_inputs:8}{len(t.findings):10}{each:9.1f}{t.slowest_s:11.2f}"
            f"{t.most_bytes / 1e6:7.0f}"
        )
    return "\n".join(lines)


def keep(findings: Iterable[Finding], folder: Path) -> None:
    """Write each finding into a folder of its own: the input and what came of it."""
    from fuzzing.jobs import make_input
    from fuzzing.seeds import make_seeds

    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        (home / "seeds").mkdir()
        seeds = make_seeds(home / "seeds")
        for finding in findings:
            place = folder / f"{finding.target}-{finding.seed}-{finding.index}"
            place.mkdir(parents=True, exist_ok=True)
            (place / "what.txt").write_text(f"{finding.kind}\n{finding.text}\n")
            made = make_input(finding.target, finding.seed, finding.index, home, seeds)
            if made.path.is_dir():
                shutil.copytree(made.path, place / made.path.name, dirs_exist_ok=True)
            else:
                shutil.copy(made.path, place)
