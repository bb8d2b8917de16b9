"""Say in DICOM where the frames of an object of ours lie."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from biomarker_cli.imaging.geometry import Geometry


def frame_places(geometry: Geometry, slices: Iterable[int]) -> dict[str, Any]:
    """Return what says where slices lie, by the names of highdicom's arguments.

    Parameters
    ----------
    geometry : Geometry
    slices : iterable of int
        Indices along z, in the order of the frames.

    References
    ----------
    DICOM PS3.3 C.7.6.16.2.1, C.7.6.16.2.3 and C.7.6.16.2.4.
    """
    from highdicom import PixelMeasuresSequence, PlaneOrientationSequence, PlanePositionSequence

    axes = geometry.axes
    x_mm, y_mm, z_mm = geometry.spacing_mm
    origins = geometry.index_to_physical([(0, 0, z) for z in slices])
    return {
        "pixel_measures": PixelMeasuresSequence(
            pixel_spacing=(y_mm, x_mm), slice_thickness=z_mm, spacing_between_slices=z_mm
        ),
        "plane_orientation": PlaneOrientationSequence(
            "PATIENT", [*map(float, axes[:, 0]), *map(float, axes[:, 1])]
        ),
        "plane_positions": [
            PlanePositionSequence("PATIENT", [float(v) for v in origin]) for origin in origins
        ],
    }
