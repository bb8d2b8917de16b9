"""The pictures of response assessment that a report of a run shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from biomarker_cli.model.wording import counted
from biomarker_cli.report.beside import TableBeside
from biomarker_cli.report.errors import ReportError
from biomarker_cli.report.response_plots import KINDS, Wanted, response_picture
from biomarker_cli.report.values import Figure
from biomarker_cli.tables.columns import csv_columns
from biomarker_cli.tables.errors import TableError

MOST_ASSESSMENTS = 6
"""Pairs of criterion and reader that are drawn of one folder."""

_TITLES = {
    "waterfall": "Best change from baseline",
    "spider": "Change from baseline over days",
    "swimmer": "Visits of each subject to its end",
}


def response_figures(folder: Path, beside: Sequence[TableBeside]) -> Iterator[Figure]:
    """Yield waterfall, spider and swimmer of each assessment that lies beside a run.

    Parameters
    ----------
    folder : Path
        Of the run.
    beside : sequence of TableBeside
        Tables of other commands: those of an assessment that are held by their package.
    """
    for one in beside:
        if one.name.rpartition("/")[2] == "best.csv" and one.is_held and not one.problem:
            yield from _of_folder((folder / one.name).parent, one)


def _of_folder(folder: Path, best: TableBeside) -> Iterator[Figure]:
    columns = csv_columns(folder / "best.csv").texts
    criteria, readers = columns["criterion"], columns["reader"]
    pairs = sorted({(criteria[row], readers[row]) for row in range(len(criteria))})
    for criterion, reader in pairs[:MOST_ASSESSMENTS]:
        for kind in KINDS:
            try:
                found = response_picture(kind, folder, Wanted(criterion, reader))
            except (ReportError, TableError):
                # The table that lacks it, or was edited, says so where it stands.
                continue
            shown = counted(found.n_subjects, "subject")
            said = [f"{shown}; the numbers are in the folder of {best.name}."]
            if found.left_out:
                said.append(f"Without a value to show: {', '.join(found.left_out)}.")
            title = ", ".join(filter(None, (_TITLES[kind], criterion, reader)))
            yield Figure(title, found.svg, tuple(said), (), ())
    if len(pairs) > MOST_ASSESSMENTS:
        n_more = len(pairs) - MOST_ASSESSMENTS
        rest = f"{n_more} more assessments are not drawn here: `biomarker plot` draws each."
        yield Figure("More assessments", "", (rest,), (), ())
