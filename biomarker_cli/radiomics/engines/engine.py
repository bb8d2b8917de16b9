"""What every engine offers."""

from __future__ import annotations

from typing import Protocol

from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.radiomics.engines.outcome import Outcomes
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.rules import RadiomicsRules


class Engine(Protocol):
    """Turns an image and its regions into values of the features that rules ask for."""

    def extract(
        self, volume: Volume, regions: tuple[Region, ...], rules: RadiomicsRules
    ) -> list[Outcomes | RadiomicsError]:
        """Return values or reasons for each region, by feature id, or why it is refused.

        Parameters
        ----------
        volume : Volume
        regions : tuple of Region
            On the grid of the volume, each with at least one voxel.
        rules : RadiomicsRules
            That name this engine.

        Raises
        ------
        RadiomicsError
            Where no region can be measured: ``RADIOMICS-FLAT-IMAGE``,
            ``RADIOMICS-NON-FINITE``, ``RADIOMICS-THIN-IMAGE``,
            ``RADIOMICS-ENGINE-ABSENT``, ``RADIOMICS-FILTER-UNAVAILABLE``.
        """
        ...
