"""Courses of subjects that never were: cells of a table in, calls out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from biomarker_cli.response.assessing import Assessed, assess
from biomarker_cli.response.criterion import Criterion, load_criterion
from biomarker_cli.response.from_table import TableRow, table_courses
from biomarker_cli.tables.schema import CASES, FACTS, FEATURES, MEASUREMENTS, ROIS
from biomarker_cli.tables.writing import write_table

criterion_of = cache(load_criterion)

LONGEST, SHORT = "mask.size.longest_diameter", "mask.size.short_axis"


def rows_of(targets: Iterable[str | Mapping[str, object]], subject: str = "S1") -> list[TableRow]:
    """Return rows 56 days apart, baseline first: of each the targets, or more cells."""
    rows = []
    for place, told in enumerate(targets):
        cells: dict[str, object] = {"target": told} if isinstance(told, str) else dict(told)
        standard = {
            "subject_id": subject,
            "timepoint": f"TP{place}" if place else "BL",
            "day": 56 * place,
            "target": "",
            "non_target": "none",
            "new_lesion": "no",
        }
        merged = {name: str(value) for name, value in (standard | cells).items()}
        rows.append(TableRow(place + 2, merged))
    return rows


def assessed_of(
    ident: str | Criterion,
    targets: Iterable[str | Mapping[str, object]],
    policies: Mapping[str, str] = {},
    parameters: Mapping[str, int] = {},
) -> Assessed:
    """Return the calls of one subject; its error is raised."""
    criterion = criterion_of(ident) if isinstance(ident, str) else ident
    (outcome,) = table_courses(rows_of(targets), criterion)
    if outcome.error is not None:
        raise outcome.error
    assert outcome.course is not None
    return assess(outcome.course, criterion, policies, parameters)


def calls_of(
    ident: str | Criterion,
    targets: Iterable[str | Mapping[str, object]],
    policies: Mapping[str, str] = {},
    parameters: Mapping[str, int] = {},
) -> list[str]:
    """Return the overall call of each follow-up."""
    return [one.overall for one in assessed_of(ident, targets, policies, parameters).visits]


def write_sized_run(
    folder: Path,
    sizes: Mapping[tuple[str, str, str], tuple[float, float]],
    dates: Mapping[tuple[str, str], str],
    *,
    analysis: str = "recist-size@0.1.0",
    uids: Mapping[tuple[str, str, str], str] = {},
    normals: Mapping[tuple[str, str, str], tuple[float, float, float]] = {},
    facts: Mapping[tuple[str, str, str], str] = {},
    analyses: Mapping[tuple[str, str, str], str] = {},
    flags: Mapping[tuple[str, str, str], str] = {},
    limits: Mapping[tuple[str, str, str], float] = {},
) -> Path:
    """Write a run that measured diameters by subject, timepoint and ROI."""
    folder.mkdir(parents=True, exist_ok=True)
    measured, rois, lines = [], [], []
    for place, (longest, short) in sizes.items():
        subject, timepoint, roi = place
        case_id = f"A/{subject}/{timepoint}/ct"
        used = analyses.get(place, analysis)
        told = {LONGEST: longest, SHORT: short}
        if place in limits:
            told["mask.size.measurable_from"] = limits[place]
        for feature, value in told.items():
            is_refused = "do_not_use" in flags.get(place, "")
            measured.append(
                {
                    "case_id": case_id,
                    "roi_id": roi,
                    "analysis_id": used,
                    "feature_id": feature,
                    "value": float(value),
                    "unit": "mm",
                    "status": "ok",
                    "flags": flags.get(place, ""),
                    "usable": "no" if is_refused else "yes",
                }
            )
        rois.append(
            {
                "case_id": case_id,
                "roi_id": roi,
                "roi_name": roi,
                "roi_label": roi,
                "status": "ok",
            }
        )
        normal = normals.get(place, (0.0, 0.0, 1.0))
        lines.append(",".join(map(str, (case_id, roi, used, *normal))))
    write_table(MEASUREMENTS, measured, folder)
    path = write_table(ROIS, rois, folder)
    _add_uids(path, uids)
    (folder / "diameters.csv").write_text(
        "\n".join(["case_id,roi_id,analysis_id,normal_x,normal_y,normal_z", *lines]) + "\n"
    )
    cases = [
        {
            "case_id": f"A/{subject}/{timepoint}/ct",
            "subject_id": subject,
            "site_id": "A",
            "timepoint": timepoint,
            "modality": "CT",
            "status": "measured",
        }
        for subject, timepoint in dates
    ]
    write_table(CASES, cases, folder)
    told = {(*place, "study_date"): date for place, date in dates.items()} | dict(facts)
    write_table(
        FACTS,
        [
            {
                "case_id": f"A/{subject}/{timepoint}/ct",
                "series_uid": "1.2",
                "fact": name,
                "value": value,
                "unit": "",
                "tags": "",
            }
            for (subject, timepoint, name), value in told.items()
            if value
        ],
        folder,
    )
    write_table(FEATURES, [], folder)
    return folder


def _add_uids(path: Path, uids: Mapping[tuple[str, str, str], str]) -> None:
    """Add the column of tracking UIDs, which the audit of the import has."""
    header, *lines = path.read_text().splitlines()
    found = []
    for line in lines:
        case_id, roi = line.split(",")[:2]
        _, subject, timepoint, _ = case_id.split("/")
        found.append(f"{line},{uids.get((subject, timepoint, roi), '')}")
    path.write_text("\n".join([f"{header},tracking_uid", *found]) + "\n")
