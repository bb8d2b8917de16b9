"""A pool holds one case of each part: a larger trial takes no more memory."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.pool import write_centre

GROWS_AT_MOST_MB = 15
"""Over 160,000 rows more, which as lists of texts take 30 MB."""

PEAK = """
import resource, sys
from pathlib import Path
from biomarker_cli.multicentre.pooling.pool import pool_runs
from biomarker_cli.multicentre.pooling.rules import PoolRules
*runs, output = map(Path, sys.argv[1:])
output.mkdir()
report = pool_runs(runs, output, PoolRules())
print(report.n_cases, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def _peak_mb(folder, n_cases):
    folder.mkdir()
    runs = [write_centre(folder, centre, n_cases, 1000) for centre in range(2)]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *map(str, runs), str(folder / "pool")],
        capture_output=True,
        text=True,
        check=True,
    )
    pooled, peak = map(float, done.stdout.split())
    assert pooled == 2 * n_cases
    return peak


def test_the_pool_of_nine_times_as_many_cases_takes_the_same_memory(tmp_path):
    small, large = _peak_mb(tmp_path / "small", 10), _peak_mb(tmp_path / "large", 90)
    assert large - small < GROWS_AT_MOST_MB
