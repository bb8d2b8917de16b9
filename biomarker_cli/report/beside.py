"""Tables of other commands that lie in the folder of a run or one level below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from biomarker_cli.model.inputs import sha256_of_file
from biomarker_cli.report.identity import ReportIdentity
from biomarker_cli.tables.columns import csv_columns
from biomarker_cli.tables.errors import TableError

KNOWN: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "repeatability.csv": (
            "Repeatability",
            ("scope", "site_id", "roi_id", "feature_id", "statistic", "value", "ci95_low",
             "ci95_high", "unit", "status", "reason"),
        ),
        "changes.csv": (
            "Changes between visits",
            ("site_id", "subject_id", "roi_id", "feature_id", "baseline", "timepoint", "days",
             "change", "change_percent", "unit", "limit_low", "limit_high", "exceeds_rc95",
             "reason", "flags"),
        ),
        "combat_report.csv": (
            "Site effects before and after harmonisation",
            ("role", "roi_id", "feature_id", "term", "statistic", "before", "after"),
        ),
        "passports.csv": (
            "Passports of the sites",
            ("site_id", "test", "quantity", "value", "unit", "outcome"),
        ),
        "response.csv": (
            "Response at each visit",
            ("criterion", "subject_id", "reader", "timepoint", "day", "value", "unit",
             "change_from_baseline_percent", "change_from_nadir_percent", "overall", "reason"),
        ),
        "best.csv": (
            "Best response",
            ("criterion", "subject_id", "reader", "best", "best_change_percent"),
        ),
        "associations.csv": (
            "Association with outcomes",
            ("name", "roi_id", "feature_id", "endpoint", "scope", "site_id", "statistic",
             "value", "ci95_low", "ci95_high", "p_value", "p_adjusted", "n_subjects", "note"),
        ),
    }
)  # fmt: skip
"""File -> title, and the columns that are shown; dates, devices and digests are not."""

MOST_ROWS = 200
_MOST_FOLDERS = 200


@dataclass(frozen=True)
class TableBeside:
    """A table that was found.

    Attributes
    ----------
    title, name : str
        What it is, and its path from the folder of the run.
    sha256 : str
    columns : sequence of str
    rows : sequence of sequence of str
        The first of them.
    n_more : int
    problem : str
        Why it cannot be shown; empty where it can.
    """

    title: str
    name: str
    sha256: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    n_more: int = 0
    problem: str = ""


def tables_beside(folder: Path, identity: ReportIdentity) -> list[TableBeside]:
    """Return the tables of other commands, in the order of `KNOWN`."""
    below = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())[:_MOST_FOLDERS]]
    return [
        _table(path / name, f"{path.name}/{name}" if path != folder else name, name, identity)
        for name in KNOWN
        for path in below
        if (path / name).is_file()
    ]


def _table(path: Path, shown_name: str, name: str, identity: ReportIdentity) -> TableBeside:
    title, wanted = KNOWN[name]
    try:
        columns = csv_columns(path).texts
    except TableError as error:
        return TableBeside(title, shown_name, "", (), (), problem=f"{error.code}: {error.message}")
    sha256 = sha256_of_file(path)
    there = [one for one in wanted if one in columns]
    if not there:
        problem = "TABLE-COLUMNS: it has none of the columns of this table"
        return TableBeside(title, shown_name, sha256, (), (), problem=problem)
    n_rows = len(columns[there[0]])
    rows = [
        [_cell(columns[one][row], identity) for one in there]
        for row in range(min(n_rows, MOST_ROWS))
    ]
    return TableBeside(title, shown_name, sha256, there, rows, max(n_rows - MOST_ROWS, 0))


def _cell(text: str, identity: ReportIdentity) -> str:
    try:
        return f"{float(text):.5g}"
    except ValueError:
        return identity.message(text, "")
