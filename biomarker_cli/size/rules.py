"""The section ``size:`` of an analysis protocol."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from biomarker_cli.protocol.document import Strict
from biomarker_cli.statistics.intensity import known_statistics

Plane = Literal["axial", "acquisition"]
"""In which plane diameters are measured: across the body, or as the scanner acquired it."""


class PlaneRules(Strict):
    """In which plane diameters are measured.

    Attributes
    ----------
    ct, mr : Plane
        By the modality of the image. An image without header is MR where it is a
        signal or an ADC, else CT.
    within_degrees : float
        How far the normal of axial slices may be off the long axis of the body.
    """

    ct: Plane = "axial"
    mr: Plane = "acquisition"
    within_degrees: float = Field(gt=0, le=45)


class MeasurableRules(Strict):
    """From which size on a lesion counts as measurable.

    Attributes
    ----------
    longest_diameter_mm : float
        Smallest longest diameter.
    short_axis_mm : float
        0 where it does not matter.
    n_slices : int
        On how many slices it must be seen.
    thickness_factor : float
        How often the slice thickness must go into the longest diameter ...
    thickness_above_mm : float
        ... where slices are thicker than this.
    """

    longest_diameter_mm: float = Field(ge=0)
    short_axis_mm: float = Field(default=0.0, ge=0)
    n_slices: int = Field(default=1, ge=1)
    thickness_factor: float = Field(ge=0)
    thickness_above_mm: float = Field(ge=0)

    def longest_from_mm(self, thickness_mm: float) -> float:
        """Return the smallest longest diameter that is measurable on such slices."""
        if thickness_mm <= self.thickness_above_mm:
            return self.longest_diameter_mm
        return max(self.longest_diameter_mm, self.thickness_factor * thickness_mm)


class SizeRules(Strict):
    """What moves a diameter.

    Attributes
    ----------
    holes : str
        ``fill``: what a lesion encloses on a slice is of the lesion, as necrosis is;
        ``keep``: no line crosses it.
    concave_above_mm : float
        Rows are flagged where the diameter over a concavity is so much longer than the
        longest one inside.
    plane : PlaneRules
    measurable : MeasurableRules
    statistics : tuple of str
        Of the values of all voxels of the region; names of the intensity family.
    """

    holes: Literal["fill", "keep"]
    concave_above_mm: float = Field(gt=0)
    plane: PlaneRules
    measurable: MeasurableRules
    statistics: tuple[Annotated[str, Field(min_length=1)], ...] = ()

    _known = field_validator("statistics")(known_statistics)
