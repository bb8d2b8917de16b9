"""Mutation testing of the rooms that make numbers: ``make mutants`` (MINUTES=60).

mutmut changes one operator, number or argument of a function at a time, and runs the unit
tests of the room that call this function. A mutant that no test notices has survived.
Each room is worked on in a copy of the checkout, below the folder of the results. Where
all mutants would take longer than there is time, a sample is taken, the same part of every
room; another ``--seed`` takes another sample.

    python tests/mutants.py --minutes 60 -o mutants_found [ROOM...]

What it leaves there: ``survivors.txt`` with the difference of each survivor, and the copies,
in which ``mutmut run NAME`` tries one again and ``mutmut browse`` shows them all.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

CHECKOUT = Path(__file__).resolve().parent.parent
MUTMUT = Path(sys.executable).parent / "mutmut"

ROOMS = MappingProxyType(
    {
        "statistics": ("statistics/*", "statistics"),
        "diffusion": ("diffusion/*", "diffusion"),
        "pet": ("pet/*", "pet"),
        "features": ("radiomics/features/*", "radiomics"),
        "regions": ("regions/*", "regions"),
        "size": ("size/*", "size"),
        "stacking": ("catalogue/stacking.py", "catalogue"),
        "splitting": ("catalogue/splitting.py", "catalogue"),
        "preprocess": ("radiomics/preprocess/*", "radiomics"),
        "imaging": ("imaging/*", "imaging"),
        "dicom": ("dicom/*", "dicom"),
        "acquisition": ("acquisition/*", "acquisition"),
        "tables": ("tables/*", "tables"),
    }
)
"""Name -> what is changed in biomarker_cli/, and the folder of tests/unit that must notice."""

TEXT = (r"raise \w+", r"\b(hint|where|reason|title|reference)=", r'^\s*f?"[^"]* [^"]*",?\)?$')
"""Lines that no mutant is made of: what messages say is no number."""

AT_IMPORT = ("x__define__mutmut", "x__percentile__mutmut", "x_define_family__mutmut")
"""Functions that run when their module is imported, before a mutant is switched on."""

COPIED = (
    "biomarker_cli",
    "tests",
    "protocols",
    "docs",
    "sample_data",
    "benchmarks",
    "README.md",
    "pyproject.toml",
)
ALSO_COPIED = COPIED[2:-1]

STATES = MappingProxyType({0: "survived", 1: "killed", 3: "killed", 5: "untested", 33: "untested"})
"""Exit codes of mutmut; all others but none are time that ran out, or a crash: noticed."""

FAST_S = 2.0
"""Tests that take longer are not run: there are faster ones, or they are missing."""

STARTING_S = 0.5
"""What it takes until the first test of a mutant runs."""

PART_RUN = 0.3
"""A mutant that is killed does not run all its tests."""

SEED = 15
"""Of the sample that is taken unless another one is asked for."""


@dataclass(frozen=True)
class Room:
    """A copy of the checkout in which the functions of one room are changed."""

    name: str
    folder: Path
    jobs: int

    def prepare(self) -> None:
        """Make the copy, the mutants, and what is known of the tests that call each function."""
        self.folder.mkdir(parents=True)
        for name in COPIED:
            source = CHECKOUT / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", ".*")
                shutil.copytree(source, self.folder / name, ignore=ignored)
            else:
                shutil.copy(source, self.folder)
        changed, tests = ROOMS[self.name]
        settings = {
            "source_paths": ["biomarker_cli"],
            "only_mutate": [f"biomarker_cli/{changed}"],
            "do_not_mutate_patterns": list(TEXT),
            "also_copy": list(ALSO_COPIED),
            "pytest_add_cli_args_test_selection": [f"tests/unit/{tests}"],
            "pytest_add_cli_args": ["-p", "no:cacheprovider"],
            "timeout_multiplier": 3.0,
            "timeout_constant": 2.0,
            "use_git_change_detection": False,
        }
        # Lists of plain texts read the same in TOML as in JSON.
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        with (self.folder / "pyproject.toml").open("a") as file:
            file.write("\n".join(["", "[tool.mutmut]", *lines, ""]))
        # No mutant has this name: the run ends when all is prepared.
        self._mutmut(["none"], log="prepared.log")
        if not self._stats.is_file():
            sys.exit(f"{self.name}: the tests could not be run, see {self.folder / 'prepared.log'}")
        self._leave_out_slow_tests()

    @property
    def _stats(self) -> Path:
        """What is known of the tests: how long each takes, and what it calls."""
        return self.folder / "mutants" / "mutmut-stats.json"

    def _leave_out_slow_tests(self) -> None:
        stats = json.loads(self._stats.read_text())
        durations = stats["duration_by_test"]
        stats["tests_by_mangled_function_name"] = {
            function: [test for test in tests if durations.get(test, 0.0) <= FAST_S]
            for function, tests in stats["tests_by_mangled_function_name"].items()
        }
        self._stats.write_text(json.dumps(stats))

    def run(self, names: Iterable[str], seconds: float) -> None:
        """Try mutants until all are tried or the time is over."""
        self._mutmut(list(names), log="run.log", seconds=seconds)

    def _mutmut(self, names: list[str], log: str, seconds: float | None = None) -> None:
        environment = {**os.environ, "PYTHONPATH": "", "HYPOTHESIS_STORAGE_DIRECTORY": ".examples"}
        with (self.folder / log).open("wb") as file:
            process = subprocess.Popen(
                [str(MUTMUT), "run", "--max-children", str(self.jobs), *names],
                cwd=self.folder,
                env=environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
                process.wait()

    def results(self) -> dict[str, int | None]:
        """Return the exit code of every mutant, none of one that was not tried."""
        found: dict[str, int | None] = {}
        for path in sorted((self.folder / "mutants").rglob("*.meta")):
            found |= json.loads(path.read_text())["exit_code_by_key"]
        return {name: code for name, code in found.items() if not _is_at_import(name)}

    def seconds(self) -> dict[str, float]:
        """Return how long each mutant may take, by the tests that call its function."""
        stats = json.loads(self._stats.read_text())
        tests, durations = stats["tests_by_mangled_function_name"], stats["duration_by_test"]
        return {
            name: STARTING_S
            + PART_RUN * sum(durations[test] for test in tests.get(_function(name), ()))
            for name in self.results()
        }

    def difference(self, name: str) -> str:
        """Return what a mutant changes, as a patch."""
        shown = [str(MUTMUT), "show", name]
        done = subprocess.run(shown, cwd=self.folder, capture_output=True, text=True, check=False)
        lines = done.stdout.splitlines()
        return "\n".join(line for line in lines if line[:1] in {"-", "+", "@"})


def _is_at_import(name: str) -> bool:
    return name.rpartition(".")[2].startswith(AT_IMPORT)


def _function(name: str) -> str:
    return name.rpartition("__mutmut_")[0]


def _module(name: str) -> str:
    return name.rpartition(".x")[0].removeprefix("biomarker_cli.")


def _sample(rooms: Iterable[Room], budget_s: float, seed: int) -> dict[Room, list[str]]:
    """Return the mutants of each room that there is time for: the same part of each."""
    costs = {room: room.seconds() for room in rooms}
    whole = sum(sum(cost.values()) for cost in costs.values())
    part = min(1.0, budget_s / whole) if whole else 1.0
    chosen = {}
    for room, cost in costs.items():
        names = sorted(cost)
        random.Random(seed).shuffle(names)
        chosen[room] = names[: round(part * len(names))]
    return chosen


def _state(code: int | None) -> str:
    return "not tried" if code is None else STATES.get(code, "killed")


def _report(results: Mapping[Room, Mapping[str, int | None]], folder: Path) -> None:
    """Print a row for each module, and write the survivors with what they change."""
    rows: dict[str, Counter[str]] = {}
    survivors: list[str] = []
    for room, found in results.items():
        for name, code in found.items():
            rows.setdefault(_module(name), Counter())[_state(code)] += 1
            if _state(code) == "survived":
                survivors.append(f"{name}  [{room.name}]\n{room.difference(name)}\n")
    columns = ("killed", "survived", "untested", "not tried")
    print(f"{'module':44}{'mutants':>9}" + "".join(f"{column:>11}" for column in columns))
    total: Counter[str] = Counter()
    for module, row in sorted(rows.items()):
        total += row
        print(f"{module:44}{row.total():9}" + "".join(f"{row[column]:11}" for column in columns))
    print(f"{'all':44}{total.total():9}" + "".join(f"{total[column]:11}" for column in columns))
    (folder / "survivors.txt").write_text("\n".join(survivors), encoding="utf-8")
    print(f"{len(survivors)} survivors with what they change: {folder / 'survivors.txt'}")


def main() -> None:
    """Make mutants of the rooms named, try as many as there is time for, and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=", ".join(ROOMS))
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("-o", "--output", type=Path, default=Path("mutants_found"))
    given = parser.parse_args()
    unknown = set(given.rooms) - set(ROOMS)
    if unknown:
        parser.error(f"no room of mutants: {', '.join(sorted(unknown))}")
    # What a shell in the background ignores, mutmut must hear when its time is over.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    end = time.monotonic() + 60 * given.minutes
    if given.output.exists():
        shutil.rmtree(given.output)
    rooms = [Room(name, given.output.resolve() / name, given.jobs) for name in given.rooms or ROOMS]
    for room in rooms:
        room.prepare()
        print(f"{room.name}: {len(room.results())} mutants", flush=True)
    chosen = _sample(rooms, given.jobs * (end - time.monotonic()), given.seed)
    n_all = sum(len(room.results()) for room in rooms)
    print(f"{sum(map(len, chosen.values()))} of {n_all} are tried, seed {given.seed}", flush=True)
    left = sum(room.seconds()[name] for room in rooms for name in chosen[room])
    for room in rooms:
        cost = sum(room.seconds()[name] for name in chosen[room])
        if chosen[room]:
            room.run(chosen[room], max(0.0, end - time.monotonic()) * cost / left)
        left -= cost
    _report({room: room.results() for room in rooms}, given.output)


if __name__ == "__main__":
    main()
