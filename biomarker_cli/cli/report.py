"""``biomarker report``: a run as HTML that a person looks at."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.new_files import require_free, require_new_file
from biomarker_cli.cli.options import format_option, quiet_option
from biomarker_cli.cli.output import note, print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

_EPILOG = """\b
Examples:
  biomarker report results
  biomarker report results --split -o pages
  biomarker report results --methods
  biomarker report results --identity keep -o internal.html --overwrite

DIR is a folder that `biomarker run -o` or `biomarker pool -o` wrote. Pictures are
those that the run kept (`keep: [pictures]` in the study, or `run --report`).
"""


@strict_command(epilog=_EPILOG, excludes={"--methods": ("--split", "--identity")})
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--split", is_flag=True, help="A folder with a page per case, not one file.")
@click.option(
    "--methods",
    is_flag=True,
    help="A paragraph for a methods section and the items of METRICS and CLEAR, no report.",
)
@click.option(
    "--identity",
    type=click.Choice(["study", "keep"]),
    default="study",
    show_default=True,
    help="study: no UIDs, stations or serials, dates as days; keep: as in the tables.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File to write [default: report.html in DIR; with --split the folder report, "
    "with --methods the folder methods].",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier report.")
@quiet_option
@format_option
def report(
    folder: Path, output: Path | None, identity: str, output_format: str, **switches: bool
) -> None:
    """Write a report of a run: counts, rules, values by site, and each case with pictures.

    One HTML file that loads nothing from anywhere and opens from a mail. What is
    shown stands in the tables; one that was edited is refused.
    """
    from biomarker_cli.report.making import (
        INDEX_PAGE,
        REPORT_FILE,
        REPORT_FOLDER,
        ReportOrder,
        write_report,
    )

    if switches["methods"]:
        _methods(folder, output, output_format, overwrite=switches["overwrite"])
        return
    split = switches["split"]
    path = output or folder / (REPORT_FOLDER if split else REPORT_FILE)
    first = path / INDEX_PAGE if split else path
    if not switches["overwrite"]:
        require_new_file(first)
    n_cases, n_bytes = write_report(folder, path, ReportOrder(identity, split))
    if output_format == "json":
        print_json({"file": str(first), "cases": n_cases, "bytes": n_bytes, "identity": identity})
        return
    say(f"{counted(n_cases, 'case')}, {n_bytes / 1e6:.2f} MB")
    note(f"written: {first}")


def _methods(folder: Path, output: Path | None, output_format: str, *, overwrite: bool) -> None:
    from biomarker_cli.report.methods_files import METHODS_FILE, METHODS_FOLDER, write_methods

    path = output or folder / METHODS_FOLDER
    require_free(path, METHODS_FILE, overwrite=overwrite)
    n_said, n_items = write_methods(folder, path)
    if output_format == "json":
        print_json({"folder": str(path), "items": n_items, "with_sentence": n_said})
        return
    say(f"{n_said} of {n_items} items of METRICS and CLEAR have a sentence")
    note(f"written: {path / METHODS_FILE}, checklists.csv")
