"""Gabor filters and Simoncelli wavelets (IBSI-2, sections 3.4 and 3.6)."""

from __future__ import annotations

import numpy as np

from biomarker_cli.model.arrays import ComplexArray, FloatArray
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.filters.ibsi_rules import GaborFilter, SimoncelliFilter

Spacing = tuple[float, float, float]

_PAD = {"zero": "constant", "nearest": "edge", "periodic": "wrap", "mirror": "symmetric"}
_REACH_SIGMAS = 7.0
"""Where the Gaussian envelope of a Gabor kernel is cut off: below 1e-10 of its peak."""


def gabor_response(image: FloatArray, rules: GaborFilter, spacing: Spacing) -> FloatArray:
    """Return the modulus of the Gabor response, averaged over angles and planes.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
    rules : GaborFilter
    spacing : tuple of float
        z, y, x in mm; both axes of a plane must agree.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-UNEQUAL-SPACING``.
    """
    planes = (0, 1, 2) if rules.three_planes else (0,)
    total = np.zeros_like(image)
    for across in planes:
        turned = np.moveaxis(image, across, 0)
        step = [s for axis, s in enumerate(spacing) if axis != across]
        if abs(step[0] - step[1]) > 1e-3 * step[0]:
            raise RadiomicsError(
                "RADIOMICS-UNEQUAL-SPACING",
                "a Gabor filter needs equal spacing within its planes, found "
                f"{step[0]:g} and {step[1]:g} mm",
                hint="Resample to equal spacing (interpolation), or filter slices only.",
            )
        total += np.moveaxis(_planar_gabor(turned, rules, step[0]), 0, across)
    return total / len(planes)


def gabor_reach(rules: GaborFilter, step_mm: float) -> float:
    """Return how many voxels the envelope of a Gabor kernel reaches to each side."""
    return _REACH_SIGMAS * (rules.sigma_mm / step_mm) * max(1.0, 1.0 / rules.gamma)


def _planar_gabor(image: FloatArray, rules: GaborFilter, step_mm: float) -> FloatArray:
    from scipy import fft

    sigma, wavelength = rules.sigma_mm / step_mm, rules.wavelength_mm / step_mm
    reach = int(np.ceil(gabor_reach(rules, step_mm)))
    size = [fft.next_fast_len(length + 2 * reach) for length in image.shape[1:]]
    angles = [np.deg2rad(rules.theta_degrees)]
    if rules.theta_steps_degrees is not None:
        # Opposite angles give conjugate responses, of one modulus: half a turn is enough.
        turn = 360.0 if 180.0 % rules.theta_steps_degrees else 180.0
        angles = list(np.deg2rad(np.arange(0.0, turn, rules.theta_steps_degrees)))
    kernels = [
        fft.fft2(_gabor_kernel(reach, sigma, wavelength, rules.gamma, theta), size)
        for theta in angles
    ]
    result = np.zeros_like(image)
    rows, columns = image.shape[1:]
    for index, plane in enumerate(image):
        # One plane at a time: all of them with their rims may be many times the image.
        spectrum = fft.fft2(_padded(plane, reach, rules.boundary), size)
        for kernel in kernels:
            response = fft.ifft2(spectrum * kernel)
            result[index] += np.abs(
                response[2 * reach : 2 * reach + rows, 2 * reach : 2 * reach + columns]
            )
    return result / len(angles)


def _gabor_kernel(
    reach: int, sigma: float, wavelength: float, gamma: float, theta: float
) -> ComplexArray:
    k = np.arange(-reach, reach + 1, dtype=np.float64)
    second, first = np.meshgrid(k, k, indexing="ij")
    along = first * np.cos(theta) + second * np.sin(theta)
    across = -first * np.sin(theta) + second * np.cos(theta)
    envelope = np.exp(-(along**2 + gamma**2 * across**2) / (2 * sigma**2))
    return np.asarray(envelope * np.exp(2j * np.pi * along / wavelength))


def _padded(plane: FloatArray, reach: int, boundary: str) -> FloatArray:
    return np.asarray(np.pad(plane, reach, mode=_PAD[boundary]))  # type: ignore[call-overload]


def simoncelli_response(image: FloatArray, rules: SimoncelliFilter, planar: bool) -> FloatArray:
    """Return the band-pass map of one level of the isotropic Simoncelli wavelet.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
    rules : SimoncelliFilter
    planar : bool
        Slice by slice.
    """
    from scipy import fft

    axes = (1, 2) if planar else (0, 1, 2)
    # The reference maps stand on a grid from -1 to 1 with both ends, in units of the
    # highest frequency: half a step beside the one of the discrete transform.
    frequencies = [
        fft.ifftshift(np.linspace(-1.0, 1.0, n)) if axis in axes and n > 1 else np.zeros(n)
        for axis, n in enumerate(image.shape)
    ]
    radius = np.sqrt(sum(f**2 for f in np.meshgrid(*frequencies, indexing="ij", sparse=True)))
    highest = 2.0 ** (1 - rules.level)
    within = (radius > highest / 4) & (radius <= highest)
    octaves = np.log2(2 * radius / highest, where=within, out=np.ones_like(radius))
    band = np.where(within, np.cos(np.pi / 2 * octaves), 0.0)
    response = fft.ifftn(fft.fftn(image, axes=axes) * band, axes=axes).real
    return np.ascontiguousarray(response)
