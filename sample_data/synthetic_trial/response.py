"""One subject over time: baseline, response, and progression by a new lesion.

Lesions are segments of DICOM SEG, which keep their TrackingUID. Sums of diameters are 50,
32 and 33 mm: a partial response by RECIST 1.1, and progression by a new lesion alone. The
hottest SULpeak falls by 37.5 %: a partial metabolic response by PERCIST.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from synthetic_trial.ct import write_ct
from synthetic_trial.dicom_seg import write_seg
from synthetic_trial.pet import write_pet
from synthetic_trial.phantom import counted_volume_sd, sphere_volume
from synthetic_trial.trial import (
    CENTRE_A,
    DWI_GRID_A,
    Ball,
    Grid,
    Patient,
    Visit,
)
from synthetic_trial.truth import CASE_COLUMNS, TRUTH_COLUMNS, Truth

PEAK = "sul_janma.uptake.peak.1ml_partial_volume_global"

CT_GRID = Grid((64, 64, 20), (1.8, 1.8, 3.0), (-56.3, -57.1, -28.2))
PET_GRID = Grid((40, 40, 16), (4.0, 4.0, 4.0), (-78.7, -77.9, -29.6))
PATIENT = Patient("SYN-A-003", "SYNTHETIC^C", "F", "19580822", 1.66)

_LIVER_1 = (-24.37, -12.14, 3.16)
_NODE_1 = (24.61, 19.27, -5.33)
_LUNG_1 = (21.43, -25.82, 8.41)
_LIVER = (-18.52, 38.29, -1.47)


def _visit(
    timepoint: str,
    injection: datetime,
    weight_kg: float,
    uptake_min: int,
    ct_balls: tuple[Ball, ...],
    pet_balls: tuple[Ball, ...] = (),
) -> Visit:
    return Visit(
        centre=CENTRE_A,
        patient=PATIENT,
        subject_id="S0003",
        timepoint=timepoint,
        age="065Y",
        weight_kg=weight_kg,
        injected_bq=4.0e6 * weight_kg,
        injection=injection,
        uptake_min=uptake_min,
        ct_grid=CT_GRID,
        pet_grid=PET_GRID,
        dwi_grid=DWI_GRID_A,
        ct_balls=ct_balls,
        pet_balls=pet_balls,
        dwi_balls=(),
    )


def _ball(name: str, centre_mm: tuple[float, float, float], radius_mm: float, value: float) -> Ball:
    return Ball(name, name, centre_mm, radius_mm, value)


RESPONSE_VISITS: tuple[Visit, ...] = (
    _visit(
        "BL",
        datetime(2024, 1, 15, 9, 0, 0),
        66.0,
        60,
        (_ball("LIVER_1", _LIVER_1, 15.0, 60.0), _ball("NODE_1", _NODE_1, 10.0, 45.0)),
        (
            Ball("LIVER_1", "LIVER_1", _LIVER_1, 15.0, 8.0),
            Ball("LIVER", "LIVER", _LIVER, 15.0, 2.0),
        ),
    ),
    _visit(
        "TP1",
        datetime(2024, 3, 11, 9, 30, 0),
        66.0,
        63,
        (_ball("LIVER_1", _LIVER_1, 10.0, 50.0), _ball("NODE_1", _NODE_1, 6.0, 40.0)),
        (
            Ball("LIVER_1", "LIVER_1", _LIVER_1, 10.0, 5.0),
            Ball("LIVER", "LIVER", _LIVER, 15.0, 2.0),
        ),
    ),
    _visit(
        "TP2",
        datetime(2024, 5, 6, 10, 0, 0),
        65.0,
        61,
        (
            _ball("LIVER_1", _LIVER_1, 10.5, 50.0),
            _ball("NODE_1", _NODE_1, 6.0, 40.0),
            _ball("LUNG_1", _LUNG_1, 7.0, 40.0),
        ),
    ),
)

EXPECTED = (
    ("recist-1.1", "BL", "50", "", "longest diameter of LIVER_1 and short axis of NODE_1"),
    ("recist-1.1", "TP1", "32", "PR", "36 % below baseline"),
    ("recist-1.1", "TP2", "33", "PD", "LUNG_1 is new; the sum alone is stable from its nadir"),
    ("percist-1.0", "BL", "", "", "SULpeak of LIVER_1 above 1.5 times the liver"),
    ("percist-1.0", "TP1", "", "PMR", "SULpeak 37.5 % lower and by more than 0.8; liver unchanged"),
)
"""Criterion, timepoint, sum of diameters in mm, call, and why."""

_SUM_TOLERANCE_MM = 2 * CT_GRID.spacing_mm[0]


LEDGER_COLUMNS = (
    "subject_id,reader,timepoint,date,lesion_id,role,organ,is_node,state,into,roi_id,extra,"
    "reason,basis"
)
ORGANS = {"LIVER_1": "liver,no", "NODE_1": "lymph node,yes", "LUNG_1": "lung,no"}
"""Lesion -> its organ, and whether it is a lymph node: a person says so, no mask does."""


def ledger_of_ct() -> list[str]:
    """Return what a reader says of the CT: targets at baseline, and what is new."""
    at_baseline = {ball.roi_id for ball in RESPONSE_VISITS[0].ct_balls}
    rows = [LEDGER_COLUMNS]
    for visit in RESPONSE_VISITS:
        names = [ball.roi_id for ball in visit.ct_balls]
        for name in names:
            role = "target" if name in at_baseline else "new"
            rows.append(f"{_who(visit)},{name},{role},{ORGANS[name]},measured,,{name},,,")
        if visit.pet_balls:
            rows.append(f"{_who(visit)},LIVER,not_a_lesion,,,,,LIVER,,,")
        if visit is not RESPONSE_VISITS[0] and at_baseline.issuperset(names):
            rows.append(f"{_who(visit)},NEW,new,,,absent,,,,,")
    return rows


def ledger_of_pet() -> list[str]:
    """Return what a reader says of the PET; liver and uptake time are of the visit."""
    rows = [LEDGER_COLUMNS]
    for visit in RESPONSE_VISITS:
        if not visit.pet_balls:
            continue
        liver = 2.0 * lean_mass_share(visit)
        rows.append(f"{_who(visit)},LIVER,not_a_lesion,,,,,LIVER,,,")
        rows.append(f"{_who(visit)},LIVER_1,target,{ORGANS['LIVER_1']},measured,,LIVER_1,,,")
        if visit is not RESPONSE_VISITS[0]:
            rows.append(f"{_who(visit)},NEW,new,,,absent,,,,,")
        extra = f"liver={liver:.2f}+-0.01;uptake={visit.uptake_min}"
        rows.append(f"{_who(visit)},VISIT,visit,,,,,,{extra},,")
    return rows


def _who(visit: Visit) -> str:
    return f"{visit.subject_id},,{visit.timepoint},{visit.injection:%Y-%m-%d}"


def lean_mass_share(visit: Visit) -> float:
    """Return lean body mass over weight of a woman (Janmahasatian 2005)."""
    weight = visit.weight_kg
    return 9270.0 / (8780.0 + 244.0 * weight / visit.patient.height_m**2)


def truths() -> Iterator[Truth]:
    """Yield all known answers of the measurements."""
    pixel_mm = CT_GRID.spacing_mm[0]
    for visit in RESPONSE_VISITS:
        for ball in visit.ct_balls:
            ids = (f"{visit.key}/ct", ball.roi_id)
            volume = sphere_volume(ball.radius_mm)
            spread = 3 * counted_volume_sd(ball.radius_mm, CT_GRID.spacing_mm)
            text = "4/3 pi r^3; tolerance 3 standard deviations of counting voxel centres"
            yield Truth(*ids, "rois", "volume_mm3", volume, "mm3", spread, text)
            for name in ("longest_diameter", "short_axis"):
                text = "2 r; tolerance one pixel"
                feature = f"mask.size.{name}"
                length = 2 * ball.radius_mm
                yield Truth(*ids, "measurements", feature, length, "mm", pixel_mm, text)
        for ball in visit.pet_balls:
            ids = (f"{visit.key}/pet", ball.roi_id)
            peak = ball.value * lean_mass_share(visit)
            text = "uniform sphere; SUV by lean body mass of Janmahasatian"
            feature, unit = PEAK, "g/ml{SUVlbm(Janma)}"
            yield Truth(*ids, "measurements", feature, peak, unit, 0.005 * peak, text)


def write_response(folder: Path) -> None:
    """Write images, segmentations and tables of the subject."""
    cases = [CASE_COLUMNS]
    for visit in RESPONSE_VISITS:
        place = f"{visit.subject_id}/{visit.timepoint}"
        writers = {"ct": write_ct, "pet": write_pet} if visit.pet_balls else {"ct": write_ct}
        for role, write in writers.items():
            images = write(visit, folder / place / role / "image")
            write_seg(visit, images, folder / place / role / "seg.dcm", role)
            ids = (visit.centre.site_id, visit.subject_id, visit.timepoint, role)
            weight = f"{visit.weight_kg:g}" if role == "pet" else ""
            cases.append(
                ",".join((*ids, f"{place}/{role}/image", f"{place}/{role}/seg.dcm", weight))
            )
    subject = RESPONSE_VISITS[0].subject_id
    calls = ["criterion,subject_id,timepoint,sum_mm,tolerance_abs,overall,definition"]
    for criterion, timepoint, total, call, why in EXPECTED:
        tolerance = f"{_SUM_TOLERANCE_MM:g}" if total else ""
        calls.append(f"{criterion},{subject},{timepoint},{total},{tolerance},{call},{why}")
    answers = [TRUTH_COLUMNS, *(t.row() for t in truths())]
    tables = {
        "cases.csv": cases,
        "truth.csv": answers,
        "calls.csv": calls,
        "lesions.csv": ledger_of_ct(),
        "lesions_pet.csv": ledger_of_pet(),
    }
    for name, lines in tables.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
