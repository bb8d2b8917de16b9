"""What measuring may cost: bounds that are looked at before memory is taken.

Each is far above what an image of a patient needs and far below what a machine has:
behind them stand a bin width, a spacing or a kernel that was meant otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from biomarker_cli.model.arrays import IntArray
from biomarker_cli.radiomics.errors import RadiomicsError

MOST_BINS = 2**20
"""Bins from the first to the one of the highest intensity: tables by grey level are that long."""

LEVELS_OF_A_RANK = 2**16 - 1
"""Different grey levels that a rank of 16 bits can tell apart."""

MOST_LEVELS: Mapping[str, int] = MappingProxyType(
    {
        # Of pairs of levels: time and memory grow with their square.
        "glcm": 2**12,
        "ngtdm": 2**12,
        "glrlm": LEVELS_OF_A_RANK,
        "glszm": LEVELS_OF_A_RANK,
        "gldzm": LEVELS_OF_A_RANK,
        "ngldm": LEVELS_OF_A_RANK,
    }
)
"""Different grey levels of a region by texture family; the others have `MOST_BINS` alone."""

MOST_BINS_OF_THE_PACKAGE = 2**10
"""Of texture by the package pyradiomics: its time grows with the cube of the bins."""

MOST_RUN_LENGTHS = 2**25
"""Levels times the longest possible run: what a table of runs holds, 128 MB."""

MOST_VOXELS = 2**30
"""Voxels of a grid that is resampled to: 8 GB."""

MOST_ALONG_AN_AXIS = 2**24
"""Voxels of such a grid along one axis."""

SHORTEST_REACH = 256
"""Voxels that the kernel of a filter may reach on an image of any size."""

_WIDER = "Name a wider bin or fewer bins, or look at the unit of the image."


def require_bins(number: float) -> None:
    """Refuse a discretisation whose tables would be too long.

    Parameters
    ----------
    number : float
        Bins from the first to the highest; may be infinite.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-MANY-LEVELS``.
    """
    if not number <= MOST_BINS:
        raise RadiomicsError(
            "RADIOMICS-MANY-LEVELS",
            f"expected at most {MOST_BINS} bins up to the highest intensity, found {number:.6g}",
            hint=_WIDER,
        )


def require_levels(levels: IntArray, families: Iterable[str], box: tuple[int, ...]) -> None:
    """Refuse a region of more grey levels than a texture family is measured on.

    Parameters
    ----------
    levels : ndarray, shape (n,)
        From 1 to `MOST_BINS`.
    families : iterable of str
        What is measured; families without a bound of their own are passed over.
    box : tuple of int
        Voxels of the region's box along each axis: no run is longer.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-MANY-LEVELS``.
    """
    most = {family: MOST_LEVELS[family] for family in families if family in MOST_LEVELS}
    if "glrlm" in most:
        most["glrlm"] = min(most["glrlm"], MOST_RUN_LENGTHS // max(box))
    if not most or int(levels.max()) <= min(most.values()):
        return
    found = int(np.count_nonzero(np.bincount(levels)))
    broken = {family: bound for family, bound in most.items() if found > bound}
    if broken:
        raise RadiomicsError(
            "RADIOMICS-MANY-LEVELS",
            f"found {found} different grey levels, expected at most "
            + ", ".join(f"{bound} for {family}" for family, bound in sorted(broken.items())),
            hint=_WIDER,
        )


def require_bins_of_the_package(bins: float) -> None:
    """Refuse texture of so many bins that the package pyradiomics would not come back.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-MANY-LEVELS``.
    """
    if not bins <= MOST_BINS_OF_THE_PACKAGE:
        raise RadiomicsError(
            "RADIOMICS-MANY-LEVELS",
            f"expected at most {MOST_BINS_OF_THE_PACKAGE} bins for texture by the engine "
            f"pyradiomics, found {bins:.6g}",
            hint=f"Set engine: native, which takes more. {_WIDER}",
        )


def require_axes(sizes: Sequence[float]) -> None:
    """Refuse to resample to more voxels along an axis than their places are kept for.

    Parameters
    ----------
    sizes : sequence of float
        Voxels along z, y, x; may be infinite.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-LARGE-GRID``.
    """
    if max(sizes) > MOST_ALONG_AN_AXIS:
        raise _large_grid(sizes, "the resampled image", f"{MOST_ALONG_AN_AXIS} along an axis")


def require_grid(sizes: Sequence[float], what: str) -> None:
    """Refuse to resample to more voxels than memory is taken for.

    Parameters
    ----------
    sizes : sequence of float
        Voxels along z, y, x; may be infinite.
    what : str
        That would have them.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-LARGE-GRID``.
    """
    if not math.prod(sizes) <= MOST_VOXELS:
        raise _large_grid(sizes, what, f"{MOST_VOXELS}")


def _large_grid(sizes: Sequence[float], what: str, most: str) -> RadiomicsError:
    return RadiomicsError(
        "RADIOMICS-LARGE-GRID",
        f"{what} would have {' x '.join(f'{n:.6g}' for n in sizes)} voxels (z, y, x), "
        f"expected at most {most}",
        hint="Look at spacing_mm of the interpolation: it is in mm.",
    )


def require_reach(name: str, reach_voxels: float, shape: tuple[int, ...]) -> None:
    """Refuse a filter that reaches far beyond the image.

    Parameters
    ----------
    name : str
        Of the filtered image.
    reach_voxels : float
        How far its kernel goes to one side; may be infinite.
    shape : tuple of int
        Of the image.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-LARGE-FILTER``.
    """
    most = max(SHORTEST_REACH, 2 * max(shape))
    if not reach_voxels <= most:
        raise RadiomicsError(
            "RADIOMICS-LARGE-FILTER",
            f"the kernel of {name} reaches {reach_voxels:.6g} voxels, on this image of "
            f"{' x '.join(map(str, shape))} (z, y, x) at most {most} make sense",
            hint="Look at the size of the filter: sigma and wavelength are in mm.",
        )
