"""Rigid alignment of two images, by SimpleITK on one thread.

The transform leads a point of the fixed image to the same anatomy in the moving image, in
LPS mm, as ITK has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.itk_images import THREADS, one_thread
from biomarker_cli.registration.linear_parts import inverse_of
from biomarker_cli.registration.rules import Level, Restarts, RigidRules

ONE_PLACE_MM = 0.05
"""Two starts that come this close at every corner go the same way from there on."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """A rigid transform and how the optimiser came to it.

    Attributes
    ----------
    matrix : ndarray, shape (4, 4)
        Fixed point to moving point, LPS mm.
    before_finest : ndarray, shape (4, 4)
        Where the last level began.
    n_iterations : int
        Of the last level; 0 where it was not gone through.
    stop_reason : str
        ``step``, ``gradient``, ``iterations`` or ``other``.
    """

    matrix: FloatArray
    before_finest: FloatArray
    n_iterations: int
    stop_reason: str


@dataclass(frozen=True, eq=False)
class Resolutions:
    """An image and its resolutions from coarse to fine, made once for all starts.

    Attributes
    ----------
    image : SimpleITK.Image
        As it is.
    levels : tuple of SimpleITK.Image
        One for each level of the rules.
    """

    image: Any
    levels: tuple[Any, ...]


def centre_mm(geometry: Geometry) -> FloatArray:
    """Return the centre of a grid, shape (3,)."""
    return np.asarray(geometry.corners_mm().mean(axis=0), dtype=np.float64)


def moved_start(
    centre: FloatArray, shift_mm: FloatArray, angles_deg: tuple[float, float, float]
) -> FloatArray:
    """Return the header start turned about a centre and shifted, shape (4, 4)."""
    import SimpleITK

    euler: Any = SimpleITK.Euler3DTransform()
    euler.SetCenter(centre.tolist())
    euler.SetRotation(*np.radians(angles_deg).tolist())
    euler.SetTranslation(shift_mm.tolist())
    return matrix_of(euler)


def starts(asked: Restarts, centre: FloatArray) -> Iterator[FloatArray]:
    """Yield moved starts: along and about another axis each time, to and fro, shape (4, 4)."""
    for number in range(asked.number):
        sign = 1.0 if number % 2 == 0 else -1.0
        axis = np.roll((1.0, 0.0, 0.0), number % 3)
        x, y, z = (sign * asked.rotation_deg * np.roll(axis, 1)).tolist()
        yield moved_start(centre, sign * asked.shift_mm * axis, (x, y, z))


def matrix_of(transform: Any) -> FloatArray:
    """Return a transform of SimpleITK that has a matrix as homogeneous coordinates."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(transform.GetMatrix(), (3, 3))
    matrix[:3, 3] = transform.TransformPoint((0.0, 0.0, 0.0))
    return matrix


def _euler(matrix: FloatArray, centre: FloatArray) -> Any:
    import SimpleITK

    euler: Any = SimpleITK.Euler3DTransform()
    euler.SetCenter(centre.tolist())
    euler.SetMatrix(matrix[:3, :3].ravel().tolist(), 1e-6)
    shift = matrix[:3, :3] @ centre + matrix[:3, 3] - centre
    euler.SetTranslation(shift.tolist())
    return euler


def resolutions_of(image: Any, rules: RigidRules) -> Resolutions:
    """Return the resolutions of an image of float32 that the rules name."""
    with one_thread():
        return Resolutions(image, tuple(_resolution(image, level) for level in rules.levels))


def _resolution(image: Any, level: Level) -> Any:
    import SimpleITK

    if not level.smoothing_mm:
        return image
    smooth = SimpleITK.SmoothingRecursiveGaussian(image, level.smoothing_mm)
    return SimpleITK.Shrink(smooth, shrink_factors(image.GetSpacing(), level))


def shrink_factors(spacing_mm: tuple[float, ...], level: Level) -> list[int]:
    """Return every how many voxels are kept along x, y and z.

    At most the factor of the level, and at least one voxel for each sigma of the smoothing,
    so that lines between them lose nothing: thick slices stay where the plane is thinned.
    """
    return [max(1, min(level.shrink, int(level.smoothing_mm / mm + 1e-6))) for mm in spacing_mm]


def align(
    fixed: Resolutions,
    moving: Resolutions,
    rules: RigidRules,
    start: FloatArray,
    centre: FloatArray,
    known: Alignment | None = None,
) -> Alignment:
    """Align two images.

    Parameters
    ----------
    fixed, moving : Resolutions
        By the same rules.
    rules : RigidRules
    start : ndarray, shape (4, 4)
        Transform to begin with.
    centre : ndarray, shape (3,)
        What it turns about, LPS mm.
    known : Alignment, optional
        Of another start. Where both come to one place before the finest level, that level
        is not gone through again: the way that it led the other is added.

    Raises
    ------
    RegistrationError
        ``REGISTRATION-NO-RESULT`` where the engine gives up, such as on images that do
        not overlap.
    """
    euler = _euler(start, centre)
    before = start
    try:
        with one_thread():
            pairs = zip(fixed.levels, moving.levels, strict=True)
            for number, images in enumerate(pairs, start=1):
                before = matrix_of(euler)
                is_finest = number == len(fixed.levels)
                if is_finest and known is not None and _at_one_place(known, before, fixed.image):
                    way = known.matrix @ inverse_of(known.before_finest)
                    return Alignment(way @ before, before, 0, known.stop_reason)
                method = _method(images[0], rules)
                method.SetInitialTransform(euler, inPlace=True)
                method.Execute(*images)
    except RuntimeError as error:
        raise no_result(error) from error
    reason = _reason(method.GetOptimizerStopConditionDescription())
    return Alignment(matrix_of(euler), before, int(method.GetOptimizerIteration()), reason)


def metric_at(
    fixed: Any, moving: Any, rules: RigidRules, matrix: FloatArray, centre: FloatArray
) -> float:
    """Return the metric of a transform over all voxels of a fixed image.

    Smaller is more alike; comparable between transforms of one pair of images alone.

    Raises
    ------
    RegistrationError
        ``REGISTRATION-NO-RESULT`` where the images do not overlap by it.
    """
    method = _metric_method(rules)
    method.SetInitialTransform(_euler(matrix, centre))
    try:
        return float(method.MetricEvaluate(fixed, moving))
    except RuntimeError as error:
        raise no_result(error) from error


def _metric_method(rules: RigidRules) -> Any:
    import SimpleITK

    method: Any = SimpleITK.ImageRegistrationMethod()
    method.SetNumberOfThreads(THREADS)
    method.SetMetricAsMattesMutualInformation(rules.metric.bins)
    method.SetInterpolator(SimpleITK.sitkLinear)
    # Gradients at the points that are sampled, not an image of them three times as large.
    method.MetricUseFixedImageGradientFilterOff()
    method.MetricUseMovingImageGradientFilterOff()
    return method


def _method(fixed: Any, rules: RigidRules) -> Any:
    method = _metric_method(rules)
    method.SetMetricSamplingStrategy(method.REGULAR)
    share = min(rules.sampling.points / float(np.prod(fixed.GetSize())), 1.0)
    method.SetMetricSamplingPercentage(share, rules.sampling.seed)
    steps = rules.optimiser
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=steps.step_mm,
        minStep=steps.least_step_mm,
        numberOfIterations=steps.iterations,
        relaxationFactor=steps.relaxation,
        # The length of the step alone decides: the default tolerance ends on smooth bodies.
        gradientMagnitudeTolerance=1e-8,
    )
    method.SetOptimizerScalesFromPhysicalShift()
    return method


def _at_one_place(known: Alignment, before: FloatArray, image: Any) -> bool:
    """Return whether an alignment began its finest level where another is about to."""
    last = [n - 0.5 for n in image.GetSize()]
    corners = [
        image.TransformContinuousIndexToPhysicalPoint(place)
        for place in product(*((-0.5, end) for end in last))
    ]
    apart = (before - known.before_finest) @ np.c_[corners, np.ones(len(corners))].T
    return bool(np.linalg.norm(apart[:3], axis=0).max() <= ONE_PLACE_MM)


def no_result(error: RuntimeError) -> RegistrationError:
    """Return the error that says what the engine gave up on."""
    return RegistrationError(
        "REGISTRATION-NO-RESULT",
        f"the two images cannot be aligned: {_first_cause(error)}",
        hint="Check that both show the same part of the same subject, and overlap.",
    )


def _reason(said: str) -> str:
    for word, begins in (
        ("iterations", "Maximum number of iterations"),
        ("step", "Step too small"),
        ("gradient", "Gradient magnitude tolerance"),
    ):
        if begins in said:
            return word
    return "other"


def _first_cause(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = lines[-1] if lines else "no reason is given"
    return re.sub(r"\(0x[0-9a-f]+\)", "", said)
