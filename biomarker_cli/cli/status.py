"""``biomarker status``: how far a run has come."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.options import format_option

_EPILOG = """\b
Examples:
  biomarker status results
  biomarker status results --format json
"""


@click.command(epilog=_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@format_option
def status(folder: Path, output_format: str) -> None:
    """Tell what became of each case of a run in DIR, finished or not."""
    from biomarker_cli.cli.output import console, plain_table, print_json
    from biomarker_cli.model.errors import InputNotFoundError
    from biomarker_cli.study.store import ResultStore

    stored = ResultStore(folder).load_all()
    if not stored:
        raise InputNotFoundError(
            "RUN-NOT-FOUND",
            f"{folder} holds no result of a run",
            hint="Name the folder given to `biomarker run -o`.",
        )
    rows = [
        {
            "case_id": s.result.case_id,
            "status": s.result.status.value,
            "n_measurements": len(s.result.measurements),
            "error_code": s.result.case["error_code"],
            "error_message": s.result.case["error_message"],
        }
        for s in stored
    ]
    if output_format == "json":
        print_json(rows)
        return
    table = plain_table("", ("case", "status", "measurements", "error"))
    for row in rows:
        error = " ".join(filter(None, (row["error_code"], row["error_message"])))
        table.add_row(row["case_id"], row["status"], str(row["n_measurements"]), error)
    console().print(table)
