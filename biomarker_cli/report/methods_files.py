"""Write the methods paragraph of a run and the evidence table of the checklists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from biomarker_cli.model.outputs import replace_file
from biomarker_cli.model.wording import shown
from biomarker_cli.report.beside import tables_beside
from biomarker_cli.report.checklists import ITEMS
from biomarker_cli.report.identity import ReportIdentity
from biomarker_cli.report.methods import MethodsEvidence, methods_evidence
from biomarker_cli.report.run_reading import read_run
from biomarker_cli.tables.outgoing_text import STUDY
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table
from biomarker_cli.tables.writing import write_table

METHODS_FILE = "methods.md"
METHODS_FOLDER = "methods"

CHECKLISTS = Table(
    "checklists",
    "checklist x item",
    (
        Column("checklist", "string", "which one", ("METRICS", "CLEAR")),
        Column("item", "integer", "its number in the checklist"),
        Column("title", "string", "what it asks for, in short"),
        Column("sentence", "string", "what the run says of it; empty where it cannot know"),
        Column("file", "string", "where that stands, below the folder of the run"),
        Column("column", "string", "its columns, or members of a JSON file"),
    ),
    ("checklist", "item"),
)

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#~])")


def write_methods(folder: Path, output: Path) -> tuple[int, int]:
    """Write methods.md and checklists.csv, and return the items with a sentence, and all.

    Parameters
    ----------
    folder : Path
        Of a run or a pool.
    output : Path
        Folder to write into.

    Raises
    ------
    TableError
        As `read_run` does.
    """
    tables = read_run(folder)
    identity = ReportIdentity.of(tables, STUDY)
    beside = [
        one.name for one in tables_beside(tables, identity) if not (one.problem or one.strangers)
    ]
    evidence = methods_evidence(tables, beside)
    rows = list(checklist_rows(evidence))
    output.mkdir(parents=True, exist_ok=True)
    write_table(CHECKLISTS, rows, output)
    replace_file(output / METHODS_FILE, methods_text(evidence).encode("utf-8", "backslashreplace"))
    write_datapackage([CHECKLISTS], output, "methods")
    return sum(bool(row["sentence"]) for row in rows), len(rows)


def checklist_rows(evidence: Mapping[str, MethodsEvidence]) -> Iterator[dict[str, Any]]:
    """Yield the rows of `CHECKLISTS`."""
    for item in ITEMS:
        found = evidence.get(item.evidence, MethodsEvidence("", "", ""))
        yield {
            "checklist": item.checklist,
            "item": item.number,
            "title": item.title,
            "sentence": found.sentence,
            "file": found.file,
            "column": found.column,
        }


def methods_text(evidence: Mapping[str, MethodsEvidence]) -> str:
    """Return the methods paragraph and the items that it bears on, as Markdown."""
    # Every setting of an analysis is a table of its own, which nobody reads as a sentence.
    told = (one.sentence for name, one in evidence.items() if name != "preprocessing")
    paragraph = " ".join(map(_plain, told))
    lines = ["# Methods", "", paragraph, "", "# Checklists", ""]
    lines += [
        "| checklist | item | asks for | sentence | file | column |",
        "|---|---|---|---|---|---|",
    ]
    for row in checklist_rows(evidence):
        cells = (str(row[column.name]) for column in CHECKLISTS.columns)
        lines.append(f"| {' | '.join(_plain(cell) for cell in cells)} |")
    lines += ["", "An empty sentence: the tables of a run cannot know it.", ""]
    return "\n".join(lines)


def _plain(said: str) -> str:
    """Return text that Markdown shows as it stands."""
    return _MARKDOWN.sub(r"\\\1", shown(said))
