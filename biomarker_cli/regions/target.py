"""ImageTarget: what an import needs to know of the image that is measured."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from biomarker_cli.dicom.frames import Frames
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import BoolArray


def positive(value: Any) -> float | None:
    """Return a length of a header; None where it is none that can be."""
    try:
        number = float(value)
    except (ArithmeticError, TypeError, ValueError):
        return None
    return number if 0 < number < math.inf else None


@dataclass(frozen=True)
class ImageTarget:
    """Grid and identity of the image that regions are imported for.

    Attributes
    ----------
    geometry : Geometry
    frame_of_reference_uid, series_uid, study_uid : str
        Empty for images that are not DICOM.
    sop_instance_uids : frozenset of str
    slice_thickness_mm : float or None
        As the header says it: the distance between slices may be another one.
    padding : ndarray of bool, shape (z, y, x), or None
        Voxels where the scanner measured nothing; None where there are none,
        or where only headers were read.
    """

    geometry: Geometry
    frame_of_reference_uid: str = ""
    series_uid: str = ""
    sop_instance_uids: frozenset[str] = frozenset()
    study_uid: str = ""
    slice_thickness_mm: float | None = None
    padding: BoolArray | None = field(default=None, compare=False, repr=False)

    @classmethod
    def from_volume(cls, volume: Volume) -> ImageTarget:
        """Return the target that a volume is."""
        return replace(cls.from_frames(volume.geometry, volume.frames), padding=volume.padding)

    @classmethod
    def from_frames(cls, geometry: Geometry, frames: Frames) -> ImageTarget:
        """Return the target of a grid and the headers of its slices."""
        if not frames:
            return cls(geometry)
        first = frames.first
        return cls(
            geometry=geometry,
            frame_of_reference_uid=str(first.get("FrameOfReferenceUID", "")),
            series_uid=str(first.get("SeriesInstanceUID", "")),
            sop_instance_uids=frozenset(f.sop_instance_uid for f in frames if f.sop_instance_uid),
            study_uid=str(first.get("StudyInstanceUID", "")),
            slice_thickness_mm=positive(first.get("SliceThickness")),
        )
