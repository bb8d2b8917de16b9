"""``biomarker export sdtm``: response tables in the shape of SDTM."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from biomarker_cli.cli.new_files import require_free
from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.response.ledger import LedgerRow

_EPILOG = """\b
Examples:
  biomarker export sdtm response --study TRIAL1 -o sdtm
  biomarker export sdtm response --study TRIAL1 --criterion recist-1.1 \\
      --ledger lesions.csv --evaluator "INDEPENDENT ASSESSOR" -o sdtm
"""


@strict_command(epilog=_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--study", metavar="ID", required=True, help="STUDYID, up to 20 characters.")
@click.option(
    "--criterion", metavar="ID[@V]", default="", help="Whose rows, where there are several."
)
@click.option(
    "--ledger",
    "ledgers",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Ledger that was judged: its non-target lesions get rows. Repeat it.",
)
@click.option("--evaluator", metavar="WORD", default="", help="What --EVAL holds.")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for the files.",
)
@click.option("--overwrite", is_flag=True, help="Replace earlier files in that folder.")
@format_option
def sdtm(
    folder: Path, output: Path, ledgers: tuple[Path, ...], output_format: str, **given: str
) -> None:
    """Write TU, TR and RS of a folder that `biomarker response` wrote, as CSV.

    columns.csv says what each variable holds, and to_add.txt what a sponsor must add:
    dates and evaluators among others are not in our tables.
    """
    from biomarker_cli.response.sdtm import SdtmTerms, sdtm_rows, write_sdtm

    require_free(output, "tu.csv", overwrite=bool(given.pop("overwrite")))
    rows = sdtm_rows(folder, SdtmTerms(**given), _ledger(ledgers))
    write_sdtm(rows, output)
    counts = {table.name: len(found) for table, found in rows.items()}
    if output_format == "json":
        print_json([{"table": name, "rows": n} for name, n in counts.items()])
        return
    for name, n in counts.items():
        say(f"{name}: {counted(n, 'row')}")
    say(f"written: {output}", err=True)


def _ledger(paths: tuple[Path, ...]) -> list[LedgerRow]:
    from biomarker_cli.response.ledger import read_ledger, typed_row

    # Of several ledgers each is named after its file, as `response` names them.
    readers = [path.stem if len(paths) > 1 else "" for path in paths]
    return [
        typed_row(cells)
        for path, reader in zip(paths, readers, strict=True)
        for cells in read_ledger(path, reader)
    ]
