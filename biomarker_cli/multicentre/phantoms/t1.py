"""The T1 phantom: spoiled gradient echoes of four flip angles, without noise.

The signal is exact for every fit and every choice of angles, so that T1 is one number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from types import MappingProxyType

from biomarker_cli.multicentre.objects.instances import ObjectGrid, Subject
from biomarker_cli.multicentre.objects.spoiled_echo import DIALECTS, ECHO_MS
from biomarker_cli.multicentre.phantoms.boxes import Box
from biomarker_cli.multicentre.phantoms.truth import ItemLimit, Mistake, Phantom, SheetItem, scaled

KIND, VERSION = "t1", 1
DIALECT_NAMES = tuple(DIALECTS)

GRID = ObjectGrid((6, 24, 32), (2.0, 2.5, 4.0), (-31.0, -28.75, -10.0))
SUBJECT = Subject("PHANTOM-T1", "O")

TR_MS = 6.0
FLIPS_DEG = (2.0, 5.0, 10.0, 15.0)
M0 = 10000.0
BACKGROUND_MS = 1500.0
VIALS_MS = MappingProxyType({"short": 250.0, "medium": 700.0, "long": 1300.0, "longest": 2200.0})
REGIONS = MappingProxyType(
    {
        "short": Box(1, 5, 3, 9, 2, 8),
        "medium": Box(1, 5, 3, 9, 12, 18),
        "long": Box(1, 5, 3, 9, 22, 28),
        "longest": Box(1, 5, 14, 20, 2, 8),
    }
)

_CLAUSE = "S = M0 sin a (1 - E) / (1 - E cos a), E = exp(-TR/T1); noise-free, 0.5 % is ours"
_LIMIT = ItemLimit(_CLAUSE, relative=0.005)


def t1_phantom(dialect: str) -> Phantom:
    """Return the phantom in a dialect."""
    truth = {f"{name}/t1.perfusion.mean": value for name, value in VIALS_MS.items()}
    items = tuple(SheetItem(name, "T1, mean", "ms", _LIMIT) for name in truth)
    return Phantom(KIND, dialect, VERSION, items, truth, tuple(_mistakes(dialect, truth)))


def _mistakes(dialect: str, truth: dict[str, float]) -> Iterator[Mistake]:
    yield Mistake(
        "unit_s",
        "gives T1 in s where the sheet says ms",
        "Write the unit of the program into the sheet, or convert.",
        (scaled(truth, 1e-3),),
    )
    yield Mistake(
        "r1_for_t1",
        "gives the rate R1 in 1/s",
        "T1 is 1000 / R1, in ms.",
        ({name: 1000.0 / value for name, value in truth.items()},),
    )
    yield Mistake(
        "log10_for_ln",
        "takes the decadic logarithm of E for the natural one",
        "T1 is -TR / ln E.",
        (scaled(truth, math.log(10.0)),),
    )
    yield Mistake(
        "echo_time_for_repetition_time",
        "takes the echo time for the repetition time",
        "T1 is -TR / ln E, TR being (0018,0080).",
        (scaled(truth, ECHO_MS / TR_MS),),
    )
    if dialect == "philips":
        yield from _philips(truth)


def _philips(truth: dict[str, float]) -> Iterator[Mistake]:
    # Two scale slopes alternate: what a line through the transforms of the signal makes of it.
    scale = [0.5 if index % 2 == 0 else 0.25 for index in range(len(FLIPS_DEG))]
    for name, power, says in (
        ("philips_display_values", 2.0, "fits displayed values: (2005,100E) is left out"),
        ("philips_stored_values", 1.0, "fits stored values: slope and (2005,100E) are left out"),
    ):
        factors = [one**power for one in scale]
        found = {item: _line(value, factors) for item, value in truth.items()}
        yield Mistake(
            name,
            says,
            "Divide by RescaleSlope x (2005,100E) of each flip angle before the fit.",
            (found,),
        )


def _line(t1_ms: float, factors: Sequence[float]) -> float:
    """Return T1 of the line of S / sin a against S / tan a where the signals are scaled."""
    e1 = math.exp(-TR_MS / t1_ms)
    points = []
    for flip_deg, factor in zip(FLIPS_DEG, factors, strict=True):
        flip = math.radians(flip_deg)
        signal = factor * math.sin(flip) * (1.0 - e1) / (1.0 - e1 * math.cos(flip))
        points.append((signal / math.tan(flip), signal / math.sin(flip)))
    x_mean, y_mean = (sum(values) / len(points) for values in zip(*points, strict=True))
    above = sum((x - x_mean) * (y - y_mean) for x, y in points)
    return -TR_MS / math.log(above / sum((x - x_mean) ** 2 for x, _ in points))
