"""The slices that diameters are measured on: their plane, thickness and identity."""

from __future__ import annotations

import math
from dataclasses import dataclass

from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.caliper import Point
from biomarker_cli.model.quantity import ADC, SIGNAL
from biomarker_cli.size.errors import SizeError
from biomarker_cli.size.rules import PlaneRules

_REFORMATTED = frozenset({"MPR", "REFORMATTED"})
"""Words of ImageType of slices that were cut out of others."""

_NORMAL_DECIMALS = 6

_OF_MR = frozenset({SIGNAL.name, ADC.name})


@dataclass(frozen=True)
class Slices:
    """The slices of a volume.

    Attributes
    ----------
    volume : Volume
    normal : tuple of float
        Unit vector across them, LPS.
    thickness_mm : float
        That each stands for: the thickness of the header or the distance of slices,
        the larger one.
    """

    volume: Volume
    normal: Point
    thickness_mm: float

    def uid(self, index: int) -> str:
        """Return the SOPInstanceUID of a slice; empty where the image is no DICOM."""
        frames = self.volume.frames
        return frames[index].sop_instance_uid if frames else ""

    def frame_number(self, index: int) -> int | None:
        """Return the number of a frame of a multi-frame instance, from 1, else None."""
        frames = self.volume.frames
        if not frames:
            return None
        header = frames[index]
        is_multiframe = header.tile is not None or header.n_described is not None
        return header.frame + 1 if is_multiframe else None


def slices_of(volume: Volume, rules: PlaneRules) -> Slices:
    """Return the slices of a volume that diameters may be measured on.

    Raises
    ------
    SizeError
        ``RESPONSE-PLANE-CHANGED`` where they are not in the plane of the rules.
    """
    normal = rounded(volume.geometry.normal, _NORMAL_DECIMALS)
    plane = rules.mr if _is_mr(volume) else rules.ct
    if plane == "axial":
        _require_axial(volume, normal[2], rules.within_degrees)
    else:
        _require_acquired(volume)
    return Slices(volume, normal, _thickness_mm(volume))


def rounded(vector: FloatArray, decimals: int) -> Point:
    """Return x, y, z of a vector, to some decimals; no zero is negative."""
    x, y, z = (round(float(part), decimals) + 0.0 for part in vector)
    return x, y, z


def _is_mr(volume: Volume) -> bool:
    if volume.frames:
        return bool(volume.frames.first.get("Modality") == "MR")
    return volume.quantity.name in _OF_MR


def _require_axial(volume: Volume, z: float, within_degrees: float) -> None:
    angle = math.degrees(math.acos(min(abs(z), 1.0)))
    if angle > within_degrees:
        raise SizeError(
            "RESPONSE-PLANE-CHANGED",
            "expected axial slices: diameters of another plane are no diameters of the "
            f"criteria; found slices {angle:.1f} degrees off, at most {within_degrees:g} are "
            "allowed",
            where=volume.volume_id,
            hint="Name the axial series of the examination, and draw the lesion on it.",
        )


def _require_acquired(volume: Volume) -> None:
    if not volume.frames:
        return
    words = {str(word).upper() for word in _words(volume.frames.first.get("ImageType"))}
    found = sorted(words & _REFORMATTED)
    if found:
        raise SizeError(
            "RESPONSE-PLANE-CHANGED",
            "expected slices as the scanner acquired them; ImageType says that these were cut "
            f"out of others ({', '.join(found)})",
            where=volume.volume_id,
            hint="Name the acquired series, in the plane that every timepoint has.",
        )


def _words(value: object) -> list[object]:
    if value is None or isinstance(value, str):
        return [value] if value else []
    return list(value) if hasattr(value, "__iter__") else [value]


def _thickness_mm(volume: Volume) -> float:
    """Return what a slice stands for; a single slice without header is its own spacing."""
    spacing = float(volume.geometry.spacing_mm[2])
    return max([spacing, *map(_millimetres, volume.frames.values("SliceThickness"))])


def _millimetres(value: object) -> float:
    """Return a thickness; 0 for what is none, such as two numbers in place of one."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return 0.0
    return found if math.isfinite(found) else 0.0
