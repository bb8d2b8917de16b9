"""Endpoint and covariates of each subject, from joined tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from biomarker_cli.evidence.association_plan import AssociationPlan, Endpoint
from biomarker_cli.evidence.errors import AssociationError
from biomarker_cli.evidence.measured_cases import MeasuredCase
from biomarker_cli.evidence.measured_values import Subject
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.wording import counted, quoted
from biomarker_cli.tables.cells import is_finite_number
from biomarker_cli.tables.packaged import PackagedTable, required_table


@dataclass(frozen=True)
class EndpointValue:
    """The endpoint of a subject.

    Attributes
    ----------
    value : float
        1 or 0 of a binary endpoint and of an event, the place of an ordinal level, else the
        number.
    time : float
        Of a time to event.
    """

    value: float
    time: float = 0.0


@dataclass(frozen=True)
class JoinedCovariate:
    """A covariate of all subjects that have one.

    Attributes
    ----------
    name : str
        ``table.column``.
    is_number : bool
    cells : mapping of Subject to str
    """

    name: str
    is_number: bool
    cells: Mapping[Subject, str]

    def columns(self, subjects: Sequence[Subject]) -> FloatArray:
        """Return columns for a model: a number standardised, a category as differences.

        Returns
        -------
        ndarray, shape (n, k)
            A column that is the same in all subjects is left out.
        """
        cells = [self.cells[subject] for subject in subjects]
        if self.is_number:
            numbers = np.array([float(cell) for cell in cells])
            spread = numbers.std()
            if spread == 0:
                return np.zeros((len(cells), 0))
            return np.reshape((numbers - numbers.mean()) / spread, (-1, 1))
        return category_columns(cells)


def category_columns(cells: Sequence[str]) -> FloatArray:
    """Return one column of 0 and 1 for each word but the first; shape (n, k)."""
    words = sorted(set(cells))[1:]
    return np.array([[float(cell == word) for word in words] for cell in cells]).reshape(
        len(cells), len(words)
    )


class ClinicalTables:
    """Joined tables, read when they are asked for.

    Parameters
    ----------
    tables : mapping
        As `read_package` gives them.
    cases : sequence of MeasuredCase
    """

    def __init__(self, tables: Mapping[str, PackagedTable], cases: Sequence[MeasuredCase]) -> None:
        self._tables = tables
        self._cases = {case.case_id: case for case in cases}
        # Thousands of features ask for the same columns.
        self._read: dict[tuple[str, str, str], dict[Subject, str]] = {}

    def cells(self, table_name: str, column: str, roi: str = "") -> dict[Subject, str]:
        """Return the cell of each subject; subjects without one are left out.

        Parameters
        ----------
        table_name, column : str
        roi : str
            Region whose rows count, where the table has regions.

        Raises
        ------
        TableError
            ``TABLE-NOT-FOUND``, ``TABLE-COLUMNS``, ``TABLE-VALUE``.
        AssociationError
            ``ASSOCIATION-REPEATED`` where a subject has two different ones.
        """
        key = (table_name, column, roi)
        if key not in self._read:
            self._read[key] = self._single(table_name, column, roi)
        return self._read[key]

    def _single(self, table_name: str, column: str, roi: str) -> dict[Subject, str]:
        found: dict[Subject, set[str]] = defaultdict(set)
        for subject, cell in self._known(table_name, column, roi):
            found[subject].add(cell)
        for subject, cells in sorted(found.items()):
            if len(cells) > 1:
                raise AssociationError(
                    "ASSOCIATION-REPEATED",
                    f"a subject has {len(cells)} different values of {table_name}.{column}",
                    where="/".join(filter(None, subject)),
                    hint="Join one row of each subject, by a window and a rule for two matches.",
                )
        return {subject: next(iter(cells)) for subject, cells in found.items()}

    def _known(self, table_name: str, column: str, roi: str) -> Iterator[tuple[Subject, str]]:
        """Yield the cells of a column that are not empty, with their subjects."""
        table = required_table(self._tables, table_name, "case_id", column)
        names = table.column_names
        at, case_at = names.index(column), names.index("case_id")
        roi_at = names.index("roi_id") if "roi_id" in names and roi else None
        is_number = self.is_number(table_name, column)
        for line, row in enumerate(table.rows(), start=1):
            case = self._cases.get(row[case_at])
            if case is None or not row[at] or (roi_at is not None and row[roi_at] != roi):
                continue
            if is_number and not is_finite_number(row[at]):
                raise table.bad_row(line, f"its {column} is no number")
            yield (case.site, case.subject), row[at]

    def is_number(self, table_name: str, column: str) -> bool:
        """Tell whether a column holds numbers."""
        kinds = {one.name: one.type for one in self._tables[table_name].columns}
        return kinds[column] in {"number", "integer"}


def covariates_of(tables: ClinicalTables, plan: AssociationPlan, roi: str) -> list[JoinedCovariate]:
    """Return the planned covariates.

    Raises
    ------
    TableError, AssociationError
        As `ClinicalTables.cells`.
    """
    return [
        JoinedCovariate(
            f"{one.table}.{one.column}",
            cells=tables.cells(one.table, one.column, roi),
            is_number=tables.is_number(one.table, one.column),
        )
        for one in plan.covariates
    ]


def endpoint_of(
    tables: ClinicalTables, endpoint: Endpoint, roi: str
) -> dict[Subject, EndpointValue]:
    """Return the endpoint of each subject that has one.

    Raises
    ------
    TableError, AssociationError
        As `ClinicalTables.cells`; ``ASSOCIATION-ENDPOINT`` for a word that the plan does not
        know, text where a number is expected, and a time that is not above 0.
    """
    cells = tables.cells(endpoint.table, endpoint.column, roi)
    if endpoint.kind == "ordinal":
        unknown = sorted(set(cells.values()) - set(endpoint.levels))
        if unknown:
            raise _bad(endpoint, f"{quoted(unknown[0], 60)} is none of the planned levels")
        return {s: EndpointValue(float(endpoint.levels.index(cell))) for s, cell in cells.items()}
    if endpoint.kind == "continuous":
        if not tables.is_number(endpoint.table, endpoint.column):
            raise _bad(endpoint, "expected numbers, the column holds words")
        return {subject: EndpointValue(float(cell)) for subject, cell in cells.items()}
    if cells and not set(cells.values()) & set(endpoint.positive):
        raise _bad(endpoint, f"nobody has {', '.join(quoted(w, 60) for w in endpoint.positive)}")
    _require_negative(endpoint, set(cells.values()) - set(endpoint.positive))
    values = {s: EndpointValue(float(cell in endpoint.positive)) for s, cell in cells.items()}
    if endpoint.kind == "binary":
        return values
    times = tables.cells(endpoint.table, endpoint.time, roi)
    if not tables.is_number(endpoint.table, endpoint.time):
        raise _bad(endpoint, "expected a number as time, the column holds words")
    if any(float(cell) <= 0 for cell in times.values()):
        raise _bad(endpoint, "a time to event is not above 0")
    return {
        subject: EndpointValue(value.value, float(times[subject]))
        for subject, value in values.items()
        if subject in times
    }


def _require_negative(endpoint: Endpoint, others: set[str]) -> None:
    """Refuse words that nobody called negative: one may stand for no answer at all."""
    unknown = sorted(others - set(endpoint.negative)) if endpoint.negative else sorted(others)
    if not unknown or (len(unknown) == 1 and not endpoint.negative):
        return
    words = counted(len(unknown), "word")
    raise _bad(
        endpoint,
        f"{words} neither positive nor negative in the plan, such as {quoted(unknown[0], 60)}",
    )


def _bad(endpoint: Endpoint, message: str) -> AssociationError:
    return AssociationError(
        "ASSOCIATION-ENDPOINT", message, where=f"{endpoint.table}.{endpoint.column}"
    )
