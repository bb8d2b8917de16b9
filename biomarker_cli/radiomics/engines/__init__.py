"""The engines that turn an image and its regions into feature values."""

from __future__ import annotations

from typing import Protocol

from biomarker_cli.imaging import Region, Volume
from biomarker_cli.radiomics.engines.outcome import Outcomes
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.rules import RadiomicsRules


class Engine(Protocol):
    """What both engines offer."""

    def extract(
        self, volume: Volume, regions: tuple[Region, ...], rules: RadiomicsRules
    ) -> list[Outcomes | RadiomicsError]:
        """Return the outcomes of each region, which all hold voxels, or why it is refused."""
        ...


def engine_of(rules: RadiomicsRules) -> Engine:
    """Return the engine that the rules name; its packages load only here."""
    if rules.engine == "native":
        from biomarker_cli.radiomics.engines.native import NativeEngine

        return NativeEngine()
    from biomarker_cli.radiomics.engines.pyradiomics import PyradiomicsEngine

    return PyradiomicsEngine()
