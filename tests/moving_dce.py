"""A dynamic series of a body that moves: a lesion of known parameters in tissue that is still."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from synthetic_dce import Truth, Written, siemens, write_dynamic

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region

SHAPE = (12, 20, 36)
GRID = Geometry(SHAPE, (1.0, 2.0, 3.0))
TRUTH = Truth(n=24, interval_s=5.0)
LESION_MM = (20.0, 19.0, 17.0)
RADIUS_MM = 7.0
REGION_MM = 5.0


def _places() -> tuple[np.ndarray, ...]:
    """Return x, y and z of every voxel, mm."""
    z, y, x = np.indices(SHAPE, dtype=np.float64)
    return x * 1.0, y * 2.0, z * 3.0


def _radius(at: tuple[np.ndarray, ...]) -> np.ndarray:
    return np.sqrt(sum((one - c) ** 2 for one, c in zip(at, LESION_MM, strict=True)))


def body(shift_mm: tuple[float, float, float], rise: float) -> np.ndarray:
    """Return the signal of the body, moved; the lesion has `rise` times its first signal."""
    at = tuple(one - shift for one, shift in zip(_places(), shift_mm, strict=True))
    x, y, z = (one - c for one, c in zip(at, (17.5, 19.0, 16.5), strict=True))
    outside = np.sqrt((x / 15.0) ** 2 + (y / 16.0) ** 2 + (z / 15.0) ** 2) - 1.0
    texture = 1.0 + 0.3 * np.sin(x / 4.0 + 1.0) * np.cos(y / 4.0) + 0.2 * np.cos(z / 4.0 + x / 6.0)
    lesion = 1.0 / (1.0 + np.exp((_radius(at) - RADIUS_MM) * 4.0))
    rest = 900.0 * texture / (1.0 + np.exp(outside * 12.0))
    return rest * (1.0 - lesion) + 700.0 * lesion * rise + 5.0


def lesion_region() -> Region:
    """Return the inner part of the lesion, where the body rests."""
    return Region(_radius(_places()) <= REGION_MM, GRID, "tumour", "tumour")


def write_moving(
    folder: Path,
    shifts_mm: Mapping[int, tuple[float, float, float]],
    blank: tuple[int, ...] = (),
    order: tuple[int, ...] = (),
    truth: Truth = TRUTH,
) -> Path:
    """Write the series; a frame without a shift is at rest, one of `blank` shows nothing."""
    signal = truth.signal()
    rise = signal / signal[0]
    volumes = np.stack(
        [body(shifts_mm.get(k, (0.0, 0.0, 0.0)), float(rise[k])) for k in range(truth.n)]
    )
    volumes[list(blank)] = 100.0
    write_dynamic(folder, truth, Written(change=siemens(truth), order=order), volumes)
    return folder
