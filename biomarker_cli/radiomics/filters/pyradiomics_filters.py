"""The filters of pyradiomics: computed once for all regions, or on their boxes alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from biomarker_cli.imaging.boxes import Box
from biomarker_cli.model.arrays import AnyArray, FloatArray
from biomarker_cli.radiomics.filters.pyradiomics_rules import (
    BoxFilterRules,
    PyradiomicsGradient,
    PyradiomicsLog,
    PyradiomicsPointwise,
)
from biomarker_cli.radiomics.filters.recursive_gaussian import (
    SHORTEST_LINE,
    laplacians_of_gaussian,
)
from biomarker_cli.radiomics.filters.rules import FilterRules

Voxels = npt.NDArray[np.float64 | np.float32]
Spacing = tuple[float, float, float]


def refusals(shape: tuple[int, ...], spacing_zyx: Spacing, rules: FilterRules) -> dict[str, str]:
    """Return why images of a filter have no values on an image of a size, by their names.

    The recursion of the LoG needs four voxels along each axis, and pyradiomics asks for
    sigma and one voxel.
    """
    refused = {}
    if isinstance(rules, PyradiomicsLog):
        for name, sigma in zip(rules.image_names(), rules.sigma_mm, strict=True):
            for length, spacing in zip(shape, spacing_zyx, strict=True):
                needed = max(SHORTEST_LINE, math.ceil(sigma / spacing) + 1)
                if length < needed:
                    refused[name] = (
                        f"the image has {length} voxels along an axis, "
                        f"the recursive LoG of {sigma:g} mm needs {needed}"
                    )
    return refused


def images_in_box(
    image: AnyArray, box: Box, spacing_zyx: Spacing, rules: BoxFilterRules
) -> Iterator[tuple[str, Voxels]]:
    """Yield name and voxels inside a box of the images of a filter.

    The voxels have the bits that the whole filtered image has there.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
        Of any real type: only parts of it are turned into float64.
    box : tuple of slice
    spacing_zyx : tuple of float
    rules : PyradiomicsLog, PyradiomicsPointwise or PyradiomicsGradient
    """
    match rules:
        case PyradiomicsLog():
            refused = refusals(image.shape, spacing_zyx, rules)
            possible = [
                (name, sigma)
                for name, sigma in zip(rules.image_names(), rules.sigma_mm, strict=True)
                if name not in refused
            ]
            sigmas = tuple(sigma for _, sigma in possible)
            found = laplacians_of_gaussian(image, box, spacing_zyx, sigmas)
            yield from zip((name for name, _ in possible), found, strict=True)
        case PyradiomicsPointwise():
            largest = max(float(image.max()), -float(image.min()))
            voxels = image[box].astype(np.float64)
            yield rules.image_names()[0], _pointwise(voxels, rules.filter, largest)
        case PyradiomicsGradient():
            yield rules.image_names()[0], _gradient(image, box, spacing_zyx, rules.use_spacing)
        case _:
            assert_never(rules)


def _sitk_image(image: FloatArray, spacing_zyx: Spacing) -> Any:
    import SimpleITK

    result: Any = SimpleITK.GetImageFromArray(np.ascontiguousarray(image))
    result.SetSpacing(tuple(reversed(spacing_zyx)))
    return result


def _gradient(image: AnyArray, box: Box, spacing_zyx: Spacing, use_spacing: bool) -> FloatArray:
    import SimpleITK

    wide = [slice(max(part.start - 1, 0), part.stop + 1) for part in box]
    gradient: Any = SimpleITK.GradientMagnitudeImageFilter()
    gradient.SetUseImageSpacing(use_spacing)
    voxels = image[wide[0], wide[1], wide[2]].astype(np.float64)
    found = gradient.Execute(_sitk_image(voxels, spacing_zyx))
    inner = [
        slice(part.start - outer.start, part.stop - outer.start)
        for part, outer in zip(box, wide, strict=True)
    ]
    array = SimpleITK.GetArrayFromImage(found)[inner[0], inner[1], inner[2]]
    return np.asarray(array, dtype=np.float64)


def _pointwise(image: FloatArray, kind: str, largest: float) -> FloatArray:
    """Map the voxels so that the largest magnitude of the image stays what it is."""
    if kind == "square":
        return np.asarray((image * (1 / np.sqrt(largest))) ** 2)
    if kind == "square_root":
        return np.asarray(np.sign(image) * np.sqrt(np.abs(image) * largest))
    if kind == "logarithm":
        scale = largest / np.log(largest + 1)
        return np.asarray(np.sign(image) * np.log(np.abs(image) + 1) * scale)
    return np.asarray(np.exp(image * (np.log(largest) / largest)))
