"""Export a run of 1,000 cases x 2 ROIs x 1,200 features: wall time and peak memory.

python -m benchmarks.export [--cases 1000] [--features 1200] [--out DIR]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.compare import ANALYSIS, feature_names, write
from benchmarks.timing import compile_package, run_child
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.schema import FEATURES, MEASUREMENTS
from biomarker_cli.tables.writing import write_table


def main() -> int:
    """Make the tables, export them in each form, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--features", type=int, default=1200)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    compile_package()
    with tempfile.TemporaryDirectory(dir=options.out) as name:
        folder = Path(name) / "run"
        n_rows = write(folder, options.cases, options.features, 0)
        rows = [
            {"analysis_id": ANALYSIS, "feature_id": feature, "unit_ucum": "1"}
            for feature in feature_names(options.features)
        ]
        write_table(FEATURES, rows, folder)
        write_datapackage((MEASUREMENTS, FEATURES), folder, "benchmark")
        print(f"{n_rows} rows")
        for form, output in (("wide", "wide.csv"), ("parquet", "parquet")):
            if not _measured(form, folder, Path(name) / output):
                return 1
    return 0


def _measured(form: str, folder: Path, output: Path) -> bool:
    """Print what an export took; return whether it worked."""
    command = [sys.executable, "-m", "biomarker_cli", "export", form, str(folder), "-o"]
    used = run_child([*command, str(output)])
    print(f"{form}: {used.said}")
    return used.worked


if __name__ == "__main__":
    sys.exit(main())
