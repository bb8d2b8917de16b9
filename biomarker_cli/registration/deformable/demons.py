"""Diffeomorphic demons between two CT, by SimpleITK on one thread.

References
----------
Vercauteren, Pennec, Perchant, Ayache, NeuroImage 2009; 45, S61-S72.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.registration.alignment import no_result
from biomarker_cli.registration.deformable.fields import DisplacementField, itk_transform
from biomarker_cli.registration.deformable.rules import DemonsRules
from biomarker_cli.registration.itk_images import THREADS, empty_image, geometry_of, one_thread


def deform(fixed: Any, moving: Any, matrix: FloatArray, rules: DemonsRules) -> DisplacementField:
    """Find the deformation between two images, beginning with a rigid transform.

    The moving image is brought onto the grid of each level through the rigid transform; the
    demons move what is left. The field holds both.

    Parameters
    ----------
    fixed, moving : SimpleITK.Image
        Of float32, HU.
    matrix : ndarray, shape (4, 4)
        Fixed point to moving point, LPS mm.
    rules : DemonsRules

    Raises
    ------
    RegistrationError
        ``REGISTRATION-NO-RESULT`` where the engine gives up.
    """
    try:
        with one_thread():
            field = _through_levels(fixed, moving, matrix, rules)
    except RuntimeError as error:
        raise no_result(error) from error
    return _with_rigid(field, matrix)


def _through_levels(fixed: Any, moving: Any, matrix: FloatArray, rules: DemonsRules) -> Any:
    """Return what is left of the moving image to move, from coarse to fine, on the last grid."""
    import SimpleITK

    plain, linear = SimpleITK.Transform(), SimpleITK.sitkLinear
    rigid = itk_transform(matrix)
    pair = [_windowed(one, rules) for one in (fixed, moving)]
    field: Any = None
    for level in rules.levels:
        grid = _grid(fixed, level.voxel_mm)
        here, there = (_smoothed(one, level.voxel_mm) for one in pair)
        here = SimpleITK.Resample(here, grid, plain, linear)
        there = SimpleITK.Resample(there, grid, rigid, linear, rules.window_hu[0])
        if field is not None:
            # Both cover the fixed image: no voxel centre of the finer lies beyond the coarser.
            field = SimpleITK.Resample(field, grid, plain, linear)
        field = _demons(here, there, field, rules, level.iterations)
    return field


def _demons(fixed: Any, moving: Any, field: Any, rules: DemonsRules, iterations: int) -> Any:
    import SimpleITK

    method: Any = SimpleITK.DiffeomorphicDemonsRegistrationFilter()
    method.SetNumberOfThreads(THREADS)
    method.SetNumberOfIterations(iterations)
    method.SetSmoothDisplacementField(True)
    method.SetStandardDeviations(rules.field_sigma_voxels)
    if field is None:
        return method.Execute(fixed, moving)
    return method.Execute(fixed, moving, field)


def _windowed(image: Any, rules: DemonsRules) -> Any:
    import SimpleITK

    low, high = rules.window_hu
    return SimpleITK.Clamp(image, SimpleITK.sitkFloat32, low, high)


def _smoothed(image: Any, voxel_mm: float) -> Any:
    """Return an image without what voxels of a size do not show."""
    import SimpleITK

    sigmas = [0.5 * voxel_mm if voxel_mm > mm else 0.0 for mm in image.GetSpacing()]
    if not any(sigmas):
        return image
    return SimpleITK.SmoothingRecursiveGaussian(image, [max(one, 1e-3) for one in sigmas])


def _grid(image: Any, voxel_mm: float) -> Any:
    """Return an empty image of voxels of about a size, never finer, that covers another."""
    sizes, spacings = np.array(image.GetSize()), np.array(image.GetSpacing())
    extent = sizes * spacings
    counts = np.clip(np.ceil(extent / np.maximum(spacings, voxel_mm)), 1, sizes)
    spacing = extent / counts
    axes = np.reshape(image.GetDirection(), (3, 3))
    origin = np.array(image.GetOrigin()) + axes @ ((spacing - spacings) / 2.0)
    z, y, x = counts[::-1].astype(int).tolist()
    place = tuple(spacing.tolist()), tuple(origin.tolist()), image.GetDirection()
    return empty_image(Geometry((z, y, x), *place))


def _with_rigid(field: Any, matrix: FloatArray) -> DisplacementField:
    """Return the demons, then the rigid transform, as one field: M(x + u(x)) - x."""
    import SimpleITK

    vectors = np.asarray(SimpleITK.GetArrayFromImage(field), dtype=np.float64)
    geometry = geometry_of(field)
    z, y, x = geometry.shape
    turn = matrix[:3, :3]
    for number in range(z):
        places = np.moveaxis(np.indices((y, x)), 0, -1)[..., ::-1].reshape(-1, 2)
        index = np.column_stack([places, np.full(len(places), number)])
        points = geometry.index_to_physical(index)
        led = (points + vectors[number].reshape(-1, 3)) @ turn.T + matrix[:3, 3]
        vectors[number] = (led - points).reshape(y, x, 3)
    return DisplacementField(vectors.astype(np.float32), geometry)
