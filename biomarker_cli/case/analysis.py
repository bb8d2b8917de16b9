"""The analysis protocol: the rooms' typed sections, composed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, PlainValidator, create_model, model_validator

from biomarker_cli.case.measures import measure_names, measure_room
from biomarker_cli.case.plausibility import PlausibleHu
from biomarker_cli.protocol.document import ProtocolDocument, ProtocolHeader, Strict
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.protocol.pickling import PickledOnce
from biomarker_cli.regions.rules import RegionRules, RoiNames

if TYPE_CHECKING:
    from biomarker_cli.case.measures import MeasureRoom


class MeasurableImages(Strict):
    """Which images an analysis may measure; without a modality, any.

    Attributes
    ----------
    modality : str or tuple of str
        DICOM modality, or a list of them.
    """

    modality: str | tuple[str, ...] = ()

    @property
    def modalities(self) -> tuple[str, ...]:
        """The DICOM modalities; empty means any."""
        return (self.modality,) if isinstance(self.modality, str) else self.modality


class AnalysisProtocol(ProtocolHeader):
    """Everything that moves a number; the sections of measures stand beside these fields.

    Attributes
    ----------
    applies_to : MeasurableImages
    measure : str
        Which room measures: a name of the table of measures. The section of that name
        must stand. Those of others may stand beside it: a radiomics analysis of PET
        with ``suv`` measures the SUV map.
    regions : RegionRules
        How segmentations become voxels.
    rois : RoiNames, optional
        Map from the names of sites to canonical ones; a study's map goes first.
    plausible_hu : PlausibleHu
        Which numbers a CT can measure.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    applies_to: MeasurableImages
    measure: str
    regions: RegionRules
    rois: RoiNames | None = None
    plausible_hu: PlausibleHu = PlausibleHu()

    @model_validator(mode="after")
    def _has_its_section(self) -> AnalysisProtocol:
        if self.section(self.measure) is None:
            raise ValueError(f"measure is {self.measure!r}, but there is no section of that name")
        return self

    def section(self, measure: str) -> BaseModel | None:
        """Return the section of a measure, None where there is none."""
        found: BaseModel | None = getattr(self, measure)
        return found


def _section_of(measure: str, value: Any) -> BaseModel | None:
    """Return a section by the model of its room, which is loaded when a protocol holds one.

    What the room finds wrong is told with the place in the whole protocol.
    """
    return None if value is None else measure_room(measure).SECTION.model_validate(value)


_FIELDS: Any = {
    "measure": (Literal[measure_names()], ...),
    **{
        name: (Annotated[Any, PlainValidator(partial(_section_of, name))], None)
        for name in measure_names()
    },
}

AnalysisFile = create_model(
    "AnalysisFile",
    __base__=AnalysisProtocol,
    __module__=__name__,
    **_FIELDS,
)
"""An analysis protocol with a field for the section of each measure of the table."""


@dataclass(frozen=True)
class Analysis(PickledOnce):
    """A validated analysis protocol with its identity."""

    protocol: AnalysisProtocol
    document: ProtocolDocument

    @property
    def ident(self) -> str:
        """``id@version``."""
        return self.document.ident

    @property
    def room(self) -> MeasureRoom:
        """The room that measures."""
        return measure_room(self.protocol.measure)

    @property
    def rules(self) -> BaseModel:
        """The section of the measure."""
        rules = self.protocol.section(self.protocol.measure)
        assert rules is not None  # noqa: S101 - held by the protocol model
        return rules

    @property
    def modalities(self) -> tuple[str, ...]:
        """DICOM modalities that it may measure; empty means any."""
        return self.protocol.applies_to.modalities or self.room.MODALITIES

    @property
    def engine(self) -> tuple[str, str]:
        """Name and version of what computes."""
        return self.room.engine(self.rules)


def load_analysis(wanted: str) -> Analysis:
    """Load ``id[@version]`` or a file.

    Raises
    ------
    ProtocolError
        Where the protocol is absent or invalid.
    """
    document = load_document(ProtocolKind.ANALYSIS, wanted)
    return Analysis(validate_section(AnalysisFile, document), document)
