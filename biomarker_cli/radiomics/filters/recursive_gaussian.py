"""The Laplacian of Gaussian by recursive filtering, on a box, with the bits of the whole image."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from biomarker_cli.imaging.boxes import Box
from biomarker_cli.kernels.compiled import (
    LANES,
    filter_double_lines,
    filter_single_lines,
)
from biomarker_cli.model.arrays import AnyArray, FloatArray, SingleArray

Spacing = tuple[float, float, float]

SHORTEST_LINE = 4
"""Voxels along an axis that a recursion of fourth order needs."""

_SLAB = 8
"""Planes that are taken at a time."""

# Two damped oscillations that approximate the Gaussian and its second derivative
# (Farneback and Westin 2006): amplitudes of cosine and sine by order of the
# derivative, angular frequencies and decays.
_COSINE = {0: (1.3530, -0.3531), 2: (-1.3563, 0.3446)}
_SINE = {0: (1.8151, 0.0902), 2: (5.2318, -2.2355)}
_FREQUENCY = (0.6681, 2.0787)
_DECAY = (-1.3932, -1.3732)

# For each derived axis the axes of the passes: first the derivative, then the smoothing.
_ORDERS = ((2, 1, 0), (1, 2, 0), (0, 2, 1))


def laplacians_of_gaussian(
    image: AnyArray, box: Box, spacing_zyx: Spacing, sigmas_mm: Sequence[float]
) -> Iterator[SingleArray]:
    """Yield the Laplacian inside a box for each width, with the bits of ITK's whole image.

    Each axis in turn is derived twice, then smoothed along the other two, and the
    three are added up; between the passes numbers are kept in single precision. A
    pass needs whole lines along its own axis, so the image shrinks to the box pass
    by pass. Several widths share one reading of the image as far as memory allows.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
        Of any real type; at least `SHORTEST_LINE` voxels along each axis.
    box : tuple of slice
    spacing_zyx : tuple of float
        In mm.
    sigmas_mm : sequence of float

    References
    ----------
    Deriche 1993, INRIA report 1893; Farneback and Westin 2006, J Math Imaging Vis
    26:293.
    """
    lengths = [part.stop - part.start for part in box]
    largest = max(image.shape[c] * lengths[a] * lengths[b] for a, b, c in _ORDERS)
    # What is kept between passes and what is yielded stay below half the image.
    together = max(1, image.size // (largest + math.prod(lengths)))
    for first in range(0, len(sigmas_mm), together):
        yield from _laplacians(image, box, spacing_zyx, sigmas_mm[first : first + together])


def _laplacians(
    image: AnyArray, box: Box, spacing_zyx: Spacing, sigmas_mm: Sequence[float]
) -> SingleArray:
    total = np.zeros((len(sigmas_mm), *(part.stop - part.start for part in box)), dtype=np.float32)
    for axes in _ORDERS:
        derived = axes[0]
        sets = [
            np.array([coefficients(s, spacing_zyx[axis], 0 if k else 2) for s in sigmas_mm])
            for k, axis in enumerate(axes)
        ]
        part = _two_passes(image, axes, box, sets)
        scale = 1.0 / (spacing_zyx[derived] * spacing_zyx[derived])
        _add_third_pass(part, axes, box, sets[2], scale, total)
    return total


def _two_passes(
    image: AnyArray, axes: tuple[int, int, int], box: Box, sets: list[FloatArray]
) -> SingleArray:
    """Derive and smooth the planes across the last axis; the lines of that axis stay whole."""
    first, second, across = axes
    kept = [part.stop - part.start for part in box]
    kept[across] = image.shape[across]
    result = np.empty((len(sets[0]), *kept), dtype=np.float32)
    shape = list(image.shape)
    shape[first], shape[across] = kept[first], min(_SLAB, shape[across])
    between = np.empty((len(sets[0]), *shape), dtype=np.float32)
    for start in range(0, image.shape[across], _SLAB):
        stop = min(start + _SLAB, image.shape[across])
        planes = _only(across, slice(start, stop))
        here = between[(slice(None), *_only(across, slice(0, stop - start)))]
        slab = np.asarray(image[planes], dtype=np.float64)
        filter_axis(slab, first, box[first], sets[0], here)
        filter_axis(here, second, box[second], sets[1], result[(slice(None), *planes)])
    return result


def _add_third_pass(
    image: SingleArray,
    axes: tuple[int, int, int],
    box: Box,
    sets: FloatArray,
    scale: float,
    total: SingleArray,
) -> None:
    """Smooth along the last axis and add the result, rounded to single precision, to the total."""
    other, _, axis = axes
    for start in range(0, image.shape[other + 1], _SLAB):
        planes = (slice(None), *_only(other, slice(start, start + _SLAB)))
        result = np.empty_like(total[planes])
        filter_axis(image[planes], axis, box[axis], sets, result)
        total[planes] = total[planes].astype(np.float64) + result.astype(np.float64) * scale


def _only(axis: int, bounds: slice) -> Box:
    box = [slice(None)] * 3
    box[axis] = bounds
    return box[0], box[1], box[2]


def filter_axis(
    image: AnyArray, axis: int, bounds: slice, sets: FloatArray, result: SingleArray
) -> None:
    """Filter along one axis, once for each set of coefficients, and keep a part of the lines.

    Parameters
    ----------
    image : ndarray of float64 or float32, shape (z, y, x) or (sets, z, y, x)
        Of one part of a C-contiguous array.
    axis : int
        Of z, y, x.
    bounds : slice
        Part of the axis that is kept.
    sets : ndarray, shape (sets, 20)
    result : ndarray of float32, shape (sets, z, y, x)
        Filled.
    """
    if min(image.strides) < 0:
        image = np.ascontiguousarray(image)
    shape = image.shape[-3:]
    # Lanes run along x wherever the lines do not, planes along the axis that is left.
    lane = 2 if axis < 2 else int(shape[1] > shape[0])
    plane = 3 - axis - lane
    own = [step // image.itemsize for step in image.strides]
    target = [step // result.itemsize for step in result.strides]
    steps = [own[a - 3] for a in (plane, axis, lane)] + [own[0] if image.ndim == 4 else 0]
    steps += [target[a - 3] for a in (plane, axis, lane)] + [target[0]]
    filter_lines = filter_single_lines if image.dtype == np.float32 else filter_double_lines
    filter_lines(
        _flat(image),
        np.array([shape[plane], shape[axis], shape[lane]]),
        np.array(steps),
        sets,
        np.array([bounds.start, bounds.stop]),
        np.empty((3, shape[axis] * LANES)),
        _flat(result),
    )


def _flat(array: AnyArray) -> AnyArray:
    """Return the memory from the first to the last voxel of a part of an array, flat."""
    last = sum((n - 1) * step for n, step in zip(array.shape, array.strides, strict=True))
    size = last // array.itemsize + 1
    return np.lib.stride_tricks.as_strided(array, (size,), (array.itemsize,))


def coefficients(sigma_mm: float, spacing_mm: float, order: int) -> list[float]:
    """Return the coefficients of the recursion that `filter_double_lines` takes.

    Parameters
    ----------
    sigma_mm, spacing_mm : float
    order : int
        0 smooths; 2 derives twice, times the variance in mm2 (normalised across scale).

    References
    ----------
    Farneback and Westin 2006; the response to a constant is 1, that of the second
    derivative to a parabola 2.
    """
    sigma = sigma_mm / spacing_mm
    waves = _Waves(sigma)
    d1, d2, d3, d4 = d = waves.denominator()
    total = 1 + d1 + d2 + d3 + d4
    n = waves.numerator(0)
    if order == 0:
        scale = 1.0 / (2 * _sum(n) / total - n[0])
    else:
        curved = waves.numerator(2)
        # A part of the smoothing takes the response to a constant away.
        beta = -(2 * _sum(curved) - total * curved[0]) / (2 * _sum(n) - total * n[0])
        sums = [one + beta * two for one, two in zip(_moments(curved), _moments(n), strict=True)]
        n = [one + beta * two for one, two in zip(curved, n, strict=True)]
        scale = sigma_mm * sigma_mm / _curvature(sums, d, total)
    n = [value * scale for value in n]
    m = [n[1] - d1 * n[0], n[2] - d2 * n[0], n[3] - d3 * n[0], -d4 * n[0]]
    ends = [[value * _sum(side) / total for value in d] for side in (n, m)]
    return [*n, *d, *m, *ends[0], *ends[1]]


def _sum(n: Sequence[float]) -> float:
    return n[0] + n[1] + n[2] + n[3]


def _moments(n: Sequence[float]) -> tuple[float, float, float]:
    """Return the sums of a numerator, times k and times k squared."""
    return _sum(n), n[1] + 2 * n[2] + 3 * n[3], n[1] + 4 * n[2] + 9 * n[3]


def _curvature(sums: Sequence[float], d: Sequence[float], total: float) -> float:
    """Return half the response of both directions to a parabola."""
    sn, dn, en = sums
    dd = d[0] + 2 * d[1] + 3 * d[2] + 4 * d[3]
    ed = d[0] + 4 * d[1] + 9 * d[2] + 16 * d[3]
    found = en * total * total - ed * sn * total - 2 * dn * dd * total + 2 * dd * dd * sn
    return found / (total * total * total)


class _Waves:
    """The two damped oscillations at one width in voxels; the order of the sums is ITK's."""

    def __init__(self, sigma: float) -> None:
        self.sines = [math.sin(w / sigma) for w in _FREQUENCY]
        self.cosines = [math.cos(w / sigma) for w in _FREQUENCY]
        self.decays = [math.exp(decay / sigma) for decay in _DECAY]

    def numerator(self, order: int) -> list[float]:
        (a1, a2), (b1, b2) = _COSINE[order], _SINE[order]
        (s1, s2), (c1, c2), (e1, e2) = self.sines, self.cosines, self.decays
        n1 = e2 * (b2 * s2 - (a2 + 2 * a1) * c2) + e1 * (b1 * s1 - (a1 + 2 * a2) * c1)
        n2 = ((a1 + a2) * c2 * c1 - (b1 * c2 * s1 + b2 * c1 * s2)) * (2 * e1 * e2)
        n2 += a2 * e1 * e1 + a1 * e2 * e2
        n3 = e2 * e1 * e1 * (b2 * s2 - a2 * c2) + e1 * e2 * e2 * (b1 * s1 - a1 * c1)
        return [a1 + a2, n1, n2, n3]

    def denominator(self) -> tuple[float, float, float, float]:
        (c1, c2), (e1, e2) = self.cosines, self.decays
        d1 = -2 * (e2 * c2 + e1 * c1)
        d2 = 4 * c2 * c1 * e1 * e2 + (e1 * e1 + e2 * e2)
        d3 = -2 * c1 * e1 * e2 * e2 + -2 * c2 * e2 * e1 * e1
        return d1, d2, d3, e1 * e1 * e2 * e2
