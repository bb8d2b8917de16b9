"""Write the tables of an assessment, with what they were made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from biomarker_cli.collector import collector_paused
from biomarker_cli.model.inputs import sha256_of_file
from biomarker_cli.model.version import __version__
from biomarker_cli.response.criterion import Criterion
from biomarker_cli.response.judging import Judged, Row
from biomarker_cli.response.tables import (
    ADJUDICATION,
    BEST,
    ENDPOINTS,
    LESIONS_OVER_TIME,
    READER_AGREEMENT,
    RESPONSE,
    WHAT_IF,
)
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.schema import Table
from biomarker_cli.tables.writing import write_json, write_table

FORMAT = "biomarker-response-run/1"

_MORE = {table.name: table for table in (WHAT_IF, READER_AGREEMENT, ADJUDICATION)}


def rows_by_table(judged: Judged, more: Mapping[str, list[Row]]) -> dict[Table, list[Row]]:
    """Return the rows of each table.

    Parameters
    ----------
    judged : Judged
    more : mapping of str to list
        Rows of tables that were asked for beside.
    """
    return {
        RESPONSE: judged.response,
        LESIONS_OVER_TIME: judged.lesions,
        BEST: judged.best,
        ENDPOINTS: judged.endpoints,
        **{_MORE[name]: rows for name, rows in more.items()},
    }


@collector_paused()
def write_judged(
    judged: Judged,
    criteria: Sequence[Criterion],
    folder: Path,
    inputs: Sequence[Path],
    more: Mapping[str, list[Row]],
) -> None:
    """Write the tables, ``datapackage.json`` and ``response.json``.

    Parameters
    ----------
    judged : Judged
    criteria : sequence of Criterion
    folder : Path
        Is made where it is not there.
    inputs : sequence of Path
        Files that the readings came from; their digests are kept.
    more : mapping of str to list
        Rows of tables that were asked for beside.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = rows_by_table(judged, more)
    for table, rows in tables.items():
        write_table(table, rows, folder)
    write_datapackage(tables, folder, "response")
    sources = [{"name": path.name, "sha256": sha256_of_file(path)} for path in inputs]
    head = {"format": FORMAT, "version": __version__, "criteria": criteria_of(criteria)}
    write_json(head | {"inputs": sources}, folder / "response.json")


def criteria_of(criteria: Sequence[Criterion]) -> list[Row]:
    """Return id, status and digest of each criterion."""
    return [
        {"id": one.ident, "status": one.file.status, "sha256": one.document.sha256}
        for one in criteria
    ]


def json_of(
    judged: Judged, criteria: Sequence[Criterion], more: Mapping[str, list[Row]]
) -> dict[str, Any]:
    """Return all rows for JSON, by table."""
    tables = {
        table.name: [{name: row.get(name) for name in table.column_names} for row in rows]
        for table, rows in rows_by_table(judged, more).items()
    }
    return {"criteria": criteria_of(criteria), **tables}
