"""Values of the morphological family (IBSI-1, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biomarker_cli.kernels.compiled import count_cases, farthest_squared, hull_planes, sum_places
from biomarker_cli.model.arrays import BoolArray, FloatArray, IntArray
from biomarker_cli.radiomics.features.spatial_correlation import spatial_correlation
from biomarker_cli.radiomics.features.surface_cases import Triangles, closed_surface

Spacing = tuple[float, float, float]

_LEGENDRE_TERMS = 20
"""Terms of the series for the area of an ellipsoid, as many as the IBSI manual sums."""


_ROUNDING = 1e-13


@dataclass(frozen=True)
class Mesh:
    """Surface of a mask.

    Attributes
    ----------
    volume_mm3, area_mm2 : float
    vertices_mm : ndarray, shape (n, 3)
        Those that can lie on the convex hull, (z, y, x).
    widest_mm : float
        Largest distance of two vertices in one plane of voxels or between two, across z.
    """

    volume_mm3: float
    area_mm2: float
    vertices_mm: FloatArray
    widest_mm: float


def mesh_of(mask: BoolArray, spacing_zyx: Spacing, surface: Triangles) -> Mesh:
    """Return the surface at iso-level 0.5.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
    spacing_zyx : tuple of float
        In mm.
    surface : Triangles
        How cubes of eight voxels are cut.
    """
    number, places = np.zeros(256, dtype=np.int64), np.zeros((256, 3), dtype=np.int64)
    count_cases(np.pad(mask, 1), number, places)
    spacing = np.array(spacing_zyx)
    owner = surface.owner
    a, b, c = (surface.vertices[:, k] * spacing for k in range(3))
    areas = np.sqrt(np.sum(np.cross(b - a, c - a) ** 2, axis=1)) / 2
    area = float(number[owner] @ areas)
    # det(a + o, b + o, c + o) is linear in o, so places may be summed before.
    crossed = np.cross(b, c)
    sixfold = float(number[owner] @ np.sum(a * crossed, axis=1))
    normals = crossed + np.cross(c, a) + np.cross(a, b)
    sixfold += float(np.sum(normals * (places[owner] * spacing)))
    widest, corners = _hulls_across(mask, spacing_zyx, 0)
    # In the order z, y, x a surface seen from outside turns the other way.
    return Mesh(-sixfold / 6, area, corners / 2 * spacing, widest)


def _hulls_across(mask: BoolArray, spacing_zyx: Spacing, axis: int) -> tuple[float, IntArray]:
    """Return the largest distance of two vertices in one plane across an axis, and what it needs.

    Returns
    -------
    tuple
        Distance in mm, and the corners of the hull of each plane in half voxels,
        shape (n, 3), the given axis first.
    """
    turned = np.ascontiguousarray(np.moveaxis(mask, axis, 0))
    row_mm, column_mm = (step for other, step in enumerate(spacing_zyx) if other != axis)
    planes, rows, columns = turned.shape
    corners = np.empty((1 + (2 * planes + 1) * (4 * rows + 2), 3), dtype=np.int64)
    widest = hull_planes(
        turned,
        row_mm,
        column_mm,
        np.empty((2 * rows + 1, 2), dtype=np.int64),
        np.empty((columns, 2), dtype=np.int64),
        np.empty((4 * rows + 6, 2), dtype=np.int64),
        corners,
    )
    return float(np.sqrt(widest)), corners[1 : 1 + corners[0, 0]]


def planar_diameter(mask: BoolArray, spacing_zyx: Spacing, axis: int) -> float:
    """Return the largest distance of two vertices of the surface in one plane across an axis.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
    spacing_zyx : tuple of float
    axis : int
        Of the array; 0 for the planes of slices.
    """
    return _hulls_across(mask, spacing_zyx, axis)[0]


_PER_CELL = 20
_MOST_CELLS = 16


def farthest_pair(points: FloatArray) -> float:
    """Return the largest distance between two points.

    Parameters
    ----------
    points : ndarray, shape (n, 2) or (n, 3)
    """
    if len(points) < 2:
        return 0.0
    placed = np.zeros((len(points), 3))
    placed[:, : points.shape[1]] = points
    # Points on a surface fill some six cells of each square of the cells' number.
    cells = int(min(max(np.sqrt(len(points) / (6 * _PER_CELL)), 1), _MOST_CELLS))
    low = placed.min(axis=0)
    extent = placed.max(axis=0) - low
    scale = np.divide(cells, extent, out=np.zeros(3), where=extent > 0)
    found = farthest_squared(
        placed,
        cells,
        low,
        scale,
        np.zeros(cells**3 + 1, dtype=np.int64),
        np.empty(2 * len(placed), dtype=np.int64),
        np.empty((cells**3, 7)),
    )
    return float(np.sqrt(found))


def principal_variances(mask: BoolArray, spacing_zyx: Spacing, freedom: int) -> FloatArray:
    """Return the eigenvalues of the covariance of voxel centres, falling, shape (3,), mm2.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
    spacing_zyx : tuple of float
    freedom : int
        1 divides by n - 1, as the IBSI reference values need (the digital phantom
        tells them apart); 0 divides by n, as pyradiomics does.
    """
    # Whole numbers have exact moments; the spacing comes in at the end.
    sums, products = np.zeros(3, dtype=np.int64), np.zeros((3, 3), dtype=np.int64)
    n = sum_places(np.ascontiguousarray(mask), sums, products)
    covariance = (products * n - np.outer(sums, sums)) / float(n) / float(max(n - freedom, 1))
    covariance = covariance * np.outer(spacing_zyx, spacing_zyx)
    found = np.linalg.eigvalsh(covariance)[::-1]
    # A flat region has no extent across: what is left is rounding.
    return np.where(found > _ROUNDING * found[0], found, 0.0)


def ellipsoid_area(a: float, b: float, c: float) -> float:
    """Return the area of an ellipsoid of semi-axes a >= b >= c > 0, by the series of the manual."""
    from scipy.special import binom, eval_legendre

    alpha = np.sqrt(1 - (b / a) ** 2)
    beta = np.sqrt(1 - (c / a) ** 2)
    orders = np.arange(_LEGENDRE_TERMS + 1)
    if alpha == 0:
        # P_n of an infinite argument: its leading term is what the others come close to.
        terms = (beta / 2) ** (2 * orders) / (1 - 4 * orders**2) * binom(2 * orders, orders)
    else:
        argument = (alpha**2 + beta**2) / (2 * alpha * beta)
        terms = (alpha * beta) ** orders / (1 - 4 * orders**2) * eval_legendre(orders, argument)
    return float(4 * np.pi * a * b * terms.sum())


def shape_values(mask: BoolArray, spacing_zyx: Spacing) -> dict[str, float]:
    """Return the features of size and shape by name.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
        The morphological mask, cropped to its box.
    spacing_zyx : tuple of float
        In mm.
    """
    mesh = mesh_of(mask, spacing_zyx, closed_surface())
    volume, area = mesh.volume_mm3, mesh.area_mm2
    found = {
        "volume": volume,
        "approximate_volume": float(np.count_nonzero(mask)) * float(np.prod(spacing_zyx)),
        "surface_area": area,
        "surface_to_volume_ratio": area / volume,
        "compactness_1": volume / (np.sqrt(np.pi) * area**1.5),
        "compactness_2": 36 * np.pi * volume**2 / area**3,
        "spherical_disproportion": area / (36 * np.pi * volume**2) ** (1 / 3),
        "sphericity": (36 * np.pi * volume**2) ** (1 / 3) / area,
        "asphericity": (area**3 / (36 * np.pi * volume**2)) ** (1 / 3) - 1,
        "maximum_3d_diameter": farthest_pair(mesh.vertices_mm),
    }
    found.update(_axis_values(mask, spacing_zyx, volume, area))
    found.update(_box_values(mesh))
    return found


def _axis_values(
    mask: BoolArray, spacing_zyx: Spacing, volume: float, area: float
) -> dict[str, float]:
    roots = np.sqrt(principal_variances(mask, spacing_zyx, 1))
    major, minor, least = (4 * float(root) for root in roots)
    volume_density, area_density = np.nan, np.nan
    if least > 0:
        a, b, c = major / 2, minor / 2, least / 2
        volume_density = 3 * volume / (4 * np.pi * a * b * c)
        area_density = area / ellipsoid_area(a, b, c)
    return {
        "major_axis_length": major,
        "minor_axis_length": minor,
        "least_axis_length": least,
        "elongation": minor / major if major > 0 else np.nan,
        "flatness": least / major if major > 0 else np.nan,
        "volume_density_aee": volume_density,
        "area_density_aee": area_density,
    }


def _box_values(mesh: Mesh) -> dict[str, float]:
    from scipy.spatial import ConvexHull

    z, y, x = np.ptp(mesh.vertices_mm, axis=0)
    hull = ConvexHull(mesh.vertices_mm)
    return {
        "volume_density_aabb": mesh.volume_mm3 / float(x * y * z),
        "area_density_aabb": mesh.area_mm2 / float(2 * (x * y + x * z + y * z)),
        "volume_density_convex_hull": mesh.volume_mm3 / float(hull.volume),
        "area_density_convex_hull": mesh.area_mm2 / float(hull.area),
    }


def intensity_in_space(
    morphological: BoolArray,
    intensity: BoolArray,
    image: FloatArray,
    spacing_zyx: Spacing,
    volume_mm3: float,
) -> dict[str, float]:
    """Return centre of mass shift, integrated intensity, Moran's I and Geary's C; NaN for none.

    Parameters
    ----------
    morphological, intensity : ndarray of bool, shape (z, y, x)
    image : ndarray, shape (z, y, x)
    spacing_zyx : tuple of float
    volume_mm3 : float
        Of the mesh.
    """
    spacing = np.array(spacing_zyx)
    shift, integrated = np.nan, np.nan
    if intensity.any():
        values = image[intensity]
        places = np.argwhere(intensity) * spacing
        geometric = np.argwhere(morphological).mean(axis=0) * spacing
        total = float(values.sum())
        if total != 0:
            weighted = values @ places / total
            shift = float(np.linalg.norm(weighted - geometric))
        integrated = float(values.mean()) * volume_mm3
    return {
        "centre_of_mass_shift": shift,
        "integrated_intensity": integrated,
        **spatial_correlation(intensity, image, spacing_zyx),
    }
