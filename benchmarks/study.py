"""Studies of many cases: memory of the main process, planning and assembling, a second run.

    python -m benchmarks.study [--flat 1000,10000] [--tiny 1000] [--wide 100] [--again 200]

Four measurements, each in a folder of its own that is made and thrown away:

``flat``
    Cases of 100 slices whose files are headers alone, so that planning is all there is:
    peak memory of the main process, which must not grow with their number.
``tiny``
    NIfTI cases of one small region and first-order features: processor time of the main
    process per case, with its start and behind it, and its part of all.
``wide``
    NIfTI cases of two regions and 1,200 features: the same.
``again``
    A second run that has nothing to do, on cases of 2 and of 300 files: processor time
    per case and per file.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

CHECKOUT = Path(__file__).resolve().parent.parent
SLICES = 100
HEAD = "site_id,subject_id,timepoint,role,image,mask,quantity\n"

WIDE = """\
format: biomarker-analysis/1
id: wide
version: 0.1.0
status: draft
title: Two regions, some 1,200 features
source: [{doc: none, section: "-", confirmed: {by: recall}}]
changelog: [{version: 0.1.0, date: 2026-11-28, change: first}]
extends: pyradiomics-default@1.0.0
radiomics:
  images:
    - {filter: none}
    - {filter: pyradiomics_wavelet}
    - {filter: pyradiomics_log, sigma_mm: [1.0, 2.0, 3.0]}
"""


class Run(NamedTuple):
    """What a run took.

    Attributes
    ----------
    wall_s, own_s, workers_s : float
        Clock, processor time of the main process, and that of its workers.
    peak_mb : float
        Resident memory of the main process.
    """

    wall_s: float
    own_s: float
    workers_s: float
    peak_mb: float


def run(study: Path, out: Path, cache: Path, jobs: int = 2) -> Run:
    """Run a study in a process of its own; its main process is measured apart."""
    command = [sys.executable, "-m", "biomarker_cli", "run", str(study), "-o", str(out)]
    env = {**os.environ, "BIOMARKER_CACHE_DIR": str(cache), "PYTHONPATH": str(CHECKOUT)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--jobs", str(jobs), "--quiet"], env=env, stdout=subprocess.DEVNULL
    )
    peak_kb, own_ticks = 0, 0
    while process.poll() is None:
        peak_kb, own_ticks = _looked_at(process.pid, peak_kb, own_ticks)
        time.sleep(0.02)
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    both = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    own = own_ticks / os.sysconf("SC_CLK_TCK")
    return Run(wall, own, both - own, peak_kb / 1024)


def _looked_at(pid: int, peak_kb: int, ticks: int) -> tuple[int, int]:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return peak_kb, ticks
    peaks = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")]
    # utime and stime of proc(5), counted from the field behind the name.
    return max([peak_kb, *peaks]), int(fields[11]) + int(fields[12])


@contextmanager
def folder() -> Iterator[Path]:
    """Yield a folder that is thrown away."""
    path = Path(tempfile.mkdtemp(prefix="biomarker-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def dicom_study(path: Path, n_cases: int, slices: int, *, pixels: bool) -> Path:
    """Write a study of DICOM cases and return its file; a template is filled in per slice."""
    template = _template(pixels=pixels)
    lines = [HEAD]
    for case in range(n_cases):
        below = path / f"c{case:06}"
        below.mkdir(parents=True)
        for number in range(slices):
            (below / f"{number:04}.dcm").write_bytes(_filled(template, case, number))
        lines.append(f"S,P{case:06},T1,ct,{below.name},mask.nii.gz,\n")
    (path / "cases.csv").write_text("".join(lines))
    _write_mask(path, slices, (8, 8))
    (path / "study.yaml").write_text(
        "format: biomarker-study/1\nid: bench\ndevice: keep\n"
        "roles:\n  ct: {analyses: [pyradiomics-default]}\n"
    )
    return path / "study.yaml"


_CASE, _SLICE, _POSITION = b"CASE000000", b"SLIC000000", b"POSITION00"


def _template(*, pixels: bool) -> bytes:
    from io import BytesIO

    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.file_meta.MediaStorageSOPClassUID = CTImageStorage
    case, number = "9999999991", "9999999992"
    found.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{case}.{number}"
    found.SOPClassUID = CTImageStorage
    found.SOPInstanceUID = f"1.2.3.{case}.{number}"
    found.StudyInstanceUID = f"1.2.4.{case}"
    found.SeriesInstanceUID = f"1.2.5.{case}"
    found.FrameOfReferenceUID = f"1.2.6.{case}"
    found.PatientID = f"P{case}"
    found.Modality = "CT"
    found.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    found.Rows = found.Columns = 8
    found.PixelSpacing = [1, 1]
    found.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    found.ImagePositionPatient = [0, 0, "9999999993"]
    found.BitsAllocated = found.BitsStored = 16
    found.HighBit, found.PixelRepresentation = 15, 1
    found.SamplesPerPixel, found.PhotometricInterpretation = 1, "MONOCHROME2"
    found.RescaleSlope, found.RescaleIntercept = 1, 0
    found.RescaleType = "HU"
    if pixels:
        # A digit of the case in each pixel: no two cases have one image.
        found.PixelData = f"{case}00".encode() + np.arange(58, dtype="<i2").tobytes()
    stream = BytesIO()
    found.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _filled(template: bytes, case: int, number: int) -> bytes:
    said = template.replace(b"9999999991", f"1{case:09}".encode())
    said = said.replace(b"9999999992", f"1{number:09}".encode())
    return said.replace(b"9999999993", f"{number:010}".encode())


def _write_mask(path: Path, slices: int, size: tuple[int, int]) -> None:
    import nibabel

    mask = np.zeros((size[1], size[0], slices), dtype=np.uint8)
    mask[2:6, 2:6, : max(slices // 2, 1)] = 1
    # LPS of DICOM is RAS of NIfTI with two axes turned.
    affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(mask, affine), path / "mask.nii.gz")


def nifti_study(path: Path, n_cases: int, analysis: str, size: int, n_rois: int) -> Path:
    """Write a study of NIfTI cases and return its file."""
    import nibabel

    path.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((size, size, size), dtype=np.uint8)
    for roi in range(n_rois):
        mask[2:-2, 2:-2, 2 + roi * (size // 2) : size // 2 + roi * (size // 2) - 1] = roi + 1
    nibabel.save(nibabel.Nifti1Image(mask, np.eye(4)), path / "mask.nii.gz")
    rng = np.random.default_rng(0)
    lines = [HEAD]
    for case in range(n_cases):
        image = rng.normal(0, 60, mask.shape).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(image, np.eye(4)), path / f"i{case:06}.nii")
        lines.append(f"S,P{case:06},T1,ct,i{case:06}.nii,mask.nii.gz,hu\n")
    (path / "cases.csv").write_text("".join(lines))
    (path / "wide.yaml").write_text(WIDE)
    (path / "study.yaml").write_text(
        f"format: biomarker-study/1\nid: bench\nroles:\n  ct: {{analyses: [{analysis}]}}\n"
    )
    return path / "study.yaml"


def flat(counts: list[int]) -> None:
    """Print the peak memory of the main process for several numbers of cases."""
    for n_cases in counts:
        with folder() as path:
            study = dicom_study(path / "trial", n_cases, SLICES, pixels=False)
            first = run(study, path / "out", path / "cache")
            print(
                f"flat   {n_cases} cases of {SLICES} slices: peak {first.peak_mb:.0f} MB, "
                f"{1000 * first.own_s / n_cases:.2f} ms a case in the main process"
            )


def share(name: str, n_cases: int, analysis: str, size: int, n_rois: int) -> None:
    """Print how much of a run is planning and assembling."""
    with folder() as path:
        study = nifti_study(path / "trial", n_cases, analysis, size, n_rois)
        first = run(study, path / "out", path / "cache")
        again = run(study, path / "out", path / "cache")
        one = nifti_study(path / "one", 1, analysis, size, n_rois)
        start = run(one, *_outs(path, "one")).own_s
        rows = sum(1 for _ in (path / "out" / "measurements.csv").open()) - 1
        total = first.own_s + first.workers_s
        behind = 1000 * (first.own_s - start) / (n_cases - 1)
        print(
            f"{name:6} {n_cases} cases, {rows // n_cases} rows each: main process "
            f"{1000 * first.own_s / n_cases:.2f} ms a case, {100 * first.own_s / total:.1f} % of "
            f"all; {behind:.2f} ms behind its start of {start:.2f} s; "
            f"peak {first.peak_mb:.0f} MB; second run "
            f"{1000 * (again.own_s + again.workers_s) / n_cases:.2f} ms a case, "
            f"{again.wall_s:.2f} s"
        )


def again(n_cases: int) -> None:
    """Print what a second run costs that has nothing to do."""
    with folder() as path:
        empty = run(nifti_study(path / "one", 1, "pyradiomics-default", 10, 1), *_outs(path, "one"))
        print(f"again  1 case: {empty.own_s:.2f} s of processor time is the start of a process")
        for slices in (1, 299):
            study = dicom_study(path / f"t{slices}", n_cases, slices, pixels=True)
            out, cache = _outs(path, f"t{slices}")
            first = run(study, out, cache)
            second = run(study, out, cache)
            start = run(path / "one" / "study.yaml", *_outs(path, "one")).own_s
            per_case = 1000 * (second.own_s + second.workers_s - start) / n_cases
            print(
                f"again  {n_cases} cases of {slices + 1} files: {per_case:.2f} ms a case "
                f"(first run {1000 * (first.own_s + first.workers_s) / n_cases:.0f} ms)"
            )


def _outs(path: Path, name: str) -> tuple[Path, Path]:
    return path / f"out-{name}", path / f"cache-{name}"


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--flat", default="1000,4000")
    parser.add_argument("--tiny", type=int, default=1000)
    parser.add_argument("--wide", type=int, default=60)
    parser.add_argument("--again", type=int, default=200)
    asked = parser.parse_args()
    if asked.flat:
        flat([int(number) for number in asked.flat.split(",")])
    if asked.tiny:
        share("tiny", asked.tiny, "pyradiomics-default", 10, 1)
    if asked.wide:
        share("wide", asked.wide, "wide.yaml", 24, 2)
    if asked.again:
        again(asked.again)


if __name__ == "__main__":
    main()
