"""The stationary wavelet transform on a box, with the bits of PyWavelets' whole image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from biomarker_cli.imaging.boxes import Box
from biomarker_cli.kernels.compiled import convolve_lines, convolve_rows
from biomarker_cli.model.arrays import AnyArray, FloatArray, IntArray
from biomarker_cli.radiomics.filters.pyradiomics_rules import PyradiomicsWavelet


def wavelet_images(
    image: AnyArray, box: Box, rules: PyradiomicsWavelet, axes: tuple[int, ...]
) -> Iterator[tuple[str, FloatArray]]:
    """Yield name and voxels inside a box of each band.

    The transform is taken on the box and what its kernels reach. The image goes on
    periodically; an odd axis first gets one voxel more, from its other end. Sums are
    taken in the order of PyWavelets: in constant regions the detail is nothing but
    rounding, and its sign decides the bin at an edge of 0.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
        Of any real type.
    box : tuple of slice
    rules : PyradiomicsWavelet
    axes : tuple of int
        Axes of the array that are transformed, in the order of the letters.
    """
    bank = FilterBank.of(rules.wavelet)
    total = rules.start_level + rules.levels
    # The package uses the same kernels on every level, without zeros between their taps.
    part = _surroundings(image, box, axes, bank, total)
    names = iter(rules.image_names(len(axes)))
    for level in range(total):
        margin = total - 1 - level
        inner = tuple(
            slice(bank.before * margin, bank.before * margin + bounds.stop - bounds.start)
            if axis in axes
            else slice(None)
            for axis, bounds in enumerate(box)
        )
        bands = _bands(part, axes, bank)
        part = next(bands)
        for band in bands:
            if level >= rules.start_level:
                yield next(names), band.voxels[inner]
    yield next(names), part.voxels


def single_wavelet_images(
    image: AnyArray, box: Box, rules: PyradiomicsWavelet, axes: tuple[int, ...]
) -> Iterator[tuple[str, AnyArray]]:
    """Yield what `wavelet_images` does, in single precision, by PyWavelets on the whole image.

    Parameters
    ----------
    image : ndarray of float32, shape (z, y, x)
    box, rules, axes
        As for `wavelet_images`.
    """
    import pywt

    wavelet = pywt.Wavelet(rules.wavelet)
    part = np.pad(image, [(0, length % 2) for length in image.shape], "wrap")
    names = iter(rules.image_names(len(axes)))
    for level in range(rules.start_level + rules.levels):
        bands = pywt.swtn(part, wavelet, level=1, start_level=0, axes=axes)[0]
        part = bands.pop("a" * len(axes))
        if level >= rules.start_level:
            for band in sorted(bands):
                yield next(names), bands[band][box]
    yield next(names), part[box]


@dataclass(frozen=True)
class FilterBank:
    """The kernels of a wavelet.

    Attributes
    ----------
    low, high : ndarray, shape (taps,)
    before, after : int
        How far the kernels reach from a voxel.
    """

    low: FloatArray
    high: FloatArray
    before: int
    after: int

    @classmethod
    def of(cls, name: str) -> FilterBank:
        """Take the kernels from PyWavelets."""
        import pywt

        wavelet = pywt.Wavelet(name)
        low, high = (np.array(taps, dtype=np.float64) for taps in (wavelet.dec_lo, wavelet.dec_hi))
        return cls(low, high, low.size - 1 - low.size // 2, low.size // 2)


@dataclass(frozen=True)
class _Part:
    """A part of the periodic image.

    Attributes
    ----------
    voxels : ndarray, shape (z, y, x)
    places : tuple of ndarray of int64
        Place of each voxel in the period, by axis.
    periods : tuple of int
    """

    voxels: FloatArray
    places: tuple[IntArray, ...]
    periods: tuple[int, ...]


def _surroundings(
    image: AnyArray, box: Box, axes: tuple[int, ...], bank: FilterBank, levels: int
) -> _Part:
    """Return the box and what the kernels of all levels reach around it."""
    periods = tuple(length + length % 2 for length in image.shape)
    places = tuple(
        np.arange(bounds.start - bank.before * levels, bounds.stop + bank.after * levels) % period
        if axis in axes
        else np.arange(bounds.start, bounds.stop)
        for axis, (bounds, period) in enumerate(zip(box, periods, strict=True))
    )
    # The voxel that makes an odd axis even is the first one once more.
    known = [
        np.where(own == length, 0, own) for own, length in zip(places, image.shape, strict=True)
    ]
    return _Part(image[np.ix_(*known)].astype(np.float64, order="C"), places, periods)


def _bands(part: _Part, axes: tuple[int, ...], bank: FilterBank) -> Iterator[_Part]:
    """Yield the bands in the order of their letters, L before H, the first axis slowest."""
    if not axes:
        yield part
        return
    for taps in (bank.low, bank.high):
        yield from _bands(_along(part, axes[0], taps, bank), axes[1:], bank)


def _along(part: _Part, axis: int, taps: FloatArray, bank: FilterBank) -> _Part:
    """Convolve along one axis, which gets shorter by what the kernel reaches."""
    own = part.places[axis]
    kept = own[bank.before : own.size - bank.after]
    wrapped = np.clip(kept + bank.after - part.periods[axis] + 1, 0, taps.size)
    shape = list(part.voxels.shape)
    shape[axis] = kept.size
    result = np.empty(shape)
    if axis == len(shape) - 1:
        lines = part.voxels.reshape(-1, own.size)
        convolve_lines(lines, taps, wrapped, result.reshape(-1, kept.size))
    else:
        outer = int(np.prod(shape[:axis]))
        rows = part.voxels.reshape(outer, own.size, -1)
        convolve_rows(rows, taps, wrapped, result.reshape(outer, kept.size, -1))
    places = tuple(kept if number == axis else old for number, old in enumerate(part.places))
    return _Part(result, places, part.periods)
