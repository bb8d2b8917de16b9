"""ImageTarget: what an import needs to know of the image that is measured."""

from __future__ import annotations

from dataclasses import dataclass

from biomarker_cli.dicom.frames import Frames
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.volume import Volume


@dataclass(frozen=True)
class ImageTarget:
    """Grid and identity of the image that regions are imported for.

    Attributes
    ----------
    geometry : Geometry
    frame_of_reference_uid, series_uid, study_uid : str
        Empty for images that are not DICOM.
    sop_instance_uids : frozenset of str
    """

    geometry: Geometry
    frame_of_reference_uid: str = ""
    series_uid: str = ""
    sop_instance_uids: frozenset[str] = frozenset()
    study_uid: str = ""

    @classmethod
    def from_volume(cls, volume: Volume) -> ImageTarget:
        """Return the target that a volume is."""
        return cls.from_frames(volume.geometry, volume.frames)

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
        )
