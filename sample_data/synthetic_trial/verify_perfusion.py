"""Re-read the dynamic series and its T1 images and hold them against their truth.

Nothing of the phantom is used: T1 by the line of two transforms of the signal, concentration
by the equation of the spoiled echo, and a Gauss-Newton fit of the extended Tofts model whose
onset is fitted as well.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pydicom

from synthetic_trial.verify import Deviation, Floats, Mask, label_masks

_STEP_MIN = 1.0 / 300.0
_HAEMATOCRIT, _R1_PER_S_MM, _N_BASELINE = 0.42, 5.2, 5


def _volumes(folder: Path) -> tuple[list[pydicom.Dataset], Floats, Floats]:
    """Return the slices of the first volume, seconds and signals (times, z, y, x)."""
    found = [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]
    by_time: dict[float, list[pydicom.Dataset]] = {}
    for ds in found:
        clock = str(ds.AcquisitionTime)
        seconds = int(clock[:2]) * 3600 + int(clock[2:4]) * 60 + float(clock[4:])
        by_time.setdefault(seconds, []).append(ds)
    stacks = []
    for seconds in sorted(by_time):
        by_time[seconds].sort(key=lambda ds: float(ds.ImagePositionPatient[2]))
        stacks.append(np.stack([ds.pixel_array for ds in by_time[seconds]]))
    times = np.array(sorted(by_time))
    return by_time[times[0]], times - times[0], np.stack(stacks).astype(np.float64)


def _plasma_mm(minutes: Floats) -> Floats:
    t = np.clip(minutes, 0.0, None)
    first = (
        0.809 / (0.0563 * math.sqrt(2 * math.pi)) * np.exp(-((t - 0.17046) ** 2) / (2 * 0.0563**2))
    )
    second = 0.330 / (0.132 * math.sqrt(2 * math.pi)) * np.exp(-((t - 0.365) ** 2) / (2 * 0.132**2))
    tail = 1.050 * np.exp(-0.1685 * t) / (1 + np.exp(-38.078 * (t - 0.483)))
    return np.where(minutes >= 0, first + second + tail, 0.0) / (1.0 - _HAEMATOCRIT)


def _tofts(parameters: Floats, minutes: Floats) -> Floats:
    ktrans, ve, vp, onset_min = parameters
    fine = np.arange(0.0, minutes[-1] + _STEP_MIN, _STEP_MIN)
    plasma = _plasma_mm(fine - onset_min)
    kernel = np.exp(-ktrans / ve * fine)
    whole = np.convolve(plasma, kernel)[: len(fine)]
    stored = (whole - (plasma + plasma[0] * kernel) / 2.0) * _STEP_MIN
    return np.interp(minutes, fine, ktrans * stored + vp * plasma)


def _fitted(concentration: Floats, minutes: Floats) -> Floats:
    """Return Ktrans, ve, vp and onset of the least squares."""
    start = float(minutes[_N_BASELINE])
    found = np.array([0.1, 0.2, 0.02, start])
    for _ in range(60):
        now = _tofts(found, minutes)
        columns = []
        for n in range(4):
            moved = found.copy()
            moved[n] += 1e-5
            columns.append((_tofts(moved, minutes) - now) / 1e-5)
        step = np.linalg.lstsq(np.stack(columns, axis=1), concentration - now, rcond=None)[0]
        share = 1.0
        while share > 1e-3:
            tried = np.maximum(found + share * step, [1e-4, 1e-3, 0.0, 0.0])
            misfit = np.sum((concentration - _tofts(tried, minutes)) ** 2)
            if misfit < np.sum((concentration - now) ** 2):
                break
            share /= 2.0
        else:
            break
        found = tried
    return found


def _signal_of_angles(folder: Path, mask: Mask) -> tuple[Floats, Floats, float]:
    """Return angles in radian, mean signals and TR in s."""
    angles, signals = [], []
    tr_ms = 0.0
    for place in sorted(folder.glob("vfa*")):
        slices, _, volume = _volumes(place)
        angles.append(math.radians(float(slices[0].FlipAngle)))
        signals.append(float(volume[0][mask].mean()))
        tr_ms = float(slices[0].RepetitionTime)
    return np.array(angles), np.array(signals), tr_ms / 1000.0


def _r1_per_s(folder: Path, mask: Mask) -> float:
    angles, signals, tr_s = _signal_of_angles(folder, mask)
    slope = np.polyfit(signals / np.tan(angles), signals / np.sin(angles), 1)[0]
    return -math.log(slope) / tr_s


def _concentration(signal: Floats, r10_per_s: float, flip: float, tr_s: float) -> Floats:
    e10 = math.exp(-tr_s * r10_per_s)
    unit = math.sin(flip) * (1 - e10) / (1 - e10 * math.cos(flip))
    share: npt.NDArray[np.float64] = signal / signal[:_N_BASELINE].mean() * unit / math.sin(flip)
    e1 = (1 - share) / (1 - share * math.cos(flip))
    return (-np.log(e1) / tr_s - r10_per_s) / _R1_PER_S_MM


def verify_perfusion(folder: Path) -> list[Deviation]:
    """Measure every row of the truth of the dynamic series.

    Parameters
    ----------
    folder : Path
        Of that study.
    """
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    found = []
    fits: dict[str, dict[str, float]] = {}
    for row in rows:
        _, subject, timepoint, _ = row["case_id"].split("/")
        place = folder / subject / timepoint
        if row["roi_id"] not in fits:
            slices, seconds, volume = _volumes(place / "dce")
            mask = label_masks(place / "mask.nii.gz", slices)[row["roi_id"]]
            r10 = _r1_per_s(place, mask)
            flip = math.radians(float(slices[0].FlipAngle))
            tr_s = float(slices[0].RepetitionTime) / 1000.0
            curve = _concentration(volume[:, mask].mean(axis=1), r10, flip, tr_s)
            ktrans, ve, vp, _ = _fitted(curve, seconds / 60.0)
            fits[row["roi_id"]] = {
                "t10": 1000.0 / r10,
                "t1": 1000.0 / r10,
                "ktrans_etofts": float(ktrans),
                "ve_etofts": float(ve),
                "vp_etofts": float(vp),
            }
        measured = fits[row["roi_id"]][row["feature_id"].partition(".")[0]]
        found.append(
            Deviation(
                case_id=row["case_id"],
                roi_id=row["roi_id"],
                feature_id=row["feature_id"],
                truth=float(row["truth"]),
                measured=measured,
                tolerance_abs=float(row["tolerance_abs"]),
            )
        )
    return found
