"""The texture phantom: CT whose first-order and co-occurrence features are rational numbers.

A cube of n = 8 voxels a side holds two grey levels, one bin of 25 HU apart. Of the 13
directions of neighbours, the checkerboard changes its level along the 3 axes and the 4
space diagonals and keeps it along the 6 plane diagonals; the stripes change it wherever x
changes, in 9 directions, and keep it in 4. Each direction has as many pairs of one kind as
of the other, so that contrast is the share of directions that change.

References
----------
IBSI reference manual: Q4LE, ECT3, TLU2, ACUI, TU9B, NI2N, 8ZQL.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import MappingProxyType

from biomarker_cli.multicentre.objects.ct import INTERCEPT_HU
from biomarker_cli.multicentre.objects.instances import ObjectGrid, Subject
from biomarker_cli.multicentre.phantoms.boxes import Box
from biomarker_cli.multicentre.phantoms.truth import ItemLimit, Mistake, Phantom, SheetItem, scaled

KIND, VERSION = "ct-texture", 1
DIALECT_NAMES = ("standard",)

GRID = ObjectGrid((14, 28, 40), (2.0, 2.0, 2.0), (-39.0, -27.0, -13.0))
SUBJECT = Subject("PHANTOM-CT", "O")

SIDE = 8
BACKGROUND_HU, UNIFORM_HU, LOW_HU, HIGH_HU, BIN_HU = -100.0, 40.0, 10.0, 35.0, 25.0
STEP_HU = 3.0
"""Of the gradient, per column."""

REGIONS = MappingProxyType(
    {
        "uniform": Box(3, 11, 3, 11, 3, 11),
        "checker": Box(3, 11, 3, 11, 15, 23),
        "stripes": Box(3, 11, 3, 11, 27, 35),
        "gradient": Box(3, 11, 15, 23, 3, 11),
    }
)

_EXACT = ItemLimit("closed form on whole HU; 1e-3 is ours", absolute=1e-3)
_HU = ItemLimit("RescaleSlope and RescaleIntercept, PS3.3 C.7.6.16; 0.1 HU is ours", absolute=0.1)
_VARIANCE = ItemLimit("IBSI ECT3 (n in the denominator); 0.5 % lets n - 1 pass", 0.1, 0.005)
_VOLUME = ItemLimit("voxels x voxel volume; 1 % is ours", 0.0, 0.01)

# Directions that change the level, of 13; of the four of a slice; pairs that change, of all.
_CHANGING = MappingProxyType({"checker": (7, 2), "stripes": (9, 3)})
_DIRECTIONS, _IN_PLANE = 13, 4
_AXIS, _PLANE, _SPACE = SIDE**2 * (SIDE - 1), SIDE * (SIDE - 1) ** 2, (SIDE - 1) ** 3
_PAIRS = 3 * _AXIS + 6 * _PLANE + 4 * _SPACE
_CHANGING_PAIRS = MappingProxyType(
    {"checker": 3 * _AXIS + 4 * _SPACE, "stripes": _AXIS + 4 * _PLANE + 4 * _SPACE}
)


def texture_phantom(dialect: str) -> Phantom:
    """Return the phantom."""
    truth = _values()
    items = tuple(_item(name) for name in truth)
    return Phantom(KIND, dialect, VERSION, items, truth, tuple(_mistakes(truth)))


_CO_OCCURRENCE = "co-occurrence, 25 HU bins, distance 1, symmetric, 3D,"
_WORDS = MappingProxyType(
    {
        "intensity.mean": ("mean (Q4LE)", "[hnsf'U]", _HU),
        "intensity.variance": ("variance (ECT3)", "[hnsf'U]2", _VARIANCE),
        "intensity.minimum": ("minimum (1GSF)", "[hnsf'U]", _HU),
        "intensity.maximum": ("maximum (84IY)", "[hnsf'U]", _HU),
        "histogram.entropy": ("entropy of the histogram, bits (TLU2)", "1", _EXACT),
        "volume": ("volume", "mL", _VOLUME),
        "glcm.contrast.average": (f"{_CO_OCCURRENCE} averaged: contrast (ACUI)", "1", _EXACT),
        "glcm.contrast.merged": (f"{_CO_OCCURRENCE} merged: contrast (ACUI)", "1", _EXACT),
        "glcm.correlation.average": (f"{_CO_OCCURRENCE} averaged: correlation (NI2N)", "1", _EXACT),
        "glcm.joint_entropy.average": (
            f"{_CO_OCCURRENCE} averaged: joint entropy, bits (TU9B)",
            "1",
            _EXACT,
        ),
        "glcm.second_moment.average": (
            f"{_CO_OCCURRENCE} averaged: angular second moment (8ZQL)",
            "1",
            _EXACT,
        ),
    }
)


def _item(name: str) -> SheetItem:
    return SheetItem(name, *_WORDS[name.partition("/")[2]])


def _values() -> dict[str, float]:
    found = {"uniform/intensity.mean": UNIFORM_HU}
    found |= {"uniform/intensity.variance": 0.0, "uniform/volume": SIDE**3 * 8.0 / 1000.0}
    found["gradient/intensity.mean"] = UNIFORM_HU + STEP_HU * (SIDE - 1) / 2.0
    found["gradient/intensity.variance"] = STEP_HU**2 * (SIDE**2 - 1) / 12.0
    found["gradient/intensity.minimum"] = UNIFORM_HU
    found["gradient/intensity.maximum"] = UNIFORM_HU + STEP_HU * (SIDE - 1)
    for region, (changing, _) in _CHANGING.items():
        share = changing / _DIRECTIONS
        found[f"{region}/intensity.mean"] = (LOW_HU + HIGH_HU) / 2.0
        found[f"{region}/intensity.variance"] = (BIN_HU / 2.0) ** 2
        found[f"{region}/histogram.entropy"] = 1.0
        found[f"{region}/glcm.contrast.average"] = share
        found[f"{region}/glcm.contrast.merged"] = _CHANGING_PAIRS[region] / _PAIRS
        # A direction that changes the level is anticorrelated, another one correlated.
        found[f"{region}/glcm.correlation.average"] = 1.0 - 2.0 * share
        # Two of the four cells hold one half each, whatever the direction.
        found[f"{region}/glcm.joint_entropy.average"] = 1.0
        found[f"{region}/glcm.second_moment.average"] = 0.5
    return found


def _mistakes(truth: dict[str, float]) -> Iterator[Mistake]:
    levels = ("intensity.mean", "intensity.minimum", "intensity.maximum")
    yield Mistake(
        "intercept_left_out",
        "takes stored values for HU: RescaleIntercept is left out",
        "HU is the stored value x RescaleSlope + RescaleIntercept.",
        ({n: v - INTERCEPT_HU if n.endswith(levels) else v for n, v in truth.items()},),
    )
    yield Mistake(
        "sd_for_variance",
        "gives the standard deviation for the variance",
        "Square it.",
        ({n: v**0.5 if n.endswith("variance") else v for n, v in truth.items()},),
    )
    yield Mistake(
        "nats_for_bits",
        "takes the natural logarithm for that to the base 2",
        "Entropies of IBSI are in bits.",
        (scaled(truth, math.log(2.0), ("entropy", "entropy.average")),),
    )
    yield Mistake(
        "slice_by_slice",
        "looks for neighbours within slices: 4 directions, not 13",
        "Choose the 3D features.",
        (_in_slices(truth),),
    )
    yield Mistake(
        "merged_for_average",
        "gives the merged matrix for the average over directions",
        "Fill in the row that says how the directions are combined.",
        (_all_merged(truth),),
    )
    yield Mistake(
        "not_discretised",
        "takes whole HU for grey levels: the bin width is left out",
        "Discretise by bins of 25 HU.",
        (scaled(truth, BIN_HU**2, ("contrast.average", "contrast.merged")),),
    )
    yield Mistake(
        "mm3_for_ml",
        "gives volumes in mm3 where the sheet says mL",
        "Correct the unit in the sheet.",
        (scaled(truth, 1000.0, ("volume",)),),
    )


_BOTH = ("checker", "stripes")


def _in_slices(truth: dict[str, float]) -> dict[str, float]:
    found = dict(truth)
    for region in _BOTH:
        share = _CHANGING[region][1] / _IN_PLANE
        changing = {"checker": 2 * _AXIS, "stripes": _AXIS + 2 * _PLANE}[region]
        found[f"{region}/glcm.contrast.average"] = share
        found[f"{region}/glcm.contrast.merged"] = changing / (2 * _AXIS + 2 * _PLANE)
        found[f"{region}/glcm.correlation.average"] = 1.0 - 2.0 * share
    return found


def _all_merged(truth: dict[str, float]) -> dict[str, float]:
    found = dict(truth)
    for region in _BOTH:
        share = _CHANGING_PAIRS[region] / _PAIRS
        both = (share / 2.0, share / 2.0, (1.0 - share) / 2.0, (1.0 - share) / 2.0)
        found[f"{region}/glcm.contrast.average"] = share
        found[f"{region}/glcm.correlation.average"] = 1.0 - 2.0 * share
        found[f"{region}/glcm.joint_entropy.average"] = -sum(p * math.log2(p) for p in both)
        found[f"{region}/glcm.second_moment.average"] = sum(p * p for p in both)
    return found
