"""Assemble the results of all cases into the tables of a run."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from biomarker_cli.case.result import CaseStatus
from biomarker_cli.model.usability import DEFAULT_POLICY, UsablePolicy
from biomarker_cli.study.case_names import file_stem
from biomarker_cli.study.flagging import flag_rows
from biomarker_cli.study.packed import CASE_TABLES, PackedResult
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.reading import parse_lines
from biomarker_cli.tables.rows import CheckRow, MeasurementRow
from biomarker_cli.tables.schema import CHECKS, FEATURES, FLAGS_IN_RUN, MEASUREMENTS
from biomarker_cli.tables.writing import (
    mapping_cells,
    row_cells,
    row_lines,
    sorted_lines,
    write_lines,
    write_table,
)

_TextRow = dict[str, str]
"""A row that was read back from finished lines, by column."""

Dictionary = Callable[[str], str | None]
"""From the digest in a result to the lines of ``features.csv`` that it names."""


def write_tables(
    results: Sequence[PackedResult],
    wide_checks: Sequence[CheckRow],
    dictionary: Dictionary,
    folder: Path,
    study_id: str,
    policy: UsablePolicy = DEFAULT_POLICY,
) -> None:
    """Write every table, the data package and the derivations.

    Parameters
    ----------
    results : sequence of PackedResult
        All cases of the study, whether they were run now or before.
    wide_checks : sequence of CheckRow
        Rows of ``checks.csv`` above series.
    dictionary : callable
    folder : Path
    study_id : str
    policy : UsablePolicy
        What flags weigh in this study.
    """
    features = _Features(results, dictionary)
    ordered = sorted(results, key=lambda result: result.case_id)
    weighed = (result.weighed_by(policy) for result in ordered)
    for table in CASE_TABLES:
        if table is CHECKS:
            write_lines(table, _check_lines(ordered, wide_checks), folder)
        elif table is MEASUREMENTS:
            write_lines(table, map(features.measurements, weighed), folder)
        else:
            write_lines(table, (one.lines[table.name] for one in ordered), folder)
    write_table(FEATURES, features.rows(), folder)
    flags = flag_rows((result.head.flags for result in ordered), policy)
    write_lines(FLAGS_IN_RUN, [row_lines(FLAGS_IN_RUN, flags)], folder)
    write_datapackage((*CASE_TABLES, FEATURES, FLAGS_IN_RUN), folder, study_id)
    _write_derivations(results, folder / "derivations")


def _check_lines(results: Sequence[PackedResult], wide: Sequence[CheckRow]) -> Iterable[str]:
    """Yield lines in the order of their scopes: those of cases are about series."""
    yield row_lines(CHECKS, [row for row in wide if row.scope < "series"])
    yield from (result.lines[CHECKS.name] for result in results)
    yield row_lines(CHECKS, [row for row in wide if row.scope > "series"])


class _Features:
    """The features that analyses have, by what the results of a study say.

    Parameters
    ----------
    results : sequence of PackedResult
    dictionary : callable
    """

    def __init__(self, results: Sequence[PackedResult], dictionary: Dictionary) -> None:
        digests = dict.fromkeys(d for r in results for d in r.head.dictionaries.values())
        self._rows = {one: parse_lines(FEATURES, dictionary(one) or "") for one in digests}
        self._units: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        self._analyses: dict[tuple[str, str], set[str]] = defaultdict(set)
        for result in results:
            role = result.head.role
            for analysis, digest in result.head.dictionaries.items():
                units = self._units[role, analysis]
                for row in self._rows[digest]:
                    feature, unit = row["feature_id"], row["unit_ucum"]
                    # Of two units nobody can say which one the missing value would have had.
                    units[feature] = unit if units.get(feature, unit) == unit else ""
            for roi in result.head.rois:
                self._analyses[role, roi.image].update(roi.analyses)

    def rows(self) -> list[_TextRow]:
        """Return one row per analysis and feature, also where cases differ.

        One analysis may measure CT and MR: the mean of the intensities then has two
        units. Each measurement holds its own; the dictionary lists them.
        """
        found: dict[tuple[str, str], list[_TextRow]] = defaultdict(list)
        for rows in self._rows.values():
            for row in rows:
                found[row["analysis_id"], row["feature_id"]].append(row)
        return [_joined(alike) for alike in found.values()]

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


def _joined(alike: Sequence[_TextRow]) -> _TextRow:
    merged = dict(alike[0])
    for column in merged:
        values = {row[column] for row in alike}
        if len(values) > 1:
            merged[column] = ";".join(sorted(text for text in values if text))
    return merged


def _write_derivations(results: Sequence[PackedResult], folder: Path) -> None:
    written = set()
    for result in results:
        for analysis, derivation in result.derivations.items():
            folder.mkdir(exist_ok=True)
            name = f"{file_stem(result.case_id)}__{analysis}.json"
            text = _derivation(derivation)
            # A byte of a file name that is no UTF-8 becomes the escape that JSON has for it.
            (folder / name).write_text(text, "utf-8", "backslashreplace", "\n")
            written.add(name)
    # A case that has left the study, or an older version of a protocol, leaves no file behind.
    for path in folder.glob("*.json"):
        if path.name not in written:
            path.unlink()


def _derivation(derivation: Any) -> str:
    return json.dumps(derivation, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
