"""The section ``dsc:`` of an analysis protocol."""

from __future__ import annotations

from typing import Self

from pydantic import Field, field_validator, model_validator

from biomarker_cli.perfusion.rules import BaselineRules, Level, Positive
from biomarker_cli.protocol.document import Strict
from biomarker_cli.statistics.intensity import known_statistics


class DscAif(Strict):
    """The input function: the mean signal of a region of the segmentation.

    Attributes
    ----------
    roi : str
        Canonical name of the region in the artery.
    min_signal_over_baseline : float
        Lowest signal of the first pass below which it is saturated.
    max_end_over_peak : float
        A curve that ends above this share of its peak is no artery.
    min_peak_over_tissue : float
        Its peak over that of the mean curve of a measured region.
    """

    roi: str
    min_signal_over_baseline: float = Field(default=0.05, ge=0, lt=1)
    max_end_over_peak: float = Field(default=0.5, gt=0, le=1)
    min_peak_over_tissue: Positive = 1.0


class HaematocritRules(Strict):
    """Haematocrit of large vessels and of capillaries, which differ.

    Attributes
    ----------
    large_vessels, capillaries : float
        Fractions.
    """

    large_vessels: float = Field(ge=0, lt=0.7)
    capillaries: float = Field(ge=0, lt=0.7)

    @property
    def vessel_factor(self) -> float:
        """By which areas of tissue over blood are multiplied."""
        return (1.0 - self.large_vessels) / (1.0 - self.capillaries)


class FlowRules(Strict):
    """Deconvolution by a block-circulant matrix.

    Attributes
    ----------
    least_singular : float
        Singular values below this share of the largest are left out.
    """

    least_singular: float = Field(gt=0, lt=1)


class DscRules(Strict):
    """How the first pass of a susceptibility contrast agent is measured.

    Attributes
    ----------
    level : str
        ``region`` measures the mean signal of a region, ``voxel`` each voxel.
    baseline : BaselineRules
        Frames before the contrast agent.
    statistics : tuple of str
        Of the voxels; with level ``region`` there is one value.
    aif : DscAif, optional
        Without it volumes are relative ones alone.
    haematocrit : HaematocritRules, optional
        Given with an input function, and only then.
    flow : FlowRules, optional
        Flow, transit time and time of the peak, which need an input function.
    leakage_reference : str, optional
        Region of tissue whose vessels do not leak; with it curves are corrected.
    relative_to : str, optional
        Region over whose volume that of the others is given.
    interval_flag_above_s : float
        Frame interval above which rows are flagged.
    failed_flag_above, failed_undefined_above : float
        Shares of voxels without a value above which rows are flagged, and undefined.
    """

    level: Level
    baseline: BaselineRules
    statistics: tuple[str, ...] = ()
    aif: DscAif | None = None
    haematocrit: HaematocritRules | None = None
    flow: FlowRules | None = None
    leakage_reference: str | None = None
    relative_to: str | None = None
    interval_flag_above_s: Positive = 2.0
    failed_flag_above: float = Field(default=0.05, ge=0, le=1)
    failed_undefined_above: float = Field(default=0.20, ge=0, le=1)

    _known = field_validator("statistics")(known_statistics)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.aif is None and self.relative_to is None:
            raise ValueError("nothing is measured: name aif or relative_to")
        if (self.aif is None) != (self.haematocrit is None):
            raise ValueError("haematocrit goes with aif, and only with it")
        if self.flow is not None and self.aif is None:
            raise ValueError("flow needs aif")
        if (self.level == "voxel") != bool(self.statistics):
            raise ValueError("statistics goes with level voxel, and only with it")
        taken = [self.aif.roi] if self.aif is not None else []
        if {self.leakage_reference, self.relative_to} & set(taken):
            raise ValueError("the region of the input function is no reference of tissue")
        return self
