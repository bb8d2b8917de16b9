"""Voxels that no CT measures: below the air of the room, or filled up by the scanner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from biomarker_cli.model.quantity import HU
from biomarker_cli.protocol.document import Strict

if TYPE_CHECKING:
    from biomarker_cli.imaging.region import Region
    from biomarker_cli.imaging.volume import Volume


class PlausibleHu(Strict):
    """The section ``plausible_hu:`` of an analysis protocol.

    Attributes
    ----------
    minimum : float
        Lowest number that a CT measures, HU. Air has -1000; -1024 is the lowest
        that 12 bits hold.
    """

    minimum: float = Field(default=-1024.0, ge=-32768.0, le=-1000.0)


def implausible_voxels(volume: Volume, region: Region, rules: PlausibleHu) -> str:
    """Return how many voxels of a region were not measured, in words; empty where none.

    Parameters
    ----------
    volume : Volume
        Of any quantity; only HU is judged.
    region : Region
        On the grid of the volume.
    rules : PlausibleHu
    """
    if volume.quantity != HU:
        return ""
    crop = region.crop
    n_voxels = int(np.count_nonzero(crop.mask))
    n_below = int(np.count_nonzero(volume.array[crop.box][crop.mask] < rules.minimum))
    n_padding = 0
    if volume.padding is not None:
        n_padding = int(np.count_nonzero(volume.padding[crop.box][crop.mask]))
    if not n_below and not n_padding:
        return ""
    return (
        f"of {n_voxels} voxels {n_below} lie below {rules.minimum:g} HU and {n_padding} are "
        "padding of the scanner"
    )
