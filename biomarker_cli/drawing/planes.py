"""Planes of a grid as a person looks at them: right of the patient on the left, head up."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.arrays import AnyArray, FloatArray

PLANES = ("sagittal", "coronal", "axial")
"""Name of a plane by the axis of the patient that stands on it: x, y, z."""

_LETTERS = (("R", "L"), ("A", "P"), ("F", "H"))
_OBLIQUE = 0.35
"""Cosine from which a direction has a second letter: 20 degrees off its axis."""

# Of the axes of the patient: which runs across a plane and which down, and which way.
_SHOWN = {0: ((1, 1), (2, -1)), 1: ((0, 1), (2, -1)), 2: ((0, 1), (1, 1))}


@dataclass(frozen=True)
class PlaneView:
    """How the planes across one axis of a grid are laid out on a page.

    Attributes
    ----------
    geometry : Geometry
    normal : int
        Index axis (x, y, z) across the planes.
    across, down : int
        Index axes that run to the right and downwards on the page.
    signs : tuple of int
        1 where the index rises to the right, and downwards; else -1.
    name : str
        Of `PLANES`: the axis of the patient that lies nearest to the normal.
    """

    geometry: Geometry
    normal: int
    across: int
    down: int
    signs: tuple[int, int]
    name: str

    @property
    def n_slices(self) -> int:
        """Number of planes."""
        return self.geometry.shape[2 - self.normal]

    @property
    def spacing_mm(self) -> FloatArray:
        """Distance of voxels across and down, shape (2,)."""
        return np.asarray([self.geometry.spacing_mm[axis] for axis in (self.across, self.down)])

    @property
    def letters(self) -> tuple[str, str, str, str]:
        """Where the left, right, upper and lower edge of a picture lie in the patient."""
        found = []
        for axis, sign in zip((self.across, self.down), self.signs, strict=True):
            way = self.geometry.axes[:, axis] * sign
            found += [direction_letters(-way), direction_letters(way)]
        left, right, top, bottom = found
        return left, right, top, bottom

    def plane(self, array: AnyArray, index: int) -> AnyArray:
        """Return one plane of an array ``[z, y, x]``, as it lies on the page: ``[down, across]``.

        Parameters
        ----------
        array : ndarray, shape (z, y, x)
            On the grid, or a box of it.
        index : int
            Along the normal, in that array.
        """
        cut = np.take(array, index, axis=2 - self.normal)
        # What is left of z, y, x stands in this order: a higher index axis comes first.
        page = cut if self.down > self.across else cut.T
        laid_out: AnyArray = page[:: self.signs[1], :: self.signs[0]]
        return laid_out

    def position_mm(self, index: int) -> float:
        """Return where a plane lies along the axis of the patient that names it (LPS)."""
        middle = [(n - 1) / 2 for n in reversed(self.geometry.shape)]
        middle[self.normal] = index
        return float(self.geometry.index_to_physical(middle)[PLANES.index(self.name)])


def plane_view(geometry: Geometry, normal: int) -> PlaneView:
    """Return the view of the planes across an index axis.

    Parameters
    ----------
    geometry : Geometry
    normal : int
        0 for x, 1 for y, 2 for z (the slices).
    """
    patient = patient_axes(geometry)
    (right, to_right), (below, downwards) = _SHOWN[patient[normal]]
    across, down = patient.index(right), patient.index(below)
    signs = (
        to_right * _sign(geometry.axes[right, across]),
        downwards * _sign(geometry.axes[below, down]),
    )
    return PlaneView(geometry, normal, across, down, signs, PLANES[patient[normal]])


def patient_axes(geometry: Geometry) -> tuple[int, ...]:
    """Return for the index axes x, y, z which axis of the patient each lies nearest to."""
    cosines = np.abs(geometry.axes)
    return max(
        permutations(range(3)),
        key=lambda order: sum(float(cosines[order[axis], axis]) for axis in range(3)),
    )


def direction_letters(way: FloatArray) -> str:
    """Return the letters of a direction in the patient: R or L, A or P, F or H.

    Parameters
    ----------
    way : ndarray, shape (3,)
        Unit vector, LPS.

    References
    ----------
    DICOM PS3.3 C.7.6.1.1.1 (Patient Orientation).
    """
    order = sorted(range(3), key=lambda axis: -abs(float(way[axis])))
    first, *others = order
    letters = [axis for axis in others if abs(float(way[axis])) > _OBLIQUE]
    return "".join(_LETTERS[axis][int(way[axis] > 0)] for axis in (first, *letters))


def _sign(value: float) -> int:
    return 1 if value >= 0 else -1
