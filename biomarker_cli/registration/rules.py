"""The typed file of a registration protocol, format ``biomarker-registration/1``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from biomarker_cli.protocol.document import (
    ProtocolDocument,
    ProtocolHeader,
    Strict,
)
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.protocol.pickling import PickledOnce
from biomarker_cli.registration.deformable.rules import DemonsRules

Modality = Literal["CT", "MR", "PT"]
Shrink = Annotated[int, Field(ge=1, le=32)]


class Metric(Strict):
    """How alike two images are; the optimiser makes it smaller."""

    name: Literal["mattes_mutual_information"] = "mattes_mutual_information"
    bins: int = Field(default=32, ge=8, le=256)


class Sampling(Strict):
    """Which points of the fixed image the metric is computed at."""

    strategy: Literal["regular"] = "regular"
    points: int = Field(default=20_000, ge=500, le=2_000_000)
    seed: int = Field(default=42, ge=1, le=2**31 - 1)


class Level(Strict):
    """One resolution, from coarse to fine."""

    shrink: Shrink
    smoothing_mm: float = Field(ge=0, le=50)


class Optimiser(Strict):
    """Steps of a length that is cut where the gradient turns."""

    name: Literal["regular_step_gradient_descent"] = "regular_step_gradient_descent"
    step_mm: float = Field(default=4.0, gt=0, le=20)
    least_step_mm: float = Field(default=1e-4, gt=0, le=1)
    iterations: int = Field(default=1500, ge=10, le=5000)
    relaxation: float = Field(default=0.95, gt=0, lt=1)


class RigidRules(Strict):
    """A rotation and a translation; it turns about the centre of the fixed image."""

    start: Literal["header"] = "header"
    metric: Metric = Metric()
    sampling: Sampling = Sampling()
    levels: tuple[Level, ...] = Field(min_length=1, max_length=8)
    optimiser: Optimiser = Optimiser()


class FigureLimit(Strict):
    """Where a figure asks for a person, and where it fails the registration."""

    review: float | None = None
    fail: float | None = None

    @property
    def is_asked(self) -> bool:
        """Whether there is a limit: what has none is not computed."""
        return self.review is not None or self.fail is not None


class Restarts(Strict):
    """Further alignments from moved starts."""

    number: int = Field(default=3, ge=1, le=12)
    shift_mm: float = Field(default=5.0, gt=0, le=50)
    rotation_deg: float = Field(default=5.0, ge=0, le=45)


class Checks(Strict):
    """The figures that are held against limits; one without a limit is not computed."""

    overlap_percent: FigureLimit = FigureLimit()
    restart_spread_mm: FigureLimit = FigureLimit()
    inverse_consistency_mm: FigureLimit = FigureLimit()
    displacement_same_frame_mm: FigureLimit = FigureLimit()
    displacement_other_frame_mm: FigureLimit = FigureLimit()
    rotation_deg: FigureLimit = FigureLimit()
    similarity: FigureLimit = FigureLimit()
    mirror_gain: FigureLimit = FigureLimit()
    restart_gain: FigureLimit = FigureLimit()
    deformed_similarity: FigureLimit = FigureLimit()
    deformed_inverse_mm: FigureLimit = FigureLimit()
    folded_percent: FigureLimit = FigureLimit()
    jacobian_min: FigureLimit = FigureLimit()
    jacobian_max: FigureLimit = FigureLimit()
    volume_change_percent: FigureLimit = FigureLimit()
    cut_percent: FigureLimit = FigureLimit()
    restarts: Restarts = Restarts()


class ModalityPairs(Strict):
    """Pairs of modalities, fixed and moving; empty for all."""

    pairs: tuple[tuple[Modality, Modality], ...] = ()


class RegistrationFile(ProtocolHeader, Strict):
    """A file ``biomarker-registration/1``."""

    format: Literal["biomarker-registration/1"]
    applies_to: ModalityPairs = ModalityPairs()
    transform: Literal["none", "rigid", "demons"]
    review: Literal["never", "always"] = "never"
    rigid: RigidRules | None = None
    demons: DemonsRules | None = None
    checks: Checks = Checks()

    @model_validator(mode="after")
    def _is_whole(self) -> RegistrationFile:
        sections = {"none": (), "rigid": ("rigid",), "demons": ("rigid", "demons")}
        for name in ("rigid", "demons"):
            if (getattr(self, name) is not None) != (name in sections[self.transform]):
                verb = "needs a" if name in sections[self.transform] else "has no"
                raise ValueError(f"transform {self.transform} {verb} section {name}")
        if self.demons is not None and self.applies_to.pairs != (("CT", "CT"),):
            raise ValueError("transform demons takes the pair [CT, CT] alone: it needs like values")
        return self


@dataclass(frozen=True)
class RegistrationProtocol(PickledOnce):
    """A registration protocol with its identity."""

    file: RegistrationFile
    document: ProtocolDocument

    @property
    def ident(self) -> str:
        """``id@version``."""
        return self.document.ident


def load_registration(wanted: str) -> RegistrationProtocol:
    """Load ``id[@version]`` or a file.

    Raises
    ------
    ProtocolError
        Where the protocol is absent or invalid.
    """
    document = load_document(ProtocolKind.REGISTRATION, wanted)
    return RegistrationProtocol(validate_section(RegistrationFile, document), document)
