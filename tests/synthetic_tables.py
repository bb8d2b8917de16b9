"""Tables of runs that never were: values in, the files that the product reads out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from biomarker_cli.tables.schema import CASES, FEATURES, MEASUREMENTS
from biomarker_cli.tables.writing import write_table

ANALYSIS = "dwi-adc@1.0.0"
MEDIAN = "adc.intensity.median"
UNIT = "mm2/s"


def write_run(
    folder: Path,
    values: Iterable[tuple[str, ...]],
    *,
    analysis: str = ANALYSIS,
    sha256: str = "a" * 64,
    unit: str = UNIT,
) -> Path:
    """Write a run of ``(site, subject, timepoint, roi, feature, value)``; ``""`` is no value."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, cases, features = [], {}, {}
    for site, subject, timepoint, roi, feature, value in values:
        case_id = f"{site}/{subject}/{timepoint}/dwi"
        rows.append(
            {
                "case_id": case_id,
                "roi_id": roi,
                "analysis_id": analysis,
                "feature_id": feature,
                "value": value,
                "unit": unit,
                "status": "ok" if value else "undefined",
            }
        )
        cases[case_id] = {
            "case_id": case_id,
            "subject_id": subject,
            "site_id": site,
            "timepoint": timepoint,
            "modality": "MR",
            "manufacturer": "Maker",
            "model": f"Model of {site}",
            "software": "1",
            "status": "measured",
        }
        features[feature] = {
            "analysis_id": analysis,
            "analysis_sha256": sha256,
            "feature_id": feature,
            "unit_ucum": unit,
        }
    write_table(MEASUREMENTS, rows, folder)
    write_table(CASES, cases.values(), folder)
    write_table(FEATURES, features.values(), folder)
    return folder
