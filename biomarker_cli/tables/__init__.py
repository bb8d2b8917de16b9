"""The tables that leave: their columns, and how they are written and read."""

from typing import TYPE_CHECKING

from biomarker_cli.on_demand import names_on_demand

if TYPE_CHECKING:
    from biomarker_cli.tables.cells import (
        csv_line,
        csv_text,
        escape_cell,
        format_value,
        unescape_cell,
    )
    from biomarker_cli.tables.errors import TableError
    from biomarker_cli.tables.package import write_datapackage
    from biomarker_cli.tables.reading import parse_lines, read_table
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
    from biomarker_cli.tables.writing import table_lines, write_json, write_lines, write_table
else:
    __getattr__ = names_on_demand(
        __name__,
        cells="csv_line csv_text escape_cell format_value unescape_cell",
        errors="TableError",
        package="write_datapackage",
        reading="parse_lines read_table",
        schema="CASES CHECKS FACTS FEATURES MEASUREMENTS ROIS TABLES Column Table",
        writing="table_lines write_json write_lines write_table",
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
    "csv_line",
    "csv_text",
    "escape_cell",
    "format_value",
    "parse_lines",
    "read_table",
    "table_lines",
    "unescape_cell",
    "write_datapackage",
    "write_json",
    "write_lines",
    "write_table",
]
