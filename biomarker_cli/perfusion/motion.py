"""Motion of a dynamic series: each frame is registered to a late one, moved, or left out.

One frame is in memory beside the reference; what is kept of it is its transform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.wording import counted
from biomarker_cli.perfusion.errors import PerfusionError
from biomarker_cli.perfusion.phases import Phase
from biomarker_cli.perfusion.rules import BaselineRules, MotionRules
from biomarker_cli.registration.anatomy import (
    body_points_mm,
    on_grid,
    region_points_mm,
    transformed,
)
from biomarker_cli.registration.checks import told
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.itk_images import image_of
from biomarker_cli.registration.registering import register, rotation_deg
from biomarker_cli.registration.rules import RegistrationProtocol, load_registration

_LEAST_AFTER = 3
"""Frames that must be left behind those of the baseline."""

_AT_REST_MM = 0.5
"""A frame that fits best by its header, and was not led farther than this, is at rest."""

_OF_ONE_FRAME = frozenset(
    {"REGISTRATION-CONSTANT", "REGISTRATION-NO-OVERLAP", "REGISTRATION-NO-RESULT"}
)
"""What a frame alone can be the cause of; anything else is wrong with the whole series."""


@dataclass(frozen=True, eq=False)
class FrameMotion:
    """How a frame lies to the reference.

    Attributes
    ----------
    phase : Phase
    matrix : ndarray, shape (4, 4)
        Point of the reference to the same anatomy in the frame, LPS mm; NaN where none
        was found.
    shift_mm : ndarray, shape (3,)
        Of the centre of the body, LPS.
    displacement_mm : float
        Of the point of the body that moved farthest.
    rotation_deg : float
    dropped : str
        Why it is left out; empty where it is not.
    """

    phase: Phase
    matrix: FloatArray
    shift_mm: FloatArray
    displacement_mm: float
    rotation_deg: float
    dropped: str = ""


@dataclass(frozen=True, eq=False)
class MovedPhase:
    """A frame that is read on the grid, and at the place, of the reference."""

    phase: Phase
    grid: Geometry
    matrix: FloatArray

    def read(self, files: DicomFiles) -> Volume:
        """Read the signal, interpolated linearly once; NaN where the frame shows nothing."""
        moving = self.phase.read(files)
        target = replace(moving, geometry=self.grid)
        array = on_grid(moving, target, self.matrix)
        # Padding has no value: neither have its neighbours, which would be made of it.
        empty = ~np.isfinite(moving.array)
        if empty.any():
            share = on_grid(replace(moving, array=empty.astype(np.float32)), target, self.matrix)
            array[~(share <= 0.0)] = np.nan
        return replace(target, array=array)


@dataclass(frozen=True, eq=False)
class Motion:
    """The motion of the frames of a series.

    Attributes
    ----------
    protocol : RegistrationProtocol
    reference : Phase
    grid : Geometry
        Of the reference.
    frames : tuple of FrameMotion
        In the order of time, the reference among them.
    """

    protocol: RegistrationProtocol
    reference: Phase
    grid: Geometry
    frames: tuple[FrameMotion, ...]

    @property
    def kept(self) -> tuple[int, ...]:
        """Which frames are not left out."""
        return tuple(number for number, one in enumerate(self.frames) if not one.dropped)

    @property
    def phases(self) -> tuple[Phase | MovedPhase, ...]:
        """The frames that are kept; those at rest are read as they are."""
        return tuple(
            one.phase
            if np.array_equal(one.matrix, np.eye(4))
            else MovedPhase(one.phase, self.grid, one.matrix)
            for one in (self.frames[number] for number in self.kept)
        )

    @property
    def flags(self) -> frozenset[str]:
        """What every row of the series carries."""
        flags = self.protocol.document.standing_flags | {"motion_corrected"}
        return flags | ({"frames_dropped"} if len(self.kept) < len(self.frames) else set())

    def displacements_mm(self, region: Region) -> FloatArray:
        """Return how far a region moved in the frames kept: its farthest point of each."""
        points = region_points_mm(region)
        return np.array([_farthest(self.frames[number].matrix, points) for number in self.kept])


def _farthest(matrix: FloatArray, points_mm: FloatArray) -> float:
    return float(np.linalg.norm(transformed(matrix, points_mm) - points_mm, axis=1).max())


def motion_of(phases: Sequence[Phase], rules: MotionRules, files: DicomFiles) -> Motion:
    """Register every frame to the reference.

    Parameters
    ----------
    phases : sequence of Phase
        The frames that are measured, in the order of time.
    rules : MotionRules
    files : DicomFiles

    Raises
    ------
    PerfusionError
        ``DCE-MOTION`` where too many frames are dropped, ``DCE-MOTION-PROTOCOL`` where the
        protocol registers nothing, or is not the one of the digest.
    RegistrationError
        Where the series cannot be registered at all, such as ``REGISTRATION-THIN``.
    ProtocolError
    """
    protocol = _protocol(rules)
    reference = phases[round(rules.reference_at * (len(phases) - 1))]
    fixed = reference.read(files)
    points = body_points_mm(image_of(fixed))
    frames = tuple(
        _still(phase)
        if phase is reference
        else _frame_motion(phase, fixed, points, (protocol, rules), files)
        for phase in phases
    )
    found = Motion(protocol, reference, fixed.geometry, frames)
    n_dropped = len(frames) - len(found.kept)
    if n_dropped > rules.max_dropped_share * len(frames):
        why = sorted({one.dropped for one in frames if one.dropped})
        raise PerfusionError(
            "DCE-MOTION",
            f"{n_dropped} of {counted(len(frames), 'frame')} moved too far or could not be "
            f"registered, limit {rules.max_dropped_share:.0%}; {why[0]}",
            where=reference.series_uid,
            hint="Look at the series; motion of the analysis holds the limits.",
        )
    return found


def _protocol(rules: MotionRules) -> RegistrationProtocol:
    protocol = load_registration(rules.protocol)
    found = protocol.document.sha256
    if found != rules.protocol_sha256:
        raise PerfusionError(
            "DCE-MOTION-PROTOCOL",
            f"{protocol.ident} is not the protocol that the analysis names: expected sha256 "
            f"{rules.protocol_sha256[:12]}..., found {found}",
            hint="Get the protocol of the analysis, or name the one found in an analysis of "
            "your own (motion.protocol_sha256).",
        )
    if protocol.file.transform != "rigid":
        raise PerfusionError(
            "DCE-MOTION-PROTOCOL",
            f"{protocol.ident} is of transform {protocol.file.transform}: motion is corrected "
            "by rigid ones",
            hint="Name a registration protocol of transform rigid in motion.protocol.",
        )
    return protocol


def _still(phase: Phase) -> FrameMotion:
    return FrameMotion(phase, np.eye(4), np.zeros(3), 0.0, 0.0)


def _frame_motion(
    phase: Phase,
    fixed: Volume,
    points: FloatArray,
    asked: tuple[RegistrationProtocol, MotionRules],
    files: DicomFiles,
) -> FrameMotion:
    protocol, rules = asked
    try:
        found = register(fixed, phase.read(files), protocol)
    except RegistrationError as error:
        if error.code not in _OF_ONE_FRAME:
            raise
        nothing = np.full((4, 4), np.nan)
        return FrameMotion(phase, nothing, nothing[0, :3], np.nan, np.nan, f"failed: {error.code}")
    displacement = _farthest(found.matrix, points)
    not_ok = {name for name, one in found.rois[0].verdicts.items() if one != "ok"}
    if not_ok == {"metric"} and displacement <= _AT_REST_MM:
        return _still(phase)
    dropped = ""
    if found.status != "ok":
        dropped = f"{found.status}: {told(found.rois[0].verdicts)}"
    elif displacement > rules.drop_above_mm:
        dropped = f"displacement {displacement:.2f} mm, limit {rules.drop_above_mm:g} mm"
    return FrameMotion(
        phase,
        found.matrix,
        (transformed(found.matrix, points) - points).mean(axis=0),
        displacement,
        rotation_deg(found.matrix),
        dropped,
    )


def baseline_left(motion: Motion, baseline: BaselineRules, where: str) -> BaselineRules:
    """Return the baseline without the frames of it that were dropped.

    Raises
    ------
    PerfusionError
        ``DCE-MOTION`` where none is left, or too few behind it.
    """
    left = sum(number < baseline.frames for number in motion.kept)
    if not left or len(motion.kept) - left < _LEAST_AFTER:
        raise PerfusionError(
            "DCE-MOTION",
            f"{left} baseline frames and {len(motion.kept) - left} behind them are left after "
            f"motion; needed are 1 and {_LEAST_AFTER}",
            where=where,
            hint="Look at the series; motion of the analysis holds the limits.",
        )
    return baseline.model_copy(update={"frames": left})


def derivation_of_motion(motion: Motion) -> dict[str, Any]:
    """Return the motion of every frame, as plain values."""

    def number(value: float) -> float | None:
        return round(float(value), 4) if np.isfinite(value) else None

    return {
        "protocol": motion.protocol.ident,
        "protocol_sha256": motion.protocol.document.sha256,
        "reference": motion.reference.volume_id,
        "frames": [
            {
                "volume": one.phase.volume_id,
                "shift_lps_mm": [number(value) for value in one.shift_mm],
                "displacement_mm": number(one.displacement_mm),
                "rotation_deg": number(one.rotation_deg),
                "dropped": one.dropped or None,
            }
            for one in motion.frames
        ],
    }
