"""Riesz transforms of the Laplacian of Gaussian and of Simoncelli wavelets (IBSI-2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import factorial, prod
from typing import Literal

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.radiomics.filters.classic import log_reach, log_response
from biomarker_cli.radiomics.filters.ibsi_rules import LogFilter, SimoncelliFilter
from biomarker_cli.radiomics.filters.oriented import simoncelli_response
from biomarker_cli.radiomics.filters.riesz_rules import RieszLogFilter, RieszSimoncelliFilter

Spacing = tuple[float, float, float]


def riesz_images(
    image: FloatArray, rules: RieszLogFilter | RieszSimoncelliFilter, spacing: Spacing
) -> Iterator[tuple[str, FloatArray]]:
    """Yield name and voxels of each Riesz transform that the rules name.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
    rules : RieszLogFilter or RieszSimoncelliFilter
    spacing : tuple of float
        z, y, x in mm.
    """
    names = rules.image_names()
    if isinstance(rules, RieszLogFilter):
        for name, sigma in zip(names, rules.sigma_mm, strict=True):
            yield name, _of_log(image, sigma, rules, spacing)
        return
    wavelet = SimoncelliFilter(filter="simoncelli", level=rules.level, boundary=rules.boundary)
    response = simoncelli_response(image, wavelet, len(rules.order) == 2)
    yield names[0], riesz_transform(response, rules.order, spacing, rules.boundary)


def _of_log(
    image: FloatArray, sigma_mm: float, rules: RieszLogFilter, spacing: Spacing
) -> FloatArray:
    planar = len(rules.order) == 2
    log = LogFilter(
        filter="log", sigma_mm=(sigma_mm,), truncation=rules.truncation, boundary=rules.boundary
    )
    if rules.boundary != "zero":
        # The response of an image that is mirrored or repeated is so as well.
        response = log_response(image, sigma_mm, log, spacing, planar)
        return riesz_transform(response, rules.order, spacing, rules.boundary)
    # Zeros for the image and for the kernel keep the copies of the image apart.
    reach = [log_reach(sigma_mm / step, rules.truncation) for step in spacing]
    beyond = [max(n, r) for n, r in zip(image.shape, reach, strict=True)]
    if planar:
        beyond[0] = 0
    around = log.model_copy(update={"boundary": "periodic"})
    padded = np.pad(image, [(0, width) for width in beyond])
    response = log_response(padded, sigma_mm, around, spacing, planar)
    transformed = riesz_transform(response, rules.order, spacing, "periodic")
    z, y, x = image.shape
    return np.ascontiguousarray(transformed[:z, :y, :x])


def riesz_transform(
    image: FloatArray,
    order: tuple[int, ...],
    spacing: Spacing,
    boundary: Literal["periodic", "mirror"],
) -> FloatArray:
    r"""Return the Riesz transform of an image.

    Its transfer function at the frequency :math:`\nu` is

    .. math:: (-j)^L \sqrt{\frac{L!}{l_1! l_2! l_3!}}
              \frac{\nu_1^{l_1} \nu_2^{l_2} \nu_3^{l_3}}{\|\nu\|^L},
              \quad L = l_1 + l_2 + l_3,

    and 0 where :math:`\nu` is 0. Frequencies count per mm, so that a direction of
    space stays what it is on voxels of unequal sides.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
    order : tuple of int
        Along x, y and z, or along x and y to transform slice by slice.
    spacing : tuple of float
        z, y, x in mm.
    boundary : str
        How the image goes on.

    References
    ----------
    IBSI-2 reference manual (arXiv 2006.05470), Riesz transform; Unser and Van De
    Ville 2010, IEEE Transactions on Image Processing 19:636-652.
    """
    planes = 3 - len(order)
    powers = (0,) * planes + order[::-1]
    axes = tuple(range(planes, 3))
    if boundary == "mirror":
        return _of_mirrored(image, powers, spacing, axes)
    return _of_periodic(image, powers, spacing, axes)


def _of_periodic(
    image: FloatArray, powers: tuple[int, ...], spacing: Spacing, axes: tuple[int, ...]
) -> FloatArray:
    from scipy import fft

    lengths = [image.shape[axis] for axis in axes]
    frequencies = [np.zeros(1) for _ in image.shape]
    for axis in axes:
        half = fft.rfftfreq if axis == axes[-1] else fft.fftfreq
        frequencies[axis] = half(image.shape[axis], spacing[axis])
    weights = _weights(frequencies, powers)
    for axis in axes:
        middle, odd = divmod(image.shape[axis], 2)
        if powers[axis] % 2 and not odd:
            # The highest frequency of an even number has no sign: an odd order cancels there.
            np.moveaxis(weights, axis, 0)[middle] = 0.0
    spectrum = fft.rfftn(image, axes=axes)
    spectrum *= weights
    spectrum *= (-1j) ** sum(powers)
    return np.asarray(fft.irfftn(spectrum, lengths, axes=axes))


def _of_mirrored(
    image: FloatArray, powers: tuple[int, ...], spacing: Spacing, axes: tuple[int, ...]
) -> FloatArray:
    """Transform a mirrored image, exactly: it is a sum of cosines.

    Along each axis an odd order makes sines of the cosines, an even one leaves them,
    so that the image need not be doubled.
    """
    from scipy import fft

    frequencies = [np.zeros(1) for _ in image.shape]
    for axis in axes:
        n = image.shape[axis]
        frequencies[axis] = np.arange(n) / (2 * n * spacing[axis])
    waves = fft.dctn(image, axes=axes, norm="ortho")
    waves *= _weights(frequencies, powers)
    for axis in axes:
        if powers[axis] % 2:
            # The sines begin at the first frequency, where the cosines have the mean.
            sines = np.moveaxis(np.roll(waves, -1, axis), axis, 0)
            sines[-1] = 0.0
            waves = fft.idst(np.moveaxis(sines, 0, axis), axis=axis, norm="ortho")
        else:
            waves = fft.idct(waves, axis=axis, norm="ortho")
        if powers[axis] % 4 > 1:
            waves *= -1
    return np.asarray(waves)


def _weights(frequencies: Sequence[FloatArray], powers: tuple[int, ...]) -> FloatArray:
    """Return the transfer function without its power of the imaginary unit."""
    grids = np.meshgrid(*frequencies, indexing="ij", sparse=True)
    order = sum(powers)
    square: FloatArray = np.asarray(sum(grid**2 for grid in grids))
    # The mean has no direction, and no share in the transform.
    square[square == 0] = np.inf
    share = factorial(order) / prod(factorial(power) for power in powers)
    weights: FloatArray = np.sqrt(share) * square ** (-order / 2)
    for grid, power in zip(grids, powers, strict=True):
        if power:
            weights *= grid**power
    return weights
