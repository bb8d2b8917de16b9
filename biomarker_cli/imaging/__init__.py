"""Volumes, regions and their geometry; image files of other formats."""

from typing import TYPE_CHECKING

from biomarker_cli.on_demand import names_on_demand

if TYPE_CHECKING:
    from biomarker_cli.imaging.errors import GeometryError, ImageFileError
    from biomarker_cli.imaging.files import (
        files_of_image,
        is_image_file,
        read_image_file,
        write_nifti,
    )
    from biomarker_cli.imaging.geometry import Geometry
    from biomarker_cli.imaging.region import Crop, Region
    from biomarker_cli.imaging.resample import (
        Interpolation,
        centred_grid,
        resample_image,
        resample_mask,
        smooth_for,
    )
    from biomarker_cli.imaging.volume import Volume
else:
    __getattr__ = names_on_demand(
        __name__,
        errors="GeometryError ImageFileError",
        files="files_of_image is_image_file read_image_file write_nifti",
        geometry="Geometry",
        region="Crop Region",
        resample="Interpolation centred_grid resample_image resample_mask smooth_for",
        volume="Volume",
    )

__all__ = [
    "Crop",
    "Geometry",
    "GeometryError",
    "ImageFileError",
    "Interpolation",
    "Region",
    "Volume",
    "centred_grid",
    "files_of_image",
    "is_image_file",
    "read_image_file",
    "resample_image",
    "resample_mask",
    "smooth_for",
    "write_nifti",
]
