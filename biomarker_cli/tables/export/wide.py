"""The wide table: one row per case and ROI, one column per feature.

Rows are read and written one region after the other: a trial of any size stands in the
memory of one row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Literal

from biomarker_cli.model.flags import split_flags
from biomarker_cli.model.outputs import whole_file
from biomarker_cli.model.usability import TAKEN, USABLE_WORDS, Least, worst
from biomarker_cli.model.wording import quoted
from biomarker_cli.tables.cells import csv_line, is_finite_number
from biomarker_cli.tables.export.column_heads import require_heads, units_path, write_heads
from biomarker_cli.tables.export.open_run import OpenRun, open_run
from biomarker_cli.tables.rows import Column

Names = Literal["feature_id", "pyradiomics"]
"""What columns are called by: our identifiers, or the keys of pyradiomics' own output."""

_RANKED = frozenset(USABLE_WORDS)

ROW_COLUMNS = (
    Column("case_id", "string", "site/subject/timepoint/image role"),
    Column("site_id", "string", "centre"),
    Column("subject_id", "string", "identifier that the study assigned"),
    Column("timepoint", "string", "visit"),
    Column("role", "string", "image role of the case"),
    Column("roi_id", "string", "canonical name of the ROI, unique within the case"),
    Column("usable", "string", "the worst of its values; no where it has none", USABLE_WORDS),
    Column("flags", "string", "flags of all its measurements, sorted, joined by ;"),
    Column("n_values", "integer", "cells that are filled"),
    Column("n_left_out", "integer", "values that are there and that --usable leaves out"),
    Column("n_absent", "integer", "measurements without a value"),
)
"""Columns before those of the features."""

_OF_FEATURE = ("analysis_id", "feature_id", "unit_ucum", "family", "pyradiomics_name")

_NAMES = tuple(column.name for column in ROW_COLUMNS)


@dataclass(frozen=True)
class WideRules:
    """What goes into a wide table.

    Attributes
    ----------
    usable : str
        One of `Least`: what is filled in.
    analyses : tuple of str
        ``id`` or ``id@version``; empty for all of the run.
    names : str
        One of `Names`.
    """

    usable: Least = "caution"
    analyses: tuple[str, ...] = ()
    names: Names = "feature_id"


@dataclass
class WideSummary:
    """What was written.

    Attributes
    ----------
    rows, columns : int
        Regions, and columns of features.
    values, left_out, absent : int
        Sums over the rows.
    """

    rows: int = 0
    columns: int = 0
    values: int = 0
    left_out: int = 0
    absent: int = 0

    def as_json(self) -> dict[str, int]:
        """Return it for scripts."""
        return asdict(self)


def export_wide(folder: Path, output: Path, rules: WideRules) -> WideSummary:
    """Write the wide table of a run, and its units beside it.

    Parameters
    ----------
    folder : Path
        Of a run.
    output : Path
        In a folder that exists; replaced where it is there.
    rules : WideRules

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-PACKAGE``, ``TABLE-CHANGED``, ``TABLE-COLUMNS``,
        ``TABLE-VALUE``, ``TABLE-UNREADABLE``, ``TABLE-HEADS``.
    InputNotFoundError
        ``NOTHING-FOUND`` where the run has no such analysis.
    """
    run = open_run(folder, rules.analyses)
    layout = _Layout.of(run, rules.names)
    names = (*_NAMES, *layout.names)
    require_heads(names, folder)
    summary = WideSummary(columns=len(layout.names))
    with whole_file(units_path(output)) as units, whole_file(output) as table:
        write_heads(table, units, names, layout.units)
        _write_rows(table, _regions(run, layout, TAKEN[rules.usable]), summary)
    return summary


def _write_rows(stream: IO[bytes], regions: Iterable[_Region], summary: WideSummary) -> None:
    for region in regions:
        stream.write(csv_line(region.cells()).encode())
        summary.rows += 1
        summary.values += region.n_values
        summary.left_out += region.n_left_out
        summary.absent += region.n_absent


@dataclass(frozen=True)
class _Layout:
    """Where the value of a feature stands.

    Attributes
    ----------
    names, units : tuple of str
        Of the columns.
    places : dict
        Analysis and feature -> unit -> place.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    places: dict[tuple[str, str], dict[str, int]]

    @classmethod
    def of(cls, run: OpenRun, named: Names) -> _Layout:
        """Return the layout of some analyses: columns by analysis and feature.

        A feature that stands in two units has a column for each: no column mixes them.
        """
        index = [run.features.column_names.index(name) for name in _OF_FEATURE]
        told = (tuple(cells[place] for place in index) for cells in run.features.rows())
        rows = [row for row in told if row[0] in run.analyses]
        peers = {
            (analysis, feature): _peer_key(feature, family, peer)
            for analysis, feature, _, family, peer in rows
            if named == "pyradiomics"
        }
        # A key that would stand for two numbers, of two aggregations, names neither.
        n_of = Counter((analysis, peer) for (analysis, _), peer in peers.items())
        names: list[str] = []
        units: list[str] = []
        places: dict[tuple[str, str], dict[str, int]] = {}
        for analysis, feature, said, *_ in rows:
            peer = peers.get((analysis, feature), "")
            called = peer if peer and n_of[analysis, peer] == 1 else feature
            name = called if len(run.analyses) == 1 else f"{analysis}:{called}"
            found = said.split(";")
            places[analysis, feature] = {u: len(names) + n for n, u in enumerate(found)}
            names += [name] if len(found) == 1 else [f"{name} [{unit}]" for unit in found]
            units += found
        return cls(tuple(names), tuple(units), places)


def _peer_key(feature: str, family: str, peer: str) -> str:
    """Return the key of the output of pyradiomics; empty where the package has none."""
    image, found, _ = feature.partition(f".{family}.")
    return f"{image}_{peer}" if found and peer else ""


@dataclass
class _Region:
    """A row of the wide table, as it is read.

    Attributes
    ----------
    key : tuple of str
        Case and ROI.
    values : list of str
        Cells of the features.
    taken : bytearray
        Which of them a measurement has spoken of.
    usable, flags : set of str
        Words and joined flags of the measurements.
    """

    key: tuple[str, str]
    values: list[str]
    taken: bytearray
    usable: set[str] = field(default_factory=set)
    flags: set[str] = field(default_factory=set)
    n_values: int = 0
    n_left_out: int = 0
    n_absent: int = 0

    def take(self, cells: Sequence[str], layout: _Layout, filled: frozenset[str]) -> str:
        """Take a row of measurements.csv; return what is wrong with it, empty for nothing."""
        _, _, analysis, feature, value, unit, status, flags, usable = cells
        units = layout.places.get((analysis, feature))
        if units is None:
            return f"features.csv has no {quoted(feature)}"
        # Without a value nobody may know the unit.
        place = units.get(unit, -1) if status == "ok" else min(units.values())
        if place < 0 or self.taken[place]:
            return f"{quoted(feature)} in {quoted(unit)} has no place of its own"
        self.taken[place] = 1
        self.flags.add(flags)
        if status != "ok":
            self.n_absent += 1
            return ""
        if usable not in _RANKED or not is_finite_number(value):
            return f"a value {quoted(value)} that is {quoted(usable)}"
        self.usable.add(usable)
        if usable in filled:
            self.values[place] = value
            self.n_values += 1
        else:
            self.n_left_out += 1
        return ""

    def cells(self) -> list[str]:
        """Return the cells of the row."""
        flags = frozenset[str]().union(*map(split_flags, self.flags))
        usable = worst(self.usable) if self.usable else "no"
        counts = (self.n_values, self.n_left_out, self.n_absent)
        case_id, roi_id = self.key
        names = (case_id, *case_id.split("/"), roi_id)
        return [*names, usable, ";".join(sorted(flags)), *map(str, counts), *self.values]


def _regions(run: OpenRun, layout: _Layout, filled: frozenset[str]) -> Iterator[_Region]:
    """Yield regions in the order of the table, each with its values in their places."""
    region: _Region | None = None
    for number, cells in run.rows():
        key = cells[0], cells[1]
        if region is None or key != region.key:
            if region is not None:
                yield region
            if key[0].count("/") != 3 or (region is not None and key < region.key):
                raise run.measurements.bad_row(number, "its case is not in its place")
            n_columns = len(layout.names)
            region = _Region(key, [""] * n_columns, bytearray(n_columns))
        fault = region.take(cells, layout, filled)
        if fault:
            raise run.measurements.bad_row(number, fault)
    if region is not None:
        yield region
