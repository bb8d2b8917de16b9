"""What a Riesz filter is told, and the names of the images it gives."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from biomarker_cli.radiomics.filters.base_rules import ImageFilter, SizeMm


def _of_some_order(order: tuple[int, ...]) -> tuple[int, ...]:
    if not any(order):
        raise ValueError("the order of a Riesz transform is at least 1")
    return order


Order = Annotated[
    tuple[Annotated[int, Field(ge=0, le=8)], ...],
    Field(min_length=2, max_length=3),
    AfterValidator(_of_some_order),
]
"""Order of a Riesz transform along x, y and, in three dimensions, z."""


class RieszFilter(ImageFilter):
    """Base of the filters that a Riesz transform follows (IBSI-2).

    Their response maps have a consensus, the statistics on them have none: their
    features are never said to be benchmarked.

    Attributes
    ----------
    order : tuple of int
        Of the transform along x, y and, in three dimensions, z.
    """

    order: Order

    @property
    def _suffix(self) -> str:
        return "-".join(["riesz", *map(str, self.order)])

    @property
    def _words(self) -> str:
        return f"Riesz {','.join(map(str, self.order))}"


class RieszLogFilter(RieszFilter):
    """Riesz transform of the Laplacian of Gaussian, one image per sigma.

    The transform has no finite reach, and the edge voxels that `nearest` would
    repeat without end have none either: that boundary is not offered.

    Attributes
    ----------
    sigma_mm : tuple of float
        Standard deviation of the Gaussian; one image for each.
    truncation : float
        The kernel ends at this many standard deviations.
    boundary : str
        What lies beyond the border: 0, the edge voxel, the other side, the mirror
        image.
    """

    filter: Literal["riesz_log"]
    sigma_mm: Annotated[tuple[SizeMm, ...], Field(min_length=1)]
    truncation: Annotated[float, Field(gt=0)]
    boundary: Literal["zero", "periodic", "mirror"]

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images."""
        sigmas = [str(sigma).replace(".", "-") for sigma in self.sigma_mm]
        return tuple(f"log-sigma-{sigma}-mm-{self._suffix}" for sigma in sigmas)

    def describe(self) -> str:
        """Return what stands in the tables."""
        return f"{self._words} of LoG, {self.truncation:g} sigma, {self.boundary}"


class RieszSimoncelliFilter(RieszFilter):
    """Riesz transform of the band-pass map of the Simoncelli wavelet.

    Attributes
    ----------
    level : int
        Of the decomposition; 1 holds the finest details.
    """

    filter: Literal["riesz_simoncelli"]
    level: Annotated[int, Field(ge=1, le=8)]
    boundary: Literal["periodic"]

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images."""
        return (f"simoncelli-{self.level}-{self._suffix}",)

    def describe(self) -> str:
        """Return what stands in the tables."""
        return f"{self._words} of Simoncelli, level {self.level}, {self.boundary}"
