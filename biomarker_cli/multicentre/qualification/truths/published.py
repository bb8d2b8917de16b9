"""The published values of IBSI chapters 1 and 2, and the digital phantom.

References
----------
Zwanenburg et al., Radiology 295:328 (2020), and 310:e231319 (2024); the phantom of 80
voxels is CC BY 4.0, www.theibsi.github.io.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from biomarker_cli.model.arrays import BoolArray, IntArray
from biomarker_cli.multicentre.qualification.checks import Expected

_FOLDER = Path(__file__).parents[1] / "data"

DIGITS = 3
"""Both chapters compare three significant digits."""

CONFIGURATIONS_1 = ("A", "B", "C", "D", "E")
"""Of chapter 1, on the CT phantom."""

CONFIGURATIONS_2 = tuple(f"{number}.{letter}" for number in range(1, 10) for letter in "AB")
"""Of chapter 2, phase 2, on the CT phantom."""

SPACING_MM = (2.0, 2.0, 2.0)
"""Of the digital phantom."""

_LEVELS = (
    ("14411", "14611", "41641", "44641"),
    ("14411", "11611", "11311", "44611"),
    ("14411", "11111", "11911", "11611"),
    ("14411", "11111", "11111", "11611"),
)
_OUTSIDE = frozenset({(1, 2, 0), (2, 0, 3), (2, 0, 4), (2, 2, 2), (3, 0, 3), (3, 0, 4)})

IBSI_IDS = {
    "stat_mean": "Q4LE",
    "stat_var": "ECT3",
    "stat_skew": "KE2A",
    "stat_kurt": "IPH6",
    "stat_median": "Y12H",
    "stat_min": "1GSF",
    "stat_p10": "QG58",
    "stat_p90": "8DWT",
    "stat_max": "84IY",
    "stat_iqr": "SALO",
    "stat_range": "2OJQ",
    "stat_mad": "4FUA",
    "stat_rmad": "1128",
    "stat_medad": "N72L",
    "stat_cov": "7TET",
    "stat_qcod": "9S40",
    "stat_energy": "N8CA",
    "stat_rms": "5ZWQ",
}
"""The features of chapter 2."""

_FAMILIES = {
    "morph": "morphology",
    "loc": "local intensity",
    "stat": "intensity statistics",
    "ih": "intensity histogram",
    "ivh": "intensity-volume histogram",
    "cm": "GLCM",
    "rlm": "GLRLM",
    "szm": "GLSZM",
    "dzm": "GLDZM",
    "ngt": "NGTDM",
    "ngl": "NGLDM",
}


def digital_phantom() -> tuple[IntArray, BoolArray]:
    """Return grey levels and mask of the digital phantom, shape (4, 4, 5)."""
    levels = np.array([[[int(one) for one in row] for row in plane] for plane in _LEVELS])
    mask = np.ones(levels.shape, dtype=np.bool_)
    for place in _OUTSIDE:
        mask[place] = False
    return levels, mask


def chapter_1(config: str) -> list[Expected]:
    """Return the values of a configuration; names are ``tag ibsi_id aggregation``."""
    return [
        Expected(
            f"{config} {row['tag']} {row['ibsi_id']} {row['aggregation']}".strip(),
            float(row["value"]),
            float(row["tolerance"]),
            (f"{_family(row['tag'])} features", f"IBSI-1 configuration {config}"),
            digits=DIGITS,
        )
        for row in _rows("ibsi1.csv")
        if row["config"] == config
    ]


def chapter_2(config: str) -> list[Expected]:
    """Return the values of a configuration that have a consensus."""
    return [
        Expected(
            f"{config} {row['feature_tag']}",
            float(row["consensus_value"]),
            float(row["tolerance"]),
            (f"filter of IBSI-2 {config.partition('.')[0]}", f"IBSI-2 configuration {config}"),
            digits=DIGITS,
        )
        for row in _rows("ibsi2.csv")
        if row["filter_id"] == config and row["consensus_value"]
    ]


def _family(tag: str) -> str:
    return _FAMILIES.get(tag.partition("_")[0], tag.partition("_")[0])


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8") as file:
        yield from csv.DictReader(file)
