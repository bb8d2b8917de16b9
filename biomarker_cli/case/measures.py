"""The table of measures: which room measures what.

A room is loaded when its measure is asked for: a case loads the room of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from pydantic import BaseModel

    from biomarker_cli.catalogue.case_image import CaseImage, ProposedRole
    from biomarker_cli.imaging.prepared_image import DerivedVolume, PreparedImage
    from biomarker_cli.imaging.quantity_map import QuantityMap
    from biomarker_cli.imaging.volume import Volume
    from biomarker_cli.pet.rules import ClinicalForm, Override

MEASURES: Mapping[str, str] = MappingProxyType(
    {
        "radiomics": "biomarker_cli.radiomics.measure",
        "suv": "biomarker_cli.pet.measure",
        "adc": "biomarker_cli.diffusion.measure",
        "t1": "biomarker_cli.perfusion.t1_measure",
        "dce": "biomarker_cli.perfusion.dce_measure",
        "dsc": "biomarker_cli.perfusion.dsc_measure",
        "size": "biomarker_cli.size.measure",
    }
)
"""Measure -> module of its room that fulfils `MeasureRoom`.

The name is the word of ``extract`` and of ``measure:`` in an analysis protocol, and the
key of the section that the room defines there.
"""


@dataclass(frozen=True)
class MeasureContext:
    """What a measure may ask of its case beside the image.

    Attributes
    ----------
    form : ClinicalForm or None
        Values of the case report form.
    overrides : tuple of Override
        Header values that a person answers for.
    quantity_of : callable
        From a volume to what the other sections of the analysis make of it.
    images : mapping
        All images of the case by name, the one that is measured among them.
    """

    form: ClinicalForm | None
    overrides: tuple[Override, ...]
    quantity_of: Callable[[Volume], DerivedVolume]
    images: Mapping[str, CaseImage]


Maps = Callable[["CaseImage", Any], "Sequence[QuantityMap]"]
"""Makes the maps of an image by the rules of a section."""

RequiredRegions = Callable[[Any], "tuple[str, ...]"]
"""Returns the regions that must be there by the rules of a section, such as certified vials."""

Derive = Callable[["Volume", Any, MeasureContext], "DerivedVolume | None"]
"""Turns a volume into a quantity by the rules of a section; None where it is not of its kind."""


class MeasureRoom(Protocol):
    """What ``measure.py`` of a biomarker room offers; `rules` are always of its `SECTION`."""

    @property
    def SECTION(self) -> type[BaseModel]:  # noqa: N802 - a constant of the module
        """Model of its section of the analysis protocol."""

    @property
    def MODALITIES(self) -> tuple[str, ...]:  # noqa: N802 - a constant of the module
        """DICOM modalities that it measures; empty means any."""

    @property
    def CASE_ROLE(self) -> str:  # noqa: N802 - a constant of the module
        """Image role in the id of a case that has no study."""

    @property
    def ROLES(self) -> tuple[ProposedRole, ...]:  # noqa: N802 - a constant of the module
        """Image roles that a new study gives it."""

    @property
    def EVERY_VOLUME(self) -> bool:  # noqa: N802 - a constant of the module
        """Whether it measures all volumes of an image, such as one for each b-value.

        Others measure the one that the segmentation was made on.
        """

    @property
    def derived_volume(self) -> Derive | None:
        """Makes the volume that another measure of the same analysis measures."""

    @property
    def required_regions(self) -> RequiredRegions | None:
        """Names the regions that its rules ask for; None where they ask for none."""

    @property
    def maps(self) -> Maps | None:
        """Makes its maps, for who keeps them; None where it makes none."""

    def engine(self, rules: Any, /) -> tuple[str, str]:
        """Return name and version of what computes."""

    def prepare(self, image: CaseImage, rules: Any, context: MeasureContext, /) -> PreparedImage:
        """Return the image in the quantity that is measured, and what measures its regions."""


def measure_names() -> tuple[str, ...]:
    """Return the names of all measures; no room is loaded for them."""
    return tuple(MEASURES)


def measure_room(name: str) -> MeasureRoom:
    """Return the room of a measure."""
    return cast("MeasureRoom", import_module(MEASURES[name]))


def proposed_roles() -> tuple[ProposedRole, ...]:
    """Return the roles of all measures for the images of a new study, the narrower ones first."""
    roles = [role for name in MEASURES for role in measure_room(name).ROLES]
    return tuple(sorted(roles, key=lambda role: not role.is_narrow))


if TYPE_CHECKING:
    from biomarker_cli.diffusion import measure as diffusion
    from biomarker_cli.perfusion import dce_measure as dce
    from biomarker_cli.perfusion import dsc_measure as dsc
    from biomarker_cli.perfusion import t1_measure as t1
    from biomarker_cli.pet import measure as pet
    from biomarker_cli.radiomics import measure as radiomics
    from biomarker_cli.size import measure as size

    _FULFILLED: tuple[MeasureRoom, ...] = (radiomics, pet, diffusion, t1, dce, dsc, size)
