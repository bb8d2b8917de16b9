"""How far the kernels of the filters of IBSI-2 reach, known before one is made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from biomarker_cli.radiomics.bounds import require_reach
from biomarker_cli.radiomics.filters.ibsi_rules import (
    GaborFilter,
    LawsFilter,
    LogFilter,
    MeanFilter,
    SimoncelliFilter,
    WaveletFilter,
)
from biomarker_cli.radiomics.filters.oriented import gabor_reach
from biomarker_cli.radiomics.filters.pyradiomics_rules import PyradiomicsFilter
from biomarker_cli.radiomics.filters.riesz_rules import RieszLogFilter, RieszSimoncelliFilter
from biomarker_cli.radiomics.filters.rules import FilterRules, Unfiltered
from biomarker_cli.radiomics.filters.wavelets import taps_of

Spacing = tuple[float, float, float]


def require_sizes(
    images: Iterable[FilterRules], shape: tuple[int, ...], spacing_zyx: Spacing, planar: bool
) -> None:
    """Refuse filters that reach far beyond an image.

    Parameters
    ----------
    images : iterable of filters
    shape : tuple of int
        Of the image that is filtered, z, y, x.
    spacing_zyx : tuple of float
        In mm.
    planar : bool
        Slice by slice.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-LARGE-FILTER``.
    """
    dimensions = 2 if planar else 3
    finest_mm = min(spacing_zyx[-dimensions:])
    for rules in images:
        # One of several widths has a name for each.
        for name, reach in zip(
            rules.image_names(dimensions), _reaches(rules, finest_mm), strict=False
        ):
            require_reach(name, reach, shape)


def _reaches(rules: FilterRules, step_mm: float) -> list[float]:
    """Return how many voxels each kernel reaches to one side; none where it has no kernel."""
    match rules:
        case MeanFilter():
            return [rules.support_voxels / 2]
        case LogFilter() | RieszLogFilter():
            return [rules.truncation * (sigma / step_mm) for sigma in rules.sigma_mm]
        case LawsFilter():
            return [float(rules.energy_distance_voxels or 0)]
        case GaborFilter():
            return [gabor_reach(rules, step_mm)]
        case WaveletFilter():
            return [taps_of(rules.wavelet) * 2.0 ** (rules.level - 1) / 2]
        case Unfiltered() | SimoncelliFilter() | RieszSimoncelliFilter() | PyradiomicsFilter():
            return []
        case _:
            assert_never(rules)
