"""The activity concentration of an image at one named moment: what a phantom needs.

Weight and administered activity play no part in it.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.frames import Frames
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.pet.administration import read_nuclide
from biomarker_cli.pet.contradictions import require_one_correction, require_one_unit
from biomarker_cli.pet.decay_correction import own_times, require_decay_correction
from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.factor import require_attenuation_correction, require_rescale
from biomarker_cli.pet.injection_time import header_injection
from biomarker_cli.pet.reference_candidates import DecayFacts
from biomarker_cli.pet.reference_time import reference_time
from biomarker_cli.pet.rules import SuvRules
from biomarker_cli.pet.series import PetSeries, one_injection, read_series


@dataclass(frozen=True)
class ActivityFactors:
    """How voxel values become Bq/ml at a moment.

    Attributes
    ----------
    factors : ndarray, shape (n slices,)
    reference : datetime
        In the clock of the series.
    half_life_s : float
    """

    factors: FloatArray
    reference: datetime
    half_life_s: float


def activity_factors(frames: Frames, derivation: Derivation) -> ActivityFactors:
    """Return the factors to Bq/ml at one moment.

    Parameters
    ----------
    frames : Frames
    derivation : Derivation

    Raises
    ------
    SuvError
        ``SUV-UNITS`` for anything but Bq/ml, and what the times are refused for.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _factors(read_series(frames, derivation), derivation)
    except HeaderError as error:
        raise SuvError(error.code, error.message, where=error.where, hint=error.hint) from error


def _factors(series: PetSeries, derivation: Derivation) -> ActivityFactors:
    require_rescale(series)
    require_one_unit(series, derivation)
    require_one_correction(series, derivation)
    require_attenuation_correction(series, derivation)
    require_decay_correction(series)
    if series.units != "BQML":
        raise SuvError(
            "SUV-UNITS",
            f"a phantom needs BQML, found {series.units or 'none'!r}",
            where="Units (0054,1001)",
            hint="Export the reconstruction in Bq/ml.",
        )
    record = one_injection(series)
    _, half_life = read_nuclide(record, derivation)
    unity = np.ones(len(series.frames))
    if series.decay_correction == "ADMIN":
        injected = header_injection(record, series, derivation)
        if injected is None:
            raise SuvError(
                "SUV-NO-INJECTION-TIME",
                "the image is corrected to an injection whose date and time are missing",
                where="RadiopharmaceuticalStartDateTime (0018,1078)",
            )
        return ActivityFactors(unity, injected, half_life)
    facts = DecayFacts(series, half_life, math.nan, math.nan, math.nan)
    limit = SuvRules(normalisations=("suvbw",)).reference_time_spread_limit_percent
    if series.decay_correction == "NONE":
        return _uncorrected(facts, limit, derivation)
    seconds = reference_time(facts, limit, derivation)
    return ActivityFactors(unity, series.moment(seconds), half_life)


def _uncorrected(
    facts: DecayFacts, limit_percent: float, derivation: Derivation
) -> ActivityFactors:
    """Bring every frame to the start of the first one."""
    series = facts.series
    at = own_times(facts, limit_percent, derivation)
    first = series.first_acquisition_s
    start = float(at.min()) if first is None else first
    factors = np.exp(facts.decay_per_s * (at - start))
    return ActivityFactors(factors, series.moment(start), facts.half_life_s)
