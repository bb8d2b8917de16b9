"""A body with organs, and copies of it that lie elsewhere by a known rigid motion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU
from biomarker_cli.registration.alignment import centre_mm, moved_start
from biomarker_cli.registration.rules import RegistrationProtocol, load_registration

GRID = Geometry((32, 48, 56), (2.0, 2.0, 3.0), (-50.0, -40.0, -30.0))


def body(
    seed: int = 1,
    grid: Geometry = GRID,
    noise_hu: float = 10.0,
    noise_seed: int = 1,
    radii_mm: tuple[float, float, float] = (42.0, 34.0, 44.0),
) -> Volume:
    """Return a CT of an ellipsoid with fourteen organs, another anatomy for each seed."""
    random = np.random.default_rng(seed)
    z, y, x = np.indices(grid.shape)
    places = grid.index_to_physical(np.stack([x, y, z], axis=-1)) - centre_mm(GRID)
    array = np.full(grid.shape, -1000.0)
    array[((places / radii_mm) ** 2).sum(-1) < 1] = 40.0
    for _ in range(14):
        centre, radii = random.uniform(-24, 24, 3), random.uniform(4, 11, 3)
        array[(((places - centre) / radii) ** 2).sum(-1) < 1] = random.uniform(-200, 600)
    array = gaussian_filter(array, 0.7)
    noise = np.random.default_rng([seed, noise_seed]).normal(0, noise_hu, grid.shape)
    return Volume(array + noise, grid, HU)


def motion(shift_mm=(6.0, -8.0, 5.0), angles_deg=(4.0, -6.0, 8.0)) -> np.ndarray:
    """Return a rigid motion about the centre of the grid, shape (4, 4)."""
    return moved_start(centre_mm(GRID), np.array(shift_mm), angles_deg)


def far_motion(seed: int) -> np.ndarray:
    """Return a motion of 5 to 25 mm and 2 to 15 degrees in any direction, shape (4, 4)."""
    random = np.random.default_rng(seed)
    shift, axis = random.normal(size=(2, 3))
    shift *= random.uniform(5, 25) / np.linalg.norm(shift)
    axis *= random.uniform(2, 15) / np.linalg.norm(axis)
    return motion(shift, tuple(axis))


def moved(volume: Volume, matrix: np.ndarray) -> Volume:
    """Return the voxels of a volume at other places: no voxel is resampled."""
    grid = volume.geometry
    place = matrix @ grid.affine
    axes = matrix[:3, :3] @ grid.axes
    origin = tuple(place[:3, 3].tolist())
    return replace(
        volume,
        geometry=Geometry(grid.shape, grid.spacing_mm, origin, tuple(axes.ravel().tolist())),
    )


def quick_protocol(points: int = 3000, **checks) -> RegistrationProtocol:
    """Return the shipped rigid protocol with fewer points, and other limits where named."""
    protocol = load_registration("rigid-same-modality")
    file = protocol.file
    rigid = file.rigid.model_copy(
        update={"sampling": file.rigid.sampling.model_copy(update={"points": points})}
    )
    limits = file.checks.model_copy(update=checks)
    return replace(protocol, file=file.model_copy(update={"rigid": rigid, "checks": limits}))


def months_later(volume: Volume, seed: int, by_mm: float = 3.0) -> Volume:
    """Return a body that gave way smoothly by up to some mm, with a lesion that was not there."""
    grid = volume.geometry
    random = np.random.default_rng(seed)
    fields = [gaussian_filter(random.normal(size=grid.shape), 6.0) for _ in range(3)]
    largest = max(np.abs(field).max() for field in fields)
    places = np.indices(grid.shape) + np.stack(fields) * (by_mm / largest / 2.0)
    array = map_coordinates(volume.array, places, order=1, mode="nearest")
    lesion = np.linalg.norm(np.moveaxis(np.indices(grid.shape), 0, -1) - (16, 24, 20), axis=-1) < 4
    return replace(volume, array=np.where(lesion, 90.0, array))
