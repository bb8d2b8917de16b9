"""The response maps of IBSI chapter 2, phase 1: filters, phantoms, and how far a map may be off.

References
----------
IBSI reference manual, chapter 2, phase 1; the maps with their names are at
github.com/theibsi/ibsi_2_reference_data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from biomarker_cli.multicentre.qualification.checks import Expected

Rules = dict[str, Any]

LARGEST_DEVIATION = 0.01
"""Part of the range of a response map that a voxel may be off."""

SPACING_MM = (2.0, 2.0, 2.0)
"""Of all phantoms."""


def expected_of(test: str) -> Expected:
    """Return that a map is that of the benchmark; the deviation is a part of its range."""
    kind = str(MAPS[test][1]["filter"])
    steps = (f"filter of IBSI-2 {kind}", "response maps of IBSI-2")
    return Expected(f"map {test}: largest deviation", 0.0, LARGEST_DEVIATION, steps)


def _mean(boundary: str) -> Rules:
    return {"filter": "mean", "support_voxels": 15, "boundary": boundary}


def _log(sigma: float, boundary: str) -> Rules:
    return {"filter": "log", "sigma_mm": [sigma], "truncation": 4, "boundary": boundary}


def _laws(
    kernels: str, boundary: str, pooling: str | None = None, energy: int | None = None
) -> Rules:
    return {
        "filter": "laws",
        "kernels": kernels,
        "boundary": boundary,
        "pooling": pooling,
        "energy_distance_voxels": energy,
    }


def _gabor(
    sigma: float,
    wavelength: float,
    gamma: float,
    boundary: str,
    theta: float = 0,
    steps: float | None = None,
) -> Rules:
    return {
        "filter": "gabor",
        "sigma_mm": sigma,
        "wavelength_mm": wavelength,
        "gamma": gamma,
        "theta_degrees": theta,
        "theta_steps_degrees": steps,
        "three_planes": steps is not None,
        "boundary": boundary,
    }


def _wavelet(name: str, band: str, level: int, boundary: str, pooling: str | None = None) -> Rules:
    return {
        "filter": "wavelet",
        "wavelet": name,
        "band": band,
        "level": level,
        "boundary": boundary,
        "pooling": pooling,
    }


def _simoncelli(level: int) -> Rules:
    return {"filter": "simoncelli", "level": level, "boundary": "periodic"}


def _riesz_log(sigma: float, order: Sequence[int]) -> Rules:
    return {**_log(sigma, "zero"), "filter": "riesz_log", "order": order}


def _riesz_simoncelli(level: int, order: Sequence[int]) -> Rules:
    return {**_simoncelli(level), "filter": "riesz_simoncelli", "order": order}


MAPS: Mapping[str, tuple[str, Rules, bool]] = MappingProxyType(
    {
        "1_a_1": ("checkerboard", _mean("zero"), False),
        "1_a_2": ("checkerboard", _mean("nearest"), False),
        "1_a_3": ("checkerboard", _mean("periodic"), False),
        "1_a_4": ("checkerboard", _mean("mirror"), False),
        "1_b_1": ("impulse", _mean("zero"), True),
        "2_a": ("impulse", _log(3, "zero"), False),
        "2_b": ("checkerboard", _log(5, "mirror"), False),
        "2_c": ("checkerboard", _log(5, "mirror"), True),
        "3_a_1": ("impulse", _laws("E5L5S5", "zero"), False),
        "3_a_2": ("impulse", _laws("E5L5S5", "zero", "max"), False),
        "3_a_3": ("impulse", _laws("E5L5S5", "zero", "max", 7), False),
        "3_b_1": ("checkerboard", _laws("E3W5R5", "mirror"), False),
        "3_b_2": ("checkerboard", _laws("E3W5R5", "mirror", "max"), False),
        "3_b_3": ("checkerboard", _laws("E3W5R5", "mirror", "max", 7), False),
        "3_c_1": ("checkerboard", _laws("L5S5", "mirror"), True),
        "3_c_2": ("checkerboard", _laws("L5S5", "mirror", "max"), True),
        "3_c_3": ("checkerboard", _laws("L5S5", "mirror", "max", 7), True),
        "4_a_1": ("impulse", _gabor(10, 4, 0.5, "zero", theta=60), True),
        "4_a_2": ("impulse", _gabor(10, 4, 0.5, "zero", steps=45), False),
        "4_b_1": ("sphere", _gabor(20, 8, 2.5, "mirror", theta=225), True),
        "4_b_2": ("sphere", _gabor(20, 8, 2.5, "mirror", steps=22.5), False),
        "5_a_1": ("impulse", _wavelet("db2", "LHL", 1, "zero"), False),
        "5_a_2": ("impulse", _wavelet("db2", "LHL", 1, "zero", "average"), False),
        "6_a_1": ("sphere", _wavelet("coif1", "HHL", 1, "periodic"), False),
        "6_a_2": ("sphere", _wavelet("coif1", "HHL", 1, "periodic", "average"), False),
        "7_a_1": ("checkerboard", _wavelet("haar", "LLL", 2, "mirror", "average"), False),
        "7_a_2": ("checkerboard", _wavelet("haar", "HHH", 2, "mirror", "average"), False),
        "8_a_1": ("checkerboard", _simoncelli(1), False),
        "8_a_2": ("checkerboard", _simoncelli(2), False),
        "8_a_3": ("checkerboard", _simoncelli(3), False),
        "9_a": ("impulse", _riesz_log(3, [1, 0, 0]), False),
        "9_b_1": ("sphere", _riesz_log(3, [0, 2, 0]), False),
        "10_b_1": ("pattern_1", _riesz_simoncelli(1, [0, 2, 0]), False),
    }
)
"""Test -> phantom, filter, whether slice by slice."""
