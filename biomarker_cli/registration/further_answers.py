"""Further answers for a pair: moved starts, the way back, left and right exchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.registration.alignment import (
    Alignment,
    Resolutions,
    align,
    centre_mm,
    metric_at,
    resolutions_of,
    starts,
)
from biomarker_cli.registration.anatomy import mirrored
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.likeness import CoarsePair
from biomarker_cli.registration.rules import Restarts, RigidRules


@dataclass(frozen=True, eq=False)
class ImagePair:
    """Both images as the engine takes them."""

    fixed: Volume
    moving: Volume
    fixed_at: Resolutions
    moving_at: Resolutions
    coarse: CoarsePair
    rules: RigidRules

    @property
    def images(self) -> tuple[Any, Any]:
        """Both as they are, of float32."""
        return self.fixed_at.image, self.moving_at.image

    def forward(self, start: FloatArray, known: Alignment | None = None) -> Alignment:
        """Return the alignment from a start, beside that of another start where it is known."""
        centre = centre_mm(self.fixed.geometry)
        return align(self.fixed_at, self.moving_at, self.rules, start, centre, known)

    def backward(self) -> FloatArray | None:
        """Return the transform that leads back, found from its own start; None for none."""
        centre = centre_mm(self.moving.geometry)
        try:
            return align(self.moving_at, self.fixed_at, self.rules, np.eye(4), centre).matrix
        except RegistrationError:
            return None

    def metric(self, matrix: FloatArray) -> float:
        """Return the metric over all voxels."""
        return metric_at(*self.images, self.rules, matrix, centre_mm(self.fixed.geometry))


def moved_answers(
    pair: ImagePair, asked: Restarts, answer: Alignment
) -> tuple[FloatArray | None, ...]:
    """Return the transforms from moved starts, None for one that led nowhere."""
    found: list[FloatArray | None] = []
    for start in starts(asked, centre_mm(pair.fixed.geometry)):
        try:
            found.append(pair.forward(start, answer).matrix)
        except RegistrationError:
            found.append(None)
    return tuple(found)


def gain_of_mirror(pair: ImagePair) -> float | None:
    """Return by how much a moving image with left and right exchanged fits better.

    The part of the metric that it gains, at coarse resolution; negative where the image
    fits better as it is.
    """
    fixed, moving = pair.coarse.fixed, pair.coarse.moving
    centre, start = centre_mm(pair.fixed.geometry), np.eye(4)
    rules = pair.rules.model_copy(update={"levels": pair.rules.levels[-1:]})
    target, plain, other = (resolutions_of(one, rules) for one in (fixed, moving, mirrored(moving)))
    try:
        metrics = [
            metric_at(target.image, one.image, rules, found.matrix, centre)
            for one in (plain, other)
            for found in (align(target, one, rules, start, centre),)
        ]
    except RegistrationError:
        return None
    return _gain(*metrics)


def gain_of_others(
    pair: CoarsePair, likeness: float | None, others: Sequence[FloatArray | None]
) -> float | None:
    """Return how much more alike the best of the other answers makes both images.

    The correlation that it gains over the answer. A search that lost its way ends where the
    images are less alike, and gains nothing; one that gains shows that the answer is not
    the best place. The metric cannot tell: where a body is round it hardly changes with a
    rotation, less than by the noise that interpolation takes away. None where there is no
    other answer, or one that nothing can be said of.

    Parameters
    ----------
    pair : CoarsePair
    likeness : float or None
        `CoarsePair.similarity` of the answer.
    others : sequence of ndarray, shape (4, 4)
        None for one that led nowhere.
    """
    found = [None if one is None else pair.similarity(one) for one in others]
    alike = [one for one in found if one is not None]
    if likeness is None or not alike or len(alike) < len(others):
        return None
    return max(alike) - likeness


def _gain(metric: float, other: float) -> float | None:
    return (metric - other) / abs(metric) if metric else None
