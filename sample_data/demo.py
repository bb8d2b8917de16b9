"""Run the studies of the sample data, then show measured values beside the truth."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

SAMPLE = Path(__file__).resolve().parent
CHECKOUT = SAMPLE.parent


STUDIES = (
    (SAMPLE / "study.yaml", CHECKOUT / "demo_out"),
    (SAMPLE / "response" / "study.yaml", CHECKOUT / "demo_response_out"),
    (SAMPLE / "perfusion" / "study.yaml", CHECKOUT / "demo_perfusion_out"),
)
"""The trial, one subject over time, and a dynamic series; each has its truth beside it."""


def main() -> int:
    """Return 0 where every value lies within its stated tolerance."""
    measured = max(measured_against_truth(study, out) for study, out in STUDIES)
    return max(measured, called_as_told())


def called_as_told() -> int:
    """Judge the subject over time; return 0 where its calls are those of calls.csv."""
    folder, measured = SAMPLE / "response", CHECKOUT / "demo_response_out"
    told = pd.read_csv(folder / "calls.csv", keep_default_na=False)
    found = []
    for criterion, ledger in (("recist-1.1", "lesions.csv"), ("percist-1.0", "lesions_pet.csv")):
        out = measured / criterion
        names = [path.relative_to(CHECKOUT).as_posix() for path in (measured, folder / ledger, out)]
        command = ["biomarker", "response", names[0], "--criterion", criterion]
        command += ["--ledger", names[1], "-o", names[2]]
        print("$", *command, flush=True)
        subprocess.run(
            [sys.executable, "-m", "biomarker_cli", *command[1:]], cwd=CHECKOUT, check=True
        )
        rows = pd.read_csv(out / "response.csv", keep_default_na=False)
        found.append(rows.assign(criterion=criterion))
    columns = ["criterion", "subject_id", "timepoint"]
    calls = told.merge(pd.concat(found)[[*columns, "overall"]], on=columns, suffixes=("", "_found"))
    n_good = int((calls["overall"] == calls["overall_found"]).sum())
    print(f"{n_good} of {len(told)} calls are those of calls.csv")
    return 0 if n_good == len(told) else 1


def measured_against_truth(study: Path, out: Path) -> int:
    """Run a study and print its values beside their truth; return 0 where all are within.

    Parameters
    ----------
    study : Path
        Its file, beside ``truth.csv``.
    out : Path
        Folder of the run; one that is there is replaced.
    """
    shutil.rmtree(out, ignore_errors=True)
    names = [path.relative_to(CHECKOUT).as_posix() for path in (study, out)]
    command = ["biomarker", "run", names[0], "-o", names[1], "--report"]
    print("$", *command, flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "biomarker_cli", *command[1:]], cwd=CHECKOUT, check=False
    )
    if done.returncode != 0:
        print(f"expected exit code 0, found {done.returncode}", file=sys.stderr)
        return 1
    compared = compare(study.parent / "truth.csv", out)
    print("\nMeasured against truth (truth.csv says how each truth and tolerance is defined)")
    for line in lines_of(compared):
        print(line)
    n_bad = int((compared["within"] != "yes").sum())
    print(f"\n{len(compared) - n_bad} of {len(compared)} values are within tolerance")
    print(f"A report to look at: {names[1]}/report.html\n")
    return 1 if n_bad else 0


def lines_of(compared: pd.DataFrame) -> Iterator[str]:
    """Yield the rows of `compare`, feature by feature, in lines of a terminal."""
    for feature, rows in compared.groupby("feature", sort=False):
        yield feature
        yield f"  {'case':22} {'ROI':7} {'truth':>7} {'measured':>11} {'off by':>9} {'allowed':>9}"
        for row in rows.to_dict("records"):
            yield (
                f"  {row['case']:22} {row['roi']:7} {row['truth']:7.6g} {row['measured']:11.6g} "
                f"{row['deviation %']:+7.3f} % {row['tolerance %']:7.3g} % {row['within']}"
            )


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
