"""Diffusion as a measure of a case: its section ``adc:``, and how its images become maps."""

from __future__ import annotations

from functools import partial

from biomarker_cli.catalogue.case_image import CaseImage, ProposedRole
from biomarker_cli.diffusion.adc import AdcResult
from biomarker_cli.diffusion.declared import declared_adc
from biomarker_cli.diffusion.describing import image_description
from biomarker_cli.diffusion.maps import diffusion_maps
from biomarker_cli.diffusion.measuring import map_measurements
from biomarker_cli.diffusion.region_ivim import RegionIvim
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.imaging.prepared_image import PreparedImage, no_description, one_by_one
from biomarker_cli.model.version import __version__

SECTION = AdcRules
MODALITIES = ("MR",)
CASE_ROLE = "dwi"
ROLES = (ProposedRole("dwi", "MR", "dwi", "dwi-adc", split_by="b="),)
EVERY_VOLUME = True
derived_volume = None


def required_regions(rules: AdcRules) -> tuple[str, ...]:
    """Return the vials of the certificate: a phantom without one of them was not measured."""
    certificate = rules.phantom.certificate if rules.phantom is not None else None
    return tuple(vial.roi for vial in certificate.vials) if certificate is not None else ()


def engine(_rules: AdcRules) -> tuple[str, str]:
    """Return name and version of what computes."""
    return "biomarker", __version__


def prepare(image: CaseImage, rules: AdcRules, _context: object) -> PreparedImage:
    """Return the maps of the images of a case, with the statistics of its rules.

    Parameters
    ----------
    image : CaseImage
    rules : AdcRules

    Raises
    ------
    AdcError, ImageError, SeriesError
    """
    results = maps(image, rules)
    means = RegionIvim(results, rules)
    return PreparedImage(
        results[0].volume,
        one_by_one(
            lambda region, others: map_measurements(
                results, region, rules, means.of(region, others)
            )
        ),
        {result.image: result.derivation for result in results},
        no_description if image.is_declared else partial(image_description, rules),
        maps=results,
    )


def maps(image: CaseImage, rules: AdcRules) -> tuple[AdcResult, ...]:
    """Return the maps of an image, the main one first.

    Parameters
    ----------
    image : CaseImage
    rules : AdcRules

    Raises
    ------
    AdcError, ImageError, SeriesError
    """
    if image.is_declared:
        return (declared_adc(image.declared_volume(), rules),)
    return diffusion_maps(image.candidates(), rules, image.dicom)
