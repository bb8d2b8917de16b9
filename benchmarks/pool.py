"""Pool 20 centres x 500 cases x 1,200 features: wall time and peak memory, beside pandas.

The peer reads the measurements of all centres and writes them as one table, without a
check: what a script of a few lines would do.

python -m benchmarks.pool [--centres 20] [--cases 500] [--features 1200] [--out DIR]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.compare import ANALYSIS, feature_names
from benchmarks.timing import compile_package
from biomarker_cli.multicentre.pooling.parts import OF_A_RUN
from biomarker_cli.regions.result import ROIS_WITH_AUDIT
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.schema import CASES, CHECKS, FACTS, FEATURES, FLAGS_IN_RUN, MEASUREMENTS
from biomarker_cli.tables.writing import table_file, write_table

PEER = """
import sys
import pandas as pd
*runs, output = sys.argv[1:]
tables = [pd.read_csv(f"{run}/measurements.csv") for run in runs]
pooled = pd.concat(tables)
pooled[pooled["usable"] != "no"].to_csv(output, index=False)
"""


def main() -> int:
    """Make the runs, pool them, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--centres", type=int, default=20)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--features", type=int, default=1200)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--no-peer", action="store_true", help="it needs 6 GB for the whole")
    options = parser.parse_args()
    compile_package()
    with tempfile.TemporaryDirectory(dir=options.out) as name:
        root = Path(name)
        runs = [
            str(write_centre(root, number, options.cases, options.features))
            for number in range(options.centres)
        ]
        size = sum((Path(run) / MEASUREMENTS.file_name).stat().st_size for run in runs)
        print(f"{options.centres * options.cases * options.features} rows, {size / 1e6:.0f} MB")
        ours = [sys.executable, "-m", "biomarker_cli", "pool", *runs, "-o", str(root / "pool")]
        theirs = [sys.executable, "-c", PEER, *runs, str(root / "peer.csv")]
        measured = (
            [("biomarker", ours)] if options.no_peer else [("biomarker", ours), ("pandas", theirs)]
        )
        seconds = [_measured(what, command) for what, command in measured]
        if min(seconds) < 0:
            return 1
        if len(seconds) > 1:
            print(f"ratio to pandas: {seconds[0] / seconds[1]:.2f}")
    return 0


def write_centre(root: Path, number: int, n_cases: int, n_features: int) -> Path:
    """Write the run of one centre: one row in 50 without a value, one in 20 under caution."""
    folder = root / f"centre{number:02d}"
    folder.mkdir()
    drawn = random.Random(number)
    names = sorted(feature_names(n_features))
    ids = [f"C{number:02d}/S{case:04d}/T1/ct" for case in range(n_cases)]
    values = [repr(drawn.gauss(100, 20)) for _ in range(10_000)]
    with table_file(MEASUREMENTS, folder) as write:
        for place, case_id in enumerate(ids):
            write("".join(_lines(case_id, names, values, place)))
    keys = [hashlib.sha256(case_id.encode()).hexdigest() for case_id in ids]
    write_table(
        CASES,
        [
            {"case_id": i, "site_id": i[:3], "subject_id": i[4:9], "timepoint": "T1"}
            | {"study_uid": f"1.{k}", "series_uid": f"2.{k}", "status": "measured", "result_key": k}
            for i, k in zip(ids, keys, strict=True)
        ],
        folder,
    )
    write_table(
        ROIS_WITH_AUDIT, [{"case_id": i, "roi_id": "GTV", "status": "ok"} for i in ids], folder
    )
    facts = [
        {"case_id": i, "series_uid": f"2.{i}", "fact": f"fact_{n}"} for i in ids for n in range(35)
    ]
    write_table(FACTS, facts, folder)
    write_table(CHECKS, [], folder)
    rows = [
        {"analysis_id": ANALYSIS, "feature_id": f, "unit_ucum": "1", "definition_version": "1"}
        for f in names
    ]
    write_table(FEATURES, rows, folder)
    write_table(FLAGS_IN_RUN, [{"flag": "roi_small", "severity": "caution"}], folder)
    write_datapackage(OF_A_RUN, folder, "benchmark")
    manifest = {
        "format": "biomarker-manifest/1",
        "study": "benchmark",
        "protocols": [],
        "cases": {i: {"result_key": k, "pixels_sha256": k} for i, k in zip(ids, keys, strict=True)},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def _lines(case_id: str, names: list[str], values: list[str], place: int) -> list[str]:
    lines = []
    for number, name in enumerate(names):
        at = (place * 31 + number * 7) % len(values)
        value, end = values[at], "1,ok,,yes"
        if at % 50 == 0:
            value, end = "", "1,undefined,,no"
        elif at % 20 == 1:
            end = "1,ok,roi_small,caution"
        lines.append(f"{case_id},GTV,{ANALYSIS},{name},{value},{end}\n")
    return lines


def _measured(what: str, command: list[str]) -> float:
    """Print what a command took; return its seconds, -1 where it failed."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    cpu = used.ru_utime + used.ru_stime
    print(
        f"{what}: {seconds:.1f} s ({cpu:.1f} s of processor), peak {used.ru_maxrss / 1024:.0f} MB"
    )
    return seconds if process.returncode == 0 else -1.0


if __name__ == "__main__":
    sys.exit(main())
