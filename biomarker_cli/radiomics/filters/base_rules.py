"""What all image filters share."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from biomarker_cli.protocol.document import Strict

SizeMm = Annotated[float, Field(ge=1e-3)]
"""Width of a filter: a micrometre, which no voxel shows, and what is less were meant otherwise."""


def _known_wavelet(name: str) -> str:
    import pywt

    if name not in pywt.wavelist(kind="discrete"):
        raise ValueError(f"PyWavelets has no discrete wavelet {name!r}")
    return name


WaveletName = Annotated[str, AfterValidator(_known_wavelet)]


class ImageFilter(Strict):
    """Base of the filters.

    Attributes
    ----------
    keeps_unit : bool
        Whether the voxels keep the unit of the image (of a Laplacian: per square voxel).
    """

    keeps_unit: ClassVar[bool] = True
