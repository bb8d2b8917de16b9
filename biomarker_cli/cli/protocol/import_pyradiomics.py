"""``biomarker protocol import-pyradiomics``: from a parameter file to an analysis protocol."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.new_files import write_new_file
from biomarker_cli.cli.output import print_product, say
from biomarker_cli.cli.strict_command import strict_command

_EPILOG = """\b
Examples:
  biomarker protocol import-pyradiomics params.yaml -o my-analysis.yaml
  biomarker extract radiomics --image ct/ --mask mask.nii.gz --analysis my-analysis.yaml
"""


@strict_command("import-pyradiomics", epilog=_EPILOG)
@click.argument("parameters", metavar="PARAMS.yaml", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write to this file, else to stdout."
)
def import_pyradiomics(parameters: Path, output: Path | None) -> None:
    """Write the analysis protocol that says what a pyradiomics parameter file says.

    A setting that cannot be carried over exactly is refused by name.
    """
    from datetime import UTC, datetime

    import yaml

    from biomarker_cli.model.errors import InputNotFoundError
    from biomarker_cli.radiomics.importing import import_pyradiomics as read_parameters

    if not parameters.is_file():
        raise InputNotFoundError("PATH-NOT-FOUND", f"no such file: {parameters}")
    content = read_parameters(parameters)
    for change in content["changelog"]:
        change["date"] = datetime.now(UTC).date().isoformat()
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    if output is None:
        print_product(text)
        return
    write_new_file(output, text)
    say(f"written: {output}", err=True)
