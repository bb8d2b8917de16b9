"""``biomarker init``: start a study from a folder of DICOM."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.output import progress, say
from biomarker_cli.model.wording import counted

_EPILOG = """\b
Examples:
  biomarker init /data/trial
  biomarker run /data/trial/study.yaml -o results
"""


@click.command(epilog=_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def init(folder: Path) -> None:
    """Write study.yaml and cases.csv for the DICOM series below DIR.

    Subjects get identifiers (S0001 ...); the link to PatientID goes to
    subject_link.csv, which git is told to ignore. Correct the proposal, above
    all site_id and mask, before you run it.
    """
    from biomarker_cli.study.initialise import initialise_study

    with progress("reading headers", "files") as advance:
        report = initialise_study(folder, advance)
    subjects, cases = counted(report.n_subjects, "subject"), counted(report.n_cases, "case")
    say(f"{subjects}, {cases} in {folder / 'cases.csv'}")
    if report.n_without_mask:
        without = counted(report.n_without_mask, "case has", "cases have")
        say(f"{without} no segmentation yet: fill the mask column")
    for line in report.doubtful:
        say(f"look at this: {line}")
    for line in report.undecided:
        say(f"several segmentations fit, choose one: {line}")
    for line in report.left_out:
        say(f"left out: {line}")
    say(f"next: biomarker run {folder / 'study.yaml'} --dry-run")
