"""Write the report of 300 cases x 2 ROIs and open it: seconds, memory, size, and the browser.

The cases are copies of those of the sample trial with other subjects and values, pictures
among them. The browser is Debian's chromium under playwright; without it that part is left out.

python -m benchmarks.report [--cases 300] [--out DIR]
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.timing import compile_package
from biomarker_cli.regions.result import ROIS_WITH_AUDIT
from biomarker_cli.tables.kept import case_folder, read_index, write_index
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.schema import CASES, CHECKS, FACTS, FEATURES, FLAGS_IN_RUN, MEASUREMENTS

CHECKOUT = Path(__file__).resolve().parent.parent
BY_CASE = (CASES, CHECKS, FACTS, MEASUREMENTS, ROIS_WITH_AUDIT)
OF_RUN = (FEATURES, FLAGS_IN_RUN)
SUBJECTS = ("S0001", "S0002")

_CLOCK = """
([name, value]) => {
  const form = document.getElementById("filters"), start = performance.now();
  form.elements[name].value = value;
  form.dispatchEvent(new Event("input"));
  document.body.offsetHeight;
  return performance.now() - start;
}
"""
_SORT = """
() => {
  const start = performance.now();
  document.querySelectorAll("table.sort thead button")[4].click();
  document.body.offsetHeight;
  return performance.now() - start;
}
"""


def main() -> int:
    """Make the run, write its report, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    compile_package()
    with tempfile.TemporaryDirectory(dir=options.out) as name:
        sample, folder = Path(name) / "sample", Path(name) / "run"
        study = str(CHECKOUT / "sample_data" / "study.yaml")
        _biomarker("run", study, "-o", str(sample), "--report", "--quiet")
        n_cases = multiply(sample, folder, options.cases)
        print(f"{n_cases} cases")
        page = folder / "report.html"
        for what, more in (("one file", ["-o", str(page)]), ("--split", ["--split"])):
            seconds, cpu, peak_mb = _biomarker("report", str(folder), *more)
            print(f"{what}: {seconds:.1f} s ({cpu:.1f} s of processor), peak {peak_mb:.0f} MB")
        print(f"size: {page.stat().st_size / 1e6:.1f} MB")
        if shutil.which("chromium") and importlib.util.find_spec("playwright"):
            browse(page)
    return 0


def multiply(sample: Path, folder: Path, n_cases: int) -> int:
    """Write a run of copies of the cases of another, and return how many it has."""
    folder.mkdir()
    n_sample = sum(1 for _ in _rows(sample / CASES.file_name)) - 1
    copies = range(-(-n_cases // n_sample))
    for table in BY_CASE:
        drawn = random.Random(table.name)
        with (folder / table.file_name).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            head, *rows = _rows(sample / table.file_name)
            writer.writerow(head)
            place = head.index("value") if table is MEASUREMENTS else -1
            for copy in copies:
                for row in rows:
                    cells = [_renamed(cell, copy) for cell in row]
                    if place >= 0 and cells[place]:
                        cells[place] = repr(float(cells[place]) * drawn.gauss(1.0, 0.1))
                    writer.writerow(cells)
    for table in OF_RUN:
        shutil.copy(sample / table.file_name, folder)
    shutil.copy(sample / "manifest.json", folder)
    write_datapackage((*BY_CASE, *OF_RUN), folder, "benchmark")
    (folder / "derivations").mkdir()
    for copy in copies:
        for path in (sample / "derivations").iterdir():
            shutil.copy(path, folder / "derivations" / _renamed(path.name, copy))
        for path in (sample / "kept").iterdir():
            _copy_kept(path, folder, copy)
    return n_sample * len(copies)


def _copy_kept(path: Path, folder: Path, copy: int) -> None:
    index = read_index(path)
    case_id = _renamed(index.case_id, copy)
    target = case_folder(folder, case_id)
    shutil.copytree(path, target)
    write_index(replace(index, case_id=case_id), target)


def _renamed(text: str, copy: int) -> str:
    for number, subject in enumerate(SUBJECTS, start=1):
        text = text.replace(subject, f"S{copy:03d}{number}")
    return text


def _rows(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.reader(stream)


def _biomarker(*words: str) -> tuple[float, float, float]:
    """Run a command, and return wall and processor seconds and its peak memory in MB."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "biomarker_cli", *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"biomarker {words[0]} ended with {process.returncode}")
    cpu = used.ru_utime + used.ru_stime
    return time.perf_counter() - start, cpu, used.ru_maxrss / 1024


def browse(page: Path) -> None:
    """Print how long a browser takes to open a report, and to filter, search and sort it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for what, width in (("desktop", 1280), ("phone width", 390)):
            view = browser.new_page(viewport={"width": width, "height": 900})
            start = time.perf_counter()
            view.goto(page.as_uri())
            load = time.perf_counter() - start
            filtered = view.evaluate(_CLOCK, ["site", "CENTRE_B"])
            searched = view.evaluate(_CLOCK, ["search", "recist-ct-001"])
            view.evaluate(_CLOCK, ["site", ""])
            view.evaluate(_CLOCK, ["search", ""])
            in_order = view.evaluate(_SORT)
            print(
                f"{what}: open {load:.2f} s, filter {filtered:.0f} ms, search {searched:.0f} ms, "
                f"sort {in_order:.0f} ms"
            )
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
