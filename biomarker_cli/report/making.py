"""Make the report of a run: one file, or a folder with a page for each case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biomarker_cli.model.file_names import file_stem
from biomarker_cli.model.outputs import replace_file
from biomarker_cli.report.acquisition import RuleTexts, rule_matrix, rules_by_case
from biomarker_cli.report.beside import tables_beside
from biomarker_cli.report.cases import CasePage, CaseReading, case_facts
from biomarker_cli.report.choosing import drawn_features, listed_features
from biomarker_cli.report.group import (
    STANDINGS,
    exclusion_counts,
    failures,
    not_used,
    pooling_verdict,
    protocols,
    provenance,
    site_counts,
)
from biomarker_cli.report.identity import ReportIdentity
from biomarker_cli.report.page import PageWriter, script_json, text
from biomarker_cli.report.response_figures import response_figures
from biomarker_cli.report.run_reading import RunTables, read_run
from biomarker_cli.report.values import change_figure, feature_values, sites_figure
from biomarker_cli.tables.outgoing_text import STUDY

REPORT_FILE = "report.html"
REPORT_FOLDER = "report"
INDEX_PAGE = "index.html"

_SECTIONS = (
    ("counts", "Cases by site"),
    ("rules", "Acquisition rules"),
    ("not-used", "What must not be used"),
    ("cases", "Cases"),
    ("values", "Values by site"),
    ("change", "Change over visits"),
    ("response", "Response"),
    ("beside", "Tables of other commands"),
    ("provenance", "What it was made with"),
)
_MOST_DRAWN = 24
"""Figures of one kind: feature x ROI x role."""


@dataclass(frozen=True)
class ReportOrder:
    """How a report is made.

    Attributes
    ----------
    identity : str
        ``study`` or ``keep``.
    split : bool
        Whether each case has a page of its own.
    """

    identity: str = STUDY
    split: bool = False


def write_report(folder: Path, path: Path, order: ReportOrder) -> tuple[int, int]:
    """Write the report of a run, and return its cases and the bytes of all its pages.

    Parameters
    ----------
    folder : Path
        Of a run or a pool.
    path : Path
        File to write; a folder where `order` asks for a page per case.
    order : ReportOrder

    Raises
    ------
    TableError
        As `read_run` does.
    """
    tables = read_run(folder)
    n_bytes = 0
    for name, content in report_pages(tables, order):
        target = path / name if order.split else path
        target.parent.mkdir(parents=True, exist_ok=True)
        written = content.encode("utf-8", "backslashreplace")
        replace_file(target, written)
        n_bytes += len(written)
    return len(tables.cases), n_bytes


def report_pages(tables: RunTables, order: ReportOrder) -> Iterator[tuple[str, str]]:
    """Yield the pages of a report, each with its name below the folder of a split one."""
    identity = ReportIdentity.of(tables, order.identity)
    texts = RuleTexts()
    rules = rules_by_case(tables, texts, identity)
    listed = listed_features(tables)
    reading = CaseReading(tables, identity, rules, listed)
    pages = [reading.page(number, row) for number, row in enumerate(tables.cases, start=1)]
    writer = PageWriter()
    title = f"Report of {tables.manifest.get('study') or tables.folder.absolute().name}"
    said = _group(tables, pages, identity, texts, listed)
    said |= {"wide": list(Counter(rules.get("", ())).items()), "split": order.split}

    def link(page: CasePage) -> str:
        return f"{_page_name(page)}#{page.anchor}" if order.split else f"#{page.anchor}"

    yield INDEX_PAGE, writer.page(title, said, link)
    if order.split:
        for page in pages:
            one = {"one": page, "home": f"../{INDEX_PAGE}"}
            yield _page_name(page), writer.page(page.row["case_id"], one, link)


def _page_name(page: CasePage) -> str:
    from urllib.parse import quote

    # A name that a browser takes as it stands in an address.
    stem = quote(file_stem(page.row["case_id"]), safe="").replace("%", "_")
    return f"cases/{page.number}-{stem}.html"


def _group(
    tables: RunTables,
    pages: Sequence[CasePage],
    identity: ReportIdentity,
    texts: RuleTexts,
    listed: Sequence[str],
) -> dict[str, Any]:
    lines = rule_matrix(tables, texts)
    worst = f"{lines[0].rule_id} ({lines[0].n_bad})" if lines and lines[0].n_bad else ""
    values = feature_values(tables, drawn_features(tables, listed))[:_MOST_DRAWN]
    by_site = (sites_figure(tables, one) for one in values)
    changes = (change_figure(tables, one) for one in values)
    beside = tables_beside(tables, identity)
    response = list(response_figures(tables.folder, beside))
    optional = {"response": response, "beside": beside}
    return {
        "sections": [one for one in _SECTIONS if one[0] not in optional or optional[one[0]]],
        "verdict": pooling_verdict(pages, worst, sum(line.n_waived for line in lines)),
        "standings": STANDINGS,
        "counts": site_counts(pages, tables.sites),
        "sites": tables.sites,
        "lines": lines,
        "not_used": not_used(tables, pages),
        "failures": failures(pages),
        "exclusions": exclusion_counts(tables),
        "pages": pages,
        "by_site": [figure for figure in by_site if figure is not None],
        "over_time": [figure for figure in changes if figure is not None],
        **optional,
        "protocols": protocols(tables),
        "provenance": provenance(tables, identity),
        "data": script_json(
            [case_facts(page) | {"site": text(page.row["site_id"])} for page in pages]
        ),
    }
