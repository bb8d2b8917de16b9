"""Describe the tables as a Frictionless data package (Table Schema)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from biomarker_cli.model.inputs import sha256_of_file
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table
from biomarker_cli.tables.writing import write_json

DATA_PACKAGE = "datapackage.json"


def write_datapackage(
    tables: Iterable[Table],
    folder: Path,
    study_id: str,
    described: Iterable[dict[str, Any]] = (),
) -> Path:
    """Write ``datapackage.json`` beside the tables and return its path.

    Parameters
    ----------
    tables : iterable of Table
        Tables whose files lie in `folder`.
    folder : Path
    study_id : str
        Name of the package, in small letters there, and its title.
    described : iterable of dict
        Resources of another package whose tables lie in `folder` as well; they come first.

    References
    ----------
    Frictionless Data Package v1, Table Schema v1.
    """
    package = {
        "profile": "tabular-data-package",
        # Names of packages have no capitals.
        "name": study_id.lower(),
        "title": study_id,
        "resources": [*described, *(_resource(table, folder) for table in tables)],
    }
    return write_json(package, folder / DATA_PACKAGE)


def package_is_true(folder: Path) -> bool:
    """Tell whether the tables beside a data package are those that it describes."""
    try:
        package = json.loads((folder / DATA_PACKAGE).read_text(encoding="utf-8"))
        found = [(r["path"], r["bytes"], r["hash"]) for r in package["resources"]]
        return bool(found) and all(
            _size_and_hash(folder / path) == (size, digest) for path, size, digest in found
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _size_and_hash(path: Path) -> tuple[int, str]:
    return path.stat().st_size, f"sha256:{sha256_of_file(path)}"


def _resource(table: Table, folder: Path) -> dict[str, Any]:
    size, digest = _size_and_hash(folder / table.file_name)
    return {
        "name": table.name,
        "title": table.title,
        "path": table.file_name,
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": size,
        "hash": digest,
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
