"""What the docstrings of protocol models say of their keys, for schemas and pages."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

_ENTRY = re.compile(r"^(?P<names>\w+(?:, \w+)*) : \S.*$")


def documented_keys(model: type[BaseModel]) -> dict[str, str]:
    """Return the meaning of each key that the docstring of a model tells.

    It is read from the section ``Attributes`` (numpydoc) of the model and of the
    models it is made from, the model's own words first.

    Parameters
    ----------
    model : type
        Pydantic model of a section of a protocol.
    """
    found: dict[str, str] = {}
    for ancestor in model.__mro__:
        if ancestor is BaseModel:
            break
        for name, meaning in _attributes(ancestor.__dict__.get("__doc__") or ""):
            if name in model.model_fields and meaning:
                found.setdefault(name, meaning)
    return found


def summary(model: type[BaseModel]) -> str:
    """Return what the docstring of a model says before its first section."""
    text = inspect.cleandoc(model.__dict__.get("__doc__") or "")
    return re.split(r"\n\n\w+\n-{3,}\n", text, maxsplit=1)[0]


def _attributes(docstring: str) -> list[tuple[str, str]]:
    """Return (key, meaning) of the section Attributes; one entry may name several keys."""
    sections = re.split(r"(?m)^(\w+)\n-{3,}\n", inspect.cleandoc(docstring))
    named = dict(zip(sections[1::2], sections[2::2], strict=True))
    found: list[tuple[tuple[str, ...], list[str]]] = []
    for line in named.get("Attributes", "").splitlines():
        entry = _ENTRY.match(line)
        if entry:
            found.append((tuple(entry["names"].split(", ")), []))
        elif found and line.startswith("    "):
            found[-1][1].append(line.strip())
    return [(name, " ".join(words)) for names, words in found for name in names]


def describe(schema: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Return a JSON Schema with the meaning of each key from the docstrings of its models.

    Parameters
    ----------
    schema : dict
        As pydantic makes it of the model.
    model : type
    """
    by_name = {found.__name__: found for found in _models_of(model, set())}
    parts = {model.__name__: schema, **schema.get("$defs", {})}
    for name, part in parts.items():
        part["description"] = summary(by_name[name])
        for key, meaning in documented_keys(by_name[name]).items():
            if key in part.get("properties", {}):
                part["properties"][key]["description"] = meaning
    return schema


def _models_of(annotation: Any, seen: set[Any]) -> Iterator[type[BaseModel]]:
    """Yield the models that a type is made of, each once."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation in seen:
            return
        seen.add(annotation)
        yield annotation
        for field in annotation.model_fields.values():
            yield from _models_of(field.annotation, seen)
    for part in get_args(annotation):
        yield from _models_of(part, seen)
