"""The published form of analysis protocols says what the models read, key by key."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from biomarker_cli.case.analysis_schema import json_schema, whole_schema
from biomarker_cli.protocol.describing import documented_keys
from biomarker_cli.protocol.document import ProtocolHeader
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.locator import ProtocolKind, list_protocols
from biomarker_cli.protocol.yaml_source import read_yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "docs"))
import build_analysis

SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
CHILD = {
    "format": "biomarker-analysis/1",
    "id": "site-ct",
    "version": "0.1.0",
    "status": "draft",
    "title": "Site",
    "source": [{"doc": "none", "confirmed": {"by": "recall"}}],
    "changelog": [{"version": "0.1.0", "date": "2026-11-29", "change": "first"}],
    "extends": "radiomics-ct@1.0.0",
    "radiomics": {"discretisation": {"width": 10}, "resegmentation": None},
    "regions": {"gaps": None},
}


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


def test_every_shipped_analysis_meets_it():
    whole = Draft202012Validator(whole_schema())
    for path in list_protocols(ProtocolKind.ANALYSIS):
        assert not list(VALIDATOR.iter_errors(read_yaml(path)[0])), path
        merged = dict(load_document(ProtocolKind.ANALYSIS, str(path)).data)
        assert not list(whole.iter_errors(merged)), path


def test_a_child_holds_what_it_changes_and_null_unsets():
    assert not list(VALIDATOR.iter_errors(CHILD))


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("extends"),
        lambda c: c.pop("version"),
        lambda c: c.update(status="final"),
        lambda c: c.update(radiomic={}),
        lambda c: c["radiomics"].update(discretisation={"widht": 10}),
        lambda c: c["radiomics"].update(discretisation={"width": "wide"}),
        lambda c: c["radiomics"].update(images=[{"filter": "log", "sigma_mm": [1]}]),
        lambda c: c.update(format="biomarker-acquisition/1"),
    ],
)
def test_what_no_analysis_may_say_does_not_meet_it(change):
    content = copy.deepcopy(CHILD)
    change(content)
    assert list(VALIDATOR.iter_errors(content))


def test_the_short_forms_of_region_names_meet_it():
    content = copy.deepcopy(CHILD)
    content["rois"] = {"liver": "Liver", "gtv": ["GTV", "gtv1"], "spleen": {"patterns": ["SP*"]}}
    assert not list(VALIDATOR.iter_errors(content))


def test_every_key_says_what_it_means():
    schema = whole_schema()
    silent = [
        f"{name}.{key}"
        for name, part in {"file": schema, **schema["$defs"]}.items()
        for key, value in part.get("properties", {}).items()
        if "const" not in value and not build_analysis._meaning(value, schema)
    ]
    assert not silent


def test_the_page_has_every_key_and_its_example_is_read(tmp_path):
    page = build_analysis.analysis_page()
    schema = whole_schema()
    keys = {
        key for part in (schema, *schema["$defs"].values()) for key in part.get("properties", {})
    }
    assert not {key for key in keys if f"| `{key}` |" not in page}
    text = page.partition("```yaml\n")[2].partition("```")[0]
    path = tmp_path / "site.yaml"
    path.write_text(text)
    document = load_document(ProtocolKind.ANALYSIS, str(path))
    assert document.data["radiomics"]["discretisation"]["width"] == 10
    assert not list(VALIDATOR.iter_errors(read_yaml(path)[0]))


def test_meanings_are_read_from_the_section_attributes_alone():
    class Model(ProtocolHeader):
        """First.

        Attributes
        ----------
        id, title : str
            Own words,
            on two lines.
        nobody : str
            No field.
        status : str

        References
        ----------
        version : str
            Not this one.
        """

    found = documented_keys(Model)
    assert found["id"] == found["title"] == "Own words, on two lines."
    assert "nobody" not in found
    assert found["status"] == documented_keys(ProtocolHeader)["status"]
    assert found["version"] == documented_keys(ProtocolHeader)["version"]
