"""Whole run folders that never were: tables, data package and manifest, for pools of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from biomarker_cli.model.usability import DEFAULT_POLICY
from biomarker_cli.regions.result import ROIS_WITH_AUDIT
from biomarker_cli.tables.flag_counts import RunFlags
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.rows import MeasurementRow
from biomarker_cli.tables.schema import (
    CASES,
    CHECKS,
    FACTS,
    FEATURES,
    FLAGS_IN_RUN,
    MEASUREMENTS,
)
from biomarker_cli.tables.writing import row_lines, write_lines, write_table

ANALYSIS = "radiomics-ct@1.0.0"
FEATURE_IDS = ("original.glcm.contrast", "original.intensity.mean", "original.morphology.volume")


def digest(text: str) -> str:
    """Return a sha256 that a text stands for."""
    return hashlib.sha256(text.encode()).hexdigest()


def measurement(case_id: str, feature: str, value: float | None = 1.0, **more: Any) -> Any:
    """Return a row of measurements.csv."""
    return MeasurementRow(
        **{
            "case_id": case_id,
            "roi_id": "GTV",
            "analysis_id": ANALYSIS,
            "feature_id": feature,
            "value": value,
            "unit": "1",
            "status": "ok" if value is not None else "undefined",
            **more,
        }
    )


def write_whole_run(
    folder: Path,
    case_ids: Sequence[str],
    rows: Iterable[Any] | None = None,
    *,
    manifest: Mapping[str, Any] | None = None,
    of_case: Mapping[str, Mapping[str, Any]] | None = None,
    of_features: Mapping[str, Any] | None = None,
    checks: Iterable[Mapping[str, Any]] = (),
) -> Path:
    """Write a run of some cases; each has one ROI with three features.

    Parameters
    ----------
    folder : Path
    case_ids : sequence of str
    rows : iterable of MeasurementRow, optional
        Instead of the three of each case.
    manifest : mapping
        Entries of the manifest that are otherwise.
    of_case : mapping
        Case id -> columns of its row, or digests of the manifest, that are otherwise.
    of_features : mapping
        Columns of all features that are otherwise.
    checks : iterable of mapping
        Rows of checks.csv.
    """
    folder.mkdir(parents=True)
    if rows is None:
        rows = [measurement(c, f, float(n)) for c in case_ids for n, f in enumerate(FEATURE_IDS)]
    rows = list(rows)
    more = of_case or {}
    write_lines(MEASUREMENTS, [row_lines(MEASUREMENTS, rows)], folder)
    write_table(CASES, [_case(c, more.get(c, {})) for c in case_ids], folder)
    write_table(ROIS_WITH_AUDIT, [_roi(c) for c in case_ids], folder)
    write_table(FACTS, [_fact(c) for c in case_ids], folder)
    write_table(CHECKS, checks, folder)
    keys = sorted({(row.analysis_id, row.feature_id) for row in rows})
    write_table(FEATURES, [_feature(a, f) | dict(of_features or {}) for a, f in keys], folder)
    flags = RunFlags()
    for row in rows:
        flags.add({MEASUREMENTS.name: dict.fromkeys(row.flags, 1)})
    flag_rows = row_lines(FLAGS_IN_RUN, flags.rows(DEFAULT_POLICY.severity_of))
    write_lines(FLAGS_IN_RUN, [flag_rows], folder)
    tables = (CASES, ROIS_WITH_AUDIT, MEASUREMENTS, FACTS, CHECKS, FEATURES, FLAGS_IN_RUN)
    write_datapackage(tables, folder, "trial")
    analyses = sorted({analysis for analysis, _ in keys})
    told = _manifest(case_ids, analyses, more) | dict(manifest or {})
    (folder / "manifest.json").write_text(json.dumps(told))
    return folder


def _case(case_id: str, more: Mapping[str, Any]) -> dict[str, Any]:
    site, subject, timepoint, _ = case_id.split("/")
    row = {
        "case_id": case_id,
        "subject_id": subject,
        "site_id": site,
        "timepoint": timepoint,
        "modality": "CT",
        "study_uid": f"2.25.{int(digest(f'{site}/{subject}/{timepoint}')[:12], 16)}",
        "series_uid": f"2.25.{int(digest(case_id)[:12], 16)}",
        "manufacturer": "Maker",
        "status": "measured",
        "result_key": digest(case_id),
    }
    return row | {name: value for name, value in more.items() if name in row}


def _roi(case_id: str) -> dict[str, Any]:
    return {"case_id": case_id, "roi_id": "GTV", "roi_name": "GTV", "status": "ok"}


def _fact(case_id: str) -> dict[str, Any]:
    return {"case_id": case_id, "series_uid": "1.2", "fact": "kvp", "value": "120"}


def _feature(analysis: str, feature: str) -> dict[str, Any]:
    return {
        "analysis_id": analysis,
        "analysis_sha256": digest(analysis),
        "feature_id": feature,
        "name": feature,
        "family": feature.split(".")[1],
        "unit_ucum": "1",
        "engine": "native",
        "engine_version": "1",
        "ibsi_benchmarked": True,
        "definition_version": "1",
    }


def _manifest(
    case_ids: Sequence[str], analyses: Sequence[str], more: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    return {
        "format": "biomarker-manifest/1",
        "study": "trial",
        "key_fingerprint": "k1",
        "software": {"biomarker": "0.1.0"},
        "platform": {"python": "3.11"},
        "certificate": "",
        "protocols": [
            {
                "format": "biomarker-analysis/1",
                "id": analysis.partition("@")[0],
                "version": analysis.partition("@")[2],
                "status": "active",
                "sha256": digest(analysis),
            }
            for analysis in analyses
        ],
        "waivers": [],
        "usable_policy": {"file": "", "sha256": ""},
        "created": "2026-01-01T00:00:00+00:00",
        "cases": {
            case_id: _inputs(case_id) | _digests(more.get(case_id, {})) for case_id in case_ids
        },
    }


def _inputs(case_id: str) -> dict[str, Any]:
    return {
        "result_key": digest(case_id),
        "input_sha256": digest(f"input {case_id}"),
        "image_sha256": digest(f"image {case_id}"),
        "mask_sha256": digest(f"mask {case_id}"),
        "pixels_sha256": digest(f"pixels {case_id}"),
        "input_files": 30,
    }


def _digests(more: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in more.items() if name.endswith("sha256")}
