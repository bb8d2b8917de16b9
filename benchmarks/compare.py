"""Compare two runs of 1,000 cases x 2 ROIs x 1,200 features: wall time and peak memory.

    python -m benchmarks.compare [--cases 1000] [--features 1200] [--out DIR]

The tables are made first (twice 300 MB); a thousandth of the values differ.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.timing import compile_package
from biomarker_cli.tables.cells import csv_line
from biomarker_cli.tables.schema import MEASUREMENTS

ROIS = ("GTV", "NODE")
IMAGES = ("original", "log-sigma-3.0-mm", "wavelet-LLH", "wavelet-HHH")
ANALYSIS = "radiomics-ct@1.0.0"


def feature_names(n_features: int) -> list[str]:
    """Return made-up names of features, sorted."""
    return sorted(
        f"{IMAGES[n % len(IMAGES)]}.glcm.feature_of_some_length_{n:04d}.3d_average"
        for n in range(n_features)
    )


def write(folder: Path, n_cases: int, n_features: int, every: int) -> int:
    """Write measurements.csv; one value of `every` is another one. Return the rows."""
    folder.mkdir(parents=True)
    values = np.random.default_rng(1).normal(100.0, 30.0, n_cases * len(ROIS) * n_features)
    if every:
        values[::every] *= 1.0 + 1e-6
    features = feature_names(n_features)
    row = 0
    with (folder / MEASUREMENTS.file_name).open("w", newline="") as stream:
        stream.write(csv_line(MEASUREMENTS.column_names))
        for case in range(n_cases):
            for roi in ROIS:
                head = f"CENTRE_A/S{case:05d}/T1/ct,{roi},{ANALYSIS},"
                lines = []
                for feature in features:
                    lines.append(
                        f"{head}{feature},{float(values[row])!r},1,ok,draft_protocol,caution\n"
                    )
                    row += 1
                stream.writelines(lines)
    return row


def main() -> int:
    """Make the tables, compare them in each format, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--features", type=int, default=1200)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    compile_package()
    with tempfile.TemporaryDirectory(dir=options.out) as name:
        folder = Path(name)
        n_rows = write(folder / "a", options.cases, options.features, 0)
        write(folder / "b", options.cases, options.features, 1000)
        print(f"{n_rows} rows on either side")
        for form in ("text", "json"):
            start = time.perf_counter()
            arguments = ["compare", str(folder / "a"), str(folder / "b"), "--format", form]
            done = subprocess.run(
                [sys.executable, "-m", "biomarker_cli", *arguments],
                capture_output=True,
                check=False,
            )
            seconds = time.perf_counter() - start
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(f"{form}: {seconds:.1f} s, peak {peak:.0f} MB, exit code {done.returncode}")
            if done.returncode != 7:
                print(done.stderr.decode())
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
