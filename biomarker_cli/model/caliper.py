"""Caliper: the line that a length was read off, so that a person can lay it on the image."""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float, float]
"""x, y, z in mm, LPS."""


@dataclass(frozen=True, slots=True)
class Caliper:
    """A line on one slice.

    Attributes
    ----------
    start_mm, end_mm : tuple of float
        Its ends, LPS.
    normal : tuple of float
        Unit vector across the slice, LPS.
    slice_index : int
        Of the slice in the volume, from 0.
    slice_uid : str
        SOPInstanceUID of the slice; empty where the image is no DICOM.
    frame_number : int or None
        Of the frame within a multi-frame instance, from 1; None for one of a single frame.
    slice_thickness_mm : float
        That the slice stands for: its thickness or the distance of slices, the larger one.
    n_components : int
        Parts of the region on the slice that do not touch; the line is within one.
    mask_sha256 : str
        Digest of the voxels of the region.
    """

    start_mm: Point
    end_mm: Point
    normal: Point
    slice_index: int
    slice_uid: str
    frame_number: int | None
    slice_thickness_mm: float
    n_components: int
    mask_sha256: str
