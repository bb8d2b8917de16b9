"""A ledger as a proposal, from the ROIs of a run; a person signs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from biomarker_cli.response.measured_run import MeasuredRun
from biomarker_cli.response.visit_readings import NO_NEW

Row = dict[str, Any]


def proposed_rows(run: MeasuredRun) -> list[Row]:
    """Return the rows of a proposal.

    A ROI that has one name at all visits, or one tracking UID, is proposed as one lesion.
    Its role, node and the words of a visit stay empty: no mask tells them.

    Parameters
    ----------
    run : MeasuredRun
    """
    subjects = dict.fromkeys(case.subject_id for case in run.cases)
    return [row for subject in subjects for row in _of_subject(run, subject)]


def _of_subject(run: MeasuredRun, subject: str) -> Iterator[Row]:
    days = visit_days(run, subject)
    timepoints = list(days)
    rois = {name: _rois(run, subject, name) for name in timepoints}
    names = _names(rois)
    for timepoint in timepoints:
        head = {
            "subject_id": subject,
            "timepoint": timepoint,
            "date": days[timepoint],
        }
        for roi_id, basis in names.items():
            lesion, why = basis
            there = rois[timepoint].get(roi_id)
            if there is None:
                continue
            state = "measured" if there["status"] == "ok" else ""
            yield head | {
                "lesion_id": lesion,
                "state": state,
                "roi_id": roi_id,
                "organ": "",
                "basis": why,
            }
        if timepoint != timepoints[0]:
            yield head | {"lesion_id": NO_NEW, "role": "new", "basis": "say absent where none is"}


def visit_days(run: MeasuredRun, subject: str) -> dict[str, str]:
    """Return the day of each visit of a subject, in order; empty where none may be written.

    By their dates; those without one last, by their names. A date that was moved keeps its
    distances, but is none to write down.
    """
    cases = {name: run.cases_of(subject, name) for name in run.timepoints(subject)}
    dates = {name: run.study_date(of_visit) for name, of_visit in cases.items()}
    order = sorted(dates, key=lambda name: (dates[name] or date.max, name))
    if run.has_shifted_dates(one for of_visit in cases.values() for one in of_visit):
        return dict.fromkeys(order, "")
    return {name: str(dates[name] or "") for name in order}


def _rois(run: MeasuredRun, subject: str, timepoint: str) -> dict[str, Mapping[str, Any]]:
    """Return the ROIs of a visit by id; one that several cases have is one."""
    found: dict[str, Mapping[str, Any]] = {}
    for row in run.rois_of(run.cases_of(subject, timepoint)):
        found.setdefault(row["roi_id"], row)
    return found


def _names(
    rois: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> dict[str, tuple[str, str]]:
    """Return the lesion that each ROI is, and what that rests on.

    Only a tracking UID that stands at several visits proves anything: one that a program
    made by itself is another one at each visit.
    """
    by_uid: dict[str, list[str]] = {}
    order = list(dict.fromkeys(roi for of_visit in rois.values() for roi in of_visit))
    for of_visit in rois.values():
        for roi_id, row in of_visit.items():
            if row.get("tracking_uid"):
                by_uid.setdefault(row["tracking_uid"], []).append(roi_id)
    names = {roi: (roi, f"name {roi}") for roi in order}
    for uid, recurring in by_uid.items():
        if len(recurring) < 2:
            continue
        first = names[recurring[0]][0]
        names |= dict.fromkeys(recurring, (first, f"tracking UID {uid}"))
    return names
