"""T1 of voxels from images of several flip angles, or of several inversion times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biomarker_cli.model.arrays import FloatArray, SingleArray
from biomarker_cli.perfusion.dynamic_set import (
    FLIP_TOLERANCE_DEG,
    have_one_timing,
    require_one_scale,
)
from biomarker_cli.perfusion.errors import PerfusionError
from biomarker_cli.perfusion.inversion import fit_inversion
from biomarker_cli.perfusion.phases import Phase
from biomarker_cli.perfusion.spoiled_echo import spoiled_signal
from biomarker_cli.perfusion.vfa import fit_vfa, fit_vfa_linear

MS_PER_S = 1000.0
_CHUNK = 100_000
"""Voxels that are fitted together."""

_INVERSION_CHUNK = 20_000
"""As many of inversion times, whose search keeps a grid for each."""

STRONG_FIELD_T = 2.5
"""From here on the transmit field moves flip angles by tens of percent within a body."""


@dataclass(frozen=True)
class FlipAngles:
    """Images of one place and several flip angles.

    Attributes
    ----------
    images : tuple of Phase
        In rising order of their angles.
    flip_rad : ndarray, shape (angles,)
    tr_s : float
    """

    images: tuple[Phase, ...]
    flip_rad: FloatArray
    tr_s: float


def flip_angle_set(images: Sequence[Phase], least: int) -> FlipAngles:
    """Return images as a set of flip angles.

    Raises
    ------
    PerfusionError
        ``T1-FLIP-ANGLES`` with fewer different angles than `least`, one of them twice, or
        without one; ``T1-MIXED-TIMING``; ``DCE-MIXED-SCALING``.
    """
    angles = [image.flip_deg for image in images if image.flip_deg]
    listed = ", ".join(f"{angle:g}" for angle in sorted(angles)) or "none"
    where = images[0].series_uid if images else ""
    if len(angles) < len(images) or len(set(angles)) < max(least, len(images)):
        raise PerfusionError(
            "T1-FLIP-ANGLES",
            f"expected {least} or more images of different flip angles, found {len(images)} "
            f"images, angles {listed} deg",
            where=where,
            hint="Name the series of the other flip angles as well, and each once.",
        )
    _require_one_timing(images)
    require_one_scale(images)
    ordered = tuple(sorted(images, key=lambda image: image.flip_deg or 0.0))
    flips = np.radians([image.flip_deg or 0.0 for image in ordered])
    return FlipAngles(ordered, flips, (ordered[0].repetition_ms or 0.0) / MS_PER_S)


def _require_one_timing(images: Sequence[Phase]) -> None:
    first = images[0]
    odd = next((image for image in images if not have_one_timing(first, image)), None)
    if odd is not None or not first.repetition_ms:
        raise PerfusionError(
            "T1-MIXED-TIMING",
            "the images do not have one repetition time and one echo time",
            where=first.series_uid if odd is None else f"{first.volume_id}, {odd.volume_id}",
            hint="T1 needs images that differ in nothing but their flip angle or inversion time.",
        )


@dataclass(frozen=True)
class InversionTimes:
    """Images of one place and several inversion times.

    Attributes
    ----------
    images : tuple of Phase
        In rising order of their times.
    inversion_s : ndarray, shape (images,)
    """

    images: tuple[Phase, ...]
    inversion_s: FloatArray


def inversion_time_set(images: Sequence[Phase], least: int) -> InversionTimes:
    """Return images as a set of inversion times.

    Raises
    ------
    PerfusionError
        ``T1-INVERSION-TIMES`` where the header of one tells none, with fewer different ones
        than `least`, or one of them twice; ``T1-MIXED-TIMING`` also for several flip angles;
        ``DCE-MIXED-SCALING``.
    """
    times = [one.inversion_ms for one in images if one.inversion_ms is not None]
    listed = ", ".join(f"{time:g}" for time in sorted(times)) or "none"
    where = images[0].series_uid if images else ""
    if len(times) < len(images) or len(set(times)) < max(least, len(images)) or min(times) < 0:
        raise PerfusionError(
            "T1-INVERSION-TIMES",
            f"expected {least} or more images of different inversion times, found {len(images)} "
            f"images, InversionTime {listed} ms",
            where=where,
            hint="Name each series once; a TriggerTime is no inversion time.",
        )
    _require_one_timing(images)
    flips = [one.flip_deg or 0.0 for one in images]
    if max(flips) - min(flips) > FLIP_TOLERANCE_DEG:
        raise PerfusionError(
            "T1-MIXED-TIMING",
            f"the images have flip angles from {min(flips):g} to {max(flips):g} deg",
            where=where,
            hint="T1 from inversion times needs images that differ in nothing else.",
        )
    require_one_scale(images)
    ordered = tuple(sorted(images, key=lambda one: one.inversion_ms or 0.0))
    seconds = np.array([one.inversion_ms or 0.0 for one in ordered]) / MS_PER_S
    return InversionTimes(ordered, seconds)


def recovered_t1_s(
    signal: FloatArray | SingleArray, times: InversionTimes, *, look_locker: bool
) -> tuple[FloatArray, FloatArray]:
    """Return T1 in s, and the SD of the residuals over the mean signal.

    Parameters
    ----------
    signal : ndarray, shape (images, voxels)
    times : InversionTimes
    look_locker : bool
    """
    t1 = np.empty(signal.shape[1])
    residual = np.empty(signal.shape[1])
    for start in range(0, signal.shape[1], _INVERSION_CHUNK):
        voxels = slice(start, start + _INVERSION_CHUNK)
        part = np.asarray(signal[:, voxels], dtype=np.float64)
        found = fit_inversion(part, times.inversion_s, look_locker=look_locker)
        t1[voxels] = found.t1_s
        with np.errstate(divide="ignore", invalid="ignore"):
            residual[voxels] = found.residual / np.abs(part).mean(axis=0)
    return t1, residual


def fitted_t1_s(
    signal: FloatArray | SingleArray,
    angles: FlipAngles,
    fit: str,
    b1: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Return T1 in s, and the SD of the residuals over the mean signal.

    Parameters
    ----------
    signal : ndarray, shape (angles, voxels)
    angles : FlipAngles
    fit : str
        ``nonlinear`` or ``linear``.
    b1 : ndarray, shape (voxels,), optional
        Applied over nominal flip angle; NaN gives no T1.
    """
    fit_all = fit_vfa if fit == "nonlinear" else fit_vfa_linear
    t1 = np.empty(signal.shape[1])
    residual = np.empty(signal.shape[1])
    nominal = angles.flip_rad[:, None]
    for start in range(0, signal.shape[1], _CHUNK):
        part = np.asarray(signal[:, start : start + _CHUNK], dtype=np.float64)
        flips = nominal if b1 is None else nominal * b1[start : start + _CHUNK]
        if b1 is not None:
            part = np.where(np.isfinite(flips), part, np.nan)
        found = fit_all(part, flips, angles.tr_s)
        t1[start : start + _CHUNK] = 1.0 / found.r1_per_s
        left = part - spoiled_signal(found.r1_per_s, found.m0, angles.tr_s, flips)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.sqrt(np.mean(left**2, axis=0)) / part.mean(axis=0)
        residual[start : start + _CHUNK] = share
    return t1, residual
