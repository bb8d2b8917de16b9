"""Which regions share the images of a filter, and which get their own: whatever computes less."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from biomarker_cli.imaging.boxes import Box
from biomarker_cli.radiomics.filters.pyradiomics_rules import (
    BoxFilterRules,
    PyradiomicsGradient,
    PyradiomicsLog,
    PyradiomicsPointwise,
    PyradiomicsWavelet,
)
from biomarker_cli.radiomics.filters.wavelets import taps_of

Shape = tuple[int, ...]


def union(boxes: Sequence[Box]) -> Box:
    """Return the box around boxes."""
    z, y, x = (
        slice(min(part.start for part in parts), max(part.stop for part in parts))
        for parts in zip(*boxes, strict=True)
    )
    return z, y, x


@dataclass(frozen=True)
class _Group:
    members: tuple[int, ...]
    box: Box
    work: float


_TOGETHER = 32
"""Boxes of which each is held against each; more are taken in parts, near ones together."""

_TILE = 32
"""Voxels along each axis of what counts as near."""


def shared_boxes(boxes: Sequence[Box], work: Callable[[Box], float]) -> list[list[int]]:
    """Return groups of boxes whose union is no more work than they are one by one.

    From the most work to the least each box joins the group to which it adds least,
    unless it is less work alone; then groups are joined as long as that saves work. Very
    many boxes are grouped in parts, and the groups once more: the work that is left may
    be a little more, but finding it does not grow with the square of their number.

    Parameters
    ----------
    boxes : sequence of box
    work : callable
        Work on one box.

    Returns
    -------
    list of list of int
        Indices of the boxes.
    """
    groups = [_Group((index,), box, work(box)) for index, box in enumerate(boxes)]
    while len(groups) > _TOGETHER:
        before = len(groups)
        groups.sort(key=lambda one: ([part.start // _TILE for part in one.box], one.members))
        parts = [groups[first : first + _TOGETHER] for first in range(0, before, _TOGETHER)]
        groups = [group for part in parts for group in _grouped(part, work)]
        if len(groups) > before // 2:
            break
    else:
        groups = _grouped(groups, work)
    return [sorted(group.members) for group in groups]


def _grouped(alone: Sequence[_Group], work: Callable[[Box], float]) -> list[_Group]:
    groups: list[_Group] = []
    for single in sorted(alone, key=lambda group: (-group.work, group.members)):
        _join(groups, single, work)
    number = 0
    while number < len(groups):
        before = len(groups)
        _join(groups, groups.pop(number), work)
        # The joined group may now reach a third one: look at all again.
        number = number + 1 if len(groups) == before else 0
    return groups


def _join(groups: list[_Group], new: _Group, work: Callable[[Box], float]) -> None:
    """Put a group into the one to which it adds least work, else beside them, at the front."""
    best, least = -1, new.work
    for number, group in enumerate(groups):
        added = work(union([group.box, new.box])) - group.work
        if added <= least:
            best, least = number, added
    if best < 0:
        groups.insert(0, new)
        return
    old = groups[best]
    box = union([old.box, new.box])
    groups[best] = _Group(old.members + new.members, box, old.work + least)


def work_of(rules: BoxFilterRules | PyradiomicsWavelet, shape: Shape) -> Callable[[Box], float]:
    """Return how many voxels a filter computes for a box of an image of a shape."""

    def work(box: Box) -> float:
        sides: list[int] = [part.stop - part.start for part in box]
        match rules:
            case PyradiomicsLog():
                return _recursive_work(shape, sides)
            case PyradiomicsWavelet():
                reach = taps_of(rules.wavelet) * (rules.start_level + rules.levels)
                return math.prod(side + reach for side in sides)
            case PyradiomicsPointwise():
                # The largest magnitude of the whole image comes first.
                return math.prod(shape) + math.prod(sides)
            case PyradiomicsGradient():
                return math.prod(side + 2 for side in sides)
            case _:
                assert_never(rules)

    return work


def _recursive_work(shape: Shape, sides: Sequence[int]) -> float:
    """Count both directions of three passes for each derived axis; lines are whole."""
    total = 0
    for a, b, c in ((2, 1, 0), (1, 2, 0), (0, 2, 1)):
        total += shape[c] * shape[b] * (shape[a] + sides[a])
        total += shape[c] * sides[a] * (shape[b] + sides[b])
        total += sides[a] * sides[b] * (shape[c] + sides[c])
    return total
