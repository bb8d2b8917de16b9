"""RoiResult: one row of ``rois.csv``, with the region where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from biomarker_cli.imaging.region import AuditValue, Region
from biomarker_cli.model.flags import join_flags
from biomarker_cli.tables.schema import ROIS, Column

IDENTITY_COLUMNS = tuple(name for name in ROIS.column_names if name != "case_id")
"""Columns that say who a ROI is and what became of it."""

ROIS_WITH_AUDIT = replace(
    ROIS,
    columns=(
        *ROIS.columns,
        Column("source_file", "string", "name of the segmentation file"),
        Column(
            "source_series_uids", "string", "SeriesInstanceUIDs it refers to, sorted, joined by ;"
        ),
        Column("code", "string", "what the structure is, value:scheme"),
        Column("code_meaning", "string", "the same in words"),
        Column("tracking_uid", "string", "TrackingUID of the segment"),
        Column("contour_types", "string", "geometric types of the contours, joined by ;"),
        Column("n_contours", "integer", "contours of the ROI"),
        Column("n_contours_skipped", "integer", "contours that are not closed and planar"),
        Column("n_planes", "integer", "planes with contours"),
        Column("n_planes_unused", "integer", "planes within the image that no slice took"),
        Column("n_planes_outside", "integer", "planes beyond the slices of the image"),
        Column("plane_spacing_mm", "number", "median distance between planes"),
        Column("off_plane_mm", "number", "largest distance between a slice and the plane it took"),
        Column("n_gaps", "integer", "runs of empty slices between two that overlap"),
        Column("n_slices_interpolated", "integer", "slices filled by interpolation"),
        Column("n_holes", "integer", "contours that take away"),
        Column("n_xor", "integer", "contours that exclude each other"),
        Column("n_unions", "integer", "pairs of contours that cross and were united"),
        Column("n_duplicates", "integer", "contours that repeat another one"),
        Column("n_frames", "integer", "frames of the segment"),
        Column("fractional_type", "string", "PROBABILITY or OCCUPANCY"),
        Column("fractional_threshold", "number", "smallest fraction that counts as inside"),
        Column("fractional_volume_mm3", "number", "sum of the fractions times the voxel volume"),
        Column("grid_difference", "string", "how the grid of the mask differs from the image"),
        Column(
            "is_resampled", "boolean", "whether the mask was resampled to the grid of the image"
        ),
        Column("source_volume_mm3", "number", "volume on the mask's own grid"),
        Column(
            "volume_change_fraction",
            "number",
            "volume after resampling over the one before, less one",
        ),
        Column("clipped_fraction", "number", "part that lies outside the image"),
        Column("polygon_volume_mm3", "number", "volume of the contours themselves"),
        Column(
            "area_fraction_volume_mm3", "number", "voxels counted by the part that contours cover"
        ),
        Column("n_components", "integer", "connected components, by faces, edges and corners"),
        Column("largest_component_fraction", "number", "part of the voxels in the largest one"),
        Column("thinnest_voxels", "integer", "smallest extent along an axis, in voxels"),
        Column("touches_border", "boolean", "whether a voxel lies on the border of the image"),
        Column("flags", "string", "what to know before pooling, sorted, joined by ;"),
    ),
)
"""The table ``rois.csv``: who a ROI is, and behind it what the import did."""

REGIONS = replace(
    ROIS_WITH_AUDIT,
    name="regions",
    columns=(
        *ROIS_WITH_AUDIT.columns,
        Column("mask_file", "string", "mask of the ROI, from the folder of the table"),
    ),
)
"""The table ``regions.csv`` of `biomarker regions`: ``rois.csv``, and the masks beside it."""

AUDIT_COLUMNS = tuple(c.name for c in ROIS_WITH_AUDIT.columns if c not in ROIS.columns)
"""Columns behind the identity of a ROI."""


@dataclass(frozen=True)
class RoiResult:
    """What became of one ROI.

    Attributes
    ----------
    roi_id : str
        Canonical name, unique within the result.
    roi_name : str
        Canonical name; the label where no map names it.
    roi_label : str
        Name in the file; empty where the file has no such ROI.
    status : str
        ``ok``, ``empty``, ``skipped``, ``failed`` or ``missing``.
    error_code, error_message : str
        Empty where the status is ``ok``.
    source_kind : str
        ``rtstruct``, ``seg``, ``nifti``, ``nrrd`` or ``mha``.
    source_uid : str
        SOPInstanceUID of the segmentation.
    segment_number : int or None
        ROINumber, SegmentNumber or label value.
    cross_series : bool or None
        None where the file does not say what it was made on.
    region : Region or None
        None unless the status is ``ok``.
    audit : mapping
        By column of `AUDIT_COLUMNS`.
    flags : frozenset of str
    """

    roi_id: str
    roi_name: str
    roi_label: str
    status: str
    error_code: str = ""
    error_message: str = ""
    source_kind: str = ""
    source_uid: str = ""
    segment_number: int | None = None
    cross_series: bool | None = None
    region: Region | None = None
    audit: Mapping[str, AuditValue] = field(default_factory=lambda: MappingProxyType({}))
    flags: frozenset[str] = frozenset()

    @property
    def n_voxels(self) -> int | None:
        """Voxels inside; None unless the status is ``ok``."""
        return self.region.n_voxels if self.region else None

    @property
    def volume_mm3(self) -> float | None:
        """Voxels times the volume of one; None unless the status is ``ok``."""
        return self.region.volume_mm3 if self.region else None

    def row(self) -> dict[str, AuditValue]:
        """Return a row of `ROIS_WITH_AUDIT` without its case, None where there is no value."""
        values: dict[str, AuditValue] = {name: getattr(self, name) for name in IDENTITY_COLUMNS}
        values |= {name: self.audit.get(name) for name in AUDIT_COLUMNS}
        values["flags"] = join_flags(self.flags)
        return values
