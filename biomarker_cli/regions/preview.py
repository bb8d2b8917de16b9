"""Pictures of imported regions, so that a person can see whether they fit."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from biomarker_cli.drawing.picture_png import picture_png
from biomarker_cli.drawing.region_tiles import region_tiles
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.result import RoiResult


def contour_preview(results: Iterable[RoiResult], volume: Volume, path: Path) -> None:
    """Write a PNG: for each region its first, largest and last slice, one beyond, three planes.

    Parameters
    ----------
    results : iterable of RoiResult
        Those without a region are left out.
    volume : Volume
        The image that they were imported for.
    path : Path
        Ends in ``.png``.

    Raises
    ------
    RegionError
        ``REGION-NO-PREVIEW`` where no region can be shown.
    """
    regions = [result.region for result in results if result.region is not None]
    if not regions:
        raise RegionError("REGION-NO-PREVIEW", "no region was imported, so there is no picture")
    path.parent.mkdir(parents=True, exist_ok=True)
    named = [
        (f"{one.name}, {one.volume_mm3 / 1000:.2f} mL", region_tiles(one, volume))
        for one in regions
    ]
    path.write_bytes(picture_png(named))
