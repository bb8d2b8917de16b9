"""Apply the filters of IBSI-2 that the rules name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.radiomics.filters.classic import laws_response, log_response, mean_response
from biomarker_cli.radiomics.filters.ibsi_rules import (
    GaborFilter,
    LawsFilter,
    LogFilter,
    MeanFilter,
    SimoncelliFilter,
    WaveletFilter,
)
from biomarker_cli.radiomics.filters.oriented import gabor_response, simoncelli_response
from biomarker_cli.radiomics.filters.pyradiomics_rules import PyradiomicsFilter
from biomarker_cli.radiomics.filters.riesz import riesz_images
from biomarker_cli.radiomics.filters.riesz_rules import RieszLogFilter, RieszSimoncelliFilter
from biomarker_cli.radiomics.filters.rules import FilterRules, Unfiltered
from biomarker_cli.radiomics.filters.wavelets import wavelet_response


def filtered_images(
    image: FloatArray, spacing_zyx: tuple[float, float, float], rules: FilterRules, planar: bool
) -> Iterator[tuple[str, FloatArray]]:
    """Yield name and voxels of each image that a filter gives.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
        The whole image: filters look beyond regions.
    spacing_zyx : tuple of float
    rules : filter
    planar : bool
        Slice by slice.

    References
    ----------
    IBSI-2 reference manual (arXiv 2006.05470); Whybra et al. 2024,
    Radiology 310:e231319.
    """
    names = rules.image_names(2 if planar else 3)
    match rules:
        case Unfiltered():
            yield names[0], image
        case MeanFilter():
            yield names[0], mean_response(image, rules, planar)
        case LogFilter():
            yield from _log_images(image, rules, spacing_zyx, planar)
        case LawsFilter():
            yield names[0], laws_response(image, rules, planar)
        case GaborFilter():
            yield names[0], gabor_response(image, rules, spacing_zyx)
        case WaveletFilter():
            yield names[0], wavelet_response(image, rules)
        case SimoncelliFilter():
            yield names[0], simoncelli_response(image, rules, planar)
        case RieszLogFilter() | RieszSimoncelliFilter():
            yield from riesz_images(image, rules, spacing_zyx)
        case PyradiomicsFilter():
            raise ValueError(f"the filter {rules.filter!r} belongs to pyradiomics")
        case _:
            assert_never(rules)


def _log_images(
    image: FloatArray, rules: LogFilter, spacing_zyx: tuple[float, float, float], planar: bool
) -> Iterator[tuple[str, FloatArray]]:
    for name, sigma in zip(rules.image_names(2 if planar else 3), rules.sigma_mm, strict=True):
        yield name, log_response(image, sigma, rules, spacing_zyx, planar)
