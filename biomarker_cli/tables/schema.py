"""The output tables: what their rows stand for, and what identifies one.

The columns are the fields of the rows. Writing, reading, the data package and the docs
follow these definitions.
"""

from __future__ import annotations

from dataclasses import dataclass

from biomarker_cli.tables.rows import (
    CaseRow,
    CheckRow,
    Column,
    DiameterRow,
    ExclusionRow,
    FactRow,
    FeatureRow,
    FlagRow,
    MeasurementRow,
    RegistrationRow,
    RoiRow,
    columns_of,
)


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
    later : tuple of str
        Columns that tables of earlier versions lack; they are read as empty.
    optional : bool
        Whether the file is there only where it has a row.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    refers_to: tuple[tuple[tuple[str, ...], str, tuple[str, ...]], ...] = ()
    later: tuple[str, ...] = ()
    optional: bool = False

    @property
    def file_name(self) -> str:
        """Name of the CSV file."""
        return f"{self.name}.csv"

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in the order of the file."""
        return tuple(column.name for column in self.columns)


MEASUREMENTS = Table(
    "measurements",
    "case x ROI x analysis x feature",
    columns_of(MeasurementRow),
    ("case_id", "roi_id", "analysis_id", "feature_id"),
    (
        (("case_id", "roi_id"), "rois", ("case_id", "roi_id")),
        (("analysis_id", "feature_id"), "features", ("analysis_id", "feature_id")),
    ),
    later=("usable",),
)

ROIS = Table(
    "rois",
    "case x ROI",
    columns_of(RoiRow),
    ("case_id", "roi_id"),
    ((("case_id",), "cases", ("case_id",)),),
)

CASES = Table(
    "cases",
    "case: subject x timepoint x image",
    columns_of(CaseRow),
    ("case_id",),
)

FACTS = Table(
    "facts",
    "case x fact of the acquisition",
    columns_of(FactRow),
    ("case_id", "series_uid", "fact"),
    ((("case_id",), "cases", ("case_id",)),),
)

CHECKS = Table(
    "checks",
    "rule of an acquisition protocol x scope",
    columns_of(CheckRow),
    ("scope", "case_id", "series_uid", "protocol_id", "protocol_version", "rule_id"),
    # Empty above series, and an empty key refers to nothing.
    ((("case_id",), "cases", ("case_id",)),),
)

DIAMETERS = Table(
    "diameters",
    "length of measurements.csv that was read off a line; only where sizes were measured",
    columns_of(DiameterRow),
    ("case_id", "roi_id", "analysis_id", "feature_id"),
    (
        (
            ("case_id", "roi_id", "analysis_id", "feature_id"),
            "measurements",
            ("case_id", "roi_id", "analysis_id", "feature_id"),
        ),
    ),
    optional=True,
)

REGISTRATIONS = Table(
    "registrations",
    "case x ROI whose mask was carried from another case; only where one was",
    columns_of(RegistrationRow),
    ("case_id", "roi_id"),
    ((("case_id",), "cases", ("case_id",)),),
    optional=True,
)

FEATURES = Table(
    "features",
    "analysis x feature",
    columns_of(FeatureRow),
    ("analysis_id", "feature_id"),
)

FLAGS_IN_RUN = Table(
    "flags",
    "flag that occurs in the run",
    columns_of(FlagRow),
    ("flag",),
)

EXCLUSIONS = Table(
    "exclusions",
    "case, or measurement, that a pool left out",
    columns_of(ExclusionRow),
    ("case_id", "roi_id", "analysis_id", "feature_id"),
)
"""A pool has it beside the tables of a run."""

TABLES = (
    MEASUREMENTS,
    ROIS,
    CASES,
    FACTS,
    CHECKS,
    DIAMETERS,
    REGISTRATIONS,
    FEATURES,
    FLAGS_IN_RUN,
)
"""Every table that a run can have."""
