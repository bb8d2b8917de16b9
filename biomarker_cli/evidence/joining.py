"""Join a clinical table to measurements: the tables that it becomes, and the folder of both.

The folder is a data package: the tables of the run, byte by byte, the joined table
``<id>.csv`` and ``<id>_left_out.csv`` with the rows of both sides that met nothing. Dates
stay out: the joined table holds days before the scan.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from biomarker_cli.evidence.clinical_schema import ClinicalSchema, load_clinical_schema
from biomarker_cli.evidence.clinical_table import read_clinical_table
from biomarker_cli.evidence.errors import ClinicalError
from biomarker_cli.evidence.leak_check import refuse_identifiers
from biomarker_cli.evidence.matching import REASONS, REFUSED, Matched, match_rows, targets_of
from biomarker_cli.evidence.measured_cases import measured_cases
from biomarker_cli.model.version import __version__
from biomarker_cli.tables.package import DATA_PACKAGE, write_datapackage
from biomarker_cli.tables.packaged import PackagedTable, read_package
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table
from biomarker_cli.tables.sealed_files import sealed
from biomarker_cli.tables.writing import write_json, write_table

FORMAT = "biomarker-join/1"

JOIN_SUFFIX = "_join.json"
"""Of the file that says what a table was joined from."""

LEFT_OUT_COLUMNS = (
    Column("side", "string", "where it stands", ("run", "table")),
    Column("line", "integer", "line of the clinical table; empty for the run"),
    Column("case_id", "string", "case of the run; empty for the table"),
    Column("roi_id", "string", "region, where rows meet regions"),
    Column("reason", "string", "why it met nothing", tuple(REASONS)),
    Column("detail", "string", "what was expected and found; cells are not repeated"),
    Column("days_before_scan", "integer", "from the nearest date to the scan, outside the window"),
)


@dataclass(frozen=True)
class Join:
    """A clinical table, held against the cases of a folder.

    Attributes
    ----------
    schema : ClinicalSchema
    schema_sha256, table_sha256 : str
    matched : Matched
    n_rows : int
        Rows of the clinical table.
    tables : mapping of str to PackagedTable
        Tables of the folder.
    """

    schema: ClinicalSchema
    schema_sha256: str
    table_sha256: str
    matched: Matched
    n_rows: int
    tables: Mapping[str, PackagedTable]

    @property
    def n_matched_rows(self) -> int:
        """Rows of the clinical table that met something."""
        return len({match.row.line for match in self.matched.matches})

    @property
    def n_refused(self) -> int:
        """Rows and targets that are wrong, rather than absent."""
        return sum(one.reason in REFUSED for one in self.matched.left_out)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many rows of each side were left out, by reason."""
        found = {
            side: Counter(
                one.reason
                for one in self.matched.left_out
                if (one.row is not None) == (side == "table")
            )
            for side in ("table", "run")
        }
        return {side: dict(sorted(of_side.items())) for side, of_side in found.items()}


def join_table(folder: Path, table_file: Path, schema_file: Path) -> Join:
    """Return what a clinical table and the cases of a folder have in common.

    Raises
    ------
    ClinicalError
        ``CLINICAL-SCHEMA``, ``CLINICAL-TABLE``, ``CLINICAL-IDENTIFIER``, ``CLINICAL-SITE``,
        ``CLINICAL-NAME`` where the folder has a table of the name.
    TableError
        Where a table of the folder, or the clinical one, cannot be read.
    """
    schema, schema_sha256 = load_clinical_schema(schema_file)
    table = read_clinical_table(table_file, schema)
    refuse_identifiers(table, schema)
    tables = read_package(folder)
    for name in (schema.id, f"{schema.id}_left_out"):
        if name in tables:
            raise ClinicalError(
                "CLINICAL-NAME",
                f"the folder has a table {name} already",
                where=schema_file.name,
                hint="Give the schema another id.",
            )
    targets = targets_of(measured_cases(tables), schema)
    matched = match_rows(table.rows, targets, schema)
    return Join(schema, schema_sha256, table.sha256, matched, len(table.rows), tables)


def joined_table(schema: ClinicalSchema) -> Table:
    """Return what the columns of the joined table are."""
    columns = [Column("case_id", "string", "site/subject/timepoint/image role")]
    key: tuple[str, ...] = ("case_id",)
    if schema.keys.lesion:
        columns.append(Column("roi_id", "string", "canonical name of the ROI"))
        key = ("case_id", "roi_id")
    for name, column in schema.columns.items():
        said = column.title or name.replace("_", " ")
        if column.unit:
            said += f"; unit {column.unit}"
        kind = column.type if column.type in {"number", "integer", "boolean"} else "string"
        words = column.words if kind == "string" else ()
        columns.append(Column(name, kind, said, words))
    if schema.window:
        columns.append(
            Column(
                "days_before_scan",
                "integer",
                f"from {schema.window.column} to the scan; below 0 where it is later; unit d",
            )
        )
    columns.append(Column("line", "integer", "line of the clinical table"))
    target = "rois" if schema.keys.lesion else "cases"
    what = "region" if schema.keys.lesion else "case"
    title = f"{what} with a row of {schema.title or schema.id}"
    return Table(schema.id, title, tuple(columns), key, ((key, target, key),))


def joined_rows(join: Join) -> Iterator[dict[str, Any]]:
    """Yield the rows of the joined table."""
    for match in join.matched.matches:
        row: dict[str, Any] = {"case_id": match.target.case.case_id, "line": match.row.line}
        if join.schema.keys.lesion:
            row["roi_id"] = match.target.roi_id
        if join.schema.window:
            row["days_before_scan"] = match.days
        yield row | dict(match.row.values)


def left_out_table(schema: ClinicalSchema) -> Table:
    """Return what the columns of the table of the rows that met nothing are."""
    return Table(
        f"{schema.id}_left_out",
        f"row of {schema.id} or case of the run that met nothing",
        LEFT_OUT_COLUMNS,
        ("side", "line", "case_id", "roi_id"),
    )


def left_out_rows(join: Join) -> Iterator[dict[str, Any]]:
    """Yield the rows of both sides that met nothing."""
    for one in join.matched.left_out:
        yield {
            "side": "run" if one.row is None else "table",
            "line": one.row.line if one.row else None,
            "case_id": one.target.case.case_id if one.target else "",
            "roi_id": one.target.roi_id if one.target else "",
            "reason": one.reason,
            "detail": one.detail,
            "days_before_scan": one.days,
        }


def write_join(join: Join, source: Path, folder: Path) -> None:
    """Write the tables of the folder and the joined ones as one data package.

    Parameters
    ----------
    join : Join
    source : Path
        Folder of the tables that were joined.
    folder : Path
        Another one; made where it is absent.

    Raises
    ------
    TableError
        ``TABLE-CHANGED`` where a table is no longer what its package says.
    """
    package = source / DATA_PACKAGE
    content = package.read_bytes()
    described = json.loads(content)
    folder.mkdir(parents=True, exist_ok=True)
    for table in join.tables.values():
        copy = replace(table, path=folder / table.path.name)
        shutil.copyfile(table.path, copy.path)
        copy.require_unchanged()
        said = source / f"{table.name}{JOIN_SUFFIX}"
        if said.is_file():
            shutil.copyfile(said, folder / said.name)
    own = (joined_table(join.schema), left_out_table(join.schema))
    write_table(own[0], joined_rows(join), folder)
    write_table(own[1], left_out_rows(join), folder)
    write_datapackage(own, folder, str(described.get("title", "")), described["resources"])
    write_json(
        sealed(
            {
                "format": FORMAT,
                "software": {"biomarker": __version__},
                "id": join.schema.id,
                "schema_sha256": join.schema_sha256,
                "table_sha256": join.table_sha256,
                "package_sha256": hashlib.sha256(content).hexdigest(),
                "n_rows": join.n_rows,
                "n_rows_matched": join.n_matched_rows,
                "n_matches": len(join.matched.matches),
                "left_out": join.counts(),
            }
        ),
        folder / f"{join.schema.id}{JOIN_SUFFIX}",
    )
