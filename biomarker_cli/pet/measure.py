"""PET as a measure of a case: its section ``suv:``, and how its image becomes SUV."""

from __future__ import annotations

from typing import Protocol

from biomarker_cli.catalogue.case_image import CaseImage, ProposedRole
from biomarker_cli.imaging.prepared_image import DerivedVolume, PreparedImage, one_by_one
from biomarker_cli.imaging.quantity_map import QuantityMap
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import STORED_PET
from biomarker_cli.model.version import __version__
from biomarker_cli.pet.rules import ClinicalForm, Override, SuvRules
from biomarker_cli.pet.suv import declared_suv, suv_volume
from biomarker_cli.pet.uptake import uptake_measurements

SECTION = SuvRules
MODALITIES = ("PT",)
CASE_ROLE = "pet"
ROLES = (ProposedRole("pet", "PT", "base-pet", "fdg-suv"),)
EVERY_VOLUME = False
maps = None
required_regions = None


class PatientEntries(Protocol):
    """What the case says of its patient beside the header."""

    @property
    def form(self) -> ClinicalForm | None:
        """Values of the case report form."""

    @property
    def overrides(self) -> tuple[Override, ...]:
        """Header values that a person answers for."""


def engine(_rules: SuvRules) -> tuple[str, str]:
    """Return name and version of what computes."""
    return "biomarker", __version__


def derived_volume(
    volume: Volume, rules: SuvRules, context: PatientEntries
) -> DerivedVolume | None:
    """Return the SUV map of a PET volume; None for a volume of another quantity.

    Raises
    ------
    SuvError
        Every reason why no SUV is made; see docs/errors/pet.md.
    """
    if volume.quantity != STORED_PET:
        return None
    result = suv_volume(volume, rules, context.form, context.overrides)
    return DerivedVolume(result.volume, result.derivation)


def prepare(image: CaseImage, rules: SuvRules, context: PatientEntries) -> PreparedImage:
    """Return the SUV map of the image of a case, with the uptake metrics of its rules.

    Parameters
    ----------
    image : CaseImage
    rules : SuvRules
    context : PatientEntries

    Raises
    ------
    SuvError, ImageError
    """
    if image.is_declared:
        result = declared_suv(image.declared_volume(), rules)
    else:
        result = suv_volume(image.volume(), rules, context.form, context.overrides)
    return PreparedImage(
        result.volume,
        one_by_one(lambda region, others: uptake_measurements(result, region, rules, others)),
        result.derivation,
        maps=(QuantityMap(result.volume, result.image, result.derivation),),
    )
