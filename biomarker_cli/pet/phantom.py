"""Recovery of a NEMA image quality phantom: spheres found, concentrations compared.

The six hot spheres are found in the image: they are the six largest excesses
over the background, they lie in one plane on a ring, and their excess, which
blurring does not change, orders them by size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.pet.activity import ActivityFactors, activity_factors
from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.errors import PhantomError
from biomarker_cli.pet.lesions import label_components
from biomarker_cli.pet.peak import sphere_kernel, sphere_means
from biomarker_cli.pet.phantom_sheet import (
    CALIBRATION_LIMIT,
    RECOVERY_LIMITS,
    RING_RADIUS_MM,
    PhantomSheet,
    true_bqml,
)
from biomarker_cli.statistics.percentiles import percentile

HOT = 1.5
"""A voxel this many times the background belongs to a sphere."""

PLACE_TOLERANCE_MM = 6.0
"""How far a sphere may lie off the ring, or off the common plane."""

EDGE_MM = 20.0
"""Background keeps this distance from the wall and from the spheres."""

LUNG_RADIUS_MM = 45.0
"""Background keeps this distance from the axis: the lung insert is cold."""

BACKGROUND_HALF_HEIGHT_MM = 30.0
"""Background is taken this far on either side of the plane of the spheres."""

MARGIN_MM = 8.0
"""A sphere is searched within its radius and this much more."""


@dataclass(frozen=True)
class Sphere:
    """A hot sphere in the image.

    Attributes
    ----------
    diameter_mm : float
    centre_mm : ndarray, shape (3,)
        LPS.
    """

    diameter_mm: float
    centre_mm: FloatArray


@dataclass(frozen=True)
class PhantomReport:
    """What the phantom says of the scanner.

    Attributes
    ----------
    rows : tuple of dict
        ``quantity, sphere_mm, value, low, high, outcome, measured_bqml,
        true_bqml, x_mm, y_mm, z_mm``; `outcome` is pass, fail or not_judged.
    reference_time : str
        Moment that the concentrations are compared at.
    """

    rows: tuple[dict[str, Any], ...]
    reference_time: str

    @property
    def has_failed(self) -> bool:
        """Whether a published limit is broken."""
        return any(row["outcome"] == "fail" for row in self.rows)


def measure_phantom(volume: Volume, sheet: PhantomSheet) -> PhantomReport:
    """Hold the image of a phantom against its sheet.

    Parameters
    ----------
    volume : Volume
        PET in Bq/ml, quantity ``pet_stored``.
    sheet : PhantomSheet

    Raises
    ------
    PhantomError
        ``PHANTOM-BACKGROUND``, ``PHANTOM-SPHERES``, ``PHANTOM-SHEET``.
    SuvError
        Where the header does not tell activity or reference time.
    """
    activity = activity_factors(volume.frames, Derivation())
    array = volume.as_float64() * activity.factors[:, None, None]
    rough = _rough_background(array)
    spheres = find_spheres(array, volume.geometry, rough, sheet.diameters_mm)
    background = _background(array, volume.geometry, spheres, rough)
    return PhantomReport(
        rows=tuple(_rows(array, volume.geometry, spheres, background, sheet, activity)),
        reference_time=activity.reference.isoformat(),
    )


def _rough_background(array: FloatArray) -> float:
    """Return the median of what is neither air nor sphere."""
    # Spheres hold up to 16 times the background; each step leaves out less of it.
    level = 0.05 * percentile(array, 99.9)
    for _ in range(5):
        inside = array[array > level]
        if inside.size < 1000:
            raise PhantomError(
                "PHANTOM-BACKGROUND",
                f"expected a filled phantom, found {inside.size} voxels above the noise",
                hint="The series must show the whole phantom, attenuation corrected.",
            )
        background = float(np.median(inside))
        level = 0.5 * background
    return background


def find_spheres(
    array: FloatArray, geometry: Geometry, background: float, diameters_mm: tuple[float, ...]
) -> list[Sphere]:
    """Find the hot spheres, in the order of `diameters_mm`.

    Raises
    ------
    PhantomError
        ``PHANTOM-SPHERES`` where they are not as many, or not on their ring.
    """
    labels, n = label_components(array > HOT * background, 6)
    excess = np.where(labels > 0, array - background, 0.0)
    total = np.bincount(labels.ravel(), weights=excess.ravel(), minlength=n + 1)
    total[0] = 0.0
    wanted = len(diameters_mm)
    if n < wanted:
        raise _no_spheres(f"expected {wanted} hot spheres, found {n}")
    order = np.argsort(-total)[:wanted]
    centres = np.array([_centre(labels == number, excess, geometry) for number in order])
    spheres = [
        Sphere(diameter, centre)
        for diameter, centre in zip(sorted(diameters_mm, reverse=True), centres, strict=True)
    ]
    _require_ring(spheres, geometry)
    by_diameter = {sphere.diameter_mm: sphere for sphere in spheres}
    return [by_diameter[diameter] for diameter in diameters_mm]


def _centre(mask: BoolArray, excess: FloatArray, geometry: Geometry) -> FloatArray:
    index = np.argwhere(mask)
    weight = excess[mask]
    return geometry.index_to_physical((weight @ index / weight.sum())[::-1])


def _no_spheres(problem: str) -> PhantomError:
    return PhantomError(
        "PHANTOM-SPHERES",
        problem,
        hint="All spheres must be hot and in the field of view; the sheet names their diameters.",
    )


def _require_ring(spheres: list[Sphere], geometry: Geometry) -> None:
    """Hold the spheres against the ring of the phantom: one plane, one circle, neighbours."""
    centres = np.array([sphere.centre_mm for sphere in spheres])
    along = centres @ geometry.normal
    if np.ptp(along) > PLACE_TOLERANCE_MM:
        raise _no_spheres(f"the hot spots lie {np.ptp(along):.1f} mm apart along the axis")
    middle = _ring_centre(centres)
    off = np.abs(np.linalg.norm(centres - middle, axis=1) - RING_RADIUS_MM)
    if off.max() > PLACE_TOLERANCE_MM:
        raise _no_spheres(
            f"a hot spot lies {off.max():.1f} mm off the ring of {RING_RADIUS_MM:g} mm radius"
        )
    # Spheres of neighbouring size are neighbours on the ring.
    steps = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    if np.abs(steps - RING_RADIUS_MM).max() > 2 * PLACE_TOLERANCE_MM:
        raise _no_spheres("the hot spots do not follow each other in size around the ring")


def _ring_centre(centres: FloatArray) -> FloatArray:
    """Return the centre of the circle through the points, by least squares."""
    mean = centres.mean(axis=0)
    _, _, axes = np.linalg.svd(centres - mean)
    flat = (centres - mean) @ axes[:2].T
    design = np.column_stack([2 * flat, np.ones(len(flat))])
    solution, *_ = np.linalg.lstsq(design, (flat**2).sum(axis=1), rcond=None)
    return np.asarray(mean + solution[:2] @ axes[:2])


def _distances(shape: tuple[int, ...], geometry: Geometry, point_mm: FloatArray) -> FloatArray:
    """Return the distance of every voxel centre from a point, shape (z, y, x)."""
    at = geometry.physical_to_index(point_mm)[::-1]
    spacing = np.array(geometry.spacing_mm[::-1])
    axes = [((np.arange(n) - a) * s) ** 2 for n, a, s in zip(shape, at, spacing, strict=True)]
    z, y, x = axes
    return np.asarray(np.sqrt(z[:, None, None] + y[None, :, None] + x[None, None, :]))


def _background(
    array: FloatArray, geometry: Geometry, spheres: list[Sphere], rough: float
) -> float:
    """Return the mean of the background between wall, spheres and lung insert."""
    from scipy.ndimage import binary_fill_holes, distance_transform_edt

    body = binary_fill_holes(array > 0.5 * rough)
    to_wall = distance_transform_edt(body, sampling=geometry.spacing_mm[::-1])
    region = to_wall > EDGE_MM
    for sphere in spheres:
        away = _distances(array.shape, geometry, sphere.centre_mm)
        region &= away > sphere.diameter_mm / 2 + EDGE_MM
    middle = _ring_centre(np.array([sphere.centre_mm for sphere in spheres]))
    at = geometry.physical_to_index(middle)
    z, y, x = (np.arange(n) for n in array.shape)
    height = np.abs(z - at[2]) * geometry.spacing_mm[2]
    across = np.hypot(
        (y[:, None] - at[1]) * geometry.spacing_mm[1], (x[None, :] - at[0]) * geometry.spacing_mm[0]
    )
    region &= (height <= BACKGROUND_HALF_HEIGHT_MM)[:, None, None]
    region &= (across > LUNG_RADIUS_MM)[None, :, :]
    if np.count_nonzero(region) * geometry.voxel_volume_mm3 < 10_000.0:
        raise PhantomError(
            "PHANTOM-BACKGROUND",
            "less than 10 ml of background between wall, spheres and lung insert",
            hint="The series must show the whole phantom.",
        )
    return float(array[region].mean())


def _rows(
    array: FloatArray,
    geometry: Geometry,
    spheres: list[Sphere],
    background: float,
    sheet: PhantomSheet,
    activity: ActivityFactors,
) -> list[dict[str, Any]]:
    truth = {
        name: true_bqml(filling, activity.reference, activity.half_life_s, sheet.clock_offset_s)
        for name, filling in (("background", sheet.background), ("spheres", sheet.spheres))
    }
    deviation = background / truth["background"] - 1.0
    rows = [
        {
            "quantity": "calibration",
            "sphere_mm": None,
            "value": background / truth["background"],
            "low": 1.0 - CALIBRATION_LIMIT,
            "high": 1.0 + CALIBRATION_LIMIT,
            "outcome": "pass" if abs(deviation) <= CALIBRATION_LIMIT else "fail",
            "measured_bqml": background,
            "true_bqml": truth["background"],
            "x_mm": None,
            "y_mm": None,
            "z_mm": None,
        }
    ]
    for sphere in spheres:
        for quantity, measured in _uptakes(array, geometry, sphere, background).items():
            rows.append(_recovery_row(sheet, quantity, sphere, measured, truth["spheres"]))
    return rows


def _uptakes(
    array: FloatArray, geometry: Geometry, sphere: Sphere, background: float
) -> dict[str, float]:
    """Return maximum, A50 and peak of a sphere, Bq/ml.

    A50 is the mean over the voxels above half way between background and
    maximum. The peak is the highest mean over a 1 ml sphere (partial volumes).
    """
    near = _distances(array.shape, geometry, sphere.centre_mm)
    near_mask = near <= sphere.diameter_mm / 2 + MARGIN_MM
    values = array[near_mask]
    maximum = float(values.max())
    half_way = (maximum + background) / 2.0
    kernel = sphere_kernel(geometry.spacing_mm, "partial_volume")
    means, _ = sphere_means(array, np.argwhere(near_mask), kernel)
    return {
        "recovery_max": maximum,
        "recovery_a50": float(values[values >= half_way].mean()),
        "recovery_peak": float(means.max()) if means.size else float("nan"),
    }


def _recovery_row(
    sheet: PhantomSheet, quantity: str, sphere: Sphere, measured: float, truth: float
) -> dict[str, Any]:
    value = measured / truth
    limit = RECOVERY_LIMITS.get((sheet.standard, quantity), {}).get(sphere.diameter_mm)
    outcome = "not_judged"
    if limit is not None and limit.is_confirmed:
        outcome = "pass" if limit.low <= value <= limit.high else "fail"
    x, y, z = (float(v) for v in sphere.centre_mm)
    return {
        "quantity": quantity,
        "sphere_mm": sphere.diameter_mm,
        "value": value,
        "low": limit.low if limit else None,
        "high": limit.high if limit else None,
        "outcome": outcome,
        "measured_bqml": measured,
        "true_bqml": truth,
        "x_mm": x,
        "y_mm": y,
        "z_mm": z,
    }
