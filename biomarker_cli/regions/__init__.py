"""Import segmentations: RTSTRUCT, DICOM SEG and label images, exactly and with an audit."""

from typing import TYPE_CHECKING

from biomarker_cli.on_demand import names_on_demand

if TYPE_CHECKING:
    from biomarker_cli.regions.choosing import images_meant
    from biomarker_cli.regions.entries import RoiEntry
    from biomarker_cli.regions.errors import RegionError
    from biomarker_cli.regions.importing import import_regions, list_rois
    from biomarker_cli.regions.masks import write_masks
    from biomarker_cli.regions.opening import files_of_segmentation
    from biomarker_cli.regions.preview import contour_preview
    from biomarker_cli.regions.result import (
        AUDIT_COLUMNS,
        REGIONS,
        ROI_COLUMNS,
        ROIS_WITH_AUDIT,
        RoiResult,
    )
    from biomarker_cli.regions.rules import RegionRules, RoiName, RoiNames
    from biomarker_cli.regions.target import ImageTarget
else:
    __getattr__ = names_on_demand(
        __name__,
        choosing="images_meant",
        entries="RoiEntry",
        errors="RegionError",
        importing="import_regions list_rois",
        masks="write_masks",
        opening="files_of_segmentation",
        preview="contour_preview",
        result="AUDIT_COLUMNS REGIONS ROI_COLUMNS ROIS_WITH_AUDIT RoiResult",
        rules="RegionRules RoiName RoiNames",
        target="ImageTarget",
    )

__all__ = [
    "AUDIT_COLUMNS",
    "REGIONS",
    "ROIS_WITH_AUDIT",
    "ROI_COLUMNS",
    "ImageTarget",
    "RegionError",
    "RegionRules",
    "RoiEntry",
    "RoiName",
    "RoiNames",
    "RoiResult",
    "contour_preview",
    "files_of_segmentation",
    "images_meant",
    "import_regions",
    "list_rois",
    "write_masks",
]
