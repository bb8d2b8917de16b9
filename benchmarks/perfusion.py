"""Speed of DCE: 10,000 voxels of 60 frames beside peers, and a whole command from DICOM.

    python -m benchmarks.perfusion [--voxels 10000]

The extended Tofts model is fitted by the compiled search and, on a part of the voxels that is
counted in proportion, by a loop of SciPy fits of the same curve; osipy where it is installed.
The command measures one region of a 256 x 256 x 20 x 60 series: wall time, and the memory
above that of the same command on a series of few voxels.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from scipy.optimize import curve_fit

from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.perfusion.exchange_models import (
    FitBounds,
    PlasmaCurve,
    fit_model,
    tissue_curve,
)
from biomarker_cli.perfusion.input_curve import InputCurve, population_curve
from biomarker_cli.perfusion.population_inputs import POPULATION_INPUTS
from biomarker_cli.perfusion.spoiled_echo import spoiled_signal

N_FRAMES, INTERVAL_S, ONSET_MIN = 60, 5.0, 0.6
PART = 40
"""Voxels that a loop is timed on."""

_MEASURE = """
import resource, sys, time
from biomarker_cli.cli.main import cli
before = time.perf_counter()
try:
    cli.main(sys.argv[1:], standalone_mode=False)
except SystemExit:
    pass
spent = time.perf_counter() - before
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{spent} {peak}", file=sys.stderr)
"""


def plasma() -> PlasmaCurve:
    """Return the input function at the frames, which all contestants are given."""
    minutes = np.arange(N_FRAMES) * INTERVAL_S / 60.0
    fine = population_curve(
        POPULATION_INPUTS["parker_blood"],
        onset_min=ONSET_MIN,
        end_min=float(minutes[-1]),
        haematocrit=0.42,
    )
    return InputCurve("sampled", minutes, fine.at(minutes)).on_frames(minutes)


def tissue(curve: PlasmaCurve, voxels: int) -> np.ndarray:
    """Return curves with noise, shape (voxels, frames)."""
    rng = np.random.default_rng(3)
    ktrans, ve, vp = (
        rng.uniform(low, high, voxels) for low, high in ((0.02, 0.5), (0.1, 0.6), (0.0, 0.1))
    )
    clean = [tissue_curve(curve, *one) for one in zip(ktrans, ve, vp, strict=True)]
    return np.asarray(clean) + rng.normal(0.0, 0.01, (voxels, N_FRAMES))


def scipy_loop(curve: PlasmaCurve, curves: np.ndarray) -> float:
    """Return the time of a loop of SciPy fits of all voxels, from a part of them."""
    minutes = curve.at_frames_min

    def model(_: np.ndarray, ktrans: float, ve: float, vp: float) -> np.ndarray:
        return tissue_curve(curve, ktrans, ve, vp)

    before = time.perf_counter()
    for one in curves[:PART]:
        curve_fit(
            model, minutes, one, p0=(0.6, 0.2, 0.01), bounds=((1e-6, 1e-4, 0.0), (5.0, 1.0, 1.0))
        )
    return (time.perf_counter() - before) * len(curves) / PART


def osipy_line(curve: PlasmaCurve, curves: np.ndarray, ours: float) -> str:
    """Return the line of osipy, which asks for Python 3.12: time, and how far its Ktrans is."""
    if importlib.util.find_spec("osipy") is None:
        return "osipy: not installed (it asks for Python 3.12)"
    osipy = importlib.import_module("osipy.dce")
    plasma = curve.plasma_mm[curve.frames]
    before = time.perf_counter()
    found = osipy.fit_model(
        "extended_tofts", curves[:, None, None], plasma, curve.at_frames_min * 60.0
    )
    spent = time.perf_counter() - before
    maps = {name.casefold(): values for name, values in found.parameter_maps.items()}
    theirs = np.asarray(maps["ktrans"].values, dtype=np.float64).ravel()
    own = fit_model(curve, curves, "etofts", FitBounds()).transfer_per_min
    apart = np.median(np.abs(theirs / own - 1.0))
    return (
        f"osipy, all voxels                           {spent:8.2f} s, {spent / ours:.0f} x, "
        f"Ktrans {apart:.2%} apart (median)"
    )


def write_series(folder: Path, size: int, slices: int) -> None:
    """Write a dynamic series, one file a slice, and a label image beside it."""
    curve = plasma()
    concentration = tissue_curve(curve, 0.2, 0.3, 0.02)
    signal = spoiled_signal(1.0 / 1.2 + 5.2 * concentration, 50000.0, 0.005, math.radians(15.0))
    rng = np.random.default_rng(4)
    texture = rng.normal(0.0, 20.0, (size, size))
    series, study, frame = (generate_uid() for _ in range(3))
    for phase in range(N_FRAMES):
        for z in range(slices):
            one = Dataset()
            one.file_meta = FileMetaDataset()
            one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            one.SOPClassUID, one.SOPInstanceUID = MRImageStorage, generate_uid()
            one.file_meta.MediaStorageSOPClassUID = MRImageStorage
            one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
            one.StudyInstanceUID, one.SeriesInstanceUID = study, series
            one.FrameOfReferenceUID, one.Modality, one.PatientID = frame, "MR", "bench"
            one.ImageType = ["ORIGINAL", "PRIMARY", "M"]
            one.Manufacturer, one.MagneticFieldStrength = "SIEMENS", 1.5
            one.EchoTime, one.RepetitionTime, one.FlipAngle = 1.7, 5.0, 15.0
            one.ContrastBolusAgent = "gadobutrol"
            seconds = phase * INTERVAL_S
            one.AcquisitionTime = f"10{int(seconds // 60):02d}{seconds % 60:09.6f}"
            one.TemporalPositionIdentifier = phase + 1
            one.InstanceNumber = phase * slices + z + 1
            one.ImagePositionPatient = [0.0, 0.0, 3.0 * z]
            one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            one.PixelSpacing, one.SliceThickness = [1.0, 1.0], 3.0
            one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
            one.Rows = one.Columns = size
            one.BitsAllocated = one.BitsStored = 16
            one.HighBit, one.PixelRepresentation = 15, 0
            one.PixelData = np.round(signal[phase] + texture).astype("<u2").tobytes()
            one.save_as(folder / f"{phase:03d}_{z:02d}.dcm", enforce_file_format=True)
    mask = np.zeros((slices, size, size), dtype=np.uint8)
    mask[slices // 2, size // 4 : size // 2, size // 4 : size // 2] = 1
    write_nifti(mask, Geometry(mask.shape, (1.0, 1.0, 3.0)), folder.parent / "mask.nii.gz")


_ANALYSIS = """
format: biomarker-analysis/1
id: bench-dce
version: 0.1.0
status: draft
title: Benchmark
source: [{doc: none, section: "-", confirmed: {by: recall}}]
changelog: [{version: 0.1.0, date: 2026-11-29, change: first}]
applies_to: {modality: MR}
measure: dce
regions: {gaps: error, cross_series: allow, other_grid: forbid, empty: row}
dce:
  level: LEVEL
  baseline: {skip_frames: 1, frames: 4}
  t10: {source: fixed, t1_ms: 1200}
  agent: {name: gadobutrol}
  iaugc_s: [60]
  model:
    name: etofts
    aif: {source: population, name: parker_blood}
    haematocrit: 0.42
    delay: {fit: true}
"""


def command(folder: Path, level: str, *more: str) -> tuple[float, float]:
    """Return wall time in s and peak memory in MB of a command on a series."""
    analysis = folder / f"{level}.yaml"
    text = _ANALYSIS.replace("LEVEL", level)
    if level == "voxel":
        text = text.replace("  baseline:", "  statistics: [median]\n  baseline:")
    analysis.write_text(text)
    where = ["--image", folder / "image", "--mask", folder / "mask.nii.gz"]
    arguments = ["extract", "dce", *where, "--analysis", analysis, *more]
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "etofts" not in done.stdout:
        raise SystemExit(f"the command failed: {done.stderr}")
    seconds, peak = done.stderr.split()[-2:]
    return float(seconds), float(peak)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voxels", type=int, default=10_000)
    voxels = parser.parse_args().voxels
    curve = plasma()
    curves = tissue(curve, voxels)
    fit_model(curve, curves[:10], "etofts", FitBounds())
    before = time.perf_counter()
    fit_model(curve, curves, "etofts", FitBounds())
    ours = time.perf_counter() - before
    loop = scipy_loop(curve, curves)
    print(f"extended Tofts, {voxels} voxels x {N_FRAMES} frames   {ours:8.2f} s")
    print(f"SciPy loop (part, in proportion)            {loop:8.2f} s, {loop / ours:.0f} x")
    print(osipy_line(curve, curves, ours))
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for name, size, slices in (("small", 16, 3), ("whole", 256, 20)):
            (root / name / "image").mkdir(parents=True)
            write_series(root / name / "image", size, slices)
        _, idle = command(root / "small", "region")
        for level in ("region", "voxel"):
            seconds, peak = command(root / "whole", level)
            print(_line(level, seconds, peak, idle))
        seconds, peak = command(root / "whole", "voxel", "--maps", str(root / "maps"))
        print(_line("maps of all voxels", seconds, peak, idle))
        print(f"the series in float32 has {N_FRAMES * 256 * 256 * 20 * 4 / 2**20:.0f} MB")


def _line(name: str, seconds: float, peak: float, idle: float) -> str:
    return (
        f"extract dce, 256 x 256 x 20 x 60, {name:18} {seconds:8.2f} s, "
        f"{peak - idle:.0f} MB above {idle:.0f} MB"
    )


if __name__ == "__main__":
    main()
