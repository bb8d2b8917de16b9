"""Carry a mask to another image: as a start for a reader, never as a measurement of change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Crop, Region
from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.model.wording import counted
from biomarker_cli.registration.anatomy import overlap_percent, transformed
from biomarker_cli.registration.carry_rules import (
    DEFAULT_CARRY,
    CarryRule,
    require_carried,
    require_rigid,
)
from biomarker_cli.registration.checks import Verdict, verdict_of, worst
from biomarker_cli.registration.deformable.fields import DisplacementField, Way
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.linear_parts import inverse_of
from biomarker_cli.registration.registering import Registration

_MARGIN_VOXELS = 4
"""Around the mask: its surface lies between two voxels, and a spline reaches further."""

_CUBIC = 3
"""Linear, a ball of 12 mm loses 3 % of its volume on voxels of 2 x 2 x 3 mm, cubic 0.3 %."""


@dataclass(frozen=True, eq=False)
class CarriedMask:
    """A region on the grid of another image, and what it lost on the way.

    Attributes
    ----------
    region : Region
        On the grid of the moving image.
    volume_ml, carried_volume_ml : float
        Before and after.
    volume_change_percent : float
    cut_percent : float
        Voxels of the region that the moving image does not show.
    status : str
        The worst of its registration and of these figures.
    """

    region: Region
    volume_ml: float
    carried_volume_ml: float
    volume_change_percent: float
    cut_percent: float
    status: Verdict


@dataclass(frozen=True, eq=False)
class RefusedMask:
    """A region that is not carried, and why."""

    region: Region
    error: RegistrationError


def carry(
    region: Region,
    registration: Registration,
    target: Geometry,
    rule: CarryRule = DEFAULT_CARRY,
) -> CarriedMask:
    """Carry a region of the fixed image to the grid of the moving one.

    The signed distance to its surface is interpolated by cubic splines and cut at zero: the
    surface keeps its place between voxels, where the nearest neighbour would move it.

    Parameters
    ----------
    region : Region
        With voxels, on the grid of the fixed image.
    registration : Registration
        Of these two images, with figures of the region.
    target : Geometry
        Of the moving image.
    rule : str
        ``carry`` of the region in the ROI map.

    Raises
    ------
    RegistrationError
        ``REGISTRATION-CARRY-NEVER``, ``REGISTRATION-CARRY-RIGID`` also of a given transform
        that scales or shears,
        ``REGISTRATION-NOT-DEFORMED`` where the protocol deforms and its rigid stage failed,
        ``REGISTRATION-FOLDED``.
    """
    require_carried(region.name, rule, registration.protocol)
    require_rigid(region.name, rule, registration.matrix)
    if registration.protocol.file.demons is not None and registration.deformation is None:
        raise RegistrationError(
            "REGISTRATION-NOT-DEFORMED",
            "the rigid stage failed its checks, so that nothing was deformed",
            where=region.name,
            hint="`biomarker register` says which check failed.",
        )
    way = registration.way
    crop = on_target(region, way, target)
    carried = Region(crop, target, region.label, region.name)
    before, after = region.volume_mm3 / 1000.0, carried.volume_mm3 / 1000.0
    change = (after - before) / before * 100
    cut = 100.0 - overlap_percent(way, region.points_mm, target)
    checks = registration.protocol.file.checks
    figures = {"volume_change_percent": abs(change), "cut_percent": cut}
    verdicts = [verdict_of(name, value, getattr(checks, name)) for name, value in figures.items()]
    own = [one.status for one in registration.rois if one.roi_id in {"", region.name}]
    return CarriedMask(carried, before, after, change, cut, worst([*own, *verdicts]))


def carry_each(
    regions: Sequence[Region],
    registration: Registration,
    target: Geometry,
    rule_of: Callable[[str], CarryRule],
) -> tuple[list[CarriedMask], list[RefusedMask]]:
    """Carry some regions; one that is refused does not stop the others.

    Parameters
    ----------
    regions : sequence of Region
    registration : Registration
    target : Geometry
    rule_of : callable
        ``carry`` of a name in the ROI map.
    """
    carried, refused = [], []
    for region in regions:
        try:
            carried.append(carry(region, registration, target, rule_of(region.name)))
        except RegistrationError as error:
            refused.append(RefusedMask(region, error))
    return carried, refused


def on_target(region: Region, matrix: Way, target: Geometry) -> Crop:
    """Return the voxels of another grid whose centres lie within a region.

    Parameters
    ----------
    region : Region
    matrix : ndarray, shape (4, 4), or DisplacementField
        From its grid to the other, LPS mm.
    target : Geometry

    Raises
    ------
    RegistrationError
        ``REGISTRATION-FOLDED`` where a field leads nothing to a voxel that may lie within.
    """
    from scipy.ndimage import map_coordinates

    distance = signed_distance_mm(np.pad(region.crop.mask, _MARGIN_VOXELS), region.geometry)
    offset = np.asarray(region.crop.offset) - _MARGIN_VOXELS
    first, last = _box(offset, distance.shape, region.geometry, matrix, target)
    shape = tuple((last - first).tolist())
    if min(shape) <= 0:
        return Crop(np.zeros((0, 0, 0), dtype=np.bool_))
    places = np.indices(shape).reshape(3, -1).T + first
    points = _led_back(matrix, target.index_to_physical(places[:, ::-1]), region.name)
    back = region.geometry.physical_to_index(points)[:, ::-1] - offset
    found = map_coordinates(distance, back.T, order=_CUBIC, mode="constant", cval=-1.0) > 0
    z, y, x = first.tolist()
    return Crop(found.reshape(shape), (z, y, x)).tight()


def _led_back(matrix: Way, points_mm: FloatArray, where: str) -> FloatArray:
    if not isinstance(matrix, DisplacementField):
        return transformed(inverse_of(matrix), points_mm)
    found = matrix.back(points_mm)
    lost = int(np.count_nonzero(np.isnan(found).any(axis=1)))
    if lost:
        raise RegistrationError(
            "REGISTRATION-FOLDED",
            f"the field cannot be followed back from {counted(lost, 'voxel')} about the region",
            where=where,
            hint="Carry it rigidly, or smooth the field more in a protocol of your own.",
        )
    return found


def signed_distance_mm(mask: BoolArray, geometry: Geometry) -> FloatArray:
    """Return how far voxel centres lie within a mask, negative without, shape (z, y, x).

    To the centre of the next voxel of the other kind: zero lies half-way between them.
    """
    from scipy.ndimage import distance_transform_edt

    spacing = geometry.spacing_mm[::-1]
    inside = distance_transform_edt(mask, sampling=spacing)
    return np.asarray(inside - distance_transform_edt(~mask, sampling=spacing))


def _box(
    offset: FloatArray,
    shape: tuple[int, ...],
    source: Geometry,
    matrix: Way,
    target: Geometry,
) -> tuple[FloatArray, FloatArray]:
    """Return first and one behind the last voxel ``(z, y, x)`` of a grid that a box reaches."""
    is_bent = isinstance(matrix, DisplacementField)
    sides = [range(n) if is_bent else (0, n - 1) for n in shape]
    places = np.array(np.meshgrid(*sides, indexing="ij")).reshape(3, -1).T
    there = transformed(matrix, source.index_to_physical((places + offset)[:, ::-1]))
    reached = target.physical_to_index(there)[:, ::-1]
    first = np.clip(np.floor(reached.min(axis=0)), 0, target.shape)
    last = np.clip(np.ceil(reached.max(axis=0)) + 1, 0, target.shape)
    return first.astype(int), last.astype(int)
