"""Tables of other commands that lie in the folder of a run or one level below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from biomarker_cli.model.inputs import sha256_of_file
from biomarker_cli.model.wording import bounded, shown
from biomarker_cli.report.identity import ReportIdentity
from biomarker_cli.report.run_reading import RunTables
from biomarker_cli.tables.cells import number_of
from biomarker_cli.tables.columns import Words, csv_columns
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.package import DATA_PACKAGE
from biomarker_cli.tables.packaged import read_package

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
_MOST_STRANGERS = 6


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
    is_held : bool
        Whether the data package of its folder names it, with this digest.
    strangers : tuple of str
        Of what it speaks and the run has nothing: it may belong to another run.
    """

    title: str
    name: str
    sha256: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    n_more: int = 0
    problem: str = ""
    is_held: bool = True
    strangers: tuple[str, ...] = ()


@dataclass
class _Beside:
    """Reads the tables of other commands.

    Parameters
    ----------
    tables : RunTables
        Of the run, which says whose they can be.
    identity : ReportIdentity
    """

    tables: RunTables
    identity: ReportIdentity

    @cached_property
    def _own(self) -> Mapping[str, frozenset[str]]:
        """What the run has of the columns that say of whom a row is."""
        cases = self.tables.cases
        return {
            "site_id": frozenset(row["site_id"] for row in cases),
            "subject_id": frozenset(row["subject_id"] for row in cases),
            "feature_id": frozenset(self.tables.measurements.texts["feature_id"].words),
        }

    def table(self, path: Path) -> TableBeside:
        """Return one table, or why it cannot be shown."""
        title, wanted = KNOWN[path.name]
        name = path.relative_to(self.tables.folder).as_posix()
        try:
            held = self._held(path)
            columns = csv_columns(path).texts
            sha256 = sha256_of_file(path)
        except TableError as error:
            problem = f"{error.code}: {self.identity.message(error.message, '')}"
            return TableBeside(title, name, "", (), (), problem=problem)
        there = [one for one in wanted if one in columns]
        if not there:
            problem = "TABLE-COLUMNS: it has none of the columns of this table"
            return TableBeside(title, name, sha256, (), (), problem=problem)
        n_rows = len(columns[there[0]])
        rows = [
            [_cell(columns[one][row], self.identity) for one in there]
            for row in range(min(n_rows, MOST_ROWS))
        ]
        n_more, strangers = max(n_rows - MOST_ROWS, 0), tuple(self._strangers(columns))
        return TableBeside(title, name, sha256, there, rows, n_more, "", held, strangers)

    def _held(self, path: Path) -> bool:
        """Return whether the data package of its folder holds a table, unchanged."""
        if not (path.parent / DATA_PACKAGE).is_file():
            return False
        packaged = read_package(path.parent).get(path.stem)
        if packaged is None:
            return False
        packaged.require_unchanged()
        return True

    def _strangers(self, columns: Mapping[str, Words]) -> Iterator[str]:
        """Yield what a table has of which the run has nothing."""
        for name, own in self._own.items():
            # A row of all sites, or of all features, names none.
            found = sorted(set(columns[name].words) - own - {""}) if name in columns else []
            if found:
                listed = ", ".join(bounded(shown(one), 40) for one in found[:_MOST_STRANGERS])
                n_more = len(found) - _MOST_STRANGERS
                more = f" and {n_more} more" if n_more > 0 else ""
                yield f"the run has no {name.removesuffix('_id')} {listed}{more}"


def tables_beside(tables: RunTables, identity: ReportIdentity) -> list[TableBeside]:
    """Return the tables of other commands in or below the folder of a run, ordered as `KNOWN`.

    A table that the data package of its folder names is refused where it was edited; one
    that none names, or that speaks of other subjects than the run, is shown with that doubt.

    Parameters
    ----------
    tables : RunTables
    identity : ReportIdentity
    """
    folder, beside = tables.folder, _Beside(tables, identity)
    below = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())[:_MOST_FOLDERS]]
    paths = (path / name for name in KNOWN for path in below)
    return [beside.table(path) for path in paths if path.is_file()]


def _cell(text: str, identity: ReportIdentity) -> str:
    number = number_of(text)
    return identity.message(text, "") if number is None else f"{number:.5g}"
