"""What an export reads of a run: the measurements of the analyses that are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.model.flags import split_flags
from biomarker_cli.model.usability import DEFAULT_POLICY
from biomarker_cli.model.wording import quoted
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.packaged import PackagedTable, read_package, required_table
from biomarker_cli.tables.schema import FEATURES, MEASUREMENTS


@dataclass(frozen=True)
class OpenRun:
    """A run as an export reads it.

    Attributes
    ----------
    package : mapping
        Its tables by name.
    measurements, features : PackagedTable
    analyses : frozenset of str
        ``id@version`` of those that are asked for.
    left_out : frozenset of str
        Of the others that the run has.
    """

    package: Mapping[str, PackagedTable]
    measurements: PackagedTable
    features: PackagedTable
    analyses: frozenset[str]
    left_out: frozenset[str]

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of the measurements that are asked for, with the number of each.

        Raises
        ------
        TableError
            As `PackagedTable.rows`, and ``TABLE-VALUE`` for a row of no analysis of the run.
        """
        for number, cells in enumerate(_weighed_rows(self.measurements), start=1):
            analysis = cells[2]
            if analysis in self.analyses:
                yield number, cells
            elif analysis not in self.left_out:
                raise self.measurements.bad_row(
                    number, f"features.csv has no analysis {quoted(analysis)}"
                )


def open_run(folder: Path, wanted: Sequence[str]) -> OpenRun:
    """Return a run with the analyses that are meant; all of them where none is named.

    Parameters
    ----------
    folder : Path
        Of a run.
    wanted : sequence of str
        ``id`` or ``id@version``.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-PACKAGE``, ``TABLE-CHANGED``, ``TABLE-COLUMNS``,
        ``TABLE-UNREADABLE``.
    InputNotFoundError
        ``NOTHING-FOUND`` where the run has no such analysis, or none at all.
    """
    package = read_package(folder)
    measurements = required_table(package, MEASUREMENTS.name)
    features = required_table(package, FEATURES.name, *FEATURES.key)
    place = features.column_names.index("analysis_id")
    there = sorted({cells[place] for cells in features.rows()})
    analyses = _chosen(there, wanted)
    return OpenRun(package, measurements, features, analyses, frozenset(there) - analyses)


def _chosen(there: Sequence[str], wanted: Sequence[str]) -> frozenset[str]:
    for one in wanted:
        if not any(one in {ident, ident.partition("@")[0]} for ident in there):
            raise InputNotFoundError(
                "NOTHING-FOUND",
                f"the run has no analysis {quoted(one)}",
                hint=f"It has {', '.join(there) or 'none'}.",
            )
    if not there:
        raise InputNotFoundError("NOTHING-FOUND", "the run has measured nothing")
    if not wanted:
        return frozenset(there)
    return frozenset(i for i in there if {i, i.partition("@")[0]} & set(wanted))


def _weighed_rows(table: PackagedTable) -> Iterator[list[str]]:
    """Yield the rows of measurements.csv; of before the column `usable`, as the product weighs."""
    names = MEASUREMENTS.column_names
    if table.column_names == names:
        yield from table.rows()
        return
    if table.column_names != names[:-1]:
        raise TableError(
            "TABLE-COLUMNS", f"expected the columns {', '.join(names)}", where=str(table.path)
        )
    for number, cells in enumerate(table.rows(), start=1):
        try:
            usable = DEFAULT_POLICY.usable(cells[-2], split_flags(cells[-1]))
        except ValueError as error:
            raise table.bad_row(number, str(error)) from error
        yield [*cells, usable]
