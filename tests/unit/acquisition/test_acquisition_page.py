"""The page on acquisition protocols: what it shows works, and it leaves nothing out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import yaml

from biomarker_cli.acquisition.measured import load_measured
from biomarker_cli.acquisition.results import Outcome
from biomarker_cli.acquisition.rules import Check, Rule, Scope
from biomarker_cli.acquisition.waivers import load_waivers
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.locator import ProtocolKind

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "acquisition.md").read_text(encoding="utf-8")
YAML_BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
PROTOCOLS = [block for block in YAML_BLOCKS if "biomarker-acquisition/1" in block]
WAIVERS = [block for block in YAML_BLOCKS if "biomarker-waivers/1" in block]


def test_every_example_is_tested():
    # The protocols: tests/unit/test_docs_protocols.py.
    assert len(PROTOCOLS) >= 3
    assert len(WAIVERS) == 1
    assert len(PROTOCOLS) + len(WAIVERS) == len(YAML_BLOCKS)


def test_the_waivers_and_the_measured_facts_of_the_page_are_read(tmp_path):
    path = tmp_path / "waivers.yaml"
    path.write_text(WAIVERS[0], encoding="utf-8")
    assert load_waivers(path)[0].rule == "RECIST-CT-001"
    (table,) = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "recovery.csv"
    path.write_text(table, encoding="utf-8")
    assert len(load_measured(path)) == 3


def test_every_check_has_an_example():
    rules = [rule for text in PROTOCOLS for rule in yaml.safe_load(text)["rules"]]
    assert {key for rule in rules for key in rule["check"]} == set(Check.model_fields)


def test_every_outcome_scope_and_key_of_a_rule_is_named():
    words = {*(outcome.value for outcome in Outcome), *get_args(Scope), *Rule.model_fields}
    assert not [word for word in words if not re.search(rf"\b{word}\b", PAGE)]


def test_the_page_is_linked():
    assert "docs/acquisition.md" in (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert "acquisition.md" in (DOCS / "concepts.md").read_text(encoding="utf-8")


def test_every_protocol_that_the_page_names_is_shipped():
    named = set(re.findall(r"--protocol ([a-z0-9.-]+?)(?=[\s`]|$)", PAGE))
    for ident in {name for name in named if not name.endswith(".yaml")}:
        load_document(ProtocolKind.ACQUISITION, ident)
