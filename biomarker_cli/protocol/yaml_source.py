"""Read YAML with line numbers, strictly.

Duplicate keys are refused (YAML readers keep the last one silently), dates stay
text, and no tag can build a Python object.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from biomarker_cli.protocol.errors import ProtocolError

MOST_KEYS = 100_000
"""No file that people write has as many; aliases of aliases grow beyond all memory."""

KeyPath = tuple[str | int, ...]


class _StrictLoader(yaml.SafeLoader):
    """A safe loader whose dates stay text."""


_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """Return the mapping of a YAML file and the line of each of its keys.

    Raises
    ------
    ProtocolError
        ``PROTOCOL-SYNTAX`` for anything that is not one mapping without
        duplicate keys.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ProtocolError(
            "PROTOCOL-NOT-FOUND",
            f"the file cannot be read: {path} ({error.strerror})",
            where=path.name,
        ) from error
    except UnicodeDecodeError as error:
        raise ProtocolError(
            "PROTOCOL-SYNTAX",
            f"the file is no UTF-8 text (byte {error.start})",
            where=path.name,
            hint="Save it as UTF-8.",
        ) from error
    loader = _StrictLoader(text)
    try:
        node = loader.get_single_node()
        lines: dict[KeyPath, int] = {}
        if node is not None:
            _collect(node, (), lines, path)
        data = loader.construct_document(node) if node is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not readable as YAML"
        raise ProtocolError("PROTOCOL-SYNTAX", str(problem), where=f"{path.name}{line}") from error
    except RecursionError as error:
        raise ProtocolError(
            "PROTOCOL-SYNTAX", "a part of the file contains itself", where=path.name
        ) from error
    finally:
        loader.dispose()
    if not isinstance(data, dict):
        raise ProtocolError("PROTOCOL-SYNTAX", "expected a mapping of keys", where=path.name)
    return data, lines


def _collect(node: yaml.Node, place: KeyPath, lines: dict[KeyPath, int], path: Path) -> None:
    lines[place] = node.start_mark.line + 1
    if len(lines) > MOST_KEYS:
        raise ProtocolError(
            "PROTOCOL-SYNTAX",
            f"more than {MOST_KEYS} values, aliases written out",
            where=path.name,
            hint="Write it without aliases (*name) of aliases.",
        )
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in seen:
                raise ProtocolError(
                    "PROTOCOL-SYNTAX",
                    f"the key {key!r} stands twice",
                    where=f"{path.name}:{key_node.start_mark.line + 1}",
                )
            seen.add(key)
            _collect(value_node, (*place, key), lines, path)
            # A block begins a line below its key, which is what people look for.
            lines[(*place, key)] = key_node.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _collect(item, (*place, index), lines, path)


def line_of(lines: dict[KeyPath, int], place: KeyPath) -> int:
    """Return the line of a key, or of the nearest key above it."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)
