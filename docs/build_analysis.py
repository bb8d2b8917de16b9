"""The page analysis.md: the format of analysis protocols key by key, from the models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from biomarker_cli.case.analysis_schema import whole_schema

HEAD = """\
# Analysis protocols, key by key

This page is written by `docs/build_reference.py` from the models that read the files. An analysis
protocol is a YAML file, `format: biomarker-analysis/1`, that names everything that moves a number.
`biomarker protocol list` names the shipped ones, `biomarker protocol show ID` prints one with what
it inherits, `biomarker protocol lint FILE` reads a file as a run would, and
`biomarker protocol schema --kind analysis` prints this page for editors.

A file of a site changes as little as it must:

```yaml
format: biomarker-analysis/1
id: site-ct
version: 0.1.0
status: draft
title: CT radiomics of our site, bins of 10 HU
extends: radiomics-ct@1.0.0
source: [{doc: none, section: "-", confirmed: {by: recall}}]
changelog: [{version: 0.1.0, date: 2026-11-29, change: first}]
radiomics:
  discretisation: {width: 10}
```

- **`extends`**: sections merge key by key, lists are replaced. A section that names another
  `method` inherits nothing of its parent's; `key: null` unsets what the parent says. Of a draft
  parent the rows are `draft_protocol`, as of a draft.
- **One of several**: where a section can have several forms, one key tells which (`method`, `kind`,
  `source`, `filter`); each form has a table of its own.
- **Units** stand in the names of keys; intensities are in the unit of the image.
- A key that is not on this page is refused by name, with its line.
"""


def analysis_page() -> str:
    """Return the page."""
    schema = whole_schema()
    parts = [HEAD, *_table("The file", schema, schema)]
    seen: set[str] = set()
    for key, value in schema["properties"].items():
        for place, name in _sections(key, value, schema):
            parts += _below(place, name, schema, seen)
    return "\n".join(parts) + "\n"


def _below(place: str, name: str, schema: dict[str, Any], seen: set[str]) -> Iterator[str]:
    """Yield the tables of a section and of those in it; one that stood already is not repeated."""
    if name in seen:
        return
    seen.add(name)
    part = schema["$defs"][name]
    yield from _table(f"`{place}`", part, schema)
    held = part.get("properties") or {"NAME": part["additionalProperties"]}
    for key, value in held.items():
        for inner, inner_name in _sections(f"{place.partition(':')[0]}.{key}", value, schema):
            yield from _below(inner, inner_name, schema, seen)


def _sections(
    place: str, value: dict[str, Any], schema: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield (place, name of the definition) of each section that a key may hold."""
    for one in _choices(value):
        if "items" in one:
            yield from _sections(f"{place}[]", one["items"], schema)
        elif isinstance(one.get("additionalProperties"), dict):
            yield from _sections(f"{place}.NAME", one["additionalProperties"], schema)
        elif "$ref" in one:
            name = _name(one)
            form = _form(schema["$defs"][name])
            yield (f"{place}: {form}" if form else place), name


def _choices(value: dict[str, Any]) -> list[dict[str, Any]]:
    parts = value.get("anyOf") or value.get("oneOf")
    if not parts:
        return [value]
    return [one for part in parts for one in _choices(part) if one.get("type") != "null"]


def _name(reference: dict[str, Any]) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _form(part: dict[str, Any]) -> str:
    """Return the key that tells one form of a section from the others."""
    fixed = [f"{key} {v['const']}" for key, v in part.get("properties", {}).items() if "const" in v]
    return fixed[0] if fixed else ""


def _table(title: str, part: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    yield f"\n## {title}\n"
    yield from (_words(part.get("description", "")), "")
    if isinstance(part.get("additionalProperties"), dict):
        yield "Keys are names of your own."
        return
    yield "| key | holds | without it | meaning |"
    yield "|---|---|---|---|"
    required = part.get("required", [])
    for key, value in part["properties"].items():
        default = "must stand" if key in required else _default(value.get("default"))
        cells = (f"`{key}`", _holds(value), default, _meaning(value, schema))
        yield f"| {' | '.join(cells)} |"


def _default(value: Any) -> str:
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, dict):
        return "the defaults of the section"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _meaning(value: dict[str, Any], schema: dict[str, Any]) -> str:
    """Return what a docstring says of a key, else what it says of the section it holds."""
    said = value.get("description", "")
    if said or "const" in value:
        return _words(said)
    names = [_name(one) for one in _choices(value) if "$ref" in one]
    return _words(schema["$defs"][names[0]]["description"].partition("\n")[0]) if names else ""


def _words(text: str) -> str:
    """Return the text of a docstring as Markdown."""
    return re.sub(r"``([^`]+)``", r"`\1`", text).replace("::\n", ":\n")


def _holds(value: dict[str, Any]) -> str:
    return " or ".join(dict.fromkeys(_kind(one) for one in _choices(value)))


def _kind(one: dict[str, Any]) -> str:
    if "const" in one:
        return f"`{one['const']}`"
    if "enum" in one:
        return ", ".join(f"`{word}`" for word in one["enum"])
    if "$ref" in one:
        return "a section"
    if one.get("type") == "array":
        items = one.get("items") or {}
        inner = one.get("prefixItems", [items])
        count = f"{len(inner)} in a list: " if "prefixItems" in one else "list of "
        held = _holds(inner[0]) if inner[0] else "anything"
        return f"{count}{held}".replace("list of a section", "list of sections")
    words = {"string": "text", "number": "number", "integer": "whole number"}
    words |= {"boolean": "`true`, `false`", "object": "names with their values"}
    return f"{words.get(one.get('type', ''), 'anything')}{_bounds(one)}"


def _bounds(one: dict[str, Any]) -> str:
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    said = [f"{sign} {one[key]:g}" for key, sign in signs.items() if key in one]
    return f" {', '.join(said)}" if said else ""
