"""Surface of a voxel mask: area and volume of the 256 ways to cut a cube of eight voxels.

The surface is the iso-level 0.5 of the mask, so its vertices are the midpoints
of the edges between an inside and an outside voxel. The faces of the cube join
them to closed loops, and each loop is filled by a fan of triangles. Two choices
are conventions. On a face with two diagonal inside corners, the inside corners
are kept apart, whatever the cube: then neighbouring cubes agree and the surface
is closed. pyradiomics joins them where corner (1, 1, 0) is inside, which is
another voxel for each of the two cubes that share the face, so that its surface
may have holes, and a volume that depends on where the region lies. Loops of more
than three vertices are not flat, so the vertex where the fan starts decides the
area: the first one, but for the cases listed here. These were fitted so that
areas and volumes equal those that pyradiomics 3.1 measures on each single cube.

References
----------
Lorensen and Cline 1987 (marching cubes); IBSI-1 v11, section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import combinations, pairwise

import numpy as np

from biomarker_cli.model.arrays import FloatArray, IntArray

Loop = tuple[int, ...]
Loops = tuple[Loop, ...]

CORNERS = np.array([(z, y, x) for z in (0, 1) for y in (0, 1) for x in (0, 1)], dtype=np.float64)
"""Corner k of a cube as (z, y, x); bit k of a case tells whether it is inside."""

_EDGES = [(a, b) for a, b in combinations(range(8), 2) if (a ^ b).bit_count() == 1]
_EDGE_OF = {edge: number for number, edge in enumerate(_EDGES)}
_MIDPOINTS = np.array([(CORNERS[a] + CORNERS[b]) / 2 for a, b in _EDGES])
_JOINING_CORNER = 6

# Case -> where the fan of each loop starts.
_FAN_STARTS_TEXT = (
    "7:1 11:1 13:2 14:1 19:1 21:1 27:2 29:1 30:10 39:1 42:1 45:20 46:2 49:1 50:2 53:2 "
    "54:20 57:10 58:1 67:2 70:1 71:2 74:4 76:1 82:6 83:1 84:1 86:01 87:1 88:3 92:2 98:3 "
    "100:4 106:10 108:10 112:1 120:10 135:10 143:1 147:10 149:10 155:3 157:4 163:1 167:4 "
    "168:2 169:02 171:2 172:2 173:1 179:1 181:3 184:1 185:6 188:5 197:2 198:20 201:10 "
    "202:1 205:1 206:2 209:1 210:10 213:1 216:2 225:20 226:2 228:1 234:1 236:1 241:2 "
    "242:1 244:2 248:1"
)
_FAN_STARTS = dict(entry.split(":") for entry in _FAN_STARTS_TEXT.split(" "))


@dataclass(frozen=True)
class Triangles:
    """Triangles of all cases; seen from outside, their vertices run the same way round.

    Attributes
    ----------
    owner : ndarray of int64, shape (n,)
        The case of each.
    vertices : ndarray, shape (n, 3 vertices, 3: z, y, x)
    """

    owner: IntArray
    vertices: FloatArray


@lru_cache(maxsize=1)
def closed_surface() -> Triangles:
    """Return the triangles of the surface that is always closed."""
    return _all_triangles([_loops(case, True) for case in range(256)])


@lru_cache(maxsize=1)
def surface_of_pyradiomics() -> Triangles:
    """Return the triangles of the surface that pyradiomics measures."""
    return _all_triangles([_as_pyradiomics(case) for case in range(256)])


def _as_pyradiomics(case: int) -> Loops:
    return _loops(case, apart=not case >> _JOINING_CORNER & 1)


def _all_triangles(loops: list[Loops]) -> Triangles:
    by_case = [_triangles(case, found) for case, found in enumerate(loops)]
    owner = np.repeat(np.arange(256), [len(triangles) for triangles in by_case])
    return Triangles(owner, np.concatenate(by_case))


def _triangles(case: int, loops: Loops) -> FloatArray:
    # The starts were fitted to the loops of pyradiomics.
    starts = _FAN_STARTS.get(str(case), "") if loops == _as_pyradiomics(case) else ""
    triangles = []
    for number, loop in enumerate(loops):
        start = int(starts[number]) if starts else 0
        turned = loop[start:] + loop[:start]
        triangles += [(turned[0], a, b) for a, b in pairwise(turned[1:])]
    return _MIDPOINTS[np.array(triangles, dtype=np.int64).reshape(-1, 3)]


@cache
def _faces() -> tuple[tuple[int, ...], ...]:
    """Return the corners of each face, counter-clockwise seen from outside."""
    faces = []
    for axis in range(3):
        for side in (0, 1):
            first, second = (a for a in range(3) if a != axis)
            cycle = []
            for along in ((0, 0), (0, 1), (1, 1), (1, 0)):
                corner = [0, 0, 0]
                corner[axis], corner[first], corner[second] = side, *along
                cycle.append(corner[0] * 4 + corner[1] * 2 + corner[2])
            a, b, c = (CORNERS[k] for k in cycle[:3])
            outward = np.cross(b - a, c - b)[axis] * (2 * side - 1) > 0
            faces.append(tuple(cycle if outward else cycle[::-1]))
    return tuple(faces)


@cache
def _loops(case: int, apart: bool) -> Loops:
    """Return the closed lines of vertices on a cube, with diagonal corners apart or joined."""
    inside = [bool(case >> corner & 1) for corner in range(8)]
    following: dict[int, int] = {}
    for face in _faces():
        leaving = [k for k in range(4) if inside[face[k]] and not inside[face[(k + 1) % 4]]]
        entering = [k for k in range(4) if not inside[face[k]] and inside[face[(k + 1) % 4]]]
        for start in leaving:
            end = entering[0]
            if len(leaving) > 1:
                end = (start + (-1 if apart else 1)) % 4
            following[_edge(face, start)] = _edge(face, end)
    loops = []
    while following:
        first = min(following)
        loop, vertex = [first], following.pop(first)
        while vertex != first:
            loop.append(vertex)
            vertex = following.pop(vertex)
        loops.append(tuple(loop))
    return tuple(loops)


def _edge(face: tuple[int, ...], k: int) -> int:
    a, b = sorted((face[k], face[(k + 1) % 4]))
    return _EDGE_OF[a, b]
