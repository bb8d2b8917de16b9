"""What a parameter is called at the console of a scanner, from a table that says by which document.

The conformance statements of the vendors tell which element holds what; which words
stand at the console differs between releases. So none is built in: a name that no
document of the site's own scanner gives would be a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.acquisition.handed_in import HandedIn
from biomarker_cli.acquisition.rules import unit_of_fact

MANUFACTURERS: Mapping[str, tuple[str, ...]] = {
    "siemens": ("SIEMENS",),
    "ge": ("GE MEDICAL SYSTEMS",),
    "philips": ("PHILIPS",),
    "canon": ("CANON_MEC", "TOSHIBA_MEC"),
}
"""Vendor -> what Manufacturer begins with in the headers of its scanners."""

CONSOLE_COLUMNS = ("vendor", "fact", "name", "source")
"""Columns of the table."""

_TABLE = HandedIn(
    "CONSOLE-NAMES-INVALID",
    CONSOLE_COLUMNS,
    required=CONSOLE_COLUMNS,
    hint=f"The columns are {', '.join(CONSOLE_COLUMNS)}; docs/acquisition.md has an example.",
)


@dataclass(frozen=True, slots=True)
class ConsoleName:
    """One name.

    Attributes
    ----------
    name : str
        As the console shows it.
    source : str
        The document that says so: conformance statement or manual, with its edition.
    """

    name: str
    source: str


def load_console_names(path: Path, vendor: str) -> dict[str, ConsoleName]:
    """Return the names of the facts at the consoles of a vendor.

    Parameters
    ----------
    path : Path
    vendor : str
        One of `MANUFACTURERS`.

    Raises
    ------
    ProtocolError
        ``CONSOLE-NAMES-INVALID``, with the line: a vendor or a fact that there is
        not, a name without its source, a fact that has two names.
    """
    found: dict[tuple[str, str], ConsoleName] = {}
    for where, cells in _TABLE.rows(path):
        if cells["vendor"] not in MANUFACTURERS:
            known = ", ".join(MANUFACTURERS)
            raise _TABLE.invalid(f"vendor is none of {known}", where)
        try:
            unit_of_fact(cells["fact"])
        except ValueError as error:
            raise _TABLE.invalid(str(error), where) from error
        key = cells["vendor"], cells["fact"]
        if key in found:
            raise _TABLE.invalid(f"{key[1]} has two names at one console", where)
        found[key] = ConsoleName(cells["name"], cells["source"])
    return {fact: name for (maker, fact), name in found.items() if maker == vendor}
