"""Measure the objects of a phantom with this program, and fill in its sheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from synthetic_protocols import protocol_head

from biomarker_cli.case.result import CaseResult
from biomarker_cli.case.running import run_case
from biomarker_cli.multicentre.phantoms.kinds import phantom_of
from biomarker_cli.multicentre.phantoms.sheet import COLUMNS
from biomarker_cli.multicentre.phantoms.writing import write_phantom
from biomarker_cli.study.single import SingleCase, plan_single

_REGIONS = "regions: {gaps: error, cross_series: allow, other_grid: forbid, empty: row}\n"
ANALYSES = {
    "suv": """\
applies_to: {modality: PT}
measure: suv
suv:
  normalisations: [suvbw, sul_janma, sul_james128, suvbsa, suvibw]
  statistics: [mean, max, min]
  peaks:
    - {kernel: voxel_centre, place: at_max}
    - {kernel: voxel_centre, place: global}
    - {kernel: voxel_centre, place: inside}
    - {kernel: partial_volume, place: at_max}
    - {kernel: partial_volume, place: global}
    - {kernel: partial_volume, place: inside}
  thresholds: [{percent_of_max: 41}, {percent_of_max: 50}, {fixed: 2.5}, {fixed: 4.0}]
""",
    "adc": """\
applies_to: {modality: MR}
measure: adc
adc:
  b_set: {kind: all}
  statistics: [mean, median, minimum, maximum]
""",
    "t1": """\
applies_to: {modality: MR}
measure: t1
t1:
  statistics: [mean, median]
""",
    "radiomics": """\
applies_to: {modality: CT}
measure: radiomics
radiomics:
  conventions: ibsi
  engine: native
  quantities: [hu]
  dimension: 3d
  normalisation: null
  interpolation: null
  round_to: 1
  resegmentation: {range: [-1000, 2000]}
  discretisation: {method: fixed_bin_size, width: 25, anchor: resegmentation}
  ivh: {method: none}
  families: [intensity, intensity_histogram, glcm]
  aggregations: [3d_average, 3d_merged, 3d]
  images:
    - {filter: none}
""",
}
MEASURES = {
    "suv": "suv",
    "adc": "adc",
    "t1": "t1",
    "ct-texture": "radiomics",
    "rtstruct": "radiomics",
}
OURS = {
    "intensity.mean": "original.intensity.mean",
    "intensity.variance": "original.intensity.variance",
    "intensity.minimum": "original.intensity.minimum",
    "intensity.maximum": "original.intensity.maximum",
    "histogram.entropy": "original.intensity_histogram.entropy",
    "glcm.contrast.average": "original.glcm.contrast.3d_average",
    "glcm.contrast.merged": "original.glcm.contrast.3d_merged",
    "glcm.correlation.average": "original.glcm.correlation.3d_average",
    "glcm.joint_entropy.average": "original.glcm.joint_entropy.3d_average",
    "glcm.second_moment.average": "original.glcm.angular_second_moment.3d_average",
}
"""Quantity of a sheet -> our feature, where its name is not the same."""


def measured(
    folder: Path,
    kind: str,
    dialect: str = "",
    *,
    change: Callable[[Dataset], None] | None = None,
    rules: str = "",
) -> CaseResult:
    """Write a phantom and measure it.

    Parameters
    ----------
    change : callable, optional
        Alters each image before it is measured: what a program mistakes it for.
    rules : str
        Lines behind those of the analysis.
    """
    write_phantom(phantom_of(kind, dialect), folder)
    if change is not None:
        for path in sorted((folder / "image").glob("*.dcm")):
            dataset = dcmread(path)
            change(dataset)
            dataset.save_as(path)
    measure = MEASURES.get(kind, "radiomics")
    analysis = folder / "ours.yaml"
    text = ANALYSES[measure] + rules
    analysis.write_text(protocol_head("analysis", "ours", "1.0.0", "active") + _REGIONS + text)
    mask = folder / ("segmentation.dcm" if kind == "seg" else "regions.dcm")
    single = SingleCase(measure, (folder / "image",), mask, str(analysis))
    return run_case(plan_single(single).case.plan)


def values_of(result: CaseResult, peak: str = "") -> dict[str, float]:
    """Return what this program measured, by item of the sheet."""
    found = {f"{row.roi_id}/{row.feature_id}": row.value for row in result.measurements}
    for key, ours in OURS.items():
        for region in {row.roi_id for row in result.measurements}:
            if f"{region}/{ours}" in found:
                found[f"{region}/{key}"] = found[f"{region}/{ours}"]
    for row in result.rois.values():
        found[f"{row.roi_id}/volume"] = row.volume_mm3 / 1000.0
    if peak:
        found["ramp/suvbw.uptake.peak"] = found[f"ramp/suvbw.uptake.peak.{peak}"]
    return {name: value for name, value in found.items() if value is not None}


def filled(sheet: Path, values: dict[str, float | str], info: dict[str, str] | None = None) -> Path:
    """Fill values and answers into a sheet."""
    rows = list(csv.DictReader(io.StringIO(sheet.read_text(encoding="utf-8"))))
    for row in rows:
        if row["item"] in values:
            value = values[row["item"]]
            row["value"] = value if isinstance(value, str) else repr(value)
        name = row["item"].removeprefix("info/")
        if row["item"] == f"info/{name}" and name in (info or {}):
            row["value"] = (info or {})[name]
    with sheet.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return sheet
