"""The filters of pyradiomics: computed once for all regions, or on their boxes alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from biomarker_cli.radiomics.filters.recursive_gaussian import (
    SHORTEST_LINE,
    laplacians_of_gaussian,
)
from biomarker_cli.radiomics.filters.rules import (
    FilterRules,
    PyradiomicsFilter,
    PyradiomicsGradient,
    PyradiomicsLog,
    PyradiomicsPointwise,
)

Floats = npt.NDArray[np.float64]
Voxels = npt.NDArray[np.float64 | np.float32]
Spacing = tuple[float, float, float]
Box = tuple[slice, slice, slice]


def refusal(shape: tuple[int, ...], rules: FilterRules) -> str:
    """Return why a filter has no values on an image of a size, or nothing."""
    if isinstance(rules, PyradiomicsLog) and min(shape) < SHORTEST_LINE:
        return (
            f"the image has {min(shape)} voxels along an axis, "
            f"the recursive LoG needs {SHORTEST_LINE}"
        )
    return ""


def images_in_box(
    image: Floats, box: Box, spacing_zyx: Spacing, rules: PyradiomicsFilter
) -> Iterator[tuple[str, Voxels]]:
    """Yield name and voxels inside a box of the images of a filter.

    The voxels have the bits that the whole filtered image has there.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
    box : tuple of slice
    spacing_zyx : tuple of float
    rules : PyradiomicsLog, PyradiomicsPointwise or PyradiomicsGradient
    """
    match rules:
        case PyradiomicsLog():
            found = laplacians_of_gaussian(image, box, spacing_zyx, rules.sigma_mm)
            yield from zip(rules.image_names(), found, strict=True)
        case PyradiomicsPointwise():
            largest = max(float(image.max()), -float(image.min()))
            yield rules.image_names()[0], _pointwise(image[box], rules.filter, largest)
        case PyradiomicsGradient():
            yield rules.image_names()[0], _gradient(image, box, spacing_zyx, rules.use_spacing)
        case _:
            raise ValueError(f"no filter in boxes: {rules!r}")


def _sitk_image(image: Floats, spacing_zyx: Spacing) -> Any:
    import SimpleITK

    result: Any = SimpleITK.GetImageFromArray(np.ascontiguousarray(image))
    result.SetSpacing(tuple(reversed(spacing_zyx)))
    return result


def _gradient(image: Floats, box: Box, spacing_zyx: Spacing, use_spacing: bool) -> Floats:
    import SimpleITK

    wide = [slice(max(part.start - 1, 0), part.stop + 1) for part in box]
    gradient: Any = SimpleITK.GradientMagnitudeImageFilter()
    gradient.SetUseImageSpacing(use_spacing)
    found = gradient.Execute(_sitk_image(image[wide[0], wide[1], wide[2]], spacing_zyx))
    inner = [
        slice(part.start - outer.start, part.stop - outer.start)
        for part, outer in zip(box, wide, strict=True)
    ]
    array = SimpleITK.GetArrayFromImage(found)[inner[0], inner[1], inner[2]]
    return np.asarray(array, dtype=np.float64)


def _pointwise(image: Floats, kind: str, largest: float) -> Floats:
    """Map the voxels so that the largest magnitude of the image stays what it is."""
    if kind == "square":
        return np.asarray((image / np.sqrt(largest)) ** 2)
    if kind == "square_root":
        return np.asarray(np.sign(image) * np.sqrt(np.abs(image) * largest))
    if kind == "logarithm":
        scale = largest / np.log(largest + 1)
        return np.asarray(np.sign(image) * np.log(np.abs(image) + 1) * scale)
    return np.asarray(np.exp(image * (np.log(largest) / largest)))
