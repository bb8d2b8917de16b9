"""RoiResult: one row of ``rois.csv``, with the region where there is one."""

# The annotations of the row are objects: the schema reads them.
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Annotated, Any

from biomarker_cli.imaging.region import AuditValue, Region
from biomarker_cli.tables.rows import Column, Flags, RoiRow, about, columns_of
from biomarker_cli.tables.schema import ROIS


@dataclass(frozen=True, kw_only=True)
class AuditedRoiRow(RoiRow):
    """A row of ``rois.csv``: who a ROI is, and behind it what the import did."""

    source_file: Annotated[str | None, about("name of the segmentation file")] = None
    source_series_uids: Annotated[
        str | None, about("SeriesInstanceUIDs it refers to, sorted, joined by ;")
    ] = None
    code: Annotated[str | None, about("what the structure is, value:scheme")] = None
    code_meaning: Annotated[str | None, about("the same in words")] = None
    tracking_uid: Annotated[str | None, about("TrackingUID of the segment")] = None
    contour_types: Annotated[str | None, about("geometric types of the contours, joined by ;")] = (
        None
    )
    n_contours: Annotated[int | None, about("contours of the ROI")] = None
    n_contours_skipped: Annotated[int | None, about("contours that are not closed and planar")] = (
        None
    )
    n_planes: Annotated[int | None, about("planes with contours")] = None
    n_planes_unused: Annotated[int | None, about("planes within the image that no slice took")] = (
        None
    )
    n_planes_outside: Annotated[int | None, about("planes beyond the slices of the image")] = None
    plane_spacing_mm: Annotated[float | None, about("median distance between planes")] = None
    off_plane_mm: Annotated[
        float | None, about("largest distance between a slice and the plane it took")
    ] = None
    n_gaps: Annotated[int | None, about("runs of empty slices between two that overlap")] = None
    n_slices_interpolated: Annotated[int | None, about("slices filled by interpolation")] = None
    n_holes: Annotated[int | None, about("contours that take away")] = None
    n_xor: Annotated[int | None, about("contours that exclude each other")] = None
    n_unions: Annotated[int | None, about("pairs of contours that cross and were united")] = None
    n_duplicates: Annotated[int | None, about("contours that repeat another one")] = None
    n_frames: Annotated[int | None, about("frames of the segment")] = None
    fractional_type: Annotated[str | None, about("PROBABILITY or OCCUPANCY")] = None
    fractional_threshold: Annotated[
        float | None, about("smallest fraction that counts as inside")
    ] = None
    fractional_volume_mm3: Annotated[
        float | None, about("sum of the fractions times the voxel volume")
    ] = None
    grid_difference: Annotated[
        str | None, about("how the grid of the mask differs from the image")
    ] = None
    is_resampled: Annotated[
        bool | None, about("whether the mask was resampled to the grid of the image")
    ] = None
    source_volume_mm3: Annotated[float | None, about("volume on the mask's own grid")] = None
    volume_change_fraction: Annotated[
        float | None, about("volume after resampling over the one before, less one")
    ] = None
    clipped_fraction: Annotated[float | None, about("part that lies outside the image")] = None
    polygon_volume_mm3: Annotated[float | None, about("volume of the contours themselves")] = None
    area_fraction_volume_mm3: Annotated[
        float | None, about("voxels counted by the part that contours cover")
    ] = None
    n_components: Annotated[
        int | None, about("connected components, by faces, edges and corners")
    ] = None
    largest_component_fraction: Annotated[
        float | None, about("part of the voxels in the largest one")
    ] = None
    thinnest_voxels: Annotated[int | None, about("smallest extent along an axis, in voxels")] = None
    touches_border: Annotated[
        bool | None, about("whether a voxel lies on the border of the image")
    ] = None
    flags: Flags = frozenset()


AUDIT_COLUMNS = tuple(
    one.name for one in fields(AuditedRoiRow)[len(fields(RoiRow)) :] if one.name != "flags"
)
"""Columns of what the import did."""

_TOLD = tuple(one.name for one in fields(RoiRow) if one.name != "case_id")
"""Columns that a result has under their names."""

ROIS_WITH_AUDIT = replace(ROIS, columns=columns_of(AuditedRoiRow))
"""The table ``rois.csv``."""

REGIONS = replace(
    ROIS_WITH_AUDIT,
    name="regions",
    columns=(
        *ROIS_WITH_AUDIT.columns,
        Column("mask_file", "string", "mask of the ROI, from the folder of the table"),
    ),
)
"""The table ``regions.csv`` of `biomarker regions`: ``rois.csv``, and the masks beside it."""


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

    def row(self, case_id: str) -> AuditedRoiRow:
        """Return the row of a case."""
        told: dict[str, Any] = {name: getattr(self, name) for name in _TOLD}
        audit: dict[str, Any] = {name: self.audit.get(name) for name in AUDIT_COLUMNS}
        return AuditedRoiRow(case_id=case_id, flags=self.flags, **told, **audit)
