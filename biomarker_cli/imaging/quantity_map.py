"""A map of a quantity: what a room computes of every voxel, and how it came about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from biomarker_cli.imaging.volume import Volume


@dataclass(frozen=True)
class QuantityMap:
    """A map of one quantity.

    Attributes
    ----------
    volume : Volume
        NaN where there is no value; in the unit of its quantity.
    image : str
        Name of the map: first word of its feature ids, and of its files.
    derivation : dict
        How it came about, as plain values, for the manifest. Maps of one volume that
        were derived in different ways are told apart by it.
    """

    volume: Volume
    image: str
    derivation: dict[str, Any]
