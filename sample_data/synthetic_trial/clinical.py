"""The clinical tables beside the data: biopsies and outcome, and what a join must find of them."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

from synthetic_trial.trial import VISITS, Visit
from synthetic_trial.truth import roles

CLINICAL_FILES = ("biopsies.csv", "outcome.csv", "clinical_truth.csv")

BEFORE_DAYS = 30
"""What biopsies.yaml allows between a biopsy and the scan after it."""

RESPONSE_PERCENT = -30.0
"""Fall of the true SUV of the GTV, from T1 to T2, that is a response."""

BIOPSIES = (
    # visit, region, days before the scan, grade, Ki-67 in percent
    ("CENTRE_A/S0001/T1", "GTV", 10, 2, 35.0),
    ("CENTRE_A/S0001/T1", "NODE", 10, 1, 20.0),
    ("CENTRE_A/S0001/T2", "GTV", 3, 1, 12.5),
    # Too long ago for the window.
    ("CENTRE_B/S0002/T1", "GTV", 45, 3, 60.0),
)
"""Grade 1 to 3; each is given with the weight of the visit."""

Rows = list[dict[str, str]]


def write_clinical(folder: Path) -> None:
    """Write biopsies.csv, outcome.csv and clinical_truth.csv."""
    for name, rows in zip(CLINICAL_FILES, (_biopsies(), _outcome(), _truth()), strict=True):
        with (folder / name).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def _visits() -> dict[str, Visit]:
    return {visit.key: visit for visit in VISITS}


def _biopsies() -> Rows:
    visits = _visits()
    rows = []
    for key, region, days, grade, ki67 in BIOPSIES:
        visit = visits[key]
        rows.append(
            {
                "site_id": visit.centre.site_id,
                "subject_id": visit.subject_id,
                "lesion": region,
                "biopsy_date": f"{visit.injection - timedelta(days=days):%Y-%m-%d}",
                "grade": str(grade),
                "ki67_percent": f"{ki67:g}",
                "weight_kg": f"{visit.weight_kg:g}",
            }
        )
    # A subject whose images never came.
    rows.append(rows[-1] | {"subject_id": "S0003"})
    return rows


def _outcome() -> Rows:
    rows = []
    for visit in VISITS:
        if visit.timepoint == "T1":
            change = _suv_change_percent(visit)
            response = "NA" if change is None else str(int(change <= RESPONSE_PERCENT))
            rows.append(
                {
                    "site_id": visit.centre.site_id,
                    "subject_id": visit.subject_id,
                    "age_years": str(int(visit.age[:3])),
                    "response": response,
                }
            )
    return rows


def _suv_change_percent(first: Visit) -> float | None:
    """Return the change of the true SUV of the GTV; None without a second visit."""
    later = _visits().get(first.key.replace("T1", "T2"))
    if later is None:
        return None
    return 100.0 * (later.pet_balls[0].value / first.pet_balls[0].value - 1.0)


def _truth() -> Rows:
    """Return the cells that a join must find, region by region and case by case."""
    rows = []
    visits = _visits()
    for key, region, days, grade, ki67 in BIOPSIES:
        if days > BEFORE_DAYS:
            continue
        for role, _, balls in roles(visits[key]):
            if region in {ball.roi_id for ball in balls}:
                for column, truth in (
                    ("grade", f"G{grade}"),
                    ("ki67", str(ki67)),
                    ("days_before_scan", str(days)),
                    ("weight", str(visits[key].weight_kg)),
                ):
                    rows.append(_cell("biopsies", f"{key}/{role}", region, column, truth))
    for visit in VISITS:
        for role, _, _ in roles(visit):
            case_id = f"{visit.key}/{role}"
            first = _visits()[visit.key.replace("T2", "T1")]
            change = _suv_change_percent(first)
            truth = "" if change is None else "responder" if change <= RESPONSE_PERCENT else "none"
            rows.append(_cell("outcome", case_id, "", "response", truth))
            rows.append(_cell("outcome", case_id, "", "age", str(int(first.age[:3]))))
    return rows


def _cell(table: str, case_id: str, roi_id: str, column: str, truth: str) -> dict[str, str]:
    names = ("table", "case_id", "roi_id", "column", "truth")
    return dict(zip(names, (table, case_id, roi_id, column, truth), strict=True))
