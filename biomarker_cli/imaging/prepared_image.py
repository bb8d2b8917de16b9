"""PreparedImage: the image of a case, ready to be measured; what a biomarker room hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from biomarker_cli.imaging.quantity_map import QuantityMap
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.measurement import Measurement

Measured = list[Measurement] | BiomarkerError
"""Measurements of a region, or why it has none."""


@dataclass(frozen=True)
class DerivedVolume:
    """A volume in the quantity that is measured, and how it came about.

    Attributes
    ----------
    volume : Volume
    derivation : mapping
        JSON-able, for the run folder; empty where nothing was derived.
    """

    volume: Volume
    derivation: Mapping[str, Any] = field(default_factory=dict)


def no_description(_image: str) -> Mapping[str, Any]:
    """Return no columns: the image has nothing that ``features.csv`` could describe."""
    return {}


def no_benchmark(_measurement: Measurement) -> bool:
    """Return False: published IBSI values hold nothing of this measure."""
    return False


@dataclass(frozen=True)
class PreparedImage:
    """An image ready to be measured.

    Attributes
    ----------
    volume : Volume
        In the quantity that is measured.
    measure : callable
        From the regions of the image to the measurements of each by its name, or to the
        error that stopped it alone.
    derivation : mapping
        How the quantity was derived, for the run folder.
    describe_image : callable
        From the image name of a feature to its columns of ``features.csv``.
    is_benchmarked : callable
        Whether published IBSI values hold the definition of a row.
    maps : sequence of QuantityMap
        Every map that is measured; empty where the image is measured as it was stored.
    """

    volume: Volume
    measure: Callable[[Sequence[Region]], Mapping[str, Measured]]
    derivation: Mapping[str, Any] = field(default_factory=dict)
    describe_image: Callable[[str], Mapping[str, Any]] = no_description
    is_benchmarked: Callable[[Measurement], bool] = no_benchmark
    maps: Sequence[QuantityMap] = ()


def one_by_one(
    measure: Callable[[Region, Mapping[str, Region]], list[Measurement]],
) -> Callable[[Sequence[Region]], Mapping[str, Measured]]:
    """Return what measures every region, from what measures one among all by name."""

    def measure_all(regions: Sequence[Region]) -> Mapping[str, Measured]:
        by_name = {region.name: region for region in regions}
        found: dict[str, Measured] = {}
        for region in regions:
            try:
                found[region.name] = measure(region, by_name)
            except BiomarkerError as error:
                found[region.name] = error
        return found

    return measure_all
