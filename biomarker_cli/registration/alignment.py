"""Rigid alignment of two images, by SimpleITK on one thread.

The transform leads a point of the fixed image to the same anatomy in the moving image, in
LPS mm, as ITK has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.rules import Restarts, RigidRules

THREADS = 1
"""Sums of several threads depend on their number."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """A rigid transform and how the optimiser came to it.

    Attributes
    ----------
    matrix : ndarray, shape (4, 4)
        Fixed point to moving point, LPS mm.
    metric_start, metric_final : float
        Smaller is more alike; of this pair and sampling alone.
    n_iterations : int
        Of the last level.
    stop_reason : str
        ``step``, ``gradient``, ``iterations`` or ``other``.
    """

    matrix: FloatArray
    metric_start: float
    metric_final: float
    n_iterations: int
    stop_reason: str


@contextmanager
def one_thread() -> Iterator[None]:
    """Run filters of SimpleITK on one thread within the block."""
    import SimpleITK

    before = SimpleITK.ProcessObject.GetGlobalDefaultNumberOfThreads()
    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(THREADS)
    try:
        yield
    finally:
        SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def single_precision(volume: Volume) -> NDArray[np.float32]:
    """Return the values as the engine takes them; infinite where they are beyond its range."""
    with np.errstate(over="ignore"):
        return np.asarray(volume.array, dtype=np.float32)


def image_of(volume: Volume) -> Any:
    """Return a volume as a SimpleITK image of float32.

    Voxels without a value, and padding, get the lowest value that was measured.
    """
    import SimpleITK

    array = single_precision(volume)
    empty = ~np.isfinite(array)
    if volume.padding is not None:
        empty |= volume.padding
    if empty.any():
        array = np.where(empty, array[~empty].min() if not empty.all() else 0.0, array)
    image: Any = SimpleITK.GetImageFromArray(array)
    image.SetSpacing(volume.geometry.spacing_mm)
    image.SetOrigin(volume.geometry.origin_mm)
    image.SetDirection(volume.geometry.direction)
    return image


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


def align(
    fixed: Any, moving: Any, rules: RigidRules, start: FloatArray, centre: FloatArray
) -> Alignment:
    """Align two images.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        Of float32.
    rules : RigidRules
    start : ndarray, shape (4, 4)
        Transform to begin with.
    centre : ndarray, shape (3,)
        What it turns about, LPS mm.

    Raises
    ------
    RegistrationError
        ``REGISTRATION-NO-RESULT`` where the engine gives up, such as on images that do
        not overlap.
    """
    try:
        with one_thread():
            method = _method(fixed, rules)
            euler = _euler(start, centre)
            method.SetInitialTransform(euler, inPlace=True)
            before = _metric_at(fixed, moving, rules, start, centre)
            method.Execute(fixed, moving)
            found = matrix_of(euler)
            after = _metric_at(fixed, moving, rules, found, centre)
    except RuntimeError as error:
        raise RegistrationError(
            "REGISTRATION-NO-RESULT",
            f"the two images cannot be aligned: {_first_cause(error)}",
            hint="Check that both show the same part of the same subject, and overlap.",
        ) from error
    reason = _reason(method.GetOptimizerStopConditionDescription())
    return Alignment(found, before, after, int(method.GetOptimizerIteration()), reason)


def _metric_at(
    fixed: Any, moving: Any, rules: RigidRules, matrix: FloatArray, centre: FloatArray
) -> float:
    """Return the metric of a transform at full resolution: before and after alike."""
    method = _metric_method(rules)
    method.SetMetricSamplingPercentage(_share(fixed.GetSize(), 1, rules), rules.sampling.seed)
    method.SetInitialTransform(_euler(matrix, centre))
    return float(method.MetricEvaluate(fixed, moving))


def _metric_method(rules: RigidRules) -> Any:
    import SimpleITK

    method: Any = SimpleITK.ImageRegistrationMethod()
    method.SetNumberOfThreads(THREADS)
    method.SetMetricAsMattesMutualInformation(rules.metric.bins)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetInterpolator(SimpleITK.sitkLinear)
    # Gradients at the points that are sampled, not an image of them three times as large.
    method.MetricUseFixedImageGradientFilterOff()
    method.MetricUseMovingImageGradientFilterOff()
    return method


def _method(fixed: Any, rules: RigidRules) -> Any:
    method = _metric_method(rules)
    shrinks = [level.shrink for level in rules.levels]
    shares = [_share(fixed.GetSize(), shrink, rules) for shrink in shrinks]
    method.SetMetricSamplingPercentagePerLevel(shares, rules.sampling.seed)
    method.SetShrinkFactorsPerLevel(shrinks)
    method.SetSmoothingSigmasPerLevel([level.smoothing_mm for level in rules.levels])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
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


def _share(size: tuple[int, ...], shrink: int, rules: RigidRules) -> float:
    """Return the part of the voxels of a level that gives the number of points."""
    n_voxels = float(np.prod([max(n // shrink, 1) for n in size]))
    return min(rules.sampling.points / n_voxels, 1.0)


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
