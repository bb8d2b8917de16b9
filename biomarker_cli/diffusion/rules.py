"""The ``adc:`` section of an analysis protocol."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from biomarker_cli.protocol.document import Strict
from biomarker_cli.statistics import STATISTICS

ImageName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class AllShells(Strict):
    """Every b-value of the series."""

    kind: Literal["all"]


class LowAndHigh(Strict):
    """The lowest b up to `low_max`, and every b above it up to `high_max` (s/mm2, nominal)."""

    kind: Literal["low_and_high"]
    low_max: float = Field(ge=0)
    high_max: float = Field(gt=0)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.high_max <= self.low_max:
            raise ValueError("high_max must lie above low_max")
        return self


class BRange(Strict):
    """Every b from `min` to `max` (s/mm2, nominal)."""

    kind: Literal["range"]
    min: float = Field(ge=0)
    max: float | None = Field(default=None, gt=0)


class BList(Strict):
    """These b-values and no other (s/mm2, nominal)."""

    kind: Literal["list"]
    values: tuple[float, ...] = Field(min_length=2)


BSetRule = Annotated[AllShells | LowAndHigh | BRange | BList, Field(discriminator="kind")]

Estimator = Literal["lls", "two_point", "wls", "nlls"]


class AdcRules(Strict):
    """How ADC is computed and measured.

    Attributes
    ----------
    image : str
        First word of the feature ids; names b-set and estimator where an
        analysis asks for several.
    estimator : str
        ``lls`` of ln S, ``two_point`` (lowest and highest b), ``wls`` with
        weights S^2, ``nlls`` of S0 exp(-b D).
    b_set : BSetRule
        Which nominal b-values are fitted; there is no default.
    b_value : str
        ``actual`` fits the applied b-value where the header tells it,
        ``nominal`` the one set at the console.
    direction_mean : str
        How the directions of one b-value are combined before the fit.
    nan_flag_above, nan_undefined_above : float
        Shares of voxels without a fit in a region above which its rows are
        flagged, and undefined.
    statistics : tuple of str
        Names of `biomarker_cli.statistics.STATISTICS`.
    """

    image: ImageName = "adc"
    estimator: Estimator
    b_set: BSetRule
    b_value: Literal["actual", "nominal"] = "actual"
    direction_mean: Literal["geometric", "arithmetic"] = "geometric"
    nan_flag_above: float = Field(default=0.05, ge=0, le=1)
    nan_undefined_above: float = Field(default=0.20, ge=0, le=1)
    statistics: tuple[str, ...] = Field(min_length=1)

    @field_validator("statistics")
    @classmethod
    def _are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in names if name not in STATISTICS]
        if unknown:
            raise ValueError(f"unknown statistics {unknown}; known are {sorted(STATISTICS)}")
        if len(set(names)) != len(names):
            raise ValueError("a statistic is named twice")
        return names
