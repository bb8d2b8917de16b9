"""One subject with a dynamic contrast-enhanced series, and images of other flip angles for T1.

Two tissues follow the extended Tofts model with the population input function of Parker et
al. (2006), the blood of which is turned into plasma by a haematocrit of 0.42.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from synthetic_trial import headers, phantom
from synthetic_trial.label_map import write_label_map
from synthetic_trial.response import CT_GRID, PET_GRID
from synthetic_trial.trial import CENTRE_A, Ball, Grid, Patient, Visit
from synthetic_trial.truth import CASE_COLUMNS, TRUTH_COLUMNS, Truth

TR_MS, TE_MS, FLIP_DEG = 5.0, 1.7, 15
VFA_DEG = (2, 5, 10)
N_FRAMES, INTERVAL_S, ONSET_S = 64, 5.0, 30.0
HAEMATOCRIT = 0.42
R1_PER_S_MM = 5.2
"""Of gadobutrol at 1.5 T, plasma at 37 degrees."""

_STEP_S = 0.25
_TR_S = TR_MS / 1000.0
GRID = Grid((24, 24, 4), (4.0, 4.0, 5.0), (-45.3, -46.1, -7.4))


@dataclass(frozen=True)
class Tissue:
    """What a sphere is made of; transfer constants per minute."""

    ktrans_per_min: float
    ve: float
    vp: float
    t10_ms: float
    level: float


TUMOUR = Tissue(0.25, 0.35, 0.03, 1200.0, 30000.0)
MUSCLE = Tissue(0.06, 0.12, 0.01, 900.0, 26000.0)
BODY = Tissue(0.0, 0.1, 0.0, 1000.0, 22000.0)
TISSUES = {"TUMOUR": TUMOUR, "MUSCLE": MUSCLE}

VISIT = Visit(
    centre=CENTRE_A,
    patient=Patient("SYN-A-004", "SYNTHETIC^D", "M", "19610311", 1.78),
    subject_id="S0004",
    timepoint="T1",
    age="062Y",
    weight_kg=81.0,
    injected_bq=0.0,
    injection=datetime(2024, 2, 6, 8, 45, 0),
    uptake_min=0,
    ct_grid=CT_GRID,
    pet_grid=PET_GRID,
    dwi_grid=GRID,
    ct_balls=(),
    pet_balls=(),
    dwi_balls=(
        Ball("TUMOUR", "TUMOUR", (-18.63, -11.27, 0.31), 11.0, TUMOUR.ktrans_per_min),
        Ball("MUSCLE", "MUSCLE", (21.47, 16.82, 0.31), 11.0, MUSCLE.ktrans_per_min),
    ),
)


def parker_blood_mm(minutes: float) -> float:
    """Return the concentration in blood in mmol/L, so long after the bolus arrival."""
    if minutes < 0:
        return 0.0
    total = 0.0
    for area, centre, width in ((0.809, 0.17046, 0.0563), (0.330, 0.365, 0.132)):
        peak = area / (width * math.sqrt(2 * math.pi))
        total += peak * math.exp(-((minutes - centre) ** 2) / (2 * width**2))
    return total + 1.050 * math.exp(-0.1685 * minutes) / (1 + math.exp(-38.078 * (minutes - 0.483)))


def concentration_mm(tissue: Tissue, onset_s: float = ONSET_S) -> list[float]:
    """Return that of a tissue at the frames: the convolution by trapezia of a quarter second."""
    if tissue.ktrans_per_min == 0:
        return [0.0] * N_FRAMES
    steps_per_frame = round(INTERVAL_S / _STEP_S)
    decay = math.exp(-tissue.ktrans_per_min / tissue.ve * _STEP_S / 60.0)
    found, stored, before = [], 0.0, 0.0
    for step in range((N_FRAMES - 1) * steps_per_frame + 1):
        plasma = parker_blood_mm((step * _STEP_S - onset_s) / 60.0) / (1.0 - HAEMATOCRIT)
        stored = stored * decay + (before * decay + plasma) / 2.0 * _STEP_S / 60.0
        before = plasma
        if step % steps_per_frame == 0:
            found.append(tissue.ktrans_per_min * stored + tissue.vp * plasma)
    return found


def spoiled(r1_per_s: float, flip_deg: float) -> float:
    """Return the signal of a spoiled gradient echo for M0 = 1."""
    e1, flip = math.exp(-_TR_S * r1_per_s), math.radians(flip_deg)
    return math.sin(flip) * (1.0 - e1) / (1.0 - e1 * math.cos(flip))


def _levels() -> dict[str, npt.NDArray[np.float64]]:
    """Return M0 of each material where it is, 0 elsewhere, shape (z, y, x).

    It runs through eleven levels, so that rounding to integers averages out over a region.
    """
    nx, ny, nz = GRID.size
    k, j, i = np.indices((nz, ny, nx))
    level = 11.0 * ((i + 2 * j + 3 * k) % 11)
    random = phantom.noise(f"{VISIT.key}/dce", GRID)
    found = {"BODY": np.where(phantom.body(GRID), BODY.level + 150.0 * random, 0.0)}
    for ball in VISIT.dwi_balls:
        sphere = phantom.material(GRID, ball)
        found["BODY"][sphere] = 0.0
        found[ball.roi_id] = np.where(sphere, TISSUES[ball.roi_id].level + level, 0.0)
    return found


def _header(role: str, number: int, flip_deg: float, seconds: float) -> Dataset:
    ds = headers.study_header(VISIT)
    headers.add_series(ds, VISIT, role, "MR", number)
    headers.add_equipment(ds, VISIT, CENTRE_A.mr)
    ds.PatientPosition = "HFS"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions = "GR", ["SP", "OSP"], ""
    ds.MRAcquisitionType, ds.SequenceName = "3D", "syn_spgr3d"
    ds.RepetitionTime, ds.EchoTime = headers.decimal(TR_MS), headers.decimal(TE_MS)
    ds.EchoNumbers, ds.EchoTrainLength, ds.NumberOfAverages = 1, 1, "1"
    ds.ImagingFrequency, ds.ImagedNucleus = headers.decimal(63.8655), "1H"
    ds.MagneticFieldStrength = headers.decimal(CENTRE_A.field_strength_t)
    ds.SpacingBetweenSlices = headers.decimal(GRID.spacing_mm[2])
    ds.PercentSampling = ds.PercentPhaseFieldOfView = "100"
    ds.PixelBandwidth = "500"
    ds.ReceiveCoilName = ds.TransmitCoilName = "BODY"
    ds.AcquisitionMatrix = [GRID.size[0], 0, 0, GRID.size[1]]
    ds.InPlanePhaseEncodingDirection = "ROW"
    ds.FlipAngle = headers.decimal(flip_deg)
    ds.ReconstructionDiameter = headers.decimal(GRID.size[0] * GRID.spacing_mm[0])
    moment = VISIT.injection + timedelta(seconds=seconds)
    ds.AcquisitionDate = ds.ContentDate = VISIT.study_date
    ds.AcquisitionTime = ds.ContentTime = moment.strftime("%H%M%S.%f")
    ds.SeriesTime = VISIT.injection.strftime("%H%M%S")
    ds.FrameOfReferenceUID = headers.frame_of_reference(VISIT, "dwi")
    return ds


def _write_volume(
    stored: npt.NDArray[np.int64], folder: Path, role: str, first: int, template: Dataset
) -> None:
    for k, plane in enumerate(stored):
        ds = Dataset()
        ds.update(template)
        headers.add_instance(ds, MRImageStorage, VISIT.key, role, str(first + k))
        headers.add_plane(ds, GRID, k)
        ds.InstanceNumber = first + k
        ds.WindowCenter, ds.WindowWidth = "1500", "3000"
        headers.add_pixels(ds, plane, bits=12, signed=False)
        headers.write(ds, folder / f"IM{first + k:04d}.dcm")


def _write_images(folder: Path) -> None:
    levels = _levels()
    materials = {**TISSUES, "BODY": BODY}
    n_slices = GRID.size[2]

    def volume(flip_deg: float, frame: int | None = None) -> npt.NDArray[np.int64]:
        total = np.zeros(levels["BODY"].shape)
        for name, tissue in materials.items():
            mm = 0.0 if frame is None else curves[name][frame]
            r1 = 1000.0 / tissue.t10_ms + R1_PER_S_MM * mm
            total += levels[name] * spoiled(r1, flip_deg)
        return np.rint(total).astype(np.int64)

    curves = {name: concentration_mm(tissue) for name, tissue in materials.items()}
    for number, flip_deg in enumerate(VFA_DEG):
        role = f"vfa{flip_deg}"
        ds = _header(role, number + 1, flip_deg, -300.0 + 30.0 * number)
        ds.SeriesDescription = ds.ProtocolName = f"T1 VFA {flip_deg} deg"
        ds.AcquisitionNumber = 1
        _write_volume(volume(flip_deg), folder / role, role, 1, ds)
    for frame in range(N_FRAMES):
        ds = _header("dce", len(VFA_DEG) + 1, FLIP_DEG, frame * INTERVAL_S)
        ds.SeriesDescription = ds.ProtocolName = "DCE"
        ds.ContrastBolusAgent = "Gadovist 1.0"
        ds.AcquisitionNumber = frame + 1
        ds.TemporalPositionIdentifier = frame + 1
        ds.NumberOfTemporalPositions = N_FRAMES
        stored = volume(FLIP_DEG, frame)
        _write_volume(stored, folder / "dce", "dce", frame * n_slices + 1, ds)


def truths() -> Iterator[Truth]:
    """Yield the known answers."""
    for role in ("dce", "t1"):
        for name, tissue in TISSUES.items():
            case = f"{VISIT.key}/{role}"
            text = "T1 of the equation of the spoiled echo"
            feature = "t10.perfusion.region" if role == "dce" else "t1.perfusion.median"
            t1 = tissue.t10_ms
            yield Truth(case, name, "measurements", feature, t1, "ms", 0.01 * t1, text)
            if role == "t1":
                continue
            text = "extended Tofts model with the input function of Parker; haematocrit 0.42"
            for term, value, unit, share in (
                ("ktrans", tissue.ktrans_per_min, "/min", 0.03),
                ("ve", tissue.ve, "1", 0.03),
                ("vp", tissue.vp, "1", 0.1),
            ):
                feature = f"{term}_etofts.perfusion.region"
                yield Truth(case, name, "measurements", feature, value, unit, share * value, text)


def write_perfusion(folder: Path) -> None:
    """Write images, mask and tables of the subject."""
    place = f"{VISIT.subject_id}/{VISIT.timepoint}"
    _write_images(folder / place)
    write_label_map(VISIT, folder / place / "mask.nii.gz")
    flips = ";".join(f"{place}/vfa{flip_deg}" for flip_deg in VFA_DEG)
    ids = f"{CENTRE_A.site_id},{VISIT.subject_id},{VISIT.timepoint}"
    mask = f"{place}/mask.nii.gz"
    cases = [
        CASE_COLUMNS,
        f"{ids},dce,{place}/dce;{flips},{mask},",
        f"{ids},t1,{flips},{mask},",
    ]
    for name, lines in (
        ("cases.csv", cases),
        ("truth.csv", [TRUTH_COLUMNS, *(t.row() for t in truths())]),
    ):
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
