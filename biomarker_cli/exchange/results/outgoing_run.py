"""A run as it is handed out: its cases, and when it was made; known through its tables alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from biomarker_cli.exchange.errors import ExchangeError, NotExportedError
from biomarker_cli.model.wording import quoted
from biomarker_cli.tables.cells import number_of
from biomarker_cli.tables.columns import require_columns
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.kept import KeptIndex, case_folder, read_index
from biomarker_cli.tables.manifest import read_manifest
from biomarker_cli.tables.packaged import PackagedTable, read_package, required_table

_CASE_COLUMNS = (
    *("case_id", "subject_id", "timepoint", "study_uid", "series_uid"),
    *("status", "result_key"),
)
_MEASURED = frozenset({"measured", "partial"})


@dataclass(frozen=True)
class OutgoingCase:
    """A case that was measured.

    Attributes
    ----------
    case_id, subject_id, timepoint : str
    study_uid : str
        StudyInstanceUID of its images.
    series_uids : tuple of str
        SeriesInstanceUIDs of its images.
    result_key : str
        sha256 of everything that moves a number of the case.
    """

    case_id: str
    subject_id: str
    timepoint: str
    study_uid: str
    series_uids: tuple[str, ...]
    result_key: str


@dataclass(frozen=True)
class OutgoingRun:
    """A run, as `biomarker run -o` wrote it.

    Attributes
    ----------
    folder : Path
    cases : tuple of OutgoingCase
        Those that were measured, whole or in part.
    created : datetime
        When the tables were written: date and time of every object that is made of them.
    study : str
        Its id.
    key_fingerprint : str
        Of the key of the study.
    software_version : str
        Of this program, when it measured.
    """

    folder: Path
    cases: tuple[OutgoingCase, ...]
    created: datetime
    study: str
    key_fingerprint: str
    software_version: str

    def kept(self, case: OutgoingCase) -> KeptIndex:
        """Return what the run keeps of a case.

        Raises
        ------
        TableError, KeptFileError
            As `tables.kept.read_index`.
        NotExportedError
            ``EXPORT-KEPT-OLD`` where it is of another result than the tables.
        """
        index = read_index(case_folder(self.folder, case.case_id))
        if (index.case_id, index.result_key) != (case.case_id, case.result_key):
            raise NotExportedError(
                "EXPORT-KEPT-OLD",
                "what is kept of the case is of another result than the tables",
                where=case.case_id,
                hint="Run the same `biomarker run` again: what is missing is made.",
            )
        return index

    def table(self, name: str) -> PackagedTable:
        """Return a table that is as the run wrote it.

        Raises
        ------
        TableError
            ``TABLE-NOT-FOUND``, ``TABLE-CHANGED``, ``TABLE-PACKAGE``.
        """
        return required_table(read_package(self.folder), name)


def read_run(folder: Path) -> OutgoingRun:
    """Return a run whose tables are as it wrote them.

    Raises
    ------
    TableError
        Of a folder that is none, or a table that was edited.
    ExchangeError
        ``EXPORT-NO-CASE`` where nothing was measured.
    """
    table = required_table(read_package(folder), "cases")
    rows = [row for row in named_rows(table, *_CASE_COLUMNS) if row["status"] in _MEASURED]
    if not rows:
        raise ExchangeError("EXPORT-NO-CASE", "no case of the run was measured", where=str(folder))
    manifest = read_manifest(folder)
    return OutgoingRun(
        folder=folder,
        cases=tuple(map(_case, rows)),
        created=_created(manifest, folder),
        study=str(manifest.get("study", "")),
        key_fingerprint=str(manifest.get("key_fingerprint", "")),
        software_version=str(manifest["software"].get("biomarker") or "unknown"),
    )


def named_rows(table: PackagedTable, *required: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a table by the names of its columns.

    Raises
    ------
    TableError
        ``TABLE-COLUMNS`` where one of the required is missing.
    """
    require_columns(table.path, required, table.column_names)
    yield from table.named_rows()


def number_in(row: dict[str, str], name: str, table: PackagedTable) -> float | None:
    """Return the number of a cell, None where it is empty.

    Raises
    ------
    TableError
        ``TABLE-VALUE`` for what is no finite number.
    """
    if not row[name]:
        return None
    found = number_of(row[name])
    if found is None:
        raise TableError(
            "TABLE-VALUE",
            f"expected a number in {name}, found {quoted(row[name])}",
            where=str(table.path),
            hint="Run the same `biomarker run` again, which writes the tables anew.",
        )
    return found


def _case(row: dict[str, str]) -> OutgoingCase:
    return OutgoingCase(
        case_id=row["case_id"],
        subject_id=row["subject_id"],
        timepoint=row["timepoint"],
        study_uid=row["study_uid"],
        series_uids=tuple(filter(None, row["series_uid"].split(";"))),
        result_key=row["result_key"],
    )


def _created(manifest: dict[str, Any], folder: Path) -> datetime:
    try:
        return datetime.fromisoformat(manifest["created"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise TableError(
            "TABLE-MANIFEST",
            "the manifest cannot be used: it does not say when the run was made",
            where=str(folder / "manifest.json"),
            hint="Run the same `biomarker run` again, which writes it anew.",
        ) from error
