"""The analysis protocol: the rooms' typed sections, composed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, PlainValidator, model_validator

from biomarker_cli.case.plausibility import PlausibleHu
from biomarker_cli.protocol.document import ProtocolDocument, ProtocolHeader, Strict
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.regions.rules import RegionRules, RoiNames


def _section(module: str, name: str) -> Any:
    """Return the type of a section whose room is loaded when a protocol holds it.

    What the room finds wrong is told with the place in the whole protocol.
    """

    def validated(value: Any) -> Any:
        if value is None:
            return None
        model: type[BaseModel] = getattr(import_module(module), name)
        return model.model_validate(value)

    return Annotated[Any, PlainValidator(validated)]


if TYPE_CHECKING:
    from biomarker_cli.diffusion.rules import AdcRules
    from biomarker_cli.pet.rules import SuvRules
    from biomarker_cli.radiomics.rules import RadiomicsRules

    RadiomicsSection = RadiomicsRules | None
    SuvSection = SuvRules | None
    AdcSection = AdcRules | None
else:
    RadiomicsSection = _section("biomarker_cli.radiomics.rules", "RadiomicsRules")
    SuvSection = _section("biomarker_cli.pet.rules", "SuvRules")
    AdcSection = _section("biomarker_cli.diffusion.rules", "AdcRules")

Measure = Literal["radiomics", "suv", "adc"]


class AppliesTo(Strict):
    """Which images an analysis may measure; without a modality, any."""

    modality: str | tuple[str, ...] = ()

    @property
    def modalities(self) -> tuple[str, ...]:
        """The DICOM modalities; empty means any."""
        return (self.modality,) if isinstance(self.modality, str) else self.modality


class AnalysisProtocol(ProtocolHeader):
    """Everything that moves a number.

    Attributes
    ----------
    applies_to : AppliesTo
    measure : str
        Which room measures: ``radiomics``, ``suv`` or ``adc``.
    regions : RegionRules
        How segmentations become voxels.
    rois : RoiNames, optional
        Map from the names of sites to canonical ones; a study's map goes first.
    plausible_hu : PlausibleHu
        Which numbers a CT can measure.
    radiomics, suv, adc : rules, optional
        The section named like `measure` must stand. A radiomics analysis of PET
        may hold ``suv`` as well: its image is then the SUV map.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    applies_to: AppliesTo
    measure: Measure
    regions: RegionRules
    rois: RoiNames | None = None
    plausible_hu: PlausibleHu = PlausibleHu()
    radiomics: RadiomicsSection = None
    suv: SuvSection = None
    adc: AdcSection = None

    @model_validator(mode="after")
    def _has_its_section(self) -> AnalysisProtocol:
        if getattr(self, self.measure) is None:
            raise ValueError(f"measure is {self.measure!r}, but there is no section of that name")
        return self


@dataclass(frozen=True)
class Analysis:
    """A validated analysis protocol with its identity."""

    protocol: AnalysisProtocol
    document: ProtocolDocument

    @property
    def ident(self) -> str:
        """``id@version``."""
        return self.document.ident


def load_analysis(wanted: str) -> Analysis:
    """Load ``id[@version]`` or a file.

    Raises
    ------
    ProtocolError
        Where the protocol is absent or invalid.
    """
    document = load_document(ProtocolKind.ANALYSIS, wanted)
    return Analysis(validate_section(AnalysisProtocol, document), document)
