"""The section ``demons`` of a registration protocol."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from biomarker_cli.protocol.document import Strict


class DemonsLevel(Strict):
    """One resolution, from coarse to fine; never finer than the fixed image."""

    voxel_mm: float = Field(gt=0, le=50)
    iterations: int = Field(ge=1, le=1000)


class DemonsRules(Strict):
    """What moves after the rigid stage: voxels of like value are drawn to each other.

    Attributes
    ----------
    levels : tuple of DemonsLevel
    field_sigma_voxels : float
        Width of the Gaussian that smooths the field after each iteration.
    window_hu : tuple of float
        Values below and above are held at these: metal moves nothing.
    """

    name: Literal["diffeomorphic_demons"] = "diffeomorphic_demons"
    levels: tuple[DemonsLevel, ...] = Field(min_length=1, max_length=8)
    field_sigma_voxels: float = Field(default=1.5, ge=0.5, le=10)
    window_hu: tuple[float, float] = (-1000.0, 1000.0)

    @model_validator(mode="after")
    def _is_in_order(self) -> DemonsRules:
        if self.window_hu[0] >= self.window_hu[1]:
            raise ValueError("window_hu: expected the lower value first")
        sizes = [one.voxel_mm for one in self.levels]
        if sizes != sorted(sizes, reverse=True):
            raise ValueError("levels: expected the coarsest first")
        return self
