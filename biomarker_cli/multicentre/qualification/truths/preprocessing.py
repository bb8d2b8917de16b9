"""What bins, ranges, rounding and interpolation must give, in closed form.

References
----------
IBSI reference manual v11, sections 2.4 (interpolation), 2.5 (rounding), 2.6
(re-segmentation), 2.7 (discretisation), 3.4 (intensity histogram).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.multicentre.qualification.checks import Expected

SHAPE = (4, 5, 5)
_TOLERANCE = 1e-9

BINS = "bins: their width and where the first one begins"
BIN_NUMBER = "bins of a fixed number"
RANGE = "re-segmentation to a range"
OUTLIERS = "re-segmentation at 3 standard deviations"
ROUNDING = "rounding of interpolated intensities"
INTERPOLATION = "linear interpolation, and the grid that it goes to"
PERCENTILES = "percentile rule"

AT_MINIMUM = "bins of a fixed size begin at the minimum of the region"
AT_ZERO_TWICE = "the maximum has a bin of its own"
OPEN_RANGE = "the limits of the range do not belong to it"
UNROUNDED = "intensities are not rounded"
CUT = "intensities are cut off in place of rounded"
CORNER = "the new grid begins at the first voxel in place of being centred"

MEAN, MINIMUM, MAXIMUM, P10, P90 = "Q4LE", "1GSF", "84IY", "QG58", "8DWT"
BIN_MEAN, BIN_VARIANCE, BIN_ENTROPY = "X6K6", "CH89", "TLU2"
BIN_MAXIMUM, BIN_MINIMUM = "3NCY", "1PR8"
VOLUME = "YEKZ"


@dataclass(frozen=True)
class Prepared:
    """An image that is prepared by some rules, and the features that must come.

    Attributes
    ----------
    name : str
    values : ndarray, shape (z, y, x)
    spacing_mm : tuple of float
    rules : mapping
        What differs from the plain section ``radiomics:``.
    features : sequence of (IBSI id, value, mistakes)
    step : str
    """

    name: str
    values: FloatArray
    rules: Mapping[str, Any]
    features: Sequence[tuple[str, float, Mapping[str, float]]]
    step: str
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def check_name(self, ibsi_id: str) -> str:
        """Return what a check is called."""
        return f"{self.name}: {ibsi_id}"

    @property
    def expected(self) -> list[Expected]:
        """What must come."""
        return [
            Expected(
                self.check_name(ibsi_id),
                value,
                _TOLERANCE * max(abs(value), 1.0),
                (self.step,),
                mistakes,
            )
            for ibsi_id, value, mistakes in self.features
        ]


def _bits(*counts: int) -> float:
    total = sum(counts)
    return -math.fsum(n / total * math.log2(n / total) for n in counts)


def _ramp(first: float) -> FloatArray:
    """Return 100 whole numbers from one on, in the order of the voxels."""
    return np.arange(first, first + 100.0).reshape(SHAPE)


_FBS = {"method": "fixed_bin_size", "width": 25, "anchor": "resegmentation"}
_CT_RANGE = {"range": [-1000, 400]}

# 10 to 109 in bins of 25 from -1000: 15, 25, 25, 25, 10 voxels in bins 41 to 45; from the
# minimum on there would be four bins of 25 voxels.
_COUNTS = (15, 25, 25, 25, 10)
_BIN_MEAN = 41.0 + math.fsum(k * n for k, n in enumerate(_COUNTS)) / 100.0
_BIN_VARIANCE = math.fsum((41 + k - _BIN_MEAN) ** 2 * n for k, n in enumerate(_COUNTS)) / 100.0

_FIXED_SIZE = Prepared(
    "bins of 25 from -1000",
    _ramp(10.0),
    {"resegmentation": _CT_RANGE, "discretisation": _FBS},
    (
        (BIN_MEAN, _BIN_MEAN, {AT_MINIMUM: 2.5}),
        (BIN_VARIANCE, _BIN_VARIANCE, {AT_MINIMUM: 1.25}),
        (BIN_ENTROPY, _bits(*_COUNTS), {AT_MINIMUM: 2.0}),
        (BIN_MINIMUM, 41.0, {AT_MINIMUM: 1.0}),
        (BIN_MAXIMUM, 45.0, {AT_MINIMUM: 4.0}),
    ),
    BINS,
)

_FIXED_NUMBER = Prepared(
    "4 bins",
    _ramp(10.0),
    {"discretisation": {"method": "fixed_bin_number", "bins": 4}},
    (
        (BIN_MEAN, 2.5, {AT_ZERO_TWICE: 2.51}),
        (BIN_ENTROPY, 2.0, {AT_ZERO_TWICE: _bits(25, 25, 25, 24, 1)}),
        (BIN_MAXIMUM, 4.0, {AT_ZERO_TWICE: 5.0}),
    ),
    BIN_NUMBER,
)

_IN_RANGE = Prepared(
    "values from 20 to 80",
    _ramp(0.0),
    {"resegmentation": {"range": [20, 80]}},
    (
        (MINIMUM, 20.0, {OPEN_RANGE: 21.0}),
        (MAXIMUM, 80.0, {OPEN_RANGE: 79.0}),
        (MEAN, 50.0, {}),
    ),
    RANGE,
)

_OUTLIER = np.where(np.arange(100) % 2, 1.0, 3.0)
_OUTLIER[50] = 1000.0

_NO_OUTLIER = Prepared(
    "one value far out",
    _OUTLIER.reshape(SHAPE),
    {"resegmentation": {"range": [None, None], "outlier_sigma": 3}},
    ((MAXIMUM, 3.0, {}), (MEAN, (50.0 + 3.0 * 49.0) / 99.0, {})),
    OUTLIERS,
)

_HALVES = np.where(np.arange(100) % 2, 10.4, 11.7).reshape(SHAPE)

_ROUNDED = Prepared(
    "10.4 and 11.7, rounded",
    _HALVES,
    {"round_to": 1},
    (
        (MINIMUM, 10.0, {UNROUNDED: 10.4, CUT: 10.0}),
        (MAXIMUM, 12.0, {UNROUNDED: 11.7, CUT: 11.0}),
        (MEAN, 11.0, {UNROUNDED: 11.05, CUT: 10.5}),
    ),
    ROUNDING,
)

# A ramp of 10 per voxel along x, from spacing 2 to 1 mm. Five voxels become ten, centred:
# at -0.25, 0.25, ... 4.25; beyond the centres of the first and last voxel they are level.
_SLOPE = np.broadcast_to(10.0 * np.arange(5.0), SHAPE).copy()
_RESAMPLED = (0.0, 2.5, 7.5, 12.5, 17.5, 22.5, 27.5, 32.5, 37.5, 40.0)
_FROM_CORNER = (0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 40.0)

_INTERPOLATED = Prepared(
    "a ramp from 2 to 1 mm",
    _SLOPE,
    {"interpolation": {"spacing_mm": [1, 1, 1], "image": "linear", "mask": "linear"}},
    (
        (MEAN, math.fsum(_RESAMPLED) / 10.0, {CORNER: math.fsum(_FROM_CORNER) / 10.0}),
        (
            "ECT3",
            float(np.var(_RESAMPLED)),
            {CORNER: float(np.var(_FROM_CORNER))},
        ),
        (VOLUME, 800.0, {}),
    ),
    INTERPOLATION,
    (2.0, 2.0, 2.0),
)

_PERCENTILE = Prepared(
    "100 whole numbers",
    _ramp(10.0),
    {},
    (
        (
            P10,
            19.9,
            {
                "percentiles are the nearest order statistic (1)": 19.0,
                "percentiles by the rule of n + 1 (Weibull, 6)": 19.1,
                "percentiles by the rule of the middle (Hazen, 5)": 19.5,
                "percentiles are the lower order statistic": 19.0,
                "percentiles are the higher order statistic": 20.0,
                "percentiles are the nearer order statistic": 20.0,
            },
        ),
        (
            P90,
            99.1,
            {
                "percentiles are the nearest order statistic (1)": 99.0,
                "percentiles by the rule of n + 1 (Weibull, 6)": 99.9,
                "percentiles by the rule of the middle (Hazen, 5)": 99.5,
                "percentiles are the lower order statistic": 99.0,
                "percentiles are the higher order statistic": 100.0,
                "percentiles are the nearer order statistic": 99.0,
            },
        ),
    ),
    PERCENTILES,
)

PREPARED = (
    _FIXED_SIZE,
    _FIXED_NUMBER,
    _IN_RANGE,
    _NO_OUTLIER,
    _ROUNDED,
    _INTERPOLATED,
    _PERCENTILE,
)
