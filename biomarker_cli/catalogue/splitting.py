"""Split the planes of a series into the volumes that it holds.

Object, size, frame of reference, geometry, kind, echo, b-value and temporal
position always separate. Times, acquisition numbers, gradient directions and
image types separate only where a position occurs more than once: single volumes
carry many content times, and every PET bed has an acquisition time of its own.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from biomarker_cli.catalogue.instances import Plane
from biomarker_cli.catalogue.kinds import image_kind

SAME_PLACE_MM = 0.01
"""Slices closer than this along the normal lie at one place."""


class Distinction(NamedTuple):
    """Something that may tell one volume of a series from another.

    Attributes
    ----------
    name : str
        Word in `split_by`.
    key : callable
        Value of a plane.
    tolerance : float or None
        Numbers, or vectors in every component, closer than this are the same.
    numbered : bool
        Told by a number in `split_by`, because the value itself is unwieldy.
    """

    name: str
    key: Callable[[Plane], Any]
    tolerance: float | None = None
    numbered: bool = False


ALWAYS = (
    Distinction("object", attrgetter("instance.sop_class_uid"), numbered=True),
    Distinction("size", attrgetter("instance.rows", "instance.columns")),
    Distinction("frame_of_reference", attrgetter("instance.frame_of_reference_uid"), numbered=True),
    Distinction("orientation", attrgetter("orientation"), 1e-3, numbered=True),
    Distinction("pixel_spacing", attrgetter("pixel_spacing_mm"), 1e-4),
    Distinction("kind", lambda p: image_kind(p.image_type)),
    Distinction("echo", attrgetter("echo"), 0.01),
    Distinction("b", attrgetter("b_value"), 1e-9),
    Distinction("phase", attrgetter("temporal_position")),
)

WHERE_REPEATED = (
    Distinction("stack", attrgetter("stack_id")),
    Distinction("direction", attrgetter("gradient"), 1e-4, numbered=True),
    Distinction("thickness", attrgetter("thickness_mm"), 0.01),
    Distinction("acquisition", attrgetter("acquisition")),
    Distinction("trigger_time", attrgetter("trigger_time"), 1e-3),
    Distinction("reference_time", attrgetter("reference_time"), 1e-3),
    Distinction("image_type", attrgetter("image_type"), numbered=True),
    Distinction("acquisition_time", attrgetter("acquisition_time")),
    Distinction("content_time", attrgetter("content_time")),
    Distinction("instance", attrgetter("instance.sop_instance_uid"), numbered=True),
)


class PlaneGroup(NamedTuple):
    """Planes that may be one volume, and what told them from the rest."""

    planes: tuple[Plane, ...]
    split_by: tuple[str, ...] = ()


def split_planes(planes: Sequence[Plane]) -> list[PlaneGroup]:
    """Return the groups of a series, in an order that does not depend on the files.

    Parameters
    ----------
    planes : sequence of Plane
        All planes of one series.
    """
    groups = [PlaneGroup(tuple(planes))]
    for distinction in ALWAYS:
        groups = [part for group in groups for part in _split(group, distinction)]
    return [part for group in groups for part in _resolve_repeats(group)]


def _resolve_repeats(group: PlaneGroup) -> list[PlaneGroup]:
    place_of = dict(zip(map(id, group.planes), places(group.planes), strict=True))
    groups = [group]
    for distinction in WHERE_REPEATED:
        if all(_n_places(g, place_of) == len(g.planes) for g in groups):
            break
        groups = [p for g in groups for p in _split_where_repeated(g, distinction, place_of)]
    return groups


def _split_where_repeated(
    group: PlaneGroup, distinction: Distinction, place_of: dict[int, int]
) -> list[PlaneGroup]:
    n_places = _n_places(group, place_of)
    if n_places == len(group.planes):
        return [group]
    parts = _split(group, distinction)
    # A key that scatters single slices (a time for each) does not explain the repeats.
    explained = all(2 * _n_places(part, place_of) > n_places for part in parts)
    return parts if explained else [group]


def _n_places(group: PlaneGroup, place_of: dict[int, int]) -> int:
    return len({place_of[id(plane)] for plane in group.planes})


def places(planes: Sequence[Plane]) -> list[int]:
    """Return for each plane the number of its place along the common normal.

    Planes without a position, and planes that share one, have the same number.
    """
    normal = _normal(planes[0])
    if normal is None:
        return [0] * len(planes)
    heights = [
        math.inf if p.position_mm is None else sum(map(_product, p.position_mm, normal))
        for p in planes
    ]
    order = sorted(range(len(planes)), key=heights.__getitem__)
    numbers = [0] * len(planes)
    place, previous = 0, heights[order[0]]
    for index in order:
        if heights[index] - previous > SAME_PLACE_MM:
            place += 1
        previous = heights[index]
        numbers[index] = place
    return numbers


def _normal(plane: Plane) -> tuple[float, ...] | None:
    if plane.orientation is None:
        return None
    a, b, c, d, e, f = plane.orientation
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    length = math.hypot(*normal)
    return tuple(v / length for v in normal) if length > 1e-6 else None


def _product(a: float, b: float) -> float:
    return a * b


def _split(group: PlaneGroup, distinction: Distinction) -> list[PlaneGroup]:
    values = list(map(distinction.key, group.planes))
    distinct = set(values)
    if len(distinct) == 1:
        return [group]
    same = cluster(distinct, distinction.tolerance)
    by_value: dict[Hashable, list[Plane]] = defaultdict(list)
    for plane, value in zip(group.planes, values, strict=True):
        by_value[same[value]].append(plane)
    if len(by_value) == 1:
        return [group]
    ordered = sorted(by_value.items(), key=lambda item: _sortable(item[0]))
    return [
        PlaneGroup(tuple(members), (*group.split_by, _label(distinction, value, number)))
        for number, (value, members) in enumerate(ordered, start=1)
    ]


def cluster(values: Iterable[Any], tolerance: float | None) -> dict[Any, Any]:
    """Return for each value the one that stands for its cluster.

    The result depends on the set of values alone. Rounding would part two
    nearly equal values that lie on both sides of a rounding boundary.

    Parameters
    ----------
    values : iterable of float, tuple of float, str or None
    tolerance : float or None
        None where only equal values are the same.
    """
    found: dict[Any, Any] = {}
    heads: list[Any] = []
    for value in sorted(values, key=_sortable):
        head = value
        if tolerance is not None and value is not None:
            head = next((h for h in heads if _close(h, value, tolerance)), value)
        if head is value:
            heads.append(value)
        found[value] = head
    return found


def _close(a: Any, b: Any, tolerance: float) -> bool:
    if a is None:
        return False
    if isinstance(a, tuple):
        return all(abs(x - y) <= tolerance for x, y in zip(a, b, strict=True))
    return bool(abs(a - b) <= tolerance)


def _label(distinction: Distinction, value: Any, number: int) -> str:
    if distinction.numbered:
        return f"{distinction.name}={number}"
    if isinstance(value, tuple):
        return f"{distinction.name}=" + "x".join(f"{v:g}" for v in value)
    shown = f"{value:g}" if isinstance(value, float) else ("none" if value is None else value)
    return f"{distinction.name}={shown}"


def _sortable(value: Any) -> tuple[int, tuple[float, ...], str]:
    if value is None:
        return (0, (), "")
    if isinstance(value, (int, float)):
        return (1, (float(value),), "")
    if isinstance(value, tuple) and all(isinstance(v, (int, float)) for v in value):
        return (2, value, "")
    return (3, (), str(value))
