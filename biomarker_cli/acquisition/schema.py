"""The JSON Schema of acquisition protocol files."""

from __future__ import annotations

from typing import Any

from biomarker_cli.acquisition.rules import AcquisitionRules
from biomarker_cli.protocol.describing import describe


def json_schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12) of ``format: biomarker-acquisition/1``.

    It describes form; units, facts and test cases are what ``protocol lint`` adds.
    """
    schema = AcquisitionRules.model_json_schema(mode="validation")
    describe(schema, AcquisitionRules)
    schema["properties"]["format"] = {"const": "biomarker-acquisition/1"}
    # A child inherits its rules, a condition may be a bare value or a list.
    schema["required"] = [key for key in schema["required"] if key != "rules"]
    condition = schema["properties"]["roles"]
    bare = {"type": ["boolean", "number", "string"]}
    for definition in (*schema["$defs"].values(), condition):
        when = definition.get("properties", {}).get("when")
        if when is not None:
            checked = when["additionalProperties"]
            when["additionalProperties"] = {
                "anyOf": [checked, bare, {"type": "array", "items": bare}]
            }
    expect = schema["$defs"]["Example"]["properties"]["expect"]["additionalProperties"]
    schema["$defs"]["Example"]["properties"]["expect"]["additionalProperties"] = {
        "anyOf": [expect, {"type": "string"}]
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:biomarker:acquisition:1",
        **schema,
    }
