"""Run the sample trial, then show measured values beside the truth."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd

SAMPLE = Path(__file__).resolve().parent
CHECKOUT = SAMPLE.parent
OUT = CHECKOUT / "demo_out"


def main() -> int:
    """Return 0 where every value lies within its stated tolerance."""
    shutil.rmtree(OUT, ignore_errors=True)
    command = ["biomarker", "run", "sample_data/study.yaml", "-o", "demo_out"]
    print("$", *command, flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "biomarker_cli", *command[1:]], cwd=CHECKOUT, check=False
    )
    if done.returncode != 0:
        print(f"expected exit code 0, found {done.returncode}", file=sys.stderr)
        return 1
    compared = compare(SAMPLE / "truth.csv", OUT)
    print("Measured against truth (truth.csv says how each truth and tolerance is defined)")
    print(compared.to_string(index=False, float_format=lambda v: f"{v:.6g}"))
    n_bad = int((compared["within"] != "yes").sum())
    print(f"\n{len(compared) - n_bad} of {len(compared)} values are within tolerance")
    return 1 if n_bad else 0


def compare(truth_file: Path, folder: Path) -> pd.DataFrame:
    """Return a row per truth: the measured value, the deviation, and whether it is within.

    Parameters
    ----------
    truth_file : Path
        Columns case_id, roi_id, table, feature_id, truth, unit, tolerance_abs.
    folder : Path
        Folder of a run.
    """
    truth = pd.read_csv(truth_file)
    measurements = pd.read_csv(folder / "measurements.csv")
    rois = pd.read_csv(folder / "rois.csv").melt(
        id_vars=["case_id", "roi_id"], value_vars=["volume_mm3"], var_name="feature_id"
    )
    found = pd.concat([measurements[["case_id", "roi_id", "feature_id", "value"]], rois])
    merged = truth.merge(found, how="left", on=["case_id", "roi_id", "feature_id"])
    deviation = merged["value"] - merged["truth"]
    within = deviation.abs() <= merged["tolerance_abs"]
    return pd.DataFrame(
        {
            "case": merged["case_id"],
            "roi": merged["roi_id"],
            "feature": merged["feature_id"],
            "truth": merged["truth"],
            "measured": merged["value"].astype(float),
            "deviation %": 100 * deviation / merged["truth"],
            "tolerance %": 100 * merged["tolerance_abs"] / merged["truth"],
            "within": within.map({True: "yes", False: "NO"}),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
