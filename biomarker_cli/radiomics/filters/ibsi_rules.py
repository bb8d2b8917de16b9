"""What a filter of IBSI-2 is told, and the names of the images it gives."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from biomarker_cli.radiomics.filters.base_rules import ImageFilter, SizeMm, WaveletName
from biomarker_cli.radiomics.filters.riesz_rules import RieszLogFilter, RieszSimoncelliFilter

Boundary = Literal["zero", "nearest", "periodic", "mirror"]
"""What lies beyond the border: 0, the edge voxel, the other side, the mirror image."""

Pooling = Literal["max", "average"]
"""How responses of all right-angle rotations become one."""


class MeanFilter(ImageFilter):
    """Mean over a cube, or a square in 2D (IBSI-2, S60F).

    Attributes
    ----------
    support_voxels : int
        Edge of the cube or square.
    boundary : str
        What lies beyond the border: 0, the edge voxel, the other side, the mirror
        image.
    """

    filter: Literal["mean"]
    support_voxels: Annotated[int, Field(ge=1)]
    boundary: Boundary

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images."""
        return (f"mean-{self.support_voxels}",)

    def describe(self) -> str:
        """Return what stands in the tables."""
        return f"mean, support {self.support_voxels}, {self.boundary}"


class LogFilter(ImageFilter):
    """Laplacian of Gaussian by a sampled kernel, one image per sigma (IBSI-2, L6PA).

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

    filter: Literal["log"]
    sigma_mm: Annotated[tuple[SizeMm, ...], Field(min_length=1)]
    truncation: Annotated[float, Field(gt=0)]
    boundary: Boundary

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images."""
        return tuple(f"log-sigma-{str(s).replace('.', '-')}-mm" for s in self.sigma_mm)

    def describe(self) -> str:
        """Return what stands in the tables."""
        return f"LoG, {self.truncation:g} sigma, {self.boundary}"


class LawsFilter(ImageFilter):
    """Laws kernels along x, y, z (IBSI-2, JTXT).

    Attributes
    ----------
    kernels : str
        One kernel for each axis x, y, z in a word, such as ``L5E5E5``.
    boundary : str
        What lies beyond the border: 0, the edge voxel, the other side, the mirror
        image.
    pooling : str or null
        How the responses of all right-angle rotations become one; null: one rotation.
    energy_distance_voxels : int or null
        Measure the mean of absolute responses up to this distance; null: the response.
    """

    filter: Literal["laws"]
    kernels: Annotated[str, Field(pattern=r"^([LES]3|[LESWR]5){2,3}$")]
    boundary: Boundary
    pooling: Pooling | None
    energy_distance_voxels: Annotated[int, Field(ge=1)] | None

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images."""
        energy = f"-energy-{self.energy_distance_voxels}" if self.energy_distance_voxels else ""
        return (f"laws-{self.kernels}{_suffix(self.pooling)}{energy}",)

    def describe(self) -> str:
        """Return what stands in the tables."""
        energy = self.energy_distance_voxels
        tail = f", energy {energy}" if energy else ""
        return f"Laws {self.kernels}, {self.pooling or 'not pooled'}{tail}, {self.boundary}"


class GaborFilter(ImageFilter):
    """Modulus of a 2D Gabor filter (IBSI-2, Q88H).

    One angle, or the mean over all angles in steps; the mean over the three
    orthogonal planes where these are wanted.

    Attributes
    ----------
    sigma_mm : float
        Standard deviation of the envelope.
    wavelength_mm : float
        Of the wave.
    gamma : float
        Aspect ratio of the envelope.
    theta_degrees : float
        Direction of the wave, where it is one.
    theta_steps_degrees : float or null
        Mean over all directions in these steps; null: `theta_degrees` alone.
    three_planes : bool
        Mean over the three orthogonal planes; else axial slices.
    boundary : str
        What lies beyond the border: 0, the edge voxel, the other side, the mirror
        image.
    """

    filter: Literal["gabor"]
    sigma_mm: SizeMm
    wavelength_mm: SizeMm
    gamma: Annotated[float, Field(gt=0)]
    theta_degrees: float = 0.0
    theta_steps_degrees: Annotated[float, Field(ge=1, le=180)] | None
    three_planes: bool
    boundary: Boundary

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images."""
        return (f"gabor-{self.sigma_mm:g}-{self.wavelength_mm:g}-mm".replace(".", "-"),)

    def describe(self) -> str:
        """Return what stands in the tables."""
        angle = f"theta {self.theta_degrees:g}"
        if self.theta_steps_degrees:
            angle = f"steps of {self.theta_steps_degrees:g}"
        planes = "three planes" if self.three_planes else "slices"
        return f"Gabor, gamma {self.gamma:g}, {angle} degrees, {planes}, {self.boundary}"


class WaveletFilter(ImageFilter):
    """One band of an undecimated separable wavelet; letters along x, y, z (IBSI-2, 25BO).

    Attributes
    ----------
    wavelet : str
        As PyWavelets names it, such as ``db3``.
    band : str
        ``L`` or ``H`` for each axis x, y, z.
    level : int
        Of the decomposition; 1 holds the finest details.
    boundary : str
        What lies beyond the border: 0, the edge voxel, the other side, the mirror
        image.
    pooling : str or null
        How the responses of all right-angle rotations become one; null: one rotation.
    """

    filter: Literal["wavelet"]
    wavelet: Annotated[WaveletName, Field(pattern=r"^(haar|db[0-9]+|coif[0-9]+|sym[0-9]+)$")]
    band: Annotated[str, Field(pattern=r"^[LH]{2,3}$")]
    level: Annotated[int, Field(ge=1, le=8)]
    boundary: Boundary
    pooling: Pooling | None

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images."""
        return (f"wavelet-{self.wavelet}-{self.band}-{self.level}{_suffix(self.pooling)}",)

    def describe(self) -> str:
        """Return what stands in the tables."""
        pooling = self.pooling or "not pooled"
        return f"wavelet {self.wavelet} {self.band}, level {self.level}, {pooling}, {self.boundary}"


class SimoncelliFilter(ImageFilter):
    """Band-pass map of the non-separable Simoncelli wavelet (IBSI-2, PRT7).

    It is defined on the Fourier transform of the image, so the image goes on
    periodically; the values of IBSI-2 need that as well.

    Attributes
    ----------
    level : int
        Of the decomposition; 1 holds the finest details.
    """

    filter: Literal["simoncelli"]
    level: Annotated[int, Field(ge=1, le=8)]
    boundary: Literal["periodic"]

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images."""
        return (f"simoncelli-{self.level}",)

    def describe(self) -> str:
        """Return what stands in the tables."""
        return f"Simoncelli, level {self.level}, {self.boundary}"


def _suffix(pooling: str | None) -> str:
    return "" if pooling is None else f"-rot-{pooling}"


IbsiFilterRules = (
    MeanFilter
    | LogFilter
    | LawsFilter
    | GaborFilter
    | WaveletFilter
    | SimoncelliFilter
    | RieszLogFilter
    | RieszSimoncelliFilter
)
"""Filters of IBSI-2."""
