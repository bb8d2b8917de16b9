"""The filters of pyradiomics: computed once for all regions, or on their boxes alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from biomarker_cli.radiomics.filters.rules import (
    PyradiomicsFilter,
    PyradiomicsGradient,
    PyradiomicsLog,
    PyradiomicsPointwise,
    PyradiomicsWavelet,
)

Floats = npt.NDArray[np.float64]
Spacing = tuple[float, float, float]
Box = tuple[slice, slice, slice]


def whole_images(
    image: Floats, spacing_zyx: Spacing, rules: PyradiomicsFilter
) -> Iterator[tuple[str, Floats]]:
    """Yield name and voxels of the images of a filter that needs the whole image.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
    spacing_zyx : tuple of float
    rules : PyradiomicsLog, PyradiomicsPointwise or PyradiomicsGradient
    """
    match rules:
        case PyradiomicsLog():
            for name, sigma in zip(rules.image_names(), rules.sigma_mm, strict=True):
                yield name, _recursive_log(image, spacing_zyx, sigma)
        case PyradiomicsPointwise():
            yield rules.image_names()[0], _pointwise(image, rules.filter)
        case PyradiomicsGradient():
            yield rules.image_names()[0], _gradient(image, spacing_zyx, rules.use_spacing)
        case _:
            raise ValueError(f"no filter of whole images: {rules!r}")


def _sitk_image(image: Floats, spacing_zyx: Spacing) -> Any:
    import SimpleITK

    result: Any = SimpleITK.GetImageFromArray(np.ascontiguousarray(image))
    result.SetSpacing(tuple(reversed(spacing_zyx)))
    return result


def _array(image: Any) -> Floats:
    import SimpleITK

    return np.asarray(SimpleITK.GetArrayFromImage(image), dtype=np.float64)


def _recursive_log(image: Floats, spacing_zyx: Spacing, sigma_mm: float) -> Floats:
    import SimpleITK

    log: Any = SimpleITK.LaplacianRecursiveGaussianImageFilter()
    log.SetNormalizeAcrossScale(True)
    log.SetSigma(sigma_mm)
    return _array(log.Execute(_sitk_image(image, spacing_zyx)))


def _gradient(image: Floats, spacing_zyx: Spacing, use_spacing: bool) -> Floats:
    import SimpleITK

    gradient: Any = SimpleITK.GradientMagnitudeImageFilter()
    gradient.SetUseImageSpacing(use_spacing)
    return _array(gradient.Execute(_sitk_image(image, spacing_zyx)))


def _pointwise(image: Floats, kind: str) -> Floats:
    """Map the voxels so that the largest magnitude stays what it is."""
    largest = float(np.max(np.abs(image)))
    if kind == "square":
        return np.asarray((image / np.sqrt(largest)) ** 2)
    if kind == "square_root":
        return np.asarray(np.sign(image) * np.sqrt(np.abs(image) * largest))
    if kind == "logarithm":
        scale = largest / np.log(largest + 1)
        return np.asarray(np.sign(image) * np.log(np.abs(image) + 1) * scale)
    return np.asarray(np.exp(image * (np.log(largest) / largest)))


def wavelet_images(
    image: Floats, box: Box, rules: PyradiomicsWavelet, axes: tuple[int, ...]
) -> Iterator[tuple[str, Floats]]:
    """Yield name and voxels inside a box of each band.

    The stationary transform is taken on the box and what its kernels reach, which
    gives the same bits as the whole image. The image goes on periodically; an odd
    axis first gets one voxel more, from its other end.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
    box : tuple of slice
    rules : PyradiomicsWavelet
    axes : tuple of int
        Axes of the array that are transformed, in the order of the letters.
    """
    import pywt

    wavelet = pywt.Wavelet(rules.wavelet)
    total = rules.start_level + rules.levels
    # The package uses the same kernels on every level, without zeros between their taps.
    margin = wavelet.dec_len * total
    part, inner = _periodic_part(image, box, margin)
    names = iter(rules.image_names(len(axes)))
    order = ["".join(letters) for letters in product("LH", repeat=len(axes))]
    for level in range(total):
        bands = {"": part}
        for axis in axes:
            split = {}
            for letters, data in bands.items():
                ((low, high),) = pywt.swt(data, wavelet, level=1, start_level=0, axis=axis)
                split[letters + "L"], split[letters + "H"] = low, high
            bands = split
        if level >= rules.start_level:
            for letters in order[1:]:
                yield next(names), np.ascontiguousarray(bands[letters][inner])
        part = bands[order[0]]
    yield next(names), np.ascontiguousarray(part[inner])


def _periodic_part(image: Floats, box: Box, margin: int) -> tuple[Floats, Box]:
    """Return the surroundings of a box on the periodic image, and the box within them."""
    part = image
    inner = []
    for axis, bounds in enumerate(box):
        length = image.shape[axis]
        period = length + length % 2
        size = bounds.stop - bounds.start
        start = bounds.start - margin
        stop = bounds.stop + margin
        stop += (stop - start) % 2
        places = np.arange(start, stop) % period
        # The voxel that makes an odd axis even is the first one once more.
        part = np.take(part, np.where(places == length, 0, places), axis=axis)
        inner.append(slice(margin, margin + size))
    return part, (inner[0], inner[1], inner[2])
