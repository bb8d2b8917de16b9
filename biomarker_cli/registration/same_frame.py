"""Whether two images that name one frame of reference lie as they claim.

The frame of reference is a claim: the subject moves between two acquisitions. A shift is
told only where two metrics and three starts each agree on it; nothing is ever moved by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.registration.alignment import align, centre_mm, resolutions_of, starts
from biomarker_cli.registration.anatomy import (
    body_points_mm,
    largest_spread_mm,
    region_points_mm,
    transformed,
)
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.itk_images import image_of, one_thread
from biomarker_cli.registration.pairs import require_usable, same_frame_of
from biomarker_cli.registration.rules import RegistrationProtocol, Restarts

AGREE_WITHIN_MM = 2.0
"""How far the answers may lie apart, at any of the points."""

SHIFT_FROM_MM = 10.0
"""Movement of the centre that is told; below it alignment itself may be the cause."""

EDGE_MM = 2.0
"""Width of the edges that the second metric sees."""

Claim = Literal["plausible", "shifted", "not_assessable"]

_STARTS = Restarts(number=2)


@dataclass(frozen=True)
class FrameCheck:
    """What two images say of the frame of reference that they name.

    Attributes
    ----------
    claim : str
        ``plausible``, ``shifted``, or ``not_assessable`` where the answers disagree.
    shift_mm : float or None
        Movement of the centre of the points, mean of the answers; None where they disagree.
    spread_mm : float or None
        Largest distance of two answers at a point; None where one led nowhere.
    """

    claim: Claim
    shift_mm: float | None
    spread_mm: float | None


def check_frame(
    fixed: Volume,
    moving: Volume,
    protocol: RegistrationProtocol,
    regions: Sequence[Region] = (),
) -> FrameCheck:
    """Align two images of one frame of reference in six ways, and compare the answers.

    Parameters
    ----------
    fixed, moving : Volume
    protocol : RegistrationProtocol
        How it is aligned; its limits are not asked.
    regions : sequence of Region
        On the grid of the fixed image: the shift is that of their points, else of the body.

    Raises
    ------
    RegistrationError
        ``REGISTRATION-FRAMES`` where the images name no common frame of reference,
        ``REGISTRATION-CONSTANT``, ``REGISTRATION-THIN``, ``REGISTRATION-NO-RESULT`` for a
        protocol that does not align.
    """
    images = _usable(fixed, moving, protocol)
    named = [region_points_mm(one) for one in regions if one.n_voxels]
    points = np.concatenate(named or [body_points_mm(images[0])])
    return _check(points, _answers(images, protocol, centre_mm(fixed.geometry)))


def check_frame_at(
    fixed: Volume,
    moving: Volume,
    protocol: RegistrationProtocol,
    regions: Sequence[Region],
) -> dict[str, FrameCheck]:
    """Return what two images say of their frame of reference at each of some regions.

    Parameters
    ----------
    fixed, moving : Volume
    protocol : RegistrationProtocol
    regions : sequence of Region
        With voxels, on the grid of the fixed image; both are aligned once for all of them.

    Raises
    ------
    RegistrationError
        As `check_frame`.
    """
    images = _usable(fixed, moving, protocol)
    answers = _answers(images, protocol, centre_mm(fixed.geometry))
    return {one.name: _check(region_points_mm(one), answers) for one in regions}


def _usable(fixed: Volume, moving: Volume, protocol: RegistrationProtocol) -> tuple[Any, Any]:
    """Return both images as the engine takes them, or refuse them."""
    if not same_frame_of(fixed, moving):
        raise RegistrationError(
            "REGISTRATION-FRAMES",
            "the headers do not name one frame of reference: there is no claim to check",
            hint="`biomarker register` with a protocol finds where they lie.",
        )
    require_usable(fixed, moving, protocol.file.rigid)
    return image_of(fixed), image_of(moving)


def _check(points: FloatArray, answers: Sequence[FloatArray] | None) -> FrameCheck:
    """Return what some answers say at some points; None where an alignment led nowhere."""
    if answers is None:
        return FrameCheck("not_assessable", None, None)
    there = [transformed(matrix, points) for matrix in answers]
    shift = float(np.linalg.norm(np.mean(there, axis=0).mean(axis=0) - points.mean(axis=0)))
    return judged(shift, largest_spread_mm(there))


def judged(shift_mm: float, spread_mm: float) -> FrameCheck:
    """Return what a shift and the spread of its answers say."""
    if spread_mm > AGREE_WITHIN_MM:
        return FrameCheck("not_assessable", None, spread_mm)
    return FrameCheck("shifted" if shift_mm > SHIFT_FROM_MM else "plausible", shift_mm, spread_mm)


def _answers(
    images: tuple[Any, Any], protocol: RegistrationProtocol, centre: FloatArray
) -> list[FloatArray] | None:
    """Return the transforms of both metrics from each start; None where one led nowhere."""
    rules = protocol.file.rigid
    if rules is None:
        raise RegistrationError(
            "REGISTRATION-NO-RESULT",
            f"{protocol.ident} takes the header geometry and aligns nothing",
            hint="Name a protocol that registers, such as rigid-same-modality.",
        )
    found = []
    for pair in (images, (edges(images[0]), edges(images[1]))):
        fixed, moving = (resolutions_of(image, rules) for image in pair)
        for start in (np.eye(4), *starts(_STARTS, centre)):
            try:
                found.append(align(fixed, moving, rules, start, centre).matrix)
            except RegistrationError:
                return None
    return found


def edges(image: Any) -> Any:
    """Return how steeply an image changes: borders, whatever lies on which side of them."""
    import SimpleITK

    with one_thread():
        return SimpleITK.GradientMagnitudeRecursiveGaussian(image, EDGE_MM)
