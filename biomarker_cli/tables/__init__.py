"""The tables that leave: their columns, and how they are written and read."""

from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.reading import read_table
from biomarker_cli.tables.schema import (
    CASES,
    CHECKS,
    FACTS,
    FEATURES,
    MEASUREMENTS,
    ROIS,
    TABLES,
    Column,
    Table,
)
from biomarker_cli.tables.writing import format_value, write_json, write_table

__all__ = [
    "CASES",
    "CHECKS",
    "FACTS",
    "FEATURES",
    "MEASUREMENTS",
    "ROIS",
    "TABLES",
    "Column",
    "Table",
    "TableError",
    "format_value",
    "read_table",
    "write_datapackage",
    "write_json",
    "write_table",
]
