"""A textured CT body, and copies of it that gave way by a deformation whose formula is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import yaml
from scipy.special import expit
from synthetic_registration import GRID

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU
from biomarker_cli.protocol.locator import ProtocolKind, locate
from biomarker_cli.registration.alignment import centre_mm
from biomarker_cli.registration.deformable.fields import points_led_to
from biomarker_cli.registration.rules import RegistrationProtocol, load_registration

_CENTRE = centre_mm(GRID)
_BODY_MM = np.array((42.0, 34.0, 44.0))
_EDGE_MM = 0.6
_ORGAN_MM = np.array((25.0, 21.0, 27.0))
_ORGAN_AT_MM = np.array((-4.0, 2.0, -3.0))
_TEXTURE_HU = 40.0
_WAVE_MM = np.array((160.0, 140.0, 180.0))


@dataclass(frozen=True)
class Waves:
    """A product of cosines along each axis: where a moving point lies in the fixed image.

    Its inverse, from the fixed image to the moving one, is what is to be found.
    """

    seed: int
    largest_mm: float = 6.0

    def to_fixed(self, points_mm: np.ndarray) -> np.ndarray:
        """Return where points of the moving image lie in the fixed one, shape (n, 3)."""
        angles = 2 * np.pi * (points_mm - _CENTRE)[:, None, :] / _WAVE_MM + self._phases
        return points_mm + self.largest_mm * np.cos(angles).prod(axis=2)

    def to_moving(self, points_mm: np.ndarray) -> np.ndarray:
        """Return where points of the fixed image lie in the moving one, shape (n, 3)."""
        return points_led_to(self.to_fixed, points_mm)

    def jacobian(self, points_mm: np.ndarray) -> np.ndarray:
        """Return by how much volumes grow on the way to the moving image, shape (n,)."""
        there = self.to_moving(points_mm)
        angles = 2 * np.pi * (there - _CENTRE)[:, None, :] / _WAVE_MM + self._phases
        cosines = np.cos(angles)
        derivative = np.tile(np.eye(3), (len(points_mm), 1, 1))
        for axis in range(3):
            others = np.delete(cosines, axis, axis=2).prod(axis=2)
            slope = -np.sin(angles[:, :, axis]) * 2 * np.pi / _WAVE_MM[axis]
            derivative[:, :, axis] += self.largest_mm * slope * others
        return 1.0 / np.linalg.det(derivative)

    @property
    def _phases(self) -> np.ndarray:
        return np.random.default_rng([self.seed, 7]).uniform(0, 2 * np.pi, (3, 3))


def _anatomy_hu(points_mm: np.ndarray, seed: int) -> np.ndarray:
    """Return the HU of a body at any points: an ellipsoid, organs, texture within."""
    random = np.random.default_rng(seed)
    at = points_mm - _CENTRE
    values = np.full(len(at), -1000.0)
    shapes = [(np.zeros(3), _BODY_MM, 40.0)]
    for _ in range(14):
        centre, radii = random.uniform(-24, 24, 3), random.uniform(4, 11, 3)
        shapes.append((centre, radii, random.uniform(-200, 600)))
    for centre, radii, level in shapes:
        share = expit(-_outside_mm(at, centre, radii) / _EDGE_MM)
        values += (level - values) * share
    ways = random.normal(size=(60, 3))
    ways *= (2 * np.pi / random.uniform(10, 30, 60) / np.linalg.norm(ways, axis=1))[:, None]
    texture = np.cos(at @ ways.T + random.uniform(0, 2 * np.pi, 60)).sum(axis=1)
    within = expit(-_outside_mm(at, np.zeros(3), _BODY_MM) / _EDGE_MM)
    return values + within * texture * _TEXTURE_HU * np.sqrt(2 / 60)


def _outside_mm(at: np.ndarray, centre: np.ndarray, radii: np.ndarray) -> np.ndarray:
    return (np.linalg.norm((at - centre) / radii, axis=1) - 1) * radii.min()


def centres_mm(grid: Geometry) -> np.ndarray:
    """Return the centre of every voxel, LPS mm, shape (n, 3), x first."""
    return grid.index_to_physical(np.indices(grid.shape).reshape(3, -1)[::-1].T)


FINE = Geometry((48, 96, 112), (1.0, 1.0, 2.0), (-50.5, -40.5, -30.5))
"""Where the outline of a mask costs less than what the field misses."""


def pair_of(waves: Waves, grid: Geometry = GRID, noise_hu: float = 10.0) -> tuple[Volume, Volume]:
    """Return the fixed and the moving image of a deformation, each with noise of its own."""
    places, noise = centres_mm(grid), np.random.default_rng([waves.seed, 3])
    images = []
    for points in (places, waves.to_fixed(places)):
        values = _anatomy_hu(points, waves.seed) + noise.normal(0, noise_hu, len(places))
        images.append(Volume(values.reshape(grid.shape), grid, HU))
    return images[0], images[1]


def organ_on(grid: Geometry, waves: Waves | None = None) -> Region:
    """Return a part of the body on the fixed image, or on the moving one of a deformation."""
    points = centres_mm(grid)
    points = points if waves is None else waves.to_fixed(points)
    inside = _outside_mm(points - _CENTRE, _ORGAN_AT_MM, _ORGAN_MM) < 0
    return Region(inside.reshape(grid.shape), grid, "organ", "organ")


def demons_protocol(points: int = 8000, **checks) -> RegistrationProtocol:
    """Return the shipped one with fewer points of its rigid stage, and other limits."""
    protocol = load_registration("demons-ct-ct")
    rigid = protocol.file.rigid
    sampling = rigid.sampling.model_copy(update={"points": points})
    changed = {
        "rigid": rigid.model_copy(update={"sampling": sampling}),
        "checks": protocol.file.checks.model_copy(update=checks),
    }
    return replace(protocol, file=protocol.file.model_copy(update=changed))


FURTHER = (
    "restart_spread_mm",
    "restart_gain",
    "inverse_consistency_mm",
    "mirror_gain",
    "deformed_inverse_mm",
)
"""Figures that need further alignments."""


def quick_demons_data() -> dict:
    """Return the file of the shipped protocol without them, and with fewer points."""
    data = yaml.safe_load(locate(ProtocolKind.REGISTRATION, "demons-ct-ct").read_text())
    data["rigid"]["sampling"]["points"] = 8000
    for name in FURTHER:
        del data["checks"][name]
    return data
