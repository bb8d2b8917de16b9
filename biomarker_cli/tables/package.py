"""Describe the tables as a Frictionless data package (Table Schema)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table
from biomarker_cli.tables.writing import write_json


def write_datapackage(tables: Iterable[Table], folder: Path, study_id: str) -> Path:
    """Write ``datapackage.json`` beside the tables and return its path.

    Parameters
    ----------
    tables : iterable of Table
        Tables whose files lie in `folder`.
    folder : Path
    study_id : str
        Name of the package, in small letters there, and its title.

    References
    ----------
    Frictionless Data Package v1, Table Schema v1.
    """
    package = {
        "profile": "tabular-data-package",
        # Names of packages have no capitals.
        "name": study_id.lower(),
        "title": study_id,
        "resources": [_resource(table, folder) for table in tables],
    }
    return write_json(package, folder / "datapackage.json")


def _resource(table: Table, folder: Path) -> dict[str, Any]:
    content = (folder / table.file_name).read_bytes()
    return {
        "name": table.name,
        "title": table.title,
        "path": table.file_name,
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": len(content),
        "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "schema": {
            "fields": [_field(column) for column in table.columns],
            "missingValues": [""],
            "primaryKey": list(table.key),
            "foreignKeys": [
                {
                    "fields": list(columns),
                    "reference": {"resource": target, "fields": list(target_columns)},
                }
                for columns, target, target_columns in table.refers_to
            ],
        },
    }


def _field(column: Column) -> dict[str, Any]:
    field: dict[str, Any] = {
        "name": column.name,
        "type": column.type,
        "description": column.description,
    }
    if column.values:
        field["constraints"] = {"enum": list(column.values)}
    return field
