"""What an image filter is told, and the names of the images it gives."""

from __future__ import annotations

from itertools import product
from typing import Annotated, Literal

from pydantic import Field

from biomarker_cli.protocol.document import Strict


class Unfiltered(Strict):
    """The image itself, under the name ``original``."""

    filter: Literal["none"]

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images."""
        return ("original",)

    def describe(self) -> str:
        """Return what stands in the tables."""
        return "none"

    @property
    def keeps_unit(self) -> bool:
        """Whether the voxels keep the unit of the image."""
        return True


class PyradiomicsFilter(Strict):
    """Base of the filters as pyradiomics defines them."""

    @property
    def keeps_unit(self) -> bool:
        """Whether the voxels keep the unit of the image."""
        return False


class PyradiomicsLog(PyradiomicsFilter):
    """Laplacian of Gaussian by recursive filtering, one image per sigma."""

    filter: Literal["pyradiomics_log"]
    sigma_mm: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)]

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images, as pyradiomics writes them."""
        return tuple(f"log-sigma-{str(s).replace('.', '-')}-mm-3D" for s in self.sigma_mm)

    def describe(self) -> str:
        """Return what stands in the tables."""
        return "LoG, recursive (pyradiomics)"

    @property
    def keeps_unit(self) -> bool:
        """Whether the voxels keep the unit of the image."""
        return True


class PyradiomicsWavelet(PyradiomicsFilter):
    """Undecimated separable wavelet transform, all bands."""

    filter: Literal["pyradiomics_wavelet"]
    wavelet: str = "coif1"
    start_level: Annotated[int, Field(ge=0)] = 0
    levels: Annotated[int, Field(ge=1)] = 1

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

    @property
    def keeps_unit(self) -> bool:
        """Whether the voxels keep the unit of the image."""
        return True


class PyradiomicsPointwise(PyradiomicsFilter):
    """Square, square root, logarithm or exponential, scaled back to the range of the image."""

    filter: Literal["square", "square_root", "logarithm", "exponential"]

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images, as pyradiomics writes them."""
        return (self.filter.replace("_", ""),)

    def describe(self) -> str:
        """Return what stands in the tables."""
        return f"{self.filter} (pyradiomics)"


class PyradiomicsGradient(PyradiomicsFilter):
    """Magnitude of the gradient."""

    filter: Literal["gradient"]
    use_spacing: bool = True

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images, as pyradiomics writes them."""
        return ("gradient",)

    def describe(self) -> str:
        """Return what stands in the tables."""
        return f"gradient magnitude, {'per mm' if self.use_spacing else 'per voxel'} (pyradiomics)"


class PyradiomicsLbp2d(PyradiomicsFilter):
    """Local binary patterns slice by slice."""

    filter: Literal["lbp_2d"]
    radius: Annotated[float, Field(gt=0)] = 1
    samples: Annotated[int, Field(ge=1)] = 8
    method: Literal["default", "ror", "uniform", "var"] = "uniform"

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images, as pyradiomics writes them."""
        return ("lbp-2D",)

    def describe(self) -> str:
        """Return what stands in the tables."""
        return f"LBP 2D, radius {self.radius:g}, {self.samples} samples (pyradiomics)"


class PyradiomicsLbp3d(PyradiomicsFilter):
    """Local binary patterns on a sphere, by spherical harmonics."""

    filter: Literal["lbp_3d"]
    levels: Annotated[int, Field(ge=1)] = 2
    icosphere_radius: Annotated[float, Field(gt=0)] = 1
    icosphere_subdivision: Annotated[int, Field(ge=0)] = 1

    def image_names(self, _dimensions: int = 3) -> tuple[str, ...]:
        """Return the names of the images, as pyradiomics writes them."""
        return (*(f"lbp-3D-m{level}" for level in range(1, self.levels + 1)), "lbp-3D-k")

    def describe(self) -> str:
        """Return what stands in the tables."""
        return f"LBP 3D, {self.levels} levels (pyradiomics)"


FilterRules = Annotated[
    Unfiltered
    | PyradiomicsLog
    | PyradiomicsWavelet
    | PyradiomicsPointwise
    | PyradiomicsGradient
    | PyradiomicsLbp2d
    | PyradiomicsLbp3d,
    Field(discriminator="filter"),
]
