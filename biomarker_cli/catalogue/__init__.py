"""Find files, index them, group them into series and volumes, read volumes."""

from typing import TYPE_CHECKING

from biomarker_cli.on_demand import names_on_demand

if TYPE_CHECKING:
    from biomarker_cli.catalogue.candidate import FrameRef, VolumeCandidate, VolumeStatus
    from biomarker_cli.catalogue.catalogue import Catalogue, scan
    from biomarker_cli.catalogue.choosing import named_images, single_candidate
    from biomarker_cli.catalogue.errors import ImageError, SeriesError
    from biomarker_cli.catalogue.reading import read_frames, read_series_frames, read_volume
else:
    __getattr__ = names_on_demand(
        __name__,
        candidate="FrameRef VolumeCandidate VolumeStatus",
        catalogue="Catalogue scan",
        choosing="named_images single_candidate",
        errors="ImageError SeriesError",
        reading="read_frames read_series_frames read_volume",
    )

__all__ = [
    "Catalogue",
    "FrameRef",
    "ImageError",
    "SeriesError",
    "VolumeCandidate",
    "VolumeStatus",
    "named_images",
    "read_frames",
    "read_series_frames",
    "read_volume",
    "scan",
    "single_candidate",
]
