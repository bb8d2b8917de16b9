"""The range of one feature in a reference cohort, and where a value stands in it.

The value, or its logarithm where the feature is on a ratio scale, is a straight line in
each covariate that is a number; what is left of it has one distribution. From 120
subjects on that is the one found (limits by ranks), below it is taken for normal. All
confidence limits are of 90 %, as is usual for reference limits.

References
----------
CLSI EP28-A3c (reference intervals: 120 subjects, ranks, 90 % limits); Bland and Altman
1999, Stat Methods Med Res 8:135 (standard error of a limit).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.multicentre.icc import Estimate
from biomarker_cli.multicentre.proportions import clopper_pearson
from biomarker_cli.statistics.confidence import NORMAL_975

FEWEST = 40
"""Subjects of a range; of fewer there is none."""

FEWEST_BY_RANKS = 120

CONFIDENCE = 0.9
LOW, HIGH = 0.025, 0.975
"""Parts of the cohort below the limits."""

_NORMAL_95 = 1.6448536269514722

NORMAL, RANKS = "normal", "ranks"
LINEAR, LOG = "linear", "log"


@dataclass(frozen=True)
class ReferenceModel:
    """Range of a feature, by covariates that are numbers.

    Attributes
    ----------
    n : int
        Subjects.
    method : str
        ``normal`` or ``ranks``.
    scale : str
        ``log`` where the logarithm was taken, else ``linear``.
    intercept : float
        At the means of the covariates.
    slopes, means : tuple of float
        Of each covariate.
    sd : float
        Of what is left, with as many degrees of freedom as subjects less coefficients.
    rest : tuple of float
        What is left of each subject, sorted; empty for ``normal``.
    """

    n: int
    method: str
    scale: str
    intercept: float
    slopes: tuple[float, ...]
    means: tuple[float, ...]
    sd: float
    rest: tuple[float, ...] = ()

    def expected(self, covariates: Sequence[float]) -> float:
        """Return the mean, on the scale of the model."""
        terms = zip(self.slopes, self.means, covariates, strict=True)
        return self.intercept + sum(slope * (x - mean) for slope, mean, x in terms)

    def limit(self, part: float, covariates: Sequence[float] = ()) -> Estimate:
        """Return the value below which a part of the cohort lies, with its limits."""
        at = self.expected(covariates or self.means)
        rest = _by_ranks(self.rest, part) if self.rest else self._by_normal(part)
        numbers = (None if r is None else at + r for r in (rest.value, rest.low, rest.high))
        return Estimate(*map(self._back, numbers))  # type: ignore[arg-type]

    def z(self, value: float, covariates: Sequence[float] = ()) -> float:
        """Return how many SD a value lies above what is expected, on the scale of the model."""
        return self._rest_of(value, covariates) / self.sd

    def percentile(self, value: float, covariates: Sequence[float] = ()) -> Estimate:
        """Return the part of the cohort below a value, in percent, with its limits."""
        of_value = self._rest_of(value, covariates)
        if self.rest:
            rest = np.asarray(self.rest)
            below = int(np.searchsorted(rest, of_value, side="left"))
            up_to = int(np.searchsorted(rest, of_value, side="right"))
            low = clopper_pearson(below, self.n, CONFIDENCE).low or 0.0
            high = clopper_pearson(up_to, self.n, CONFIDENCE).high or 0.0
            return Estimate(50 * (below + up_to) / self.n, 100 * low, 100 * high)
        z = of_value / self.sd
        reach = _NORMAL_95 * math.sqrt(1 / self.n + z**2 / (2 * (self.n - 1)))
        return Estimate(*(100 * _normal_part(at) for at in (z, z - reach, z + reach)))

    def as_json(self) -> dict[str, Any]:
        """Return what a file holds of it."""
        return asdict(self)

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> ReferenceModel:
        """Return what a file holds."""
        lists = {name: tuple(entry[name]) for name in ("slopes", "means", "rest")}
        return cls(**{**entry, **lists})

    def _rest_of(self, value: float, covariates: Sequence[float]) -> float:
        taken = math.log(value) if self.scale == LOG else value
        return taken - self.expected(covariates or self.means)

    def _by_normal(self, part: float) -> Estimate:
        z = -NORMAL_975 if part == LOW else NORMAL_975
        reach = _NORMAL_95 * self.sd * math.sqrt(1 / self.n + z**2 / (2 * (self.n - 1)))
        return Estimate(z * self.sd, z * self.sd - reach, z * self.sd + reach)

    def _back(self, number: float | None) -> float | None:
        if number is None:
            return None
        return math.exp(number) if self.scale == LOG else number


def _normal_part(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def _by_ranks(rest: Sequence[float], part: float) -> Estimate:
    """Return a percentile by the rank part (n + 1), and its limits by those of binomial ranks."""
    from scipy.special import bdtr

    n = len(rest)
    place = part * (n + 1) - 1
    whole = min(max(math.floor(place), 0), n - 2)
    value = rest[whole] + (place - whole) * (rest[whole + 1] - rest[whole])
    below = bdtr(np.arange(n + 1, dtype=np.float64), n, part)
    first = int(np.argmax(below >= (1 - CONFIDENCE) / 2))
    last = int(np.argmax(below >= (1 + CONFIDENCE) / 2)) + 1
    low = rest[first - 1] if first >= 1 else None
    high = rest[last - 1] if last <= n else None
    return Estimate(value, low, high)


def fit_reference(values: FloatArray, covariates: FloatArray, *, is_ratio: bool) -> ReferenceModel:
    """Fit the range of a feature.

    Parameters
    ----------
    values : ndarray, shape (n,)
        One of each subject, without NaN.
    covariates : ndarray, shape (n, c)
        Numbers; c may be 0.
    is_ratio : bool
        Whether 0 means none of it.

    Raises
    ------
    ValueError
        For fewer subjects than `FEWEST`, values that do not differ, and covariates that
        follow from each other.
    """
    n = len(values)
    if n < FEWEST:
        raise ValueError(f"{n} subjects, fewer than {FEWEST}")
    takes_log = is_ratio and bool((values > 0).all())
    taken = np.log(values) if takes_log else values
    means = covariates.mean(axis=0)
    design = np.column_stack([np.ones(n), covariates - means])
    coefficients, _, rank, _ = np.linalg.lstsq(design, taken, rcond=None)
    if rank < design.shape[1]:
        raise ValueError("a covariate follows from the others")
    rest = taken - design @ coefficients
    sd = math.sqrt(float(rest @ rest) / (n - design.shape[1]))
    if not sd > 1e-12 * max(float(np.abs(taken).max()), 1e-300):
        raise ValueError("the values do not differ")
    is_by_ranks = n >= FEWEST_BY_RANKS
    return ReferenceModel(
        n=n,
        method=RANKS if is_by_ranks else NORMAL,
        scale=LOG if takes_log else LINEAR,
        intercept=float(coefficients[0]),
        slopes=tuple(map(float, coefficients[1:])),
        means=tuple(map(float, means)),
        sd=sd,
        rest=tuple(map(float, np.sort(rest))) if is_by_ranks else (),
    )
