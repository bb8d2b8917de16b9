"""The ADC phantom: diffusion without noise whose ADC is known in closed form.

All shells of a vial are one exponential, so that every estimator and every b-set gives
the same ADC. The fibre is not: its diffusion differs between the directions, and its ADC
by the geometric mean of the directions is the mean of the three.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from types import MappingProxyType

from biomarker_cli.multicentre.objects.dwi import DIALECTS, FILES
from biomarker_cli.multicentre.objects.instances import ObjectGrid, Subject
from biomarker_cli.multicentre.phantoms.boxes import Box
from biomarker_cli.multicentre.phantoms.truth import ItemLimit, Mistake, Phantom, SheetItem, scaled

KIND, VERSION = "adc", 1
# An enhanced object that holds no more than a reader of diffusion asks for is not valid.
DIALECT_NAMES = (*DIALECTS, *(name for name in FILES if name != "enhanced"))

GRID = ObjectGrid((6, 24, 32), (2.0, 2.5, 4.0), (-31.0, -28.75, -10.0))
SUBJECT = Subject("PHANTOM-ADC", "O")

S0 = 8000.0
BACKGROUND_MM2_S = 0.8e-3
VIALS = MappingProxyType({"slow": 0.5e-3, "medium": 1.1e-3, "fast": 2.0e-3})
FIBRE_MM2_S = (2.0e-3, 0.4e-3, 0.6e-3)
"""Along the three directions of the gradients: x, y and z."""

RAMP_START, RAMP_STEP = 0.6e-3, 0.1e-3
"""ADC of the ramp: start + step x column within the region, mm2/s."""

REGIONS = MappingProxyType(
    {
        "slow": Box(1, 5, 3, 9, 2, 8),
        "medium": Box(1, 5, 3, 9, 12, 18),
        "fast": Box(1, 5, 3, 9, 22, 28),
        "fibre": Box(1, 5, 14, 20, 2, 8),
        "ramp": Box(1, 5, 14, 20, 12, 22),
    }
)

B_S_MM2 = (0.0, 100.0, 500.0, 1000.0)
APPLIED_B_S_MM2 = (1.25, 93.0, 465.0, 929.75)
"""Where what was set and what was applied are two numbers (UIH)."""

DIRECTIONS = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

_CLAUSE = "ln(S1/S2)/(b2-b1), directions by the geometric mean; noise-free, 0.5 % is ours"
_LIMIT = ItemLimit(_CLAUSE, absolute=1e-6, relative=0.005)


def applied_b(dialect: str) -> tuple[float, ...]:
    """Return the b-values that a dialect's signals follow, s/mm2."""
    return APPLIED_B_S_MM2 if dialect.startswith("uih") else B_S_MM2


def adc_phantom(dialect: str) -> Phantom:
    """Return the phantom in a dialect."""
    truth = _values(lambda d: d)
    items = tuple(_item(name) for name in truth)
    return Phantom(KIND, dialect, VERSION, items, truth, tuple(_mistakes(dialect, truth)))


def _item(name: str) -> SheetItem:
    statistic = name.rpartition(".")[2]
    return SheetItem(name, f"ADC, {statistic}", "mm2/s", _LIMIT)


def _values(read: Callable[[float], float]) -> dict[str, float]:
    """Return the sheet where an ADC is read as `read` says; the fibre by its mean."""
    found = {f"{name}/adc.intensity.mean": read(adc) for name, adc in VIALS.items()}
    found["fibre/adc.intensity.mean"] = read(sum(FIBRE_MM2_S) / len(FIBRE_MM2_S))
    box = REGIONS["ramp"]
    ramp = sorted(read(RAMP_START + RAMP_STEP * x) for x in range(box.x1 - box.x0))
    middle = len(ramp) // 2
    found["ramp/adc.intensity.mean"] = sum(ramp) / len(ramp)
    found["ramp/adc.intensity.median"] = (ramp[middle - 1] + ramp[middle]) / 2.0
    found["ramp/adc.intensity.minimum"] = ramp[0]
    found["ramp/adc.intensity.maximum"] = ramp[-1]
    return found


def _slope(b: Sequence[float], log_signal: Sequence[float]) -> float:
    """Return the ADC of a straight line through ln S, by least squares."""
    middle, mean = sum(b) / len(b), sum(log_signal) / len(log_signal)
    above = sum((x - middle) * (y - mean) for x, y in zip(b, log_signal, strict=True))
    return -above / sum((x - middle) ** 2 for x in b)


_PAIRS = MappingProxyType({"all": (0, 1, 2, 3), "0 and 1000": (0, 3), "100 to 1000": (1, 2, 3)})
"""Which shells a program may fit."""


def _mistakes(dialect: str, truth: dict[str, float]) -> Iterator[Mistake]:
    yield Mistake(
        "arithmetic_directions",
        "combines the directions by the arithmetic mean of their signals",
        "Combine them by the geometric mean: the mean of the ADCs of the directions.",
        tuple(_with_fibre(truth, adc) for adc in _arithmetic(applied_b(dialect))),
    )
    for axis, adc in zip("xyz", FIBRE_MM2_S, strict=True):
        yield Mistake(
            f"direction_{axis}_alone",
            f"fits the direction {axis} alone",
            "Combine all directions of a b-value.",
            (_with_fibre(truth, adc),),
        )
    yield Mistake(
        "log10_for_ln",
        "takes the decadic logarithm for the natural one",
        "The exponent of the signal is -b ADC, to the base e.",
        (scaled(truth, 1.0 / math.log(10.0)),),
    )
    for power, unit in ((3, "1e-3 mm2/s"), (6, "1e-6 mm2/s (um2/s)")):
        yield Mistake(
            f"unit_1e-{power}",
            f"gives ADC in {unit} where the sheet says mm2/s",
            "Write the unit of the program into the sheet, or convert.",
            (scaled(truth, 10.0**power),),
        )
    if dialect.startswith("uih"):
        yield _console_b()
    if dialect == "philips":
        yield from _philips()


def _with_fibre(truth: dict[str, float], adc: float) -> dict[str, float]:
    return truth | {"fibre/adc.intensity.mean": adc}


def _arithmetic(b: Sequence[float]) -> list[float]:
    signal = [sum(math.exp(-one * d) for d in FIBRE_MM2_S) / len(FIBRE_MM2_S) for one in b]
    logs = [math.log(one) for one in signal]
    return [_slope([b[i] for i in used], [logs[i] for i in used]) for used in _PAIRS.values()]


def _console_b() -> Mistake:
    b = APPLIED_B_S_MM2

    def read(used: Sequence[int]) -> Callable[[float], float]:
        console = [B_S_MM2[i] for i in used]
        return lambda adc: _slope(console, [-b[i] * adc for i in used])

    return Mistake(
        "console_b",
        "fits the b-values that were set (0, 100, 500, 1000), not those that were applied",
        "Read the actual b-value, (0065,1009) of UIH.",
        tuple(_values(read(used)) for used in _PAIRS.values()),
    )


def _philips() -> Iterator[Mistake]:
    # Volumes alternate between two scale slopes; three directions follow one volume of b = 0.
    scale = [0.5 if index % 2 == 0 else 0.25 for index in range(1 + 3 * 3)]
    shells = [scale[:1], scale[1:4], scale[4:7], scale[7:10]]

    def read(power: float, used: Sequence[int]) -> Callable[[float], float]:
        shift = [power * sum(math.log(s) for s in shell) / len(shell) for shell in shells]
        b = [B_S_MM2[i] for i in used]
        return lambda adc: _slope(b, [shift[i] - B_S_MM2[i] * adc for i in used])

    for name, power, says in (
        ("philips_display_values", 2.0, "fits displayed values: (2005,100E) is left out"),
        ("philips_stored_values", 1.0, "fits stored values: slope and (2005,100E) are left out"),
    ):
        yield Mistake(
            name,
            says,
            "Divide by RescaleSlope x (2005,100E) of each volume before the logarithm.",
            tuple(_values(read(power, used)) for used in _PAIRS.values()),
        )
