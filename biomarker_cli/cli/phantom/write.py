"""``biomarker phantom write``: DICOM objects with analytic truth, and the sheet to fill in."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.output import say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

KIND_NAMES = ("suv", "adc", "t1", "ct-texture", "rtstruct", "seg")

_EPILOG = """\b
Examples:
  biomarker phantom write suv -o phantom_suv
  biomarker phantom write suv --dialect siemens -o phantom_suv_siemens
  biomarker phantom write rtstruct -o phantom_rtstruct

\b
Dialects (the first is written without --dialect):
  suv  generic siemens ge philips philips-counts philips-activity gml admin
       uncorrected
  adc  standard ge siemens philips uih toshiba canon-comment siemens-mosaic
       uih-grid
  t1   standard ge philips

The folder holds image/, the regions as a structure set or segmentation, and
sheet.csv. Measure the regions with the program, fill in the column `value`, and
give the sheet to `biomarker phantom judge`.
"""


@strict_command(epilog=_EPILOG)
@click.argument("kind", type=click.Choice(KIND_NAMES))
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="A new folder."
)
@click.option("--dialect", default="", metavar="NAME", help="How a vendor writes the series.")
def write(kind: str, output: Path, dialect: str) -> None:
    """Write the objects of a phantom and the sheet to fill in.

    The truth is in none of the files. The same phantom has the same bytes on
    every day.
    """
    from biomarker_cli.model.errors import ConfigurationError
    from biomarker_cli.multicentre.phantoms.kinds import phantom_of
    from biomarker_cli.multicentre.phantoms.writing import write_phantom

    phantom = phantom_of(kind, dialect)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ConfigurationError(
            "OUTPUT-EXISTS", f"{output} is no empty folder", hint="Choose another folder."
        )
    paths = write_phantom(phantom, output)
    say(f"written: {phantom.ident}, {counted(len(paths), 'file')} in {output}")
    say(f"  next   measure the regions, fill in {output / 'sheet.csv'}, then")
    say(f"         biomarker phantom judge {output / 'sheet.csv'}")
