"""Exports read and write one region after the other: a larger trial takes no more memory."""

from __future__ import annotations

import subprocess
import sys

from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.schema import FEATURES, MEASUREMENTS
from biomarker_cli.tables.writing import table_file, write_table

ANALYSIS = "radiomics-ct@1.0.0"
N_FEATURES = 600
GROWS_AT_MOST_MB = 15
"""Over 90,000 rows more, which as lists of texts take 90 MB."""

PEAK = """
import resource, sys
from pathlib import Path
from biomarker_cli.tables.export.wide import WideRules, export_wide
summary = export_wide(Path(sys.argv[1]), Path(sys.argv[1]) / "wide.csv", WideRules())
print(summary.rows, summary.values, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def _run(folder, n_cases):
    folder.mkdir()
    features = [
        f"original.glcm.feature_of_some_length_{n:04d}.3d_merged" for n in range(N_FEATURES)
    ]
    with table_file(MEASUREMENTS, folder) as write:
        for case in range(n_cases):
            for roi in ("GTV", "NODE"):
                head = f"A/S{case:05d}/T1/ct,{roi},{ANALYSIS},"
                lines = (f"{head}{f},{case + 0.1},1,ok,,yes\n" for f in features)
                write("".join(lines))
    rows = [{"analysis_id": ANALYSIS, "feature_id": f, "unit_ucum": "1"} for f in features]
    write_table(FEATURES, rows, folder)
    write_datapackage([MEASUREMENTS, FEATURES], folder, "trial")
    return folder


def _peak_mb(folder, n_cases):
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(_run(folder, n_cases))],
        capture_output=True,
        text=True,
        check=True,
    )
    rows, values, peak = map(float, done.stdout.split())
    assert (rows, values) == (2 * n_cases, 2 * n_cases * N_FEATURES)
    return peak


def test_the_wide_table_of_five_times_as_many_cases_takes_the_same_memory(tmp_path):
    small, large = _peak_mb(tmp_path / "small", 20), _peak_mb(tmp_path / "large", 100)
    assert large - small < GROWS_AT_MOST_MB
