"""The tables that leave: their columns, and how they are written and read."""

from typing import TYPE_CHECKING

from biomarker_cli.on_demand import names_on_demand

if TYPE_CHECKING:
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
else:
    __getattr__ = names_on_demand(
        __name__,
        errors="TableError",
        package="write_datapackage",
        reading="read_table",
        schema="CASES CHECKS FACTS FEATURES MEASUREMENTS ROIS TABLES Column Table",
        writing="format_value write_json write_table",
    )

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
