"""Where a key of a merged protocol stands: in which of its files, and on which line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from biomarker_cli.protocol.merging import has_ids
from biomarker_cli.protocol.yaml_nodes import KeyPath


@dataclass(frozen=True, slots=True)
class Place:
    """One key of one file.

    Attributes
    ----------
    file : str
        As messages name it.
    line : int
        From 1.
    """

    file: str
    line: int


Places = Mapping[KeyPath, Place]


def own_places(lines: Mapping[KeyPath, int], file: str) -> dict[KeyPath, Place]:
    """Return the place of each key of a file that extends none."""
    return {key: Place(file, line) for key, line in lines.items()}


@dataclass(frozen=True, slots=True)
class _Side:
    """What a child or its parent says at one key; `is_there` where it says anything."""

    value: Any
    places: Places
    path: KeyPath
    is_there: bool = True

    def at(self, key: str | int) -> _Side:
        """Return what it says at a key below."""
        if not _holds(self.value, key):
            return self.silent()
        return _Side(self.value[key], self.places, (*self.path, key))

    def silent(self) -> _Side:
        """Return that it says nothing."""
        return _Side(None, self.places, (), is_there=False)

    def item(self, ident: Any) -> _Side:
        """Return the item of a list that has an id."""
        ids = [item["id"] for item in self.value] if has_ids(self.value) else []
        return self.at(ids.index(ident)) if ident in ids else self.silent()


def merged_places(
    merged: Mapping[str, Any],
    child: tuple[Mapping[str, Any], Places],
    parent: tuple[Mapping[str, Any], Places],
) -> dict[KeyPath, Place]:
    """Return the place of each key of a merged protocol.

    Parameters
    ----------
    merged : mapping
        As `merging.merge` returns it.
    child, parent : tuple of mapping
        Content, and the place of each of its keys.
    """
    return dict(_below(merged, (), _Side(child[0], child[1], ()), _Side(parent[0], parent[1], ())))


def _below(
    value: Any, path: KeyPath, child: _Side, parent: _Side
) -> Iterator[tuple[KeyPath, Place]]:
    found = child if child.is_there else parent
    if found.path in found.places:
        yield path, found.places[found.path]
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _below(item, (*path, key), child.at(key), parent.at(key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            if has_ids(value):
                # A rule of the child is its own, whatever the parent's says.
                sides = child.item(item["id"]), parent.item(item["id"])
            else:
                sides = found.at(number), parent.silent()
            yield from _below(item, (*path, number), *sides)


def _holds(data: Any, key: str | int) -> bool:
    if isinstance(data, Mapping):
        return key in data
    return isinstance(data, list) and isinstance(key, int) and key < len(data)


def place_of(places: Places, path: KeyPath) -> Place:
    """Return where a key stands, or the nearest key above it."""
    while path and path not in places:
        path = path[:-1]
    return places.get(path, Place("", 1))


def key_path(data: Any, place: tuple[str | int, ...]) -> KeyPath:
    """Return the keys of a file that a model's place of a problem means.

    A model tells the form of a section as a part of the place; the file has no
    such key.
    """
    path: list[str | int] = []
    for key in place:
        if _holds(data, key):
            data = data[key]
            path.append(key)
    return tuple(path)
