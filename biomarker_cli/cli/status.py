"""``biomarker status``: how far a run has come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, print_json
from biomarker_cli.cli.strict_command import strict_command

if TYPE_CHECKING:
    from biomarker_cli.study.store import ListedCase

_EPILOG = """\b
Examples:
  biomarker status results
  biomarker status results --format json
"""


@strict_command(epilog=_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@format_option
def status(folder: Path, output_format: str) -> None:
    """Tell what became of each case of a run in DIR; `pending` is one that was not reached yet."""
    from biomarker_cli.model.errors import InputNotFoundError
    from biomarker_cli.study.store import ResultStore

    rows = [_row(case) for case in ResultStore(folder).listed()]
    if not rows:
        raise InputNotFoundError(
            "RUN-NOT-FOUND",
            f"{folder} holds no result of a run",
            hint="Name the folder given to `biomarker run -o`.",
        )
    if output_format == "json":
        print_json(rows)
        return
    table = Listing("", ("case", "status", "measurements", "error"))
    for row in rows:
        error = " ".join(filter(None, (row["error_code"], row["error_message"])))
        table.add_row(row["case_id"], row["status"], str(row["n_measurements"]), error)
    table.print()


def _row(case: ListedCase) -> dict[str, Any]:
    row: dict[str, Any] = {
        "case_id": case.case_id,
        "status": "pending",
        "n_measurements": 0,
        "error_code": "",
        "error_message": "",
    }
    if case.refusal is not None:
        code, message = case.refusal
        return row | {"status": "failed", "error_code": code, "error_message": message}
    if case.result is None:
        return row
    head = case.result.head
    return row | {
        "status": head.status,
        "n_measurements": head.n_ok + head.n_without,
        "error_code": head.error_code,
        "error_message": head.error_message,
    }
