"""Assemble the results of all cases into the tables of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from biomarker_cli.case.result import CaseStatus
from biomarker_cli.model.usability import DEFAULT_POLICY, UsablePolicy
from biomarker_cli.study.derivations import Derivations
from biomarker_cli.study.packed import CASE_TABLES, PackedResult, ResultHead
from biomarker_cli.tables.dictionary import joined_rows
from biomarker_cli.tables.flag_counts import RunFlags
from biomarker_cli.tables.manifest import DERIVATIONS_FOLDER
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.reading import parse_lines
from biomarker_cli.tables.rows import CheckRow, MeasurementRow
from biomarker_cli.tables.schema import CHECKS, FEATURES, FLAGS_IN_RUN, MEASUREMENTS
from biomarker_cli.tables.writing import (
    mapping_cells,
    row_cells,
    row_lines,
    sorted_lines,
    table_file,
    write_table,
)

_TextRow = dict[str, str]
"""A row that was read back from finished lines, by column."""

Dictionary = Callable[[str], str | None]
"""From the digest in a result to the lines of ``features.csv`` that it names."""


def write_tables(
    heads: Iterable[ResultHead],
    results: Iterable[PackedResult],
    wide_checks: Sequence[CheckRow],
    dictionary: Dictionary,
    folder: Path,
    study_id: str,
    policy: UsablePolicy = DEFAULT_POLICY,
) -> None:
    """Write every table, the data package and the derivations.

    Parameters
    ----------
    heads : iterable of ResultHead
        Of all cases of the study that were measured, now or before.
    results : iterable of PackedResult
        All cases of the study, in the order of their ids; one at a time is in memory.
    wide_checks : sequence of CheckRow
        Rows of ``checks.csv`` above series.
    dictionary : callable
    folder : Path
    study_id : str
    policy : UsablePolicy
        What flags weigh in the study.
    """
    features = _Features(heads, dictionary)
    flags = RunFlags()
    derivations = Derivations(folder / DERIVATIONS_FOLDER)
    empty = {table.name for table in CASE_TABLES}
    with ExitStack() as files:
        write = {t.name: files.enter_context(table_file(t, folder)) for t in CASE_TABLES}
        # Lines stand in the order of their scopes: those of cases are about series.
        write[CHECKS.name](row_lines(CHECKS, [r for r in wide_checks if r.scope < "series"]))
        for stored in results:
            result = stored.weighed_by(policy)
            flags.add(result.head.flags)
            for table in CASE_TABLES:
                is_measured = table is MEASUREMENTS
                lines = features.measurements(result) if is_measured else result.lines[table.name]
                if lines:
                    empty.discard(table.name)
                    write[table.name](lines)
            derivations.write(result)
        write[CHECKS.name](row_lines(CHECKS, [r for r in wide_checks if r.scope > "series"]))
    derivations.drop_others()
    write_table(FEATURES, features.rows(), folder)
    with table_file(FLAGS_IN_RUN, folder) as write_flags:
        write_flags(row_lines(FLAGS_IN_RUN, flags.rows(policy.severity_of)))
    unasked = [table for table in CASE_TABLES if table.optional and table.name in empty]
    for table in unasked:
        (folder / table.file_name).unlink()
    written = [table for table in CASE_TABLES if table not in unasked]
    write_datapackage((*written, FEATURES, FLAGS_IN_RUN), folder, study_id)


class _Features:
    """The features that analyses have, by what the results of a study say.

    Parameters
    ----------
    heads : iterable of ResultHead
    dictionary : callable
    """

    def __init__(self, heads: Iterable[ResultHead], dictionary: Dictionary) -> None:
        self._dictionary = dictionary
        self._rows: dict[str, list[_TextRow]] = {}
        self._units: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        self._analyses: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._seen: set[tuple[str, str, str]] = set()
        for head in heads:
            for analysis, digest in head.dictionaries.items():
                self._add(head.role, analysis, digest)
            for roi in head.rois:
                self._analyses[head.role, roi.image].update(roi.analyses)

    def _add(self, role: str, analysis: str, digest: str) -> None:
        if (role, analysis, digest) in self._seen:
            return
        self._seen.add((role, analysis, digest))
        if digest not in self._rows:
            self._rows[digest] = parse_lines(FEATURES, self._dictionary(digest) or "")
        units = self._units[role, analysis]
        for row in self._rows[digest]:
            feature, unit = row["feature_id"], row["unit_ucum"]
            # Of two units nobody can say which one the missing value would have had.
            units[feature] = unit if units.get(feature, unit) == unit else ""

    def rows(self) -> list[_TextRow]:
        """Return one row per analysis and feature, also where cases differ.

        One analysis may measure CT and MR: the mean of the intensities then has two
        units. Each measurement holds its own; the dictionary lists them.
        """
        found: dict[tuple[str, str], list[_TextRow]] = defaultdict(list)
        for rows in self._rows.values():
            for row in rows:
                found[row["analysis_id"], row["feature_id"]].append(row)
        return [joined_rows(alike) for alike in found.values()]

    def measurements(self, result: PackedResult) -> str:
        """Return the lines of a case, with those of regions that were never measured.

        A table without them would make a failed region look as if nobody had asked.
        """
        unmeasured = self._unmeasured(result)
        if not unmeasured:
            return result.lines[MEASUREMENTS.name]
        measured = mapping_cells(MEASUREMENTS, result.rows(MEASUREMENTS))
        return sorted_lines(MEASUREMENTS, measured + row_cells(MEASUREMENTS, unmeasured))

    def _unmeasured(self, result: PackedResult) -> list[MeasurementRow]:
        skipped = result.status in {CaseStatus.EXCLUDED, CaseStatus.WAITING}
        role = result.head.role
        return [
            MeasurementRow(
                case_id=result.case_id,
                roi_id=roi.roi_id,
                analysis_id=analysis,
                feature_id=feature,
                unit=unit,
                status="skipped" if skipped or roi.status == "skipped" else "failed",
            )
            for roi in result.head.rois
            for analysis in sorted(self._analyses[role, roi.image])
            if analysis not in roi.analyses
            for feature, unit in self._units[role, analysis].items()
        ]
