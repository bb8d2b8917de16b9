"""Zones: connected voxels of equal grey level."""

from __future__ import annotations

import numpy as np

from biomarker_cli.radiomics.kernels.arrays import Ints1, Longs2, Longs3, Words1, Words3
from biomarker_cli.radiomics.kernels.compilation import inner, kernel

_Word = np.uint16

# Bits of a voxel's links: the voxel before it, then left, middle and right of four rows.
_BEFORE = 1
_ROW_BELOW = 1
_ROW_ACROSS = 4
_ROW_ABOVE = 7
_ROW_BESIDE = 10
_ACROSS = 32


@kernel
def join_zones(ranks: Words3, ends: Longs3, planar: bool, links: Words1, parent: Ints1) -> None:
    """Join each voxel to the neighbours of its level that come before it in the array.

    Parameters
    ----------
    ranks, ends
        As for pairs.
    planar : bool
        Only within slices.
    links : ndarray of uint16, shape (x,)
        Work space.
    parent : ndarray of int32, shape (z y x,)
        Filled for the voxels inside: the flat index of one of the same zone that does not
        come later, a first one its own.
    """
    depth, height, width = ranks.shape
    for z in range(depth):
        for y in range(height):
            first, behind = ends[z, y, 0], ends[z, y, 1]
            if behind == 0:
                continue
            own = ranks[z, y, first:behind]
            before = ranks[z, y, first - 1 : behind - 1]
            beside = ranks[z, y - 1, first - 1 : behind + 1]
            if planar:
                _link_in_plane(own, before, beside, links)
            else:
                _link_in_space(
                    own,
                    before,
                    beside,
                    ranks[z - 1, y + 1, first - 1 : behind + 1],
                    ranks[z - 1, y, first - 1 : behind + 1],
                    ranks[z - 1, y - 1, first - 1 : behind + 1],
                    links,
                )
            start = (z * height + y) * width + first
            _join_row(own, links, start, height * width, width, parent)


@inner
def _three(row: Words1, x: int, level: _Word, free: _Word) -> _Word:
    """Say which of three voxels of a row must be joined: its middle, or what that leaves apart."""
    one = _Word(1)
    middle = _Word(row[x + 1] == level)
    apart = middle ^ one
    left = _Word(row[x] == level) & apart & free
    right = _Word(row[x + 2] == level) & apart
    return _Word(left | (middle & free) << one | right << _Word(2))


@inner
def _link_in_plane(own: Words1, before: Words1, beside: Words1, links: Words1) -> None:
    """Say which neighbours must be joined: not those that are joined to each other already."""
    for x in range(own.size):
        b = _Word(before[x] == own[x])
        links[x] = b | _three(beside, x, own[x], b ^ _Word(1)) << _Word(_ROW_BESIDE)


@inner
def _link_in_space(
    own: Words1,
    before: Words1,
    beside: Words1,
    below: Words1,
    across: Words1,
    above: Words1,
    links: Words1,
) -> None:
    """Say which neighbours must be joined: not those that are joined to each other already.

    The voxel across touches all others, that beside those of two rows, the middle of
    a row both its sides, and the voxel before all but the right ones.
    """
    one = _Word(1)
    for x in range(own.size):
        level = own[x]
        b = _Word(before[x] == level)
        free = b ^ one
        found = b | _three(beside, x, level, free) << _Word(_ROW_BESIDE)
        found |= _three(below, x, level, free) << _Word(_ROW_BELOW)
        apart = _Word(beside[x + 1] != level)
        found |= _three(across, x, level, free) * apart << _Word(_ROW_ACROSS)
        found |= _three(above, x, level, free) * apart << _Word(_ROW_ABOVE)
        alone = _Word(across[x + 1] == level)
        links[x] = found * (alone ^ one) | alone * _Word(_ACROSS)


@inner
def _join_row(
    own: Words1, links: Words1, start: int, plane: int, width: int, parent: Ints1
) -> None:
    for x in range(own.size):
        if own[x] == 0:
            continue
        here = start + x
        parent[here] = here
        link = int(links[x])
        if link == 0:
            continue
        if link & _ACROSS:
            parent[here] = _root(parent, here - plane)
            continue
        if link & _BEFORE:
            parent[here] = parent[here - 1]
        _join_three(parent, link >> _ROW_BELOW, here - plane + width, here)
        _join_three(parent, link >> _ROW_ACROSS, here - plane, here)
        _join_three(parent, link >> _ROW_ABOVE, here - plane - width, here)
        _join_three(parent, link >> _ROW_BESIDE, here - width, here)


@inner
def _join_three(parent: Ints1, link: int, middle: int, here: int) -> None:
    if link & 7:
        if link & 1:
            _unite(parent, middle - 1, here)
        if link & 2:
            _unite(parent, middle, here)
        if link & 4:
            _unite(parent, middle + 1, here)


@inner
def _root(parent: Ints1, a: int) -> int:
    while parent[a] != a:
        parent[a] = parent[parent[a]]
        a = parent[a]
    return a


@inner
def _unite(parent: Ints1, a: int, b: int) -> None:
    """Join the sets of two members; the earlier root stays."""
    a, b = _root(parent, a), _root(parent, b)
    if a < b:
        parent[b] = a
    else:
        parent[a] = b


@kernel
def sum_zones(
    ranks: Words3,
    ends: Longs3,
    distance: Ints1,
    parent: Ints1,
    sizes: Ints1,
    nearest: Ints1,
    zones: Longs2,
) -> int:
    """Return the number of zones, and fill in what they are.

    Parameters
    ----------
    ranks, ends
        As for pairs.
    distance : ndarray of int32, shape (m,)
        Of each voxel inside to the border, in the order of the array; or empty.
    parent : ndarray of int32, shape (z y x,)
        As `join_zones` fills it; changed.
    sizes, nearest : ndarray of int32, shape (z y x,)
        Work space; `nearest` is empty where `distance` is.
    zones : ndarray, shape (m, 3)
        Filled: rank from 0, size and smallest distance (0 where none is given).
    """
    depth, height, width = ranks.shape
    index = 0
    for z in range(depth):
        for y in range(height):
            start = (z * height + y) * width
            for x in range(ends[z, y, 0], ends[z, y, 1]):
                if ranks[z, y, x] == 0:
                    continue
                here = start + x
                # Earlier ones point to their root already.
                root = parent[parent[here]]
                parent[here] = root
                sizes[root] = 1 if root == here else sizes[root] + 1
                if distance.size > 0:
                    own = distance[index]
                    nearest[root] = own if root == here else min(nearest[root], own)
                    index += 1
    number = 0
    for z in range(depth):
        for y in range(height):
            start = (z * height + y) * width
            for x in range(ends[z, y, 0], ends[z, y, 1]):
                here = start + x
                if ranks[z, y, x] > 0 and parent[here] == here:
                    zones[number, 0] = np.int64(ranks[z, y, x]) - 1
                    zones[number, 1] = sizes[here]
                    zones[number, 2] = nearest[here] if distance.size > 0 else 0
                    number += 1
    return number
