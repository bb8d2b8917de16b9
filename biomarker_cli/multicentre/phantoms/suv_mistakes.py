"""Known mistakes with SUV, and what each makes of the numbers of the phantom."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from types import MappingProxyType

from biomarker_cli.multicentre.objects.pet import mean_activity_s
from biomarker_cli.multicentre.phantoms.suv_reading import SuvAssumptions, slope, values
from biomarker_cli.multicentre.phantoms.suv_scene import CONTENT_S, GIVEN, SCAN
from biomarker_cli.multicentre.phantoms.truth import Mistake

Elapsed = Callable[[int], float]
"""Seconds from the injection to a moment, by slice."""

UPTAKE_S = (SCAN.start - GIVEN.injected).total_seconds()
HOUR_S = 3600.0
SIEMENS_SERIES_S = 1800.0
POUND_KG = 0.45359237

WITHOUT_DOSE = ("gml", "philips-counts")
"""Dialects whose numbers need no activity, weight or time to become SUV."""

_INSIDE_S = mean_activity_s(SCAN.frame_s, GIVEN.half_life_s)


def at_injection(z: int) -> float:
    """Return the moment of the injection."""
    del z
    return 0.0


def at_start(z: int) -> float:
    """Return the start of the scan."""
    del z
    return UPTAKE_S


def at_acquisition(z: int) -> float:
    """Return the start of the frame of a slice."""
    return (SCAN.bed_start(z) - GIVEN.injected).total_seconds()


def in_frame(z: int) -> float:
    """Return the moment in the frame of a slice at which its activity is the mean."""
    return at_acquisition(z) + _INSIDE_S


def at_content(z: int) -> float:
    """Return when the images were made."""
    del z
    return UPTAKE_S + CONTENT_S


def at_siemens_series(z: int) -> float:
    """Return the SeriesTime of the dialect of Siemens."""
    del z
    return UPTAKE_S + SIEMENS_SERIES_S


STORED_AT = MappingProxyType({"admin": at_injection, "uncorrected": in_frame})
"""Dialect -> moment that its numbers belong to; the others: the start of the scan."""

_MOMENTS: tuple[tuple[str, Elapsed, str], ...] = (
    ("not_decayed", at_injection, "does not decay the injected activity to the scan"),
    ("decayed_to_start", at_start, "decays the injected activity to the start of the scan"),
    (
        "decayed_to_acquisition",
        at_acquisition,
        "decays the injected activity to the AcquisitionTime of each slice",
    ),
    (
        "decayed_to_frame",
        in_frame,
        "decays the injected activity to the middle of the frame of each slice",
    ),
    (
        "decayed_to_content",
        at_content,
        "decays the injected activity to the ContentTime, when the images were made",
    ),
)


def mistakes(dialect: str, peak: str) -> Iterator[Mistake]:
    """Return the known mistakes that a dialect allows.

    Parameters
    ----------
    dialect : str
    peak : str
        Definition of SUVpeak.
    """
    stored_at = STORED_AT.get(dialect, at_start)
    elapsed_s = stored_at(0)

    def mistake(name: str, says: str, next_step: str, reading: SuvAssumptions) -> Mistake:
        return Mistake(name, says, next_step, (values(reading, elapsed_s, peak),))

    for one in _of_slopes(dialect, stored_at):
        yield mistake(*one)
    yield from (mistake(*one) for one in _OF_UNITS)
    if dialect in WITHOUT_DOSE:
        return
    for one in (*_of_time(dialect, stored_at), *_OF_DOSE, *_OF_BODY):
        yield mistake(*one)


Told = tuple[str, str, str, SuvAssumptions]


def _of_time(dialect: str, stored_at: Elapsed) -> Iterator[Told]:
    step = (
        "Compare DecayCorrection (0054,1102), SeriesTime, AcquisitionTime and the start of the "
        "injection with the moment that the program decays to."
    )
    moments = list(_MOMENTS)
    if dialect == "siemens":
        says = "decays the injected activity to SeriesTime, not to the private decay moment"
        moments.append(("decayed_to_series", at_siemens_series, says))
    for name, taken, says in moments:
        if any(abs(taken(z) - stored_at(z)) > 1.0 for z in (0, SCAN.bed_slices)):
            yield name, says, step, SuvAssumptions(_decay(taken, stored_at))
    if stored_at is at_injection:
        return

    def later(z: int) -> float:
        return stored_at(z) + HOUR_S

    def earlier(z: int) -> float:
        return stored_at(z) - HOUR_S

    def backwards(z: int) -> float:
        return -stored_at(z)

    def without_ln2(z: int) -> float:
        return stored_at(z) / math.log(2.0)

    clock = "Look at time zones and summer time: TimezoneOffsetFromUTC, offsets in date-times."
    yield (
        "an_hour_more",
        "takes one hour more between injection and scan",
        clock,
        SuvAssumptions(_decay(later, stored_at)),
    )
    yield (
        "an_hour_less",
        "takes one hour less between injection and scan",
        clock,
        SuvAssumptions(_decay(earlier, stored_at)),
    )
    yield (
        "decay_reversed",
        "lets the injected activity grow until the scan: the sign of the exponent",
        "The activity at the scan is the injected one times 2^(-t / half-life).",
        SuvAssumptions(_decay(backwards, stored_at)),
    )
    yield (
        "ln2_left_out",
        "decays by exp(-t / half-life): ln 2 is left out",
        "The activity at the scan is the injected one times exp(-ln 2 t / half-life).",
        SuvAssumptions(_decay(without_ln2, stored_at)),
    )


def _decay(taken: Elapsed, stored_at: Elapsed) -> Elapsed:
    """Return the factor on SUV where the activity is decayed to another moment."""
    return lambda z: math.pow(2.0, (taken(z) - stored_at(z)) / GIVEN.half_life_s)


def _constant(factor: float) -> Elapsed:
    return lambda _z: factor


_DOSE_STEP = "Compare the units of the activity concentration and of the injected activity."

_OF_DOSE: tuple[Told, ...] = (
    (
        "bq_for_kbq",
        "takes Bq for kBq: the activity concentration in Bq/mL is read as kBq/mL",
        _DOSE_STEP,
        SuvAssumptions(_constant(1e3), activity_factor=1e3),
    ),
    (
        "kbq_for_bq",
        "takes kBq for Bq: the activity concentration in kBq/mL is divided by an injected "
        "activity in Bq",
        _DOSE_STEP,
        SuvAssumptions(_constant(1e-3), activity_factor=1e-3),
    ),
    (
        "dose_bq_for_kbq",
        "takes the injected activity in Bq for kBq, or the weight in kg for one in g",
        _DOSE_STEP,
        SuvAssumptions(_constant(1e-3)),
    ),
    (
        "dose_kbq_for_bq",
        "takes the injected activity in kBq for one in Bq",
        _DOSE_STEP,
        SuvAssumptions(_constant(1e3)),
    ),
    (
        "dose_mbq_for_bq",
        "takes the injected activity in MBq for one in Bq",
        _DOSE_STEP,
        SuvAssumptions(_constant(1e6)),
    ),
    (
        "activity_in_kbq",
        "gives the activity concentration in kBq/mL where the sheet says Bq/mL; its SUV is right",
        "Correct the unit in the sheet.",
        SuvAssumptions(activity_factor=1e-3),
    ),
)

_OF_BODY: tuple[Told, ...] = (
    (
        "kg_for_pounds",
        "takes the weight in kg for one in pounds",
        "PatientWeight (0010,1030) is in kg.",
        SuvAssumptions(weight_kg=80.0 * POUND_KG),
    ),
    (
        "pounds_for_kg",
        "takes the weight in pounds for one in kg",
        "PatientWeight (0010,1030) is in kg.",
        SuvAssumptions(weight_kg=80.0 / POUND_KG),
    ),
    (
        "sul_janma_for_suvbw",
        "gives SUL (Janmahasatian) for SUV by body weight",
        "Choose SUV by body weight in the program.",
        SuvAssumptions(suvbw_as="sul_janma"),
    ),
    (
        "sul_james_for_suvbw",
        "gives SUL (James) for SUV by body weight",
        "Choose SUV by body weight in the program.",
        SuvAssumptions(suvbw_as="sul_james128"),
    ),
    (
        "suvbsa_for_suvbw",
        "gives SUV by body surface for SUV by body weight",
        "Choose SUV by body weight in the program.",
        SuvAssumptions(suvbw_as="suvbsa"),
    ),
    (
        "james_120",
        "takes 120 for 128 in the lean mass of men after James",
        "State the formula with the values: the row asks for 1.10 W - 128 (W/H)^2.",
        SuvAssumptions(james=120.0),
    ),
    (
        "formulas_of_women",
        "takes the formulas of women for lean and ideal mass",
        "PatientSex (0010,0040) is M.",
        SuvAssumptions(sex="F"),
    ),
)

_OF_UNITS: tuple[Told, ...] = (
    (
        "mm3_for_ml",
        "gives volumes in mm3 where the sheet says mL",
        "Correct the unit in the sheet.",
        SuvAssumptions(volume_factor=1e3),
    ),
    (
        "mm3_for_ml_in_tlg",
        "gives volumes in mm3 where the sheet says mL, and TLG with them",
        "Correct the units in the sheet.",
        SuvAssumptions(volume_factor=1e3, glycolysis_factor=1e3),
    ),
)


def _of_slopes(dialect: str, stored_at: Elapsed) -> Iterator[Told]:
    def of(z: int) -> float:
        return slope(z, stored_at(z))

    # Of counts and SUV, the slope is of another unit.
    unit = {"gml": 1.0, "philips-counts": 0.25, "philips-activity": 0.5}.get(dialect, 1.0)
    own_unit = dialect in WITHOUT_DOSE

    def unscaled(z: int) -> float:
        stored = slope(z, at_injection(z)) * _PER_SUV if own_unit else of(z)
        return unit / stored

    def first(z: int) -> float:
        return of(0) / of(z)

    step = "RescaleSlope (0028,1053) differs from slice to slice: each is multiplied by its own."
    has_activity = not own_unit
    yield (
        "first_slope_for_all",
        "takes the RescaleSlope of the first slice for all",
        step,
        SuvAssumptions(first, activity_factor=_hot(first) if has_activity else 1.0),
    )
    yield (
        "slope_left_out",
        "takes stored values for what they stand for: RescaleSlope is left out",
        step,
        SuvAssumptions(unscaled, activity_factor=_hot(unscaled) if has_activity else 1.0),
    )


_PER_SUV = 1000.0 * 80.0 / GIVEN.activity_bq
"""SUV per Bq/mL at the injection."""


def _hot(factor: Elapsed) -> float:
    """Return the mean factor over the slices of the hot region."""
    return sum(factor(z) for z in range(4, 10)) / 6.0
