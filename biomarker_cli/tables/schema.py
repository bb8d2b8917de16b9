"""The columns of every output table, said once.

Writing, reading, the data package and the docs follow these definitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FieldType = Literal["string", "number", "integer", "boolean"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, Table Schema type and meaning."""

    name: str
    type: FieldType
    description: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its file is ``<name>.csv``.

    Attributes
    ----------
    name : str
    title : str
        What one row stands for.
    columns : tuple of Column
    key : tuple of str
        Columns that identify a row; rows are sorted by them.
    refers_to : tuple of (columns, table, columns)
        Foreign keys.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    refers_to: tuple[tuple[tuple[str, ...], str, tuple[str, ...]], ...] = ()

    @property
    def file_name(self) -> str:
        """Name of the CSV file."""
        return f"{self.name}.csv"

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in the order of the file."""
        return tuple(column.name for column in self.columns)


def _text(name: str, description: str, *values: str) -> Column:
    return Column(name, "string", description, values)


_CASE_ID = _text("case_id", "site/subject/timepoint/image role")

MEASUREMENTS = Table(
    "measurements",
    "case x ROI x analysis x feature",
    (
        _CASE_ID,
        _text("roi_id", "canonical name of the ROI, unique within the case"),
        _text("analysis_id", "analysis protocol, id@version"),
        _text("feature_id", "image.family.feature[.variant]"),
        Column("value", "number", "the number; empty unless status is ok"),
        _text("unit", "UCUM code"),
        _text("status", "whether there is a value", "ok", "undefined", "failed", "skipped"),
        _text("flags", "what to know before pooling, sorted, joined by ;"),
    ),
    ("case_id", "roi_id", "analysis_id", "feature_id"),
    (
        (("case_id", "roi_id"), "rois", ("case_id", "roi_id")),
        (("analysis_id", "feature_id"), "features", ("analysis_id", "feature_id")),
    ),
)

ROIS = Table(
    "rois",
    "case x ROI",
    (
        _CASE_ID,
        _text("roi_id", "canonical name of the ROI, unique within the case"),
        _text("roi_name", "canonical name"),
        _text("roi_label", "name in the segmentation file"),
        _text("status", "what the import gave", "ok", "empty", "skipped", "failed", "missing"),
        _text("error_code", "stable code where status is not ok"),
        _text("error_message", "what was expected and found"),
        _text("source_kind", "rtstruct, seg, nifti, nrrd, mha"),
        _text("source_uid", "SOPInstanceUID of the segmentation"),
        Column("segment_number", "integer", "ROINumber, SegmentNumber or label value"),
        Column("n_voxels", "integer", "voxels inside; empty unless status is ok"),
        Column("volume_mm3", "number", "voxels times voxel volume; empty unless status is ok"),
        Column("cross_series", "boolean", "segmentation refers to another series of the frame"),
    ),
    ("case_id", "roi_id"),
    ((("case_id",), "cases", ("case_id",)),),
)

CASES = Table(
    "cases",
    "case: subject x timepoint x image",
    (
        _CASE_ID,
        _text("subject_id", "identifier that the study assigned"),
        _text("site_id", "centre"),
        _text("timepoint", "visit"),
        _text("modality", "DICOM modality"),
        _text("study_uid", "StudyInstanceUID"),
        _text("series_uid", "SeriesInstanceUID of the image"),
        _text("frame_of_reference_uid", "FrameOfReferenceUID"),
        _text("manufacturer", "Manufacturer"),
        _text("model", "ManufacturerModelName"),
        _text("software", "SoftwareVersions"),
        Column("voxel_x_mm", "number", "distance between columns"),
        Column("voxel_y_mm", "number", "distance between rows"),
        Column("voxel_z_mm", "number", "distance between slices"),
        _text(
            "status", "what became of it", "measured", "partial", "failed", "excluded", "waiting"
        ),
        _text("error_code", "stable code where the case failed or was excluded"),
        _text("error_message", "what was expected and found"),
        _text("result_key", "sha256 of everything that moves a number of the case"),
    ),
    ("case_id",),
)

FACTS = Table(
    "facts",
    "case x fact of the acquisition",
    (
        _CASE_ID,
        _text("series_uid", "SeriesInstanceUID"),
        _text("fact", "name of the fact"),
        _text("value", "value; several distinct ones are joined by \\"),
        _text("unit", "UCUM code"),
        _text("tags", "elements it was read from"),
        _text("flags", "what to know, sorted, joined by ;"),
    ),
    ("case_id", "series_uid", "fact"),
    ((("case_id",), "cases", ("case_id",)),),
)

CHECKS = Table(
    "checks",
    "rule of an acquisition protocol x scope",
    (
        _text("scope", "what the rule was judged on", "series", "study", "subject", "cohort"),
        _text("case_id", "case; empty above series"),
        _text("series_uid", "SeriesInstanceUID"),
        _text("protocol_id", "acquisition protocol"),
        _text("protocol_version", "its version"),
        _text("protocol_sha256", "digest of its merged content"),
        _text("rule_id", "stable id of the rule"),
        _text("severity", "what a fail means", "error", "warning", "info"),
        _text(
            "outcome",
            "what the rule found",
            "pass",
            "fail",
            "not_evaluable",
            "not_applicable",
            "waived",
            "missing_series",
        ),
        _text("observed", "what was found"),
        _text("expected", "what the rule asks"),
        _text("unit", "UCUM code"),
        _text("tags", "elements it was read from"),
    ),
    ("scope", "case_id", "series_uid", "protocol_id", "protocol_version", "rule_id"),
)

FEATURES = Table(
    "features",
    "analysis x feature",
    (
        _text("analysis_id", "analysis protocol, id@version"),
        _text("analysis_sha256", "digest of its merged content"),
        _text("feature_id", "image.family.feature[.variant]"),
        _text("name", "name for people"),
        _text("family", "feature family"),
        _text("aggregation", "how slices and directions become one number"),
        _text("unit_ucum", "UCUM code; several, joined by ;, where images of an analysis differ"),
        _text("ibsi_id", "four-letter id of the IBSI manual"),
        _text("dicom_code", "code value of the DCM or IBSI scheme"),
        _text("pyradiomics_name", "class_Feature of pyradiomics"),
        _text("engine", "what computed it"),
        _text("engine_version", "its version"),
        _text("image_filter", "filter of the measured image"),
        _text("discretisation", "grey level discretisation"),
        _text("interpolation", "interpolation of the image"),
        _text("resampled_spacing_mm", "x, y, z spacing after resampling, joined by spaces"),
        Column(
            "ibsi_benchmarked",
            "boolean",
            "whether our tests hold the definition (IBSI id and aggregation) against published "
            "IBSI values; it says nothing of the spacing and bins chosen",
        ),
        _text("definition_version", "rises when the same name would give another number"),
        _text("reference", "where the definition stands"),
    ),
    ("analysis_id", "feature_id"),
)

TABLES = (MEASUREMENTS, ROIS, CASES, FACTS, CHECKS, FEATURES)
"""Every table of a run."""
