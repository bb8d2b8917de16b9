"""``biomarker init``: start a study from a folder of DICOM."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from biomarker_cli.cli.options import quiet_option
from biomarker_cli.cli.output import note, progress, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.study.initialise import InitReport

_EPILOG = """\b
Examples:
  biomarker init /archive/trial -o trial
  biomarker init /archive/trial -o trial --site-from '{site}/*'
  biomarker init /archive/trial -o trial --update
  biomarker run trial/study.yaml -o results
"""


@strict_command(epilog=_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder of the study; nothing is written to DIR. Without it, DIR itself.",
)
@click.option(
    "--site-from",
    default="",
    metavar="PATTERN|TAG",
    help="Where the site stands: folders such as '{site}/*', or a DICOM keyword or tag.",
)
@click.option(
    "--update", is_flag=True, help="Add new examinations to a study; what stands there stays."
)
@quiet_option
def init(folder: Path, output: Path | None, site_from: str, *, update: bool) -> None:
    """Write study.yaml and cases.csv for the DICOM series below DIR.

    Subjects get identifiers (S0001 ...); the link to PatientID goes to
    subject_link.csv, which git is told to ignore. Correct the proposal, above
    all site_id and mask, before you run it. Of two copies of a series the first
    in the order of their paths is taken, and both are named.
    """
    from biomarker_cli.study.initialise import initialise_study
    from biomarker_cli.study.updating import update_study

    if output is None and not update:
        note(f"the study is written beside the data, to {folder}: -o names another folder")
    work = update_study if update else initialise_study
    with progress("reading headers", "files") as advance:
        report = work(folder, advance, output=output, site_from=site_from)
    _print(report, output or folder, update=update)


def _print(report: InitReport, folder: Path, *, update: bool) -> None:
    new = "new " if update else ""
    subjects = counted(report.n_subjects, f"{new}subject")
    cases = counted(report.n_cases, f"{new}case")
    say(f"{subjects}, {cases} in {folder / 'cases.csv'}")
    if report.n_without_mask:
        without = counted(report.n_without_mask, "case has", "cases have")
        say(f"{without} no segmentation yet: fill the mask column")
    remarks = report.remarks
    for line in remarks.doubtful:
        say(f"look at this: {line}")
    for line in remarks.copies:
        say(f"copies: {line}")
    for line in remarks.undecided:
        say(f"several segmentations fit, choose one: {line}")
    for line in remarks.waiting:
        say(f"a segmentation has come: {line}")
    for line in remarks.left_out:
        say(f"left out: {line}")
    say(f"next: biomarker run {folder / 'study.yaml'} --dry-run")
