"""Radiomics as a measure of a case: its section ``radiomics:``, for images of any modality."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from biomarker_cli.catalogue.case_image import CaseImage, ProposedRole
from biomarker_cli.imaging.prepared_image import DerivedVolume, PreparedImage
from biomarker_cli.imaging.quantity_map import QuantityMap
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import STORED_PET
from biomarker_cli.radiomics.describing import image_description, is_ibsi_benchmarked
from biomarker_cli.radiomics.measuring import engine_identity, radiomics_of_regions
from biomarker_cli.radiomics.rules import RadiomicsRules

SECTION = RadiomicsRules
MODALITIES = ()
CASE_ROLE = "image"
ROLES = (
    ProposedRole("ct", "CT", "base-ct", "radiomics-ct"),
    ProposedRole("mr", "MR", "base-mr", "radiomics-mr"),
)
EVERY_VOLUME = False
derived_volume = None
required_regions = None
maps = None


class OtherSections(Protocol):
    """What the other sections of the analysis make of a volume."""

    def quantity_of(self, volume: Volume, /) -> DerivedVolume:
        """Return the volume in the quantity that they say, or as it is."""


def engine(rules: RadiomicsRules) -> tuple[str, str]:
    """Return name and version of what computes.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-ENGINE-ABSENT``.
    """
    return engine_identity(rules)


def prepare(image: CaseImage, rules: RadiomicsRules, context: OtherSections) -> PreparedImage:
    """Return the image of a case, with the features of its rules.

    Parameters
    ----------
    image : CaseImage
    rules : RadiomicsRules
    context : OtherSections
        A section ``suv:`` beside ours makes the SUV map of PET.

    Raises
    ------
    CaseError
        Where the volume cannot be read, or does not become the quantity asked for.
    """
    derived = context.quantity_of(image.volume())
    volume = derived.volume
    if volume.quantity == STORED_PET:
        volume = volume.with_array(volume.array, volume.quantity, "pet_stored_values")
    return PreparedImage(
        volume,
        lambda regions: dict(radiomics_of_regions(volume, regions, rules)),
        derived.derivation,
        partial(image_description, rules),
        partial(is_ibsi_benchmarked, rules),
        _maps(volume, derived.derivation),
    )


def _maps(volume: Volume, derivation: Mapping[str, Any]) -> tuple[QuantityMap, ...]:
    """Return the map that the features are of; none where the image is taken as it was stored."""
    if not derivation:
        return ()
    return (QuantityMap(volume, volume.quantity.name, dict(derivation)),)
