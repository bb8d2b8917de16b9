"""Which filters an analysis may name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from biomarker_cli.radiomics.filters.base_rules import ImageFilter
from biomarker_cli.radiomics.filters.ibsi_rules import IbsiFilterRules
from biomarker_cli.radiomics.filters.pyradiomics_rules import PyradiomicsFilterRules


class Unfiltered(ImageFilter):
    """The image itself, under the name ``original``."""

    filter: Literal["none"]

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images."""
        return ("original",)

    def describe(self) -> str:
        """Return what stands in the tables."""
        return "none"


FilterRules = Annotated[
    Unfiltered | IbsiFilterRules | PyradiomicsFilterRules, Field(discriminator="filter")
]
