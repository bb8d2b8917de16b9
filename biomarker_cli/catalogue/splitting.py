"""Split the planes of a series into the volumes that it holds.

Geometry, kind, echo, b-value and temporal position always separate. Times,
acquisition numbers, gradient directions and image types separate only where a
position occurs more than once: single volumes carry many content times, and
every PET bed has an acquisition time of its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from biomarker_cli.catalogue.instances import Plane
from biomarker_cli.catalogue.kinds import image_kind

Key = Callable[[Plane], Hashable]


def _rounded(vector: tuple[float, ...] | None, digits: int) -> Hashable:
    return None if vector is None else tuple(round(v, digits) + 0.0 for v in vector)


ALWAYS: tuple[tuple[str, Key], ...] = (
    ("orientation", lambda p: _rounded(p.orientation, 3)),
    ("pixel_spacing", lambda p: _rounded(p.pixel_spacing_mm, 4)),
    ("kind", lambda p: image_kind(p.image_type)),
    ("echo", lambda p: p.echo),
    ("b", lambda p: p.b_value),
    ("phase", lambda p: p.temporal_position),
)

WHERE_REPEATED: tuple[tuple[str, Key], ...] = (
    ("direction", lambda p: _rounded(p.gradient, 4)),
    ("acquisition", lambda p: p.acquisition),
    ("trigger_time", lambda p: p.trigger_time),
    ("image_type", lambda p: p.image_type),
    ("acquisition_time", lambda p: p.acquisition_time),
    ("content_time", lambda p: p.content_time),
    ("file", lambda p: str(p.ref.path) if p.ref.frame or p.ref.sop_instance_uid else ""),
)


@dataclass(frozen=True, slots=True)
class PlaneGroup:
    """Planes that may be one volume, and what told them from the rest."""

    planes: tuple[Plane, ...]
    split_by: tuple[str, ...] = ()


def split_planes(planes: list[Plane]) -> list[PlaneGroup]:
    """Return the groups of a series, in a stable order.

    Parameters
    ----------
    planes : list of Plane
        All planes of one series with the same rows and columns.
    """
    groups = [PlaneGroup(tuple(planes))]
    for name, key in ALWAYS:
        groups = [part for group in groups for part in _split(group, name, key)]
    return [part for group in groups for part in _resolve_repeats(group)]


def _resolve_repeats(group: PlaneGroup) -> list[PlaneGroup]:
    groups = [group]
    for name, key in WHERE_REPEATED:
        groups = [part for g in groups for part in _split_if_repeated(g, name, key)]
    return groups


def _split_if_repeated(group: PlaneGroup, name: str, key: Key) -> list[PlaneGroup]:
    before = repeated_positions(group.planes)
    if not before:
        return [group]
    parts = _split(group, name, key)
    # A key that scatters single slices (a time per slice) does not explain the repeats.
    sizes = {len({_rounded(p.position_mm, 2) for p in part.planes}) for part in parts}
    positions = len({_rounded(p.position_mm, 2) for p in group.planes})
    return parts if sizes == {positions} else [group]


def _split(group: PlaneGroup, name: str, key: Key) -> list[PlaneGroup]:
    by_key: dict[Hashable, list[Plane]] = defaultdict(list)
    for plane in group.planes:
        by_key[key(plane)].append(plane)
    if len(by_key) == 1:
        return [group]
    ordered = sorted(by_key.items(), key=lambda item: _sortable(item[0]))
    return [
        PlaneGroup(tuple(members), (*group.split_by, _told_by(name, value, index)))
        for index, (value, members) in enumerate(ordered, start=1)
    ]


def _told_by(name: str, value: Hashable, index: int) -> str:
    if name in {"orientation", "direction", "file", "pixel_spacing", "image_type"}:
        return f"{name}={index}"
    return f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"


def _sortable(value: Hashable) -> tuple[int, float, str]:
    if value is None:
        return (0, 0.0, "")
    if isinstance(value, (int, float)):
        return (1, float(value), "")
    return (2, 0.0, str(value))


def repeated_positions(planes: tuple[Plane, ...]) -> dict[Hashable, int]:
    """Return the positions that occur more than once, with their number."""
    counts = Counter(_rounded(plane.position_mm, 2) for plane in planes)
    return {position: n for position, n in counts.items() if n > 1}
