"""The section ``t1:`` of an analysis protocol."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from biomarker_cli.perfusion.rules import B1Rules, Positive
from biomarker_cli.protocol.document import Strict
from biomarker_cli.statistics.intensity import known_statistics


class T1Certificate(Strict):
    """A vial of a phantom and its certified T1.

    Attributes
    ----------
    roi : str
        Canonical name of its region.
    t1_ms : float
        The certified value.
    """

    roi: str
    t1_ms: Positive


class T1PhantomRules(Strict):
    """Limits of a phantom test.

    Attributes
    ----------
    max_bias_percent : float
        Of the median of a vial against its certificate.
    vials : tuple of T1Certificate
        What is measured.
    """

    max_bias_percent: Positive
    vials: tuple[T1Certificate, ...] = Field(min_length=1)

    @field_validator("vials")
    @classmethod
    def _differ(cls, vials: tuple[T1Certificate, ...]) -> tuple[T1Certificate, ...]:
        if len({vial.roi for vial in vials}) < len(vials):
            raise ValueError("a vial is named twice")
        return vials


class T1Rules(Strict):
    """T1 from images of several flip angles, or of several inversion times.

    Attributes
    ----------
    method : str
        ``flip_angles``, ``inversion_recovery`` (each image after an inversion of its own) or
        ``look_locker`` (images read out within one recovery).
    fit : str
        Of flip angles: ``nonlinear`` fits the signal, ``linear`` its transform alone.
    min_flip_angles, min_inversion_times : int
        Fewer are refused.
    b1 : B1Rules, optional
        Of flip angles alone.
    statistics : tuple of str
        Of the map in a region; names of the intensity family.
    failed_flag_above, failed_undefined_above : float
        Shares of voxels without a fit above which rows are flagged, and undefined.
    plausible_ms : tuple of float
        Limits of the median over a region.
    phantom : T1PhantomRules, optional
    """

    method: Literal["flip_angles", "inversion_recovery", "look_locker"] = "flip_angles"
    fit: Literal["nonlinear", "linear"] = "nonlinear"
    min_flip_angles: int = Field(default=2, ge=2)
    min_inversion_times: int = Field(default=4, ge=4)
    b1: B1Rules | None = None
    statistics: tuple[str, ...] = Field(min_length=1)
    failed_flag_above: float = Field(default=0.05, ge=0, le=1)
    failed_undefined_above: float = Field(default=0.20, ge=0, le=1)
    plausible_ms: tuple[Positive, Positive] = (50.0, 6000.0)
    phantom: T1PhantomRules | None = None

    _known = field_validator("statistics")(known_statistics)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.b1 is not None and self.method != "flip_angles":
            raise ValueError("b1 goes with method flip_angles: an inversion time needs none")
        if self.plausible_ms[0] >= self.plausible_ms[1]:
            raise ValueError("plausible_ms: expected lowest < highest")
        return self
