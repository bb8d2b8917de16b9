"""``biomarker import sr``: measurements of DICOM structured reports."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.new_files import require_new_file
from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import print_json, say, say_next_steps
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.model.wording import counted

_EPILOG = """\b
Examples:
  biomarker import sr report.dcm -o theirs.csv
  biomarker import sr objects/*sr.dcm -o measurements.csv
  biomarker compare results measurements.csv --allow-missing

Exit codes: 5 where a report could not be used, 6 where none could.
"""


@strict_command(epilog=_EPILOG)
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "-o",
    "--output",
    metavar="FILE.csv",
    type=click.Path(path_type=Path),
    required=True,
    help="Table to write.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier table.")
@format_option
@click.pass_context
def sr(
    context: click.Context,
    /,
    files: tuple[Path, ...],
    output: Path,
    output_format: str,
    **switches: bool,
) -> None:
    """Read the measurement groups of reports (TID 1500) into one table.

    Reports of this program give back the case, analysis, feature and flags of each
    number. Those of others (dcmqi, pyradiomics-dcm and more) are named by their codes,
    and usable under caution: a report does not say how an image was acquired.
    """
    from biomarker_cli.exchange.importing.imported_table import import_reports, write_imported
    from biomarker_cli.model.errors import ConfigurationError

    if output.suffix.lower() != ".csv":
        raise ConfigurationError(
            "OUTPUT-FORMAT", f"expected a name that ends in .csv, found {output.name}"
        )
    if not switches["overwrite"]:
        require_new_file(output)
    imported = import_reports(files)
    if imported.n_reports:
        write_imported(imported, output)
    n_without = sum(row["value"] is None for row in imported.rows)
    if output_format == "json":
        print_json(
            {
                "file": str(output) if imported.n_reports else "",
                "reports": imported.n_reports,
                "rows": len(imported.rows),
                "without_value": n_without,
                "refused": [
                    {"file": str(path), "code": error.code, "message": error.message}
                    for path, error in imported.refused
                ],
            }
        )
    else:
        rows = counted(len(imported.rows), "row")
        say(f"{rows} of {counted(imported.n_reports, 'report')}, {n_without} without a value")
    for path, error in imported.refused:
        say(f"{path}: {error.code} {error.message}", err=True)
    say_next_steps(error for _, error in imported.refused)
    if imported.n_reports:
        say(f"written: {output}", err=True)
    context.exit(_exit_code(imported.n_reports, len(imported.refused)))


def _exit_code(n_reports: int, n_refused: int) -> ExitCode:
    if not n_refused:
        return ExitCode.DONE
    return ExitCode.PARTIAL if n_reports else ExitCode.FAILED
