"""The section ``suv:`` of an analysis protocol, and what stands beside a header.

Everything that moves a number is a field here. Defaults are the refusing
choice; bands and limits decide only between a number and an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Self

from pydantic import Field, model_validator

from biomarker_cli.protocol.document import Strict

Normalisation = Literal["suvbw", "sul_janma", "sul_james", "sul_james128", "suvbsa", "suvibw"]
Statistic = Literal["min", "median", "mean", "max", "sd", "cov"]


class PeakRule(Strict):
    """One definition of SUVpeak: the mean over a sphere of 1 ml.

    Attributes
    ----------
    kernel : {'voxel_centre', 'partial_volume'}
        Which voxels make the sphere: those whose centre lies in it, equally
        weighted; or every voxel it touches, weighted by the part inside, which
        is sampled at 10 x 10 x 10 points.
    place : {'at_max', 'global', 'inside'}
        Centre of the sphere: the hottest voxel; the voxel of the region with
        the highest mean; the same, but with the sphere wholly in the region.
    """

    kernel: Literal["voxel_centre", "partial_volume"]
    place: Literal["at_max", "global", "inside"]

    @property
    def name(self) -> str:
        """Variant in the feature id."""
        return f"1ml_{self.kernel}_{self.place}"


class ReferenceThreshold(Strict):
    """A threshold from the uptake of a reference region: a * mean + b * sd.

    Attributes
    ----------
    region : str
        Canonical name of the region.
    times_mean : float
        a
    plus_sd : float
        b
    """

    region: str
    times_mean: float = Field(gt=0)
    plus_sd: float = Field(ge=0)


class ThresholdRule(Strict):
    """Which voxels of a region count as tumour: those at or above a value.

    Exactly one field is given.

    Attributes
    ----------
    percent_of_max : float
        Of the highest voxel of the region (of each lesion, where lesions are
        told apart).
    fixed : float
        In the unit of the image.
    reference : ReferenceThreshold
    """

    percent_of_max: float | None = Field(default=None, gt=0, lt=100)
    fixed: float | None = Field(default=None, gt=0)
    reference: ReferenceThreshold | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [self.percent_of_max, self.fixed, self.reference]
        if sum(value is not None for value in given) != 1:
            raise ValueError("give exactly one of percent_of_max, fixed, reference")
        return self

    @property
    def name(self) -> str:
        """Variant in the feature id."""
        if self.percent_of_max is not None:
            return f"{self.percent_of_max:g}pct_of_max"
        if self.fixed is not None:
            return f"fixed_{self.fixed:g}"
        assert self.reference is not None  # noqa: S101 - held by the validator
        rule = self.reference
        return f"{rule.region.lower()}_{rule.times_mean:g}mean_{rule.plus_sd:g}sd"


class LesionRule(Strict):
    """How the voxels above a threshold become lesions.

    Attributes
    ----------
    connectivity : {6, 18, 26}
        Neighbours of a voxel: by face, by edge, by corner.
    smallest_ml : float
        Components below this volume do not count.
    listed : int
        How many lesions, from the largest on, have rows of their own.
    """

    connectivity: Literal[6, 18, 26]
    smallest_ml: float = Field(default=0.0, ge=0)
    listed: int = Field(default=0, ge=0, le=50)


class HarmonisationRule(Strict):
    """A Gaussian filter that brings images to one spatial resolution.

    Attributes
    ----------
    fwhm_mm : float
        Full width at half maximum.
    """

    fwhm_mm: float = Field(gt=0, le=20)


class SuvRules(Strict):
    """How a PET series becomes SUV, and what is measured on it.

    Attributes
    ----------
    normalisations : tuple of str
        The first is the image that is written; the others are measured as well.
    reference_time_spread_limit_percent : float
        Largest difference in SUV between the admissible reference times.
    philips_spread_limit_percent : float
        Largest difference between the two ways over the Philips factors.
    activity_mbq_per_kg : mapping of str to (low, high)
        Plausible administered activity by nuclide; replaces the built-in band
        of F-18 where it names it.
    bmi_kg_per_m2 : (low, high)
        Plausible body mass index.
    plausible_maximum : (low, high)
        SUVbw of the hottest voxel of an image, before harmonisation; outside, every
        row of the image has the flag ``implausible``.
    harmonisation : HarmonisationRule or None
    statistics, peaks, thresholds : tuple
        What is measured, in the order of the rows.
    lesions : LesionRule or None
        Without it a region is measured as one.
    ratios : tuple of str
        Reference regions that the maximum is divided by.
    """

    normalisations: tuple[Normalisation, ...] = Field(min_length=1)
    reference_time_spread_limit_percent: float = Field(default=2.0, gt=0, le=20)
    philips_spread_limit_percent: float = Field(default=2.0, gt=0, le=20)
    activity_mbq_per_kg: Mapping[str, tuple[float, float]] = Field(default_factory=dict)
    bmi_kg_per_m2: tuple[float, float] = (12.0, 50.0)
    plausible_maximum: tuple[float, float] = (0.5, 1000.0)
    harmonisation: HarmonisationRule | None = None
    statistics: tuple[Statistic, ...] = ()
    peaks: tuple[PeakRule, ...] = ()
    thresholds: tuple[ThresholdRule, ...] = ()
    lesions: LesionRule | None = None
    ratios: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, values in (
            ("normalisations", self.normalisations),
            ("statistics", self.statistics),
            ("peaks", tuple(peak.name for peak in self.peaks)),
            ("thresholds", tuple(threshold.name for threshold in self.thresholds)),
            ("ratios", self.ratios),
        ):
            if len(set(values)) != len(values):
                raise ValueError(f"{name}: an entry stands twice")
        bands = (self.bmi_kg_per_m2, self.plausible_maximum, *self.activity_mbq_per_kg.values())
        for low, high in bands:
            if not 0 <= low < high:
                raise ValueError(f"a band runs from low to high, found {low:g} to {high:g}")
        return self

    @property
    def reference_regions(self) -> tuple[str, ...]:
        """Names of the reference regions that the measurements need."""
        named = [t.reference.region for t in self.thresholds if t.reference is not None]
        return tuple(dict.fromkeys([*named, *self.ratios]))


def load_suv_rules(analysis: str) -> SuvRules:
    """Return the section ``suv`` of an analysis protocol.

    Parameters
    ----------
    analysis : str
        ``id[@version]`` or a path.

    Raises
    ------
    ProtocolError
        Where there is no such protocol, or it has no such section.
    """
    from biomarker_cli.protocol.loading import load_document, validate_section
    from biomarker_cli.protocol.locator import ProtocolKind

    return validate_section(SuvRules, load_document(ProtocolKind.ANALYSIS, analysis), "suv")


class ClinicalForm(Strict):
    """What the case report form says: the second source of every entry.

    Attributes
    ----------
    injected_activity_mbq : float
        At `injected_assay_datetime`, else at the time of injection.
    residual_activity_mbq : float
        Left in syringe and line, at `residual_assay_datetime`, else at the time
        of injection.
    injection_datetime : datetime
        Local time of the scanner, unless it carries an offset.
    """

    weight_kg: float | None = Field(default=None, gt=0, le=700)
    height_m: float | None = Field(default=None, gt=0, le=3)
    sex: Literal["M", "F", "O"] | None = None
    injected_activity_mbq: float | None = Field(default=None, gt=0)
    injected_assay_datetime: datetime | None = None
    residual_activity_mbq: float | None = Field(default=None, ge=0)
    residual_assay_datetime: datetime | None = None
    injection_datetime: datetime | None = None
    glucose_mmol_l: float | None = Field(default=None, gt=0, le=50)

    @property
    def dated(self) -> tuple[str, ...]:
        """Names of the entries with a date."""
        return tuple(name for name, value in self if isinstance(value, datetime))


class Override(Strict):
    """One header value that a person answers for.

    Attributes
    ----------
    tag : str
        Keyword, such as ``PatientWeight``; elements of the radiopharmaceutical
        item are named alone.
    value : str, float or list of str
    reason : str
    who : str
        Role or initials; goes into the audit, never a full name.
    study_uid, series_uid : str
        Which series it holds for; one of both is given.
    """

    tag: str = Field(pattern=r"^[A-Z][A-Za-z0-9]+$")
    value: float | str | list[str]
    reason: str = Field(min_length=3)
    who: str = Field(min_length=1)
    study_uid: str = ""
    series_uid: str = ""

    @property
    def identity(self) -> str:
        """What it is called: its element, and of what."""
        return f"{self.tag} of {self.series_uid or self.study_uid}"

    @model_validator(mode="after")
    def _names_its_series(self) -> Self:
        if bool(self.study_uid) == bool(self.series_uid):
            raise ValueError("give study_uid or series_uid: an override holds for named series")
        return self
