"""What a filter as pyradiomics defines it is told, and the names of the images it gives."""

from __future__ import annotations

from itertools import product
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from biomarker_cli.radiomics.filters.base_rules import ImageFilter, SizeMm, WaveletName


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


BoxFilterRules = PyradiomicsLog | PyradiomicsPointwise | PyradiomicsGradient
"""Filters of pyradiomics whose images are made in boxes."""

PyradiomicsFilterRules = BoxFilterRules | PyradiomicsWavelet | PyradiomicsLbp2d | PyradiomicsLbp3d
"""Filters of pyradiomics."""
