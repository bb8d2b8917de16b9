"""What the suite ``suv`` expects: numbers in closed form, none of them from the room.

References
----------
IBSI-SUV manual v1 (the object of 0.2, 1 and 4); Janmahasatian 2005; James 1976; Du Bois
1916; DICOM PS3.3 C.8.9.1 (DecayCorrection).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from biomarker_cli.multicentre.objects.instances import ObjectGrid, Subject
from biomarker_cli.multicentre.objects.pet import Administration, Scan, mean_activity_s
from biomarker_cli.multicentre.qualification.checks import Expected
from biomarker_cli.multicentre.qualification.truths.order import FLIPPED

LEVELS = (0.2, 1.0, 4.0)
"""SUVbw of the three slices."""

GRID = ObjectGrid((3, 4, 5), (4.0, 4.0, 4.0))
PATIENT = Subject("VERIFY-SUV", "O", 70.0, 1.75)

RELATIVE = 1e-4
"""Tolerance: a thousandth of what a clock that is off by one minute does."""

_SIEMENS_LATER_S = 1800.0

_REFERENCE = "decay from the injection to the reference time"
_SLOPE = "the rescale slope of each slice"

NO_DECAY = "no decay is counted between injection and scan"
TWICE = "decay between injection and scan is counted twice"
NOT_START = "what is not decay corrected is taken as corrected to the start of the scan"
FROM_ADMIN = "what is corrected to the injection is decayed from it once more"
SERIES_TIME = "decay is counted to SeriesTime although the vendor says another moment"
FIRST_SLOPE = "the rescale slope of the first slice is taken for all slices"
HALF_LIFE = "the half-life in use"
ACTIVITY = "the injected activity in use"
WEIGHT = "the body weight in use"
VOXEL = "the voxel volume in use"


@dataclass(frozen=True)
class SuvCase:
    """One object: how it is written, and over what time it decayed.

    Attributes
    ----------
    name, dialect : str
    given : Administration
    scan : Scan
    item : mapping of str to str or None
        Elements of the administration that are written otherwise.
    elements : mapping of str to str
        Elements of the slices that are written beside the others.
    """

    name: str
    dialect: str
    given: Administration = field(default_factory=Administration)
    scan: Scan = field(default_factory=Scan)
    item: Mapping[str, str | None] = field(default_factory=dict)
    elements: Mapping[str, str] = field(default_factory=dict)

    @property
    def counts_decay(self) -> bool:
        """Whether the SUV hangs on the time from injection to scan."""
        return self.dialect not in {"gml", "admin", "philips-counts"}

    @property
    def needs_activity(self) -> bool:
        """Whether it hangs on weight and activity."""
        return self.dialect not in {"gml", "philips-counts"}

    def decayed_s(self, z: int) -> float:
        """Return the time over which the activity of a slice decayed until its number."""
        if self.dialect == "uncorrected":
            inside = mean_activity_s(self.scan.frame_s, self.given.half_life_s)
            return (self.scan.bed_start(z) - self.given.injected).total_seconds() + inside
        return (self.scan.start - self.given.injected).total_seconds()


_NIGHT = datetime(2024, 12, 31, 23, 30)
_THREE_DAYS = datetime(2024, 12, 29, 10)

CASES = (
    *(
        SuvCase(name, name)
        for name in (
            "generic",
            "siemens",
            "ge",
            "philips",
            "philips-counts",
            "philips-activity",
            "gml",
            "admin",
            "uncorrected",
        )
    ),
    SuvCase("three beds", "generic", scan=Scan(bed_slices=1, bed_s=400.0)),
    SuvCase("three beds, uncorrected", "uncorrected", scan=Scan(bed_slices=1, bed_s=400.0)),
    SuvCase("Ga-68", "generic", Administration("Ga-68", 150e6)),
    SuvCase("Zr-89 after three days", "generic", Administration("Zr-89", 70e6, _THREE_DAYS)),
    SuvCase(
        "over midnight",
        "generic",
        Administration(injected=_NIGHT),
        Scan(datetime(2025, 1, 1, 0, 30)),
        {"RadiopharmaceuticalStartDateTime": None},
    ),
    SuvCase(
        "times of two zones",
        "generic",
        item={"RadiopharmaceuticalStartDateTime": "20250101110000.000000+0200"},
        elements={"TimezoneOffsetFromUTC": "+0100"},
    ),
    SuvCase("activity in MBq", "generic", item={"RadionuclideTotalDose": "368.08"}),
)


def expected_levels(case: SuvCase) -> list[Expected]:
    """Return the SUV of each slice of an object."""
    return [_level(case, z, suv) for z, suv in enumerate(LEVELS)]


def level_name(case: SuvCase, z: int) -> str:
    """Return what the check of a slice is called."""
    return f"{case.name}: SUV {LEVELS[z]:g}"


def _level(case: SuvCase, z: int, suv: float) -> Expected:
    decay = math.log(2.0) / case.given.half_life_s
    elapsed = case.decayed_s(z)
    steps = [f"PET as it is written: {case.name}", _SLOPE]
    mistakes: dict[str, float] = {}
    follows: dict[str, float] = {}
    if suv != LEVELS[0]:
        # Each slice fills the same range of stored values.
        mistakes[FIRST_SLOPE] = LEVELS[0] * _slice_factor(case, z)
    last = len(LEVELS) - 1
    if z != last - z:
        mistakes[FLIPPED["z"]] = LEVELS[last - z] * _slice_factor(case, z, last - z)
    if case.needs_activity:
        follows |= {ACTIVITY: -1.0, WEIGHT: 1.0}
    if case.counts_decay:
        steps.append(_REFERENCE)
        mistakes[NO_DECAY] = suv * math.exp(-decay * elapsed)
        mistakes[TWICE] = suv * math.exp(decay * elapsed)
        if not case.scan.bed_slices:
            # From several beds the reference time is derived by the half-life as well.
            follows[HALF_LIFE] = -decay * elapsed
    if case.dialect == "admin":
        steps.append("DecayCorrection (0054,1102)")
        mistakes[FROM_ADMIN] = suv * math.exp(decay * elapsed)
    if case.dialect == "siemens":
        mistakes[SERIES_TIME] = suv * math.exp(decay * _SIEMENS_LATER_S)
    if case.dialect == "uncorrected":
        steps.append("DecayCorrection (0054,1102)")
        late = elapsed - (case.scan.start - case.given.injected).total_seconds()
        mistakes[NOT_START] = suv * math.exp(-decay * late)
    return Expected(
        level_name(case, z), suv, RELATIVE * suv, tuple(steps), mistakes, follows, "g/ml"
    )


def _slice_factor(case: SuvCase, z: int, other: int = 0) -> float:
    """Return what the own decay correction of a bed makes of a number of another."""
    if case.dialect != "uncorrected":
        return 1.0
    decay = math.log(2.0) / case.given.half_life_s
    return math.exp(decay * (case.decayed_s(z) - case.decayed_s(other)))


def _janmahasatian(weight: float, height: float, sex: str) -> float:
    bmi = weight / (height * height)
    offset, slope = (6680.0, 216.0) if sex == "M" else (8780.0, 244.0)
    return 9270.0 * weight / (offset + slope * bmi)


def _james(weight: float, height: float, sex: str, male: float) -> float:
    ratio = weight / (100.0 * height)
    return 1.10 * weight - male * ratio**2 if sex == "M" else 1.07 * weight - 148.0 * ratio**2


def _ideal(_: float, height: float, sex: str) -> float:
    inches_cm = 100.0 * height - 152.0
    return 48.0 + 1.06 * inches_cm if sex == "M" else 45.5 + 0.91 * inches_cm


def _mass(kind: str, weight: float, height: float, sex: str) -> float:
    """Return the mass in kg that takes the place of the weight."""
    if sex == "O":
        return (_mass(kind, weight, height, "M") + _mass(kind, weight, height, "F")) / 2.0
    if kind == "sul_janma":
        return _janmahasatian(weight, height, sex)
    if kind == "suvibw":
        return _ideal(weight, height, sex)
    return _james(weight, height, sex, 120.0 if kind == "sul_james" else 128.0)


_MASSES = MappingProxyType(
    {
        "sul_janma": "lean body mass by Janmahasatian",
        "sul_james": "lean body mass by James, male term 120",
        "sul_james128": "lean body mass by James, male term 128",
        "suvibw": "ideal body weight",
    }
)

BODIES = (
    Subject("VERIFY-M", "M", 92.0, 1.80),
    Subject("VERIFY-F", "F", 61.0, 1.62),
    Subject("VERIFY-O", "O", 70.0, 1.75),
)

NORMALISATIONS = (*_MASSES, "suvbsa")


def expected_normalisations(body: Subject) -> list[Expected]:
    """Return the factors on SUVbw of a body."""
    weight, height = body.weight_kg or 0.0, body.height_m or 0.0
    found = []
    for kind, title in _MASSES.items():
        factor = _mass(kind, weight, height, body.sex) / weight
        others = {
            f"{other_title} in place of {title}": _mass(other, weight, height, body.sex) / weight
            for other, other_title in _MASSES.items()
            if other != kind
        }
        # The two terms of James are one formula for women.
        told = {text: value for text, value in others.items() if abs(value / factor - 1) > 1e-9}
        found.append(Expected(f"{kind}, {body.sex}", factor, 1e-6 * factor, (title,), told))
    surface = 0.007184 * weight**0.425 * (100.0 * height) ** 0.725
    factor = 10.0 * surface / weight
    found.append(
        Expected(f"suvbsa, {body.sex}", factor, 1e-6 * factor, ("body surface by Du Bois",))
    )
    return found


# A cube of 5 x 5 x 5 voxels of 4 mm: SUV = 10 - r2 / 2 with r2 the squared distance from
# its centre in voxels; 1, 6, 12, 8, 6, 24, 24, 12, 24, 8 voxels have r2 = 0, 1, 2, 3, 4,
# 5, 6, 8, 9, 12. The sphere of 1 ml (radius 6.20 mm) holds those with r2 <= 2.
METRICS_GRID = ObjectGrid((13, 13, 13), (4.0, 4.0, 4.0))
METRICS_CENTRE = (6, 6, 6)
BACKGROUND_SUV = 0.5
HOTTEST_SUV = 10.0
"""Of one voxel of each slice beside the cube: all slices then have one rescale slope."""

_VOXEL_ML = 0.064
_SD = 0.5 * math.sqrt(8.4 * 125.0 / 124.0)
_POPULATION_SD = 0.5 * math.sqrt(8.4)
POPULATION = "the standard deviation is that of the population, not of a sample"


def metrics_suv(r2: float) -> float:
    """Return the SUV at a squared distance from the centre, in voxels."""
    return 10.0 - 0.5 * r2


def expected_metrics() -> list[Expected]:
    """Return what is measured in the cube, by feature id."""
    plain = {"min": 4.0, "median": 7.0, "mean": 7.0, "max": 10.0}
    found = [
        Expected(f"suvbw.uptake.{name}", value, RELATIVE * value, ("statistics of a region",))
        for name, value in plain.items()
    ]
    spread = {"sd": (_SD, _POPULATION_SD), "cov": (_SD / 7.0, _POPULATION_SD / 7.0)}
    found += [
        Expected(
            f"suvbw.uptake.{name}",
            value,
            5e-4 * value,
            ("standard deviation of a region",),
            {POPULATION: other},
        )
        for name, (value, other) in spread.items()
    ]
    # r2 <= 5 lies above 72 % of the maximum, r2 <= 8 above 5.8.
    volumes = {"72pct_of_max": (57, 471.0), "fixed_5.8": (93, 711.0)}
    for name, (n_voxels, total) in volumes.items():
        for kind, value in (("mtv", n_voxels * _VOXEL_ML), ("tlg", total * _VOXEL_ML)):
            steps = ("tumour volume above a threshold", "voxel volume")
            found.append(
                Expected(
                    f"suvbw.uptake.{kind}.{name}",
                    value,
                    RELATIVE * value,
                    steps,
                    follows={VOXEL: 1.0},
                )
            )
    peak = 10.0 - 0.5 * 30.0 / 19.0
    found += [
        Expected(
            f"suvbw.uptake.peak.1ml_voxel_centre_{place}",
            peak,
            RELATIVE * peak,
            ("SUVpeak over a sphere of 1 ml",),
        )
        for place in ("at_max", "global")
    ]
    return found


@dataclass(frozen=True)
class RefusedScan:
    """An object that no SUV may be made of.

    Attributes
    ----------
    name, code : str
    elements : mapping of str to str or None
        Elements of the slices; None leaves one out.
    item : mapping of str to str or None
        Elements of the administration.
    """

    name: str
    code: str
    elements: Mapping[str, str | list[str] | None] = field(default_factory=dict)
    item: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def expected(self) -> Expected:
        """The code that must come."""
        return Expected(f"refused: {self.name}", self.code, steps=(f"refusal of PET: {self.name}",))


REFUSED = (
    RefusedScan("no weight", "SUV-NO-WEIGHT", {"PatientWeight": None}),
    RefusedScan("weight 0", "SUV-NO-WEIGHT", {"PatientWeight": "0"}),
    RefusedScan(
        "counts without a factor", "SUV-NO-SCALE-FACTOR", {"Units": "CNTS", "RescaleType": "CNTS"}
    ),
    RefusedScan("PROPCPS", "SUV-UNITS", {"Units": "PROPCPS", "RescaleType": "PROPCPS"}),
    RefusedScan("counts that are rescaled to Bq/ml", "SUV-CONTRADICTION", {"Units": "CNTS"}),
    RefusedScan(
        "no attenuation correction",
        "SUV-NO-ATTENUATION-CORRECTION",
        {"CorrectedImage": ["NORM", "DECY", "SCAT"]},
    ),
    RefusedScan("DecayCorrection missing", "SUV-NO-DECAY-CORRECTION", {"DecayCorrection": None}),
    RefusedScan("intercept -100", "SUV-INTERCEPT", {"RescaleIntercept": "-100"}),
    RefusedScan("no activity", "SUV-NO-ACTIVITY", item={"RadionuclideTotalDose": None}),
    RefusedScan("activity in kBq", "SUV-ACTIVITY", item={"RadionuclideTotalDose": "368080"}),
    RefusedScan("no half-life", "SUV-NO-HALF-LIFE", item={"RadionuclideHalfLife": None}),
    RefusedScan("half-life in minutes", "SUV-HALF-LIFE", item={"RadionuclideHalfLife": "109.77"}),
    RefusedScan(
        "no time of injection",
        "SUV-NO-INJECTION-TIME",
        item={"RadiopharmaceuticalStartTime": None, "RadiopharmaceuticalStartDateTime": None},
    ),
    RefusedScan(
        "injection after the scan",
        "SUV-INJECTION-TIME",
        item={
            "RadiopharmaceuticalStartTime": "113000",
            "RadiopharmaceuticalStartDateTime": "20250101113000.000000",
        },
    ),
)
