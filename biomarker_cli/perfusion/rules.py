"""The section ``dce:`` of an analysis protocol, and what others share of it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from biomarker_cli.perfusion.population_inputs import POPULATION_INPUTS
from biomarker_cli.perfusion.relaxivity import RELAXIVITY_PER_S_MM
from biomarker_cli.protocol.document import Strict
from biomarker_cli.statistics.intensity import known_statistics

Positive = Annotated[float, Field(gt=0)]
Level = Literal["region", "voxel"]


class B1Rules(Strict):
    """The map of the transmit field among the images, which scales every flip angle.

    Attributes
    ----------
    text : str
        Part of its SeriesDescription or ImageType, in any case of letters.
    nominal_value : float
        Its value where the flip angle is the nominal one, such as 100 of a map in percent.
    """

    text: str = Field(min_length=3)
    nominal_value: Positive


class BaselineRules(Strict):
    """Which frames lie before the contrast agent.

    Attributes
    ----------
    skip_frames : int
        Left out at the start, where the signal is not steady yet.
    frames : int
        How many follow; the bolus must arrive after them.
    """

    skip_frames: int = Field(default=1, ge=0)
    frames: int = Field(ge=1)

    @property
    def end(self) -> int:
        """First frame behind them."""
        return self.skip_frames + self.frames


class MotionRules(Strict):
    """Correct motion: every frame is moved onto a late one, and those that cannot be are left out.

    Regions must be drawn on the reference, whose place all frames take. Images of other flip
    angles stay where they are.

    Attributes
    ----------
    protocol : str
        Registration protocol as ``id@version``, such as ``rigid-frames@0.1.0``; a frame whose
        registration is not ok by it is dropped.
    protocol_sha256 : str
        Its digest: the analysis stands for one text of the protocol, another is refused.
    reference_at : float
        Place of the reference among the frames: 1 the last, 0.9 nine tenths of the way.
    drop_above_mm : float
        A frame in which a point of the body moved farther is dropped.
    max_dropped_share : float
        Share of the frames above which the series is refused.
    """

    protocol: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*@[0-9]+\.[0-9]+\.[0-9]+$")]
    protocol_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    reference_at: float = Field(default=1.0, ge=0.5, le=1)
    drop_above_mm: Positive
    max_dropped_share: float = Field(default=0.2, ge=0, lt=1)


class FixedT10(Strict):
    """One T1 before contrast for every voxel; rows carry ``t10_assumed``.

    Attributes
    ----------
    t1_ms : float
        T1 before contrast.
    """

    source: Literal["fixed"]
    t1_ms: Positive


class MeasuredT10(Strict):
    """T1 before contrast from the images of other flip angles beside the dynamic series.

    Attributes
    ----------
    fit : str
        ``nonlinear`` fits the signal, ``linear`` its transform alone.
    b1 : B1Rules, optional
        Scales the flip angles of the dynamic series as well.
    """

    source: Literal["vfa"]
    fit: Literal["nonlinear", "linear"] = "nonlinear"
    b1: B1Rules | None = None


class AgentRules(Strict):
    """The contrast agent.

    Attributes
    ----------
    name : str, optional
        The agent, whatever the header says.
    names : dict
        Part of ContrastBolusAgent, which is free text -> agent; unknown text is refused.
    relaxivity_per_s_mm : float, optional
        r1 in place of the published one, and of both others.
    """

    name: str | None = None
    names: dict[str, str] = Field(default_factory=dict)
    relaxivity_per_s_mm: Positive | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [self.name is not None, bool(self.names), self.relaxivity_per_s_mm is not None]
        if sum(given) != 1:
            raise ValueError("give one of name, names and relaxivity_per_s_mm")
        for agent in (*([self.name] if self.name else []), *self.names.values()):
            if agent not in RELAXIVITY_PER_S_MM:
                raise ValueError(f"unknown agent {agent!r}; known are {list(RELAXIVITY_PER_S_MM)}")
        return self


class PopulationAif(Strict):
    """The input function of a population, from the bolus arrival of each region on.

    Attributes
    ----------
    name : str
        Of `population_inputs`; says blood or plasma.
    dose_mmol_kg : float, optional
        Given where the input function needs it, and only there.
    """

    source: Literal["population"]
    name: str
    dose_mmol_kg: Positive | None = None

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if self.name not in POPULATION_INPUTS:
            raise ValueError(f"unknown input function {self.name!r}: {list(POPULATION_INPUTS)}")
        if POPULATION_INPUTS[self.name].needs_dose != (self.dose_mmol_kg is not None):
            raise ValueError("dose_mmol_kg goes with weinmann_plasma, and only with it")
        return self


class RegionAif(Strict):
    """The input function of a region of the segmentation, in blood.

    Attributes
    ----------
    roi : str
        Canonical name of the region in the artery.
    blood_t1_ms : float, optional
        T1 of blood before contrast; without it the published one of the field strength.
    max_peak_mm, min_peak_over_tissue, max_end_over_peak : float
        A curve beyond one of them is refused: it is no artery.
    """

    source: Literal["region"]
    roi: str
    blood_t1_ms: Positive | None = None
    max_peak_mm: Positive = 20.0
    min_peak_over_tissue: Positive = 2.0
    max_end_over_peak: float = Field(default=0.7, gt=0, le=1)


class TableAif(Strict):
    """An input function that the protocol holds, on the clock of the bolus arrival.

    Attributes
    ----------
    name : str
        Ends in ``_blood`` or ``_plasma``, what the concentration is of.
    times_s, concentration_mm : tuple of float
        Linear between the times.
    """

    source: Literal["table"]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*_(blood|plasma)$")]
    times_s: tuple[float, ...] = Field(min_length=3)
    concentration_mm: tuple[float, ...] = Field(min_length=3)

    @property
    def medium(self) -> str:
        """``blood`` or ``plasma``, the end of the name."""
        return self.name.rpartition("_")[2]

    @model_validator(mode="after")
    def _is_curve(self) -> Self:
        if len(self.times_s) != len(self.concentration_mm):
            raise ValueError("times_s and concentration_mm are of different length")
        if any(b <= a for a, b in zip(self.times_s, self.times_s[1:], strict=False)):
            raise ValueError("times_s must rise")
        return self


AifRules = Annotated[PopulationAif | RegionAif | TableAif, Field(discriminator="source")]


class DelayRules(Strict):
    """How much later than the input function the tissue is reached.

    Attributes
    ----------
    fit : bool
        Fit it to the mean curve of the region.
    limit_s : float
        A fitted delay lies within this of 0; at the limit it is no value.
    fixed_s : float
        The delay, where it is not fitted.
    """

    fit: bool = False
    limit_s: Positive = 10.0
    fixed_s: float = 0.0


class ModelRules(Strict):
    """A tracer kinetic model.

    Attributes
    ----------
    name : str
        ``tofts``, ``etofts``, ``patlak`` or ``2cxm``.
    aif : AifRules
        Where the arterial input function comes from.
    haematocrit : float
        Turns blood into plasma.
    delay : DelayRules
    max_transfer_per_min, max_ve, max_vp : float
        Bounds; a voxel that reaches one has no value.
    interval_flag_above_s : float
        Frame interval above which rows of ``tofts`` are flagged, and a model with a
        plasma volume is refused.
    interval_vp_above_s : float
        Frame interval above which the plasma volume has no value and rows are flagged.
    """

    name: Literal["tofts", "etofts", "patlak", "2cxm"]
    aif: AifRules
    haematocrit: float = Field(gt=0.2, lt=0.7)
    delay: DelayRules = DelayRules()
    max_transfer_per_min: Positive = 5.0
    max_ve: float = Field(default=1.0, gt=0, le=1)
    max_vp: float = Field(default=1.0, gt=0, le=1)
    interval_flag_above_s: Positive = 9.0
    interval_vp_above_s: Positive = 6.0

    @property
    def has_vp(self) -> bool:
        """Whether the plasma volume is a parameter of its own."""
        return self.name != "tofts"


class DceRules(Strict):
    """How a dynamic series is measured.

    Attributes
    ----------
    level : str
        ``region`` measures the mean signal of a region, ``voxel`` each voxel.
    baseline : BaselineRules
    motion : MotionRules, optional
        Without it the frames stay where they are.
    statistics : tuple of str
        Of the voxels; with level ``region`` there is one value.
    semiquantitative : bool
        Measure relative enhancement, time to peak, wash-in and wash-out.
    t10, agent : rules, optional
        Needed by what is measured of the concentration.
    iaugc_s : tuple of float
        Spans of the initial area under the concentration curve, from the bolus arrival.
    model : ModelRules, optional
    failed_flag_above, failed_undefined_above : float
        Shares of voxels without a value above which rows are flagged, and undefined.
    """

    level: Level
    baseline: BaselineRules
    motion: MotionRules | None = None
    statistics: tuple[str, ...] = ()
    semiquantitative: bool = False
    t10: Annotated[FixedT10 | MeasuredT10, Field(discriminator="source")] | None = None
    agent: AgentRules | None = None
    iaugc_s: tuple[Positive, ...] = ()
    model: ModelRules | None = None
    failed_flag_above: float = Field(default=0.05, ge=0, le=1)
    failed_undefined_above: float = Field(default=0.20, ge=0, le=1)

    _known = field_validator("statistics")(known_statistics)

    @property
    def needs_concentration(self) -> bool:
        """Whether anything is measured of the concentration."""
        return bool(self.iaugc_s) or self.model is not None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not (self.needs_concentration or self.semiquantitative):
            raise ValueError("nothing is measured: name semiquantitative, iaugc_s or model")
        if self.needs_concentration and (self.t10 is None or self.agent is None):
            raise ValueError("iaugc_s and model need t10 and agent")
        if (self.level == "voxel") != bool(self.statistics):
            raise ValueError("statistics goes with level voxel, and only with it")
        if self.model is not None and self.model.name == "2cxm" and self.level == "voxel":
            raise ValueError("2cxm is for level region: noise of voxels does not tell its terms")
        if len(set(self.iaugc_s)) < len(self.iaugc_s):
            raise ValueError("a span of iaugc_s is named twice")
        return self
