"""Small run folders for tests of what reads them: rows of the tables, and a manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from biomarker_cli.tables.schema import CASES, FEATURES, MEASUREMENTS, ROIS
from biomarker_cli.tables.writing import write_table

CASE = "A/S1/T1/ct"
ANALYSIS = "radiomics-ct@1.0.0"
MEAN = "original.intensity.mean"
VOLUME = "original.morphology.volume"


def measured(feature: str, value: float | None, **more: str) -> dict[str, Any]:
    """Return a row of measurements.csv."""
    return {
        "case_id": CASE,
        "roi_id": "GTV",
        "analysis_id": ANALYSIS,
        "feature_id": feature,
        "value": value,
        "unit": "1",
        "status": "undefined" if value is None else "ok",
        **more,
    }


def write_run(folder: Path, rows: list[dict[str, Any]], **more: Any) -> Path:
    """Write a run folder of some measurements and return it.

    Parameters
    ----------
    folder : Path
    rows : list of dict
    more
        ``inputs``: digests of the manifest by case; ``software``; ``n_voxels`` of each
        ROI; ``features``: columns of features.csv that all features share.
    """
    folder.mkdir(parents=True)
    write_table(MEASUREMENTS, rows, folder)
    places = sorted({(row["case_id"], row["roi_id"]) for row in rows})
    n_voxels = more.get("n_voxels", 100)
    write_table(
        ROIS,
        [
            {"case_id": c, "roi_id": r, "roi_label": r, "status": "ok", "n_voxels": n_voxels}
            | {"volume_mm3": None if n_voxels is None else 8.0 * n_voxels}
            for c, r in places
        ],
        folder,
    )
    cases = sorted({case for case, _ in places})
    write_table(
        CASES, [{"case_id": case, "subject_id": case.split("/")[1]} for case in cases], folder
    )
    keys = sorted({(row["analysis_id"], row["feature_id"]) for row in rows})
    shared = {"engine": "native", "engine_version": "1", "discretisation": "none"}
    shared |= more.get("features", {})
    write_table(FEATURES, [{"analysis_id": a, "feature_id": f, **shared} for a, f in keys], folder)
    manifest = {
        "format": "biomarker-manifest/1",
        "software": {"biomarker": "0.1.0"} | more.get("software", {}),
        "platform": {},
        "protocols": more.get("protocols", []),
        "cases": more.get("inputs", {case: digests("image", "mask") for case in cases}),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def digests(image: str, mask: str, pixels: str = "pixels") -> dict[str, str]:
    """Return what a manifest keeps of the inputs of a case."""
    return {
        "input_sha256": f"{image}+{mask}",
        "image_sha256": image,
        "mask_sha256": mask,
        "pixels_sha256": pixels,
    }
