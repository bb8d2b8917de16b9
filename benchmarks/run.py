"""A study from DICOM and RTSTRUCT to its tables, against pyradiomics on NIfTI made beforehand.

    python -m benchmarks.run [--rounds 5] [--jobs 1]

The CT, PET and MR images of four subjects of the soft-tissue sarcoma collection
(STS_001 to STS_004 of the reference DICOM): twelve cases, ``pyradiomics-default`` on
all and ``fdg-suv`` on PET as well. ``biomarker run`` is a whole process that indexes,
checks, imports the structure sets, converts, measures and writes every table; the
index and the results are empty before each round, the page cache is warm. The peer
is the command line of pyradiomics with its default settings, whose images and masks
somebody has converted already. Rounds alternate; processor time is that of the
process and its children, the median counts. A second run, which has nothing to do, and
the peak memory of both stand beside.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.timing import compile_package

CHECKOUT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("BIOMARKER_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
SUBJECTS = ("STS_001", "STS_002", "STS_003", "STS_004")
IMAGES = {"ct": "CT", "pet": "PET", "mr": "MR_T1"}

STUDY = """\
format: biomarker-study/1
id: sts
integrity: flag
roles:
  ct: {analyses: [pyradiomics-default]}
  mr: {analyses: [pyradiomics-default]}
  pet: {analyses: [pyradiomics-default, fdg-suv]}
"""


def write_study(folder: Path) -> Path:
    """Write the study and return its file."""
    columns = ("site_id", "subject_id", "timepoint", "role", "image", "mask")
    with (folder / "cases.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        for subject in SUBJECTS:
            for role, name in IMAGES.items():
                image = DATA / "sts" / subject / name
                mask = next((image / "mask").iterdir())
                writer.writerow(("STS", subject, "T1", role, image / "image", mask))
    (folder / "study.yaml").write_text(STUDY)
    return folder / "study.yaml"


def write_batch(path: Path) -> Path:
    """Write the list of images and masks that pyradiomics reads."""
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("Image", "Mask"))
        for subject in SUBJECTS:
            for name in IMAGES.values():
                folder = DATA / "sts" / subject / "nifti"
                writer.writerow((folder / f"{name}_image.nii.gz", folder / f"{name}_mask.nii.gz"))
    return path


def measured(command: list[str], cache: Path) -> tuple[float, float]:
    """Return processor seconds and peak memory in MB of a command that must succeed."""
    environment = {**os.environ, "BIOMARKER_CACHE_DIR": str(cache)}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"failed: {' '.join(command)}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> int:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", default="1")
    options = parser.parse_args()
    peer = Path(sys.executable).with_name("pyradiomics")
    if not (DATA / "sts").is_dir() or not peer.exists():
        print(f"left out: no {DATA / 'sts'} (BIOMARKER_TEST_DATA), or no pyradiomics")
        return 0
    compile_package()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ours: list[tuple[float, float]] = []
    again: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        study, batch = write_study(work), write_batch(work / "batch.csv")
        run = [sys.executable, "-m", "biomarker_cli", "run", str(study), "-o", str(work / "out")]
        run += ["--jobs", options.jobs]
        rival = [str(peer), str(batch), "-o", str(work / "peer.csv"), "-f", "csv", "--jobs", "1"]
        measured(run, work / "warm")  # files come into the page cache
        for _ in range(options.rounds):
            for left in ("out", "cache"):
                shutil.rmtree(work / left, ignore_errors=True)
            (work / "peer.csv").unlink(missing_ok=True)
            ours.append(measured(run, work / "cache"))
            again.append(measured(run, work / "cache"))
            theirs.append(measured(rival, work / "cache"))
    for name, figures in (("biomarker", ours), ("second run", again), ("pyradiomics", theirs)):
        seconds, memory = (median(column) for column in zip(*figures, strict=True))
        print(f"{name:12} {seconds:6.2f} s processor time, {memory:5.0f} MB")
    ratios = [one[0] / other[0] for one, other in zip(ours, theirs, strict=True)]
    print(f"biomarker / pyradiomics: {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
