"""PassportRow: one thing that was measured of a site, and on which day."""

# Without the future import the annotations are objects: the schema reads them.
from dataclasses import dataclass
from typing import Annotated

from biomarker_cli.tables.rows import about


@dataclass(frozen=True, kw_only=True)
class PassportRow:
    """A row of ``passports.csv``."""

    site_id: Annotated[str, about("centre, as the study names it")]
    test: Annotated[
        str, about("what was done: verify, program, pet_phantom, dwi_phantom, repeatability ...")
    ]
    device: Annotated[str, about("scanner or program that was tested, without its user")] = ""
    date: Annotated[str, about("day of measuring, YYYY-MM-DD")]
    quantity: Annotated[str, about("what was measured")]
    value: Annotated[float | None, about("the number; empty where there is none")] = None
    unit: Annotated[str, about("UCUM code")] = ""
    outcome: Annotated[
        str,
        about(
            "whether it is within its limit; recorded where it has none", "pass", "fail", "recorded"
        ),
    ]
    source: Annotated[str, about("name of the file or folder that it is from")] = ""
    source_sha256: Annotated[str, about("digest of that file, or of the table of the folder")] = ""
