"""Assemble the results of all cases into the tables of a run."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from biomarker_cli.case import CaseResult, CaseStatus
from biomarker_cli.case.result import Row
from biomarker_cli.regions import ROIS_WITH_AUDIT
from biomarker_cli.study.case_names import file_stem
from biomarker_cli.tables import (
    CASES,
    CHECKS,
    FACTS,
    FEATURES,
    MEASUREMENTS,
    write_datapackage,
    write_table,
)


def write_tables(
    results: Sequence[CaseResult], wide_checks: Sequence[Row], folder: Path, study_id: str
) -> None:
    """Write every table, the data package and the derivations.

    Parameters
    ----------
    results : sequence of CaseResult
        All cases of the study, whether they were run now or before.
    wide_checks : sequence of dict
        Rows of ``checks.csv`` above series.
    folder : Path
    study_id : str
    """
    content = {
        MEASUREMENTS: [row for r in results for row in r.measurements] + _unmeasured(results),
        ROIS_WITH_AUDIT: [row for r in results for row in r.rois],
        CASES: [r.case for r in results],
        FACTS: [row for r in results for row in r.facts],
        CHECKS: _unique([*wide_checks, *(row for r in results for row in r.checks)]),
        FEATURES: _dictionary(row for r in results for row in r.features),
    }
    for table, rows in content.items():
        write_table(table, rows, folder)
    write_datapackage(content, folder, study_id)
    _write_derivations(results, folder / "derivations")


def _unique(rows: Iterable[Row]) -> list[Row]:
    return list({tuple(sorted((k, str(v)) for k, v in row.items())): row for row in rows}.values())


def _dictionary(rows: Iterable[Row]) -> list[Row]:
    """One row per analysis and feature, also where cases differ.

    One analysis may measure CT and MR: the mean of the intensities then has two
    units. Each measurement holds its own; the dictionary lists them.
    """
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        found[row["analysis_id"], row["feature_id"]].append(row)
    return [_joined(alike) for alike in found.values()]


def _joined(alike: Sequence[Row]) -> Row:
    merged = dict(alike[0])
    for column in merged:
        values = {str(row.get(column)): row.get(column) for row in alike}
        if len(values) > 1:
            merged[column] = ";".join(sorted(text for text in values if text))
    return merged


def _unmeasured(results: Sequence[CaseResult]) -> list[Row]:
    """Rows without value for regions that an analysis reached in other cases only.

    A table without them would make a failed region look as if nobody had asked.
    """
    features: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for result in results:
        role = result.case_id.rsplit("/", 1)[-1]
        for row in result.features:
            features[role, row["analysis_id"]][row["feature_id"]] = row["unit_ucum"]
    analyses_of_role: dict[str, set[str]] = defaultdict(set)
    for result in results:
        role = result.case_id.rsplit("/", 1)[-1]
        analyses_of_role[role] |= {row["analysis_id"] for row in result.measurements}
    rows: list[Row] = []
    for result in results:
        measured = {(row["roi_id"], row["analysis_id"]) for row in result.measurements}
        skipped = result.status in {CaseStatus.EXCLUDED, CaseStatus.WAITING}
        role = result.case_id.rsplit("/", 1)[-1]
        for analysis in sorted(analyses_of_role[role]):
            rows += [
                {
                    "case_id": result.case_id,
                    "roi_id": roi["roi_id"],
                    "analysis_id": analysis,
                    "feature_id": feature,
                    "unit": unit,
                    "status": "skipped" if skipped or roi["status"] == "skipped" else "failed",
                }
                for roi in result.rois
                if (roi["roi_id"], analysis) not in measured
                for feature, unit in features[role, analysis].items()
            ]
    return rows


def _write_derivations(results: Sequence[CaseResult], folder: Path) -> None:
    written = set()
    for result in results:
        for analysis, derivation in result.derivations.items():
            folder.mkdir(exist_ok=True)
            name = f"{file_stem(result.case_id)}__{analysis}.json"
            text = json.dumps(derivation, indent=2, ensure_ascii=False, allow_nan=False)
            (folder / name).write_text(text + "\n", encoding="utf-8", newline="\n")
            written.add(name)
    # A case that has left the study, or an older version of a protocol, leaves no file behind.
    for path in folder.glob("*.json"):
        if path.name not in written:
            path.unlink()
