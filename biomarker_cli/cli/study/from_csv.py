"""``biomarker study from-csv``: a study of a batch file of pyradiomics."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.output import say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

_EPILOG = """\b
Examples:
  biomarker study from-csv batch.csv --quantity hu -o trial
  biomarker study from-csv batch.csv --quantity signal --param params.yaml \\
      --subject Patient -o trial
  biomarker run trial/study.yaml -o results
"""


@strict_command("from-csv", epilog=_EPILOG)
@click.argument("batch", metavar="BATCH.csv", type=click.Path(path_type=Path))
@click.option(
    "--quantity",
    type=click.Choice(["hu", "suvbw", "adc", "signal"]),
    required=True,
    help="What the numbers of the images mean.",
)
@click.option(
    "--param",
    "parameters",
    metavar="PARAMS.yaml",
    type=click.Path(path_type=Path),
    help="Parameter file of pyradiomics, carried over [default: pyradiomics-default].",
)
@click.option("--subject", default="", metavar="COLUMN", help="Column that names the subject.")
@click.option("--timepoint", default="", metavar="COLUMN", help="Column that names the visit.")
@click.option("--site", default="", metavar="COLUMN", help="Column that names the centre.")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder of the study."
)
def from_csv(
    batch: Path, quantity: str, parameters: Path | None, output: Path, **columns: str
) -> None:
    """Write study.yaml and cases.csv for a batch file with the columns Image and Mask.

    Each image is a subject of its own unless a column says who it is. Further
    columns are kept in batch_columns.csv; they set nothing.
    """
    from biomarker_cli.model.errors import InputNotFoundError
    from biomarker_cli.study.from_batch import FURTHER_FILE, Batch, study_of_batch

    for path in (batch, parameters):
        if path is not None and not path.is_file():
            raise InputNotFoundError("PATH-NOT-FOUND", f"no such file: {path}")
    ours = {"subject": "subject_id", "timepoint": "timepoint", "site": "site_id"}
    told = {ours[name]: column for name, column in columns.items() if column}
    report = study_of_batch(Batch(batch, quantity, parameters, told), output)
    say(
        f"{counted(report.n_subjects, 'subject')}, {counted(report.n_cases, 'case')} "
        f"in {output / 'cases.csv'}"
    )
    if report.further:
        say(f"kept in {output / FURTHER_FILE}: {', '.join(report.further)}")
    say(f"next: biomarker run {output / 'study.yaml'} --dry-run")
