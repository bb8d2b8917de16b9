"""RoiResult: one row of ``rois.csv``, with the region where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from biomarker_cli.imaging.region import AuditValue, Region
from biomarker_cli.model import join_flags

IDENTITY_COLUMNS = (
    "roi_id",
    "roi_name",
    "roi_label",
    "status",
    "error_code",
    "error_message",
    "source_kind",
    "source_uid",
    "segment_number",
    "n_voxels",
    "volume_mm3",
    "cross_series",
)

AUDIT_COLUMNS = MappingProxyType(
    {
        "source_file": "name of the segmentation file",
        "source_series_uids": "SeriesInstanceUIDs it refers to, sorted, joined by ;",
        "code": "what the structure is, value:scheme",
        "code_meaning": "the same in words",
        "tracking_uid": "TrackingUID of the segment",
        "contour_types": "geometric types of the contours, joined by ;",
        "n_contours": "contours of the ROI",
        "n_contours_skipped": "contours that are not closed and planar",
        "n_planes": "planes with contours",
        "n_planes_unused": "planes within the image that no slice took",
        "n_planes_outside": "planes beyond the slices of the image",
        "plane_spacing_mm": "median distance between planes",
        "off_plane_mm": "largest distance between a slice and the plane it took",
        "n_gaps": "runs of slices without a contour between two that overlap",
        "n_slices_interpolated": "slices filled by interpolation",
        "n_holes": "contours that take away",
        "n_xor": "contours that exclude each other",
        "n_unions": "pairs of contours that cross and were united",
        "n_duplicates": "contours that repeat another one",
        "n_frames": "frames of the segment",
        "fractional_type": "PROBABILITY or OCCUPANCY",
        "fractional_threshold": "smallest fraction that counts as inside",
        "fractional_volume_mm3": "sum of the fractions times the voxel volume",
        "grid_difference": "how the grid of the mask differs from the image",
        "is_resampled": "whether the mask was resampled to the grid of the image",
        "source_volume_mm3": "volume on the mask's own grid",
        "volume_change_fraction": "volume after resampling over the one before, less one",
        "clipped_fraction": "part that lies outside the image",
        "polygon_volume_mm3": "volume of the contours themselves",
        "area_fraction_volume_mm3": "voxels counted by the part that contours cover",
        "n_components": "connected components, by faces, edges and corners",
        "largest_component_fraction": "part of the voxels in the largest one",
        "thinnest_voxels": "smallest extent along an axis, in voxels",
        "touches_border": "whether a voxel lies on the border of the image",
        "flags": "what to know before pooling, sorted, joined by ;",
    }
)
"""Columns behind the identity of a ROI, with what they hold."""

ROI_COLUMNS: tuple[str, ...] = (*IDENTITY_COLUMNS, *AUDIT_COLUMNS)
"""Columns of ``rois.csv`` in order, behind ``case_id``."""


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
        """Return the values of `ROI_COLUMNS`, None where there is none."""
        values: dict[str, AuditValue] = {name: getattr(self, name) for name in IDENTITY_COLUMNS}
        values |= {name: self.audit.get(name) for name in AUDIT_COLUMNS}
        values["flags"] = join_flags(self.flags)
        return values
