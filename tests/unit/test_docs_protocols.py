"""Every protocol of the docs is one: it passes its lint, and it is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

import biomarker_cli as bm
from biomarker_cli.acquisition.linting import LintFinding, header_findings
from biomarker_cli.acquisition.linting import lint as lint_acquisition
from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.protocol.document import ProtocolDocument
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.locator import ProtocolKind, shipped_versions
from biomarker_cli.radiomics.filters.rules import FilterRules
from biomarker_cli.regions.rules import RegionRules, RoiNames
from biomarker_cli.response.linting import lint_criterion
from biomarker_cli.size.rules import SizeRules

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
FILES = sorted((CHECKOUT / "examples").rglob("*.yaml"))
KINDS = {kind.format_name: kind for kind in ProtocolKind}
PARTS = {
    "images": TypeAdapter(list[FilterRules]),
    "regions": TypeAdapter(RegionRules),
    "rois": TypeAdapter(RoiNames),
    "size": TypeAdapter(SizeRules),
}
"""Sections of protocols of which the docs show a part alone."""


def _blocks() -> list[tuple[str, str]]:
    """Return (page, text) of every YAML block of the docs and of every YAML file of examples."""
    found = [(path.name, path.read_text(encoding="utf-8")) for path in FILES]
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        found += [(page.name, block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    return found


def _kind(text: str) -> ProtocolKind | None:
    return KINDS.get(str(yaml.safe_load(text).get("format")) if _is_mapping(text) else "")


def _is_mapping(text: str) -> bool:
    return isinstance(yaml.safe_load(text), dict)


PROTOCOLS = [(page, text) for page, text in _blocks() if _kind(text) is not None]
SECTIONS = [
    (page, key, yaml.safe_load(text)[key])
    for page, text in _blocks()
    if _is_mapping(text) and "format" not in yaml.safe_load(text)
    for key in PARTS
    if key in yaml.safe_load(text)
]


def _lint(document: ProtocolDocument, kind: ProtocolKind) -> list[LintFinding]:
    if kind is ProtocolKind.ACQUISITION:
        return lint_acquisition(document)
    if kind is ProtocolKind.RESPONSE:
        return lint_criterion(document)
    load_analysis(str(document.path))
    return list(header_findings(document))


def test_the_docs_show_each_kind():
    pages = {page for page, _ in PROTOCOLS}
    assert {
        "acquisition.md",
        "analysis.md",
        "diffusion.md",
        "response.md",
        "own_bins.yaml",
    } <= pages
    assert {key for _, key, _ in SECTIONS} == set(PARTS)


@pytest.mark.parametrize(("page", "text"), PROTOCOLS, ids=[page for page, _ in PROTOCOLS])
def test_a_protocol_of_the_docs_passes_its_lint_and_is_run(page, text, tmp_path):
    kind = _kind(text)
    assert kind is not None
    path = tmp_path / "example.yaml"
    path.write_text(text, encoding="utf-8")
    document = load_document(kind, str(path))
    assert _lint(document, kind) == []
    case = CHECKOUT / "sample_data" / "centre_a" / "S0001" / "T1"
    if kind is ProtocolKind.ACQUISITION:
        assert set(bm.check(case, path)["outcome"]) & {"pass", "fail"}, page
    elif document.data.get("measure") == "radiomics":
        image = case / "ct"
        rows = bm.measure(image / "image", image / "rtstruct.dcm", path, roi="Node")
        assert set(rows["analysis_id"]) == {document.ident}
        assert (rows["status"] == "ok").any()


@pytest.mark.parametrize(
    ("page", "key", "value"), SECTIONS, ids=[f"{page}-{key}" for page, key, _ in SECTIONS]
)
def test_a_section_of_the_docs_is_one(page, key, value):
    PARTS[key].validate_python(value)


STUDIES = [
    path
    for top in ("sample_data", "examples")
    for path in sorted((CHECKOUT / top).rglob("*.yaml"))
    if "biomarker-study/1" in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("path", STUDIES, ids=[str(p.relative_to(CHECKOUT)) for p in STUDIES])
def test_a_study_that_is_shown_uses_released_protocols_where_there_are_any(path):
    for role in yaml.safe_load(path.read_text(encoding="utf-8"))["roles"].values():
        named = [(ProtocolKind.ANALYSIS, one) for one in role["analyses"]]
        named += [(ProtocolKind.ACQUISITION, role["acquisition"])] if "acquisition" in role else []
        for kind, wanted in named:
            at = str(path.parent / wanted) if wanted.endswith(".yaml") else wanted
            document = load_document(kind, at)
            if document.standing_flags:
                ident = document.header.id
                others = [
                    load_document(kind, str(p)) for p in shipped_versions(kind, ident).values()
                ]
                assert {one.header.status for one in others} == {"draft"}, wanted
