"""The sheet of a NEMA image quality phantom, and the limits its image is held against.

The sheet says what was filled: activities with their assay times, what stayed
in the syringes, and the volumes. From it follows the true concentration at any
moment.

References
----------
NEMA NU 2, image quality phantom; EARL FDG-PET/CT accreditation, standards 1
and 2 (recovery coefficients).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import Field, field_validator

from biomarker_cli.pet.errors import PhantomError
from biomarker_cli.protocol.document import Strict
from biomarker_cli.protocol.loading import load_model

FORMAT = "biomarker-phantom/1"

NEMA_DIAMETERS_MM = (10.0, 13.0, 17.0, 22.0, 28.0, 37.0)
RING_RADIUS_MM = 57.2
"""Distance of the sphere centres from the axis of the phantom."""

CALIBRATION_LIMIT = 0.10
"""Largest deviation of the background from the truth."""


class Filling(Strict):
    """One solution: what was drawn up, what stayed behind, and the volume it went into.

    Attributes
    ----------
    activity_mbq, assayed
        Activity in the syringe, and when it was measured (clock of the sheet).
    residual_mbq, residual_assayed
        What was left in the syringe.
    volume_ml : float
    """

    activity_mbq: float = Field(gt=0)
    assayed: datetime
    residual_mbq: float = Field(ge=0)
    residual_assayed: datetime
    volume_ml: float = Field(gt=0)

    @field_validator("assayed", "residual_assayed")
    @classmethod
    def _is_local(cls, value: datetime) -> datetime:
        if value.tzinfo is not None:
            raise ValueError("write local times, without an offset from UTC")
        return value


class PhantomSheet(Strict):
    """The sheet of one phantom scan.

    Attributes
    ----------
    standard : {'earl-1', 'earl-2', 'none'}
        Whose limits hold.
    background, spheres : Filling
        The stock solution of the spheres counts with its own volume.
    diameters_mm : tuple of float
        Inner diameters of the hot spheres.
    clock_offset_s : float
        Clock of the scanner minus clock of the sheet.
    """

    format: Literal["biomarker-phantom/1"]
    id: str = ""
    standard: Literal["earl-1", "earl-2", "none"]
    background: Filling
    spheres: Filling
    diameters_mm: tuple[float, ...] = NEMA_DIAMETERS_MM
    clock_offset_s: float


def load_phantom_sheet(path: Path) -> PhantomSheet:
    """Read a phantom's sheet.

    Raises
    ------
    PhantomError
        ``PHANTOM-SHEET`` with the line and the key that are wrong.
    """
    return load_model(path, PhantomSheet, FORMAT, "PHANTOM-SHEET", PhantomError)


def true_bqml(
    filling: Filling, at: datetime, half_life_s: float, clock_offset_s: float = 0.0
) -> float:
    """Return the true activity concentration at a moment of the scanner's clock.

    Parameters
    ----------
    filling : Filling
    at : datetime
    half_life_s : float
    clock_offset_s : float
        Clock of the scanner minus clock of the sheet.
    """

    def decayed(activity_mbq: float, assayed: datetime) -> float:
        elapsed = (at - assayed - timedelta(seconds=clock_offset_s)).total_seconds()
        return float(activity_mbq * 2.0 ** (-elapsed / half_life_s))

    net = decayed(filling.activity_mbq, filling.assayed) - decayed(
        filling.residual_mbq, filling.residual_assayed
    )
    if net <= 0:
        raise PhantomError(
            "PHANTOM-SHEET",
            "the residual activity is larger than what was drawn up",
            where="residual_mbq",
        )
    return net * 1e6 / filling.volume_ml


@dataclass(frozen=True, slots=True)
class Limit:
    """A published band, and whether it was checked against its source.

    A band that was not checked is shown and judges nothing.
    """

    low: float
    high: float
    is_confirmed: bool


def _bands(
    low: tuple[float, ...], high: tuple[float, ...], *, is_confirmed: bool
) -> dict[float, Limit]:
    return {
        diameter: Limit(a, b, is_confirmed)
        for diameter, a, b in zip(NEMA_DIAMETERS_MM, low, high, strict=True)
    }


RECOVERY_LIMITS = MappingProxyType(
    {
        ("earl-1", "recovery_a50"): _bands(
            (0.27, 0.44, 0.57, 0.63, 0.72, 0.76),
            (0.43, 0.60, 0.73, 0.78, 0.85, 0.89),
            is_confirmed=True,
        ),
        ("earl-1", "recovery_max"): _bands(
            (0.34, 0.59, 0.73, 0.83, 0.91, 0.95),
            (0.57, 0.85, 1.01, 1.09, 1.13, 1.16),
            is_confirmed=True,
        ),
        ("earl-2", "recovery_a50"): _bands(
            (0.39, 0.63, 0.76, 0.80, 0.82, 0.85),
            (0.61, 0.86, 0.97, 0.99, 0.97, 1.00),
            is_confirmed=False,
        ),
        ("earl-2", "recovery_max"): _bands(
            (0.52, 0.85, 1.00, 1.01, 1.01, 1.05),
            (0.88, 1.22, 1.38, 1.38, 1.26, 1.29),
            is_confirmed=False,
        ),
    }
)
"""(standard, quantity) -> band by sphere diameter. No limits are published for the peak."""
