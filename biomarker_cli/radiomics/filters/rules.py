"""What an image filter is told, and the names of the images it gives."""

from __future__ import annotations

from itertools import product
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from biomarker_cli.radiomics.filters.base_rules import ImageFilter, SizeMm
from biomarker_cli.radiomics.filters.riesz_rules import (
    RieszLogFilter,
    RieszSimoncelliFilter,
)

Boundary = Literal["zero", "nearest", "periodic", "mirror"]
"""What lies beyond the border: 0, the edge voxel, the other side, the mirror image."""

Pooling = Literal["max", "average"]
"""How responses of all right-angle rotations become one."""


def _known_wavelet(name: str) -> str:
    import pywt

    if name not in pywt.wavelist(kind="discrete"):
        raise ValueError(f"PyWavelets has no discrete wavelet {name!r}")
    return name


WaveletName = Annotated[str, AfterValidator(_known_wavelet)]


class Unfiltered(ImageFilter):
    """The image itself, under the name ``original``."""

    filter: Literal["none"]

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images."""
        return ("original",)

    def describe(self) -> str:
        """Return what stands in the tables."""
        return "none"


class PyradiomicsFilter(ImageFilter):
    """Base of the filters as pyradiomics defines them."""

    keeps_unit: ClassVar[bool] = False


class PyradiomicsLog(PyradiomicsFilter):
    """Laplacian of Gaussian by recursive filtering, one image per sigma.

    Attributes
    ----------
    sigma_mm : tuple of float
        Standard deviation of the Gaussian; one image for each.
    """

    keeps_unit: ClassVar[bool] = True
    filter: Literal["pyradiomics_log"]
    sigma_mm: Annotated[tuple[SizeMm, ...], Field(min_length=1)]

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images, as pyradiomics writes them."""
        return tuple(f"log-sigma-{str(s).replace('.', '-')}-mm-3D" for s in self.sigma_mm)

    def describe(self) -> str:
        """Return what stands in the tables."""
        return "LoG, recursive (pyradiomics)"


class PyradiomicsWavelet(PyradiomicsFilter):
    """Undecimated separable wavelet transform, all bands.

    Attributes
    ----------
    wavelet : str
        As PyWavelets names it.
    start_level : int
        The first level that gives images; 0 is the finest.
    levels : int
        How many levels give images.
    """

    keeps_unit: ClassVar[bool] = True
    filter: Literal["pyradiomics_wavelet"]
    wavelet: WaveletName = "coif1"
    start_level: Annotated[int, Field(ge=0, le=8)] = 0
    levels: Annotated[int, Field(ge=1, le=8)] = 1

    def image_names(self, dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images, as pyradiomics writes them."""
        bands = ["".join(band) for band in product("LH", repeat=dimensions)]
        names = []
        for level in range(1, self.levels + 1):
            prefix = "wavelet" if level == 1 else f"wavelet{level}"
            names += [f"{prefix}-{band}" for band in bands[1:]]
        last = "wavelet" if self.levels == 1 else f"wavelet{self.levels}"
        return (*names, f"{last}-{bands[0]}")

    def describe(self) -> str:
        """Return what stands in the tables."""
        return f"wavelet {self.wavelet} (pyradiomics)"


class PyradiomicsPointwise(PyradiomicsFilter):
    """Square, square root, logarithm or exponential, scaled back to the range of the image.

    Attributes
    ----------
    filter : str
        Which of the four.
    """

    filter: Literal["square", "square_root", "logarithm", "exponential"]

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images, as pyradiomics writes them."""
        return (self.filter.replace("_", ""),)

    def describe(self) -> str:
        """Return what stands in the tables."""
        return f"{self.filter} (pyradiomics)"


class PyradiomicsGradient(PyradiomicsFilter):
    """Magnitude of the gradient.

    Attributes
    ----------
    use_spacing : bool
        Per mm; else per voxel.
    """

    filter: Literal["gradient"]
    use_spacing: bool = True

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images, as pyradiomics writes them."""
        return ("gradient",)

    def describe(self) -> str:
        """Return what stands in the tables."""
        return f"gradient magnitude, {'per mm' if self.use_spacing else 'per voxel'} (pyradiomics)"


class PyradiomicsLbp2d(PyradiomicsFilter):
    """Local binary patterns slice by slice.

    Attributes
    ----------
    radius : float
        Of the circle of neighbours, in voxels.
    samples : int
        Neighbours on the circle.
    method : str
        As scikit-image names it.
    """

    filter: Literal["lbp_2d"]
    radius: Annotated[float, Field(gt=0)] = 1
    samples: Annotated[int, Field(ge=1, le=64)] = 8
    method: Literal["default", "ror", "uniform", "var"] = "uniform"

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images, as pyradiomics writes them."""
        return ("lbp-2D",)

    def describe(self) -> str:
        """Return what stands in the tables."""
        return f"LBP 2D, radius {self.radius:g}, {self.samples} samples (pyradiomics)"


class PyradiomicsLbp3d(PyradiomicsFilter):
    """Local binary patterns on a sphere, by spherical harmonics.

    Attributes
    ----------
    levels : int
        Degrees of the spherical harmonics that give an image.
    icosphere_radius : float
        Of the sphere of neighbours, in voxels.
    icosphere_subdivision : int
        How often the faces of the icosahedron are divided.
    """

    filter: Literal["lbp_3d"]
    levels: Annotated[int, Field(ge=1, le=16)] = 2
    icosphere_radius: Annotated[float, Field(gt=0)] = 1
    icosphere_subdivision: Annotated[int, Field(ge=0, le=6)] = 1

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images, as pyradiomics writes them."""
        return (*(f"lbp-3D-m{level}" for level in range(1, self.levels + 1)), "lbp-3D-k")

    def describe(self) -> str:
        """Return what stands in the tables."""
        return f"LBP 3D, {self.levels} levels (pyradiomics)"


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

BoxFilterRules = PyradiomicsLog | PyradiomicsPointwise | PyradiomicsGradient
"""Filters of pyradiomics whose images are made in boxes."""

PyradiomicsFilterRules = BoxFilterRules | PyradiomicsWavelet | PyradiomicsLbp2d | PyradiomicsLbp3d
"""Filters of pyradiomics."""

FilterRules = Annotated[
    Unfiltered | IbsiFilterRules | PyradiomicsFilterRules, Field(discriminator="filter")
]
