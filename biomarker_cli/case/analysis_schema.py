"""The JSON Schema of analysis protocol files, from the models of the rooms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import create_model

from biomarker_cli.case.analysis import AnalysisProtocol
from biomarker_cli.case.measures import measure_names, measure_room
from biomarker_cli.protocol.describing import describe
from biomarker_cli.protocol.locator import ProtocolKind

_OWN_KEYS = ("format", "id", "version", "status", "title", "source", "changelog")
"""What every file says itself, whatever it extends."""

_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}


def whole_schema() -> dict[str, Any]:
    """Return the schema of an analysis protocol with all that it inherits.

    Each key has the meaning that the docstring of its model gives it.
    """
    names = measure_names()
    fields: Any = {name: (measure_room(name).SECTION | None, None) for name in names}
    fields["measure"] = (Literal[names], ...)
    model = create_model(
        "AnalysisFile",
        __base__=AnalysisProtocol,
        __doc__=AnalysisProtocol.__doc__,
        **fields,
    )
    schema = describe(model.model_json_schema(mode="validation"), model)
    schema["properties"]["format"]["const"] = ProtocolKind.ANALYSIS.format_name
    full = schema["$defs"]["RoiNames"]["additionalProperties"]
    schema["$defs"]["RoiNames"]["additionalProperties"] = {"anyOf": [full, *_TEXTS["anyOf"]]}
    return schema


def json_schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12) of a file ``format: biomarker-analysis/1``.

    A file that extends another holds what it changes, and null where it unsets a
    key: what must stand is asked of a file that extends none, and of list items,
    which are never merged. What keys say together is what ``protocol lint`` adds.
    """
    schema = whole_schema()
    required = schema["required"]
    for part in _merged_parts(schema, schema):
        part.pop("required", None)
        for key, value in part.get("properties", {}).items():
            part["properties"][key] = _or_null(value)
    schema["required"] = list(_OWN_KEYS)
    schema["if"] = {"not": {"required": ["extends"]}}
    schema["then"] = {"required": required}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:biomarker:analysis:1",
        **schema,
    }


def _merged_parts(schema: dict[str, Any], part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the mappings that a child merges key by key: what stands in no list."""
    yield part
    for value in list(part.get("properties", {}).values()):
        for choice in value.get("anyOf", value.get("oneOf", [value])):
            for one in choice.get("oneOf", [choice]):
                name = one.get("$ref", "").rpartition("/")[2]
                if name:
                    yield from _merged_parts(schema, schema["$defs"][name])


def _or_null(value: dict[str, Any]) -> dict[str, Any]:
    """Return what a key may hold, or null; without a method any that fits will do."""
    kept: dict[str, Any] = {
        key: value.pop(key) for key in ("title", "description", "default") if key in value
    }
    value.pop("discriminator", None)
    choices = value.get("anyOf") or value.get("oneOf") or [value]
    plain = [one for choice in choices for one in choice.get("oneOf", [choice])]
    if {"type": "null"} not in plain:
        plain.append({"type": "null"})
    return {**kept, "anyOf": plain}
