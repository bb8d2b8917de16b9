"""Packages of tables with outcomes that never were: values in, a folder as `join` writes it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from biomarker_cli.tables.cells import csv_text
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.schema import CASES, FACTS, FEATURES, MEASUREMENTS, ROIS
from biomarker_cli.tables.writing import write_table

ANALYSIS = "dwi-adc@1.0.0"
FEATURE = "adc.intensity.median"
UNIT = "mm2/s"


@dataclass(frozen=True)
class Seen:
    """One value of a region at a visit."""

    subject: str
    value: float | None
    site: str = "A"
    timepoint: str = "T1"
    roi: str = "GTV"
    usable: str = "yes"
    date: str = "20240311"
    feature: str = FEATURE
    analysis: str = ANALYSIS
    unit: str = UNIT
    moved: str = ""
    flags: str = ""

    @property
    def case_id(self) -> str:
        return f"{self.site}/{self.subject}/{self.timepoint}/dwi"


def write_package(folder: Path, seen: Iterable[Seen]) -> Path:
    """Write the tables of a run with these values, and their data package."""
    folder.mkdir(parents=True, exist_ok=True)
    seen = list(seen)
    cases, rois, facts, features = {}, {}, {}, {}
    rows = []
    for one in seen:
        cases[one.case_id] = {
            "case_id": one.case_id,
            "subject_id": one.subject,
            "site_id": one.site,
            "timepoint": one.timepoint,
            "modality": "MR",
            "status": "measured",
        }
        rois[one.case_id, one.roi] = {
            "case_id": one.case_id,
            "roi_id": one.roi,
            "roi_name": one.roi,
            "roi_label": one.roi,
            "status": "ok",
        }
        for fact, value in (("study_date", one.date), ("dates_modified", one.moved)):
            if value:
                facts[one.case_id, fact] = {
                    "case_id": one.case_id,
                    "series_uid": "1.2.3",
                    "fact": fact,
                    "value": value,
                }
        features[one.analysis, one.feature] = {
            "analysis_id": one.analysis,
            "analysis_sha256": "a" * 64,
            "feature_id": one.feature,
            "unit_ucum": one.unit,
        }
        rows.append(
            {
                "case_id": one.case_id,
                "roi_id": one.roi,
                "analysis_id": one.analysis,
                "feature_id": one.feature,
                "value": one.value,
                "unit": one.unit,
                "status": "undefined" if one.value is None else "ok",
                "flags": one.flags,
                "usable": one.usable,
            }
        )
    tables = {
        MEASUREMENTS: rows,
        CASES: cases.values(),
        ROIS: rois.values(),
        FACTS: facts.values(),
        FEATURES: features.values(),
    }
    for table, content in tables.items():
        write_table(table, content, folder)
    write_datapackage(tables, folder, "trial")
    return folder


def write_clinical(folder: Path, rows: Sequence[Mapping[str, Any]], **schema: Any) -> list[str]:
    """Write a clinical table and its schema; return the options of `join` that name them."""
    folder.mkdir(parents=True, exist_ok=True)
    table, file = folder / "clinical.csv", folder / "clinical.yaml"
    table.write_text(csv_text(list(rows[0]), rows))
    file.write_text(yaml.safe_dump(clinical_schema(**schema), sort_keys=False))
    return ["--table", str(table), "--schema", str(file)]


def clinical_schema(**changes: Any) -> dict[str, Any]:
    """Return the content of a schema of patients."""
    schema: dict[str, Any] = {
        "format": "biomarker-clinical/1",
        "id": "clinical",
        "keys": {"site": "centre", "subject": "patient"},
        "missing": ["", "NA"],
        "columns": {
            "weight": {"type": "number", "unit": "kg", "minimum": 30, "maximum": 250},
            "response": {"type": "category", "codes": {"1": "responder", "0": "none"}},
        },
    }
    return schema | changes


def plan(**changes: Any) -> dict[str, Any]:
    """Return the content of a plan of one feature and a binary endpoint."""
    content: dict[str, Any] = {
        "format": "biomarker-association/1",
        "id": "adc-response",
        "made": "prespecified",
        "unit": "subject",
        "sites": "pooled",
        "features": {"adc": planned_feature()},
        "endpoint": {
            "kind": "binary",
            "table": "clinical",
            "column": "response",
            "positive": ["responder"],
        },
        "test": "auc",
        "multiplicity": "holm",
    }
    return content | changes


def planned_feature(**changes: Any) -> dict[str, Any]:
    """Return a feature of a plan."""
    return {
        "feature": FEATURE,
        "analysis": "dwi-adc",
        "role": "dwi",
        "roi": "GTV",
        "timepoint": "T1",
        "unit": UNIT,
    } | changes


def write_plan(path: Path, **changes: Any) -> Path:
    """Write a plan."""
    path.write_text(yaml.safe_dump(plan(**changes), sort_keys=False))
    return path
