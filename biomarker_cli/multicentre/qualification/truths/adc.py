"""What the suite ``adc`` expects: numbers in closed form, none of them from the room.

References
----------
Stejskal and Tanner 1965 (S = S0 exp(-b D)); Jensen 2005 (kurtosis); Le Bihan 1988 (IVIM);
Hyndman and Fan 1996 (percentile rules).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.multicentre.objects.dwi import Direction, Weighting, signal_of
from biomarker_cli.multicentre.objects.instances import ObjectGrid, Subject
from biomarker_cli.multicentre.qualification.checks import Expected
from biomarker_cli.multicentre.qualification.truths.order import FLIPPED

SUBJECT = Subject("VERIFY-DWI")
GRID = ObjectGrid((3, 4, 5), (2.0, 2.5, 5.0))
S0 = 1000.0
LOW, HIGH = 0.4e-3, 2.6e-3
ADC: FloatArray = np.linspace(LOW, HIGH, 60).reshape(GRID.shape)
"""mm2/s, the mean over three directions of which two are apart by a fifth."""

DIRECTIONS: tuple[Direction, ...] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
SHARES = (0.8, 1.0, 1.2)
B = 800.0

RELATIVE = 5e-4
"""Tolerance: what storing whole numbers of 16 bits leaves is a tenth of it."""

MEAN_OF_DIRECTIONS = "the mean over directions before the fit"
ARITHMETIC = "directions are averaged by their arithmetic mean"
FIRST_DIRECTION = "the first direction alone is fitted"
CONSOLE = "the b-value of the console is fitted, not the applied one"
NO_SCALE = "the scale slope of Philips is ignored"
MODULO = "the b-value of GE is taken modulo 10000"

_UIH_LOW, _UIH_HIGH = 1.25, 929.75
_UIH_CONSOLE = 1000.0
_GE_HIGH = 12000.0


@dataclass(frozen=True)
class DwiCase:
    """One object: how it is written, its b-values and its diffusivity.

    Attributes
    ----------
    name, dialect : str
    low, high : float
        s/mm2.
    share : float
        ADC as a part of `ADC`.
    console : float or None
        What was set in place of `high`.
    """

    name: str
    dialect: str
    low: float = 0.0
    high: float = B
    share: float = 1.0
    console: float | None = None

    @property
    def adc(self) -> FloatArray:
        """Map in mm2/s."""
        return ADC * self.share

    def volumes(self) -> list[Weighting]:
        """Return the volumes that are written."""
        repeats = 2 if self.dialect == "philips" else 1
        console = None if self.console is None else 0.0
        base = Weighting(self.low, signal_of(S0, self.adc, self.low), None, console)
        return [base] * repeats + [
            Weighting(self.high, signal_of(S0, self.adc * share, self.high), one, self.console)
            for share, one in zip(SHARES, DIRECTIONS, strict=True)
        ]


CASES = (
    *(
        DwiCase(name, name)
        for name in (
            "standard",
            "ge",
            "siemens",
            "philips",
            "toshiba",
            "canon-comment",
            "enhanced",
            "siemens-mosaic",
        )
    ),
    DwiCase("uih", "uih", _UIH_LOW, _UIH_HIGH, console=_UIH_CONSOLE),
    DwiCase("uih-grid", "uih-grid", _UIH_LOW, _UIH_HIGH, console=_UIH_CONSOLE),
    DwiCase("ge, b = 12000", "ge", high=_GE_HIGH, share=0.1),
)

_PLACES: Sequence[tuple[str, Callable[[FloatArray], float]]] = (
    ("first voxel", lambda array: float(array[0, 0, 0])),
    ("last voxel", lambda array: float(array[-1, -1, -1])),
    ("mean", lambda array: float(array.mean())),
)
"""What is looked at of a map."""


def seen(case: DwiCase, array: FloatArray) -> dict[str, float]:
    """Return what is looked at of the map of an object, by the name of its check."""
    return {f"{case.name}: {place}": look(array) for place, look in _PLACES}


def expected_of(case: DwiCase) -> list[Expected]:
    """Return the ADC of an object."""
    steps = (f"diffusion as it is written: {case.name}", MEAN_OF_DIRECTIONS)
    known = seen(case, case.adc)
    others = {text: seen(case, array) for text, array in _mistaken(case).items()}
    return [
        Expected(
            name,
            value,
            RELATIVE * value,
            steps,
            {text: values[name] for text, values in others.items()},
            {"the b-values in use": -1.0},
            "mm2/s",
        )
        for name, value in known.items()
    ]


def _mistaken(case: DwiCase) -> dict[str, FloatArray]:
    """Return the map that each mistake would give."""
    span = case.high - case.low
    weighted = [np.exp(-case.high * case.adc * share) for share in SHARES]
    unweighted = np.exp(-case.low * case.adc)
    found = {
        ARITHMETIC: np.log(unweighted / np.mean(weighted, axis=0)) / span,
        FIRST_DIRECTION: np.log(unweighted / weighted[0]) / span,
    }
    for axis, text in enumerate(reversed(tuple(FLIPPED.values()))):
        found[text] = np.flip(case.adc, axis)
    if case.console is not None:
        found[CONSOLE] = case.adc * span / case.console
    if case.high > 1e4:
        found[MODULO] = case.adc * case.high / math.fmod(case.high, 1e4)
    if case.dialect == "philips":
        # Displayed values are true ones times 2 SS^2, with SS of 1/2 and 1/4 in turn.
        base = math.log((0.5 + 0.125) / 2.0)
        directions = (math.log(0.5) + math.log(0.125) + math.log(0.5)) / 3.0
        found[NO_SCALE] = case.adc + (base - directions) / span
    return found


CURVED_B = (0.0, 200.0, 500.0, 800.0, 1000.0)
CURVED_D, CURVED_K = 1.2e-3, 0.8
_CURVED_NLLS = 1.03732433e-3
"""Least squares of S itself, by an independent optimiser."""


def curved_signal(b: float) -> float:
    """Return ln S / S0 of a tissue with kurtosis."""
    return -b * CURVED_D + b * b * CURVED_D**2 * CURVED_K / 6.0


def expected_estimators() -> list[Expected]:
    """Return what the estimators make of a signal that no exponential is."""
    logs = [curved_signal(b) for b in CURVED_B]
    known = {
        "adc_two_point": (logs[0] - logs[-1]) / (CURVED_B[-1] - CURVED_B[0]),
        "adc": _slope([1.0] * len(logs), logs),
        "adc_wls": _slope([math.exp(2.0 * one) for one in logs], logs),
        "adc_nlls": _CURVED_NLLS,
    }
    titles = {
        "adc_two_point": "two-point ADC",
        "adc": "line through ln S",
        "adc_wls": "line through ln S weighted by the squared signal",
        "adc_nlls": "least squares of the signal itself",
    }
    found = [
        Expected(
            f"estimator {name}",
            value,
            RELATIVE * value,
            (f"estimator: {titles[name]}",),
            {
                f"{titles[other]} in place of the {titles[name]}": known[other]
                for other in known
                if other != name
            },
            unit="mm2/s",
        )
        for name, value in known.items()
    ]
    found.append(
        Expected("kurtosis: D", CURVED_D, 2e-3 * CURVED_D, ("diffusion kurtosis",), unit="mm2/s")
    )
    found.append(Expected("kurtosis: K", CURVED_K, 5e-3 * CURVED_K, ("diffusion kurtosis",)))
    return found


def _slope(weights: Sequence[float], logs: Sequence[float]) -> float:
    """Return minus the slope of the weighted line over b."""
    total = math.fsum(weights)
    mean_b = math.fsum(w * b for w, b in zip(weights, CURVED_B, strict=True)) / total
    mean_log = math.fsum(w * y for w, y in zip(weights, logs, strict=True)) / total
    rows = list(zip(weights, CURVED_B, logs, strict=True))
    up = math.fsum(w * (b - mean_b) * (y - mean_log) for w, b, y in rows)
    return -up / math.fsum(w * (b - mean_b) ** 2 for w, b, _ in rows)


IVIM_B = (0.0, 50.0, 200.0, 400.0, 800.0)
IVIM_D, IVIM_F, IVIM_FAST = 1.0e-3, 0.15, 60.0e-3
IVIM_FROM = 200.0
IVIM_SEARCH = (5e-3, 0.2)


def ivim_signal(b: float) -> float:
    """Return S / S0 of a tissue with perfusion, which is gone at b = 200."""
    return IVIM_F * math.exp(-b * IVIM_FAST) + (1.0 - IVIM_F) * math.exp(-b * IVIM_D)


def expected_ivim() -> list[Expected]:
    """Return D and f of the segmented method, and with D* of the refit."""
    fast = Expected("IVIM refit: D*", IVIM_FAST, 5e-3 * IVIM_FAST, ("IVIM refit",), unit="mm2/s")
    return [
        fast,
        Expected("IVIM refit: D", IVIM_D, 1e-3 * IVIM_D, ("IVIM refit",), unit="mm2/s"),
        Expected("IVIM refit: f", IVIM_F, 5e-3 * IVIM_F, ("IVIM refit",)),
        Expected("IVIM: D", IVIM_D, 1e-3 * IVIM_D, ("segmented IVIM",), unit="mm2/s"),
        Expected("IVIM: f", IVIM_F, 5e-3 * IVIM_F, ("segmented IVIM",)),
    ]


N_INSIDE = 57
"""Voxels of the region, the first in the order of the array: most percentile rules differ."""

_N = N_INSIDE
_STEP = (HIGH - LOW) / (ADC.size - 1)
_TOP = LOW + _STEP * (_N - 1)
_PERCENTILE_RULES: Mapping[str, Callable[[float], float]] = {
    "percentiles are the nearest order statistic (1)": lambda p: max(math.ceil(p * _N), 1) - 1.0,
    "percentiles by the rule of n + 1 (Weibull, 6)": lambda p: p * (_N + 1) - 1.0,
    "percentiles by the rule of the middle (Hazen, 5)": lambda p: p * _N - 0.5,
    "percentiles are the lower order statistic": lambda p: float(math.floor(p * (_N - 1))),
    "percentiles are the higher order statistic": lambda p: float(math.ceil(p * (_N - 1))),
    "percentiles are the nearer order statistic": lambda p: float(round(p * (_N - 1))),
}
SAMPLE_SD = "the standard deviation is that of a sample, not of the population"
KURTOSIS = "kurtosis is given without taking 3 away"

STATISTICS = (
    "mean",
    "median",
    "sd",
    "minimum",
    "p10",
    "p25",
    "p75",
    "p90",
    "maximum",
    "skewness",
    "kurtosis",
)


def expected_statistics() -> list[Expected]:
    """Return the statistics of values that lie evenly between two."""
    step = _STEP
    centre = (LOW + _TOP) / 2.0
    sd = step * math.sqrt((_N**2 - 1) / 12.0)
    excess = -6.0 * (_N**2 + 1) / (5.0 * (_N**2 - 1))
    known = {"mean": centre, "median": centre, "minimum": LOW, "maximum": _TOP}
    found = [
        Expected(f"adc.intensity.{name}", v, RELATIVE * v, ("statistics of a map",), unit="mm2/s")
        for name, v in known.items()
    ]
    for name, part in (("p10", 0.10), ("p25", 0.25), ("p75", 0.75), ("p90", 0.90)):
        value = LOW + part * (_TOP - LOW)
        others = {text: LOW + place(part) * step for text, place in _PERCENTILE_RULES.items()}
        found.append(
            Expected(
                f"adc.intensity.{name}",
                value,
                RELATIVE * value,
                ("percentile rule", "statistics of a map"),
                others,
                unit="mm2/s",
            )
        )
    other_sd = {SAMPLE_SD: sd * math.sqrt(_N / (_N - 1))}
    found.append(
        Expected("adc.intensity.sd", sd, RELATIVE * sd, ("standard deviation of a map",), other_sd)
    )
    found.append(Expected("adc.intensity.skewness", 0.0, 2e-3, ("skewness of a map",)))
    kurtosis = {KURTOSIS: excess + 3.0}
    found.append(Expected("adc.intensity.kurtosis", excess, 2e-3, ("kurtosis of a map",), kurtosis))
    return found


N_DARK = 3
"""Voxels whose signal is 0 at the high b: they have no ADC."""

DARK = Expected(
    "voxels without a fit", float(N_DARK), 0.0, ("voxels whose signal is not positive",)
)


@dataclass(frozen=True)
class RefusedSet:
    """Images that no ADC may be made of."""

    name: str
    code: str

    @property
    def expected(self) -> Expected:
        """The code that must come."""
        steps = (f"refusal of diffusion images: {self.name}",)
        return Expected(f"refused: {self.name}", self.code, steps=steps)


NO_B = RefusedSet("no b-value", "ADC-NO-B-VALUES")
SINGLE_B = RefusedSet("one b-value", "ADC-SINGLE-B")
TWO_ECHOES = RefusedSet("two echo times", "ADC-MIXED-ECHO")
REFUSED = (NO_B, SINGLE_B, TWO_ECHOES)
