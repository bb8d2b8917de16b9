"""Take rows up into the passports of a trial; what is there is never silently replaced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from biomarker_cli.model.wording import quoted
from biomarker_cli.tables.errors import PassportError
from biomarker_cli.tables.passport_row import PassportRow
from biomarker_cli.tables.passports import key_of, read_passports, write_passports


@dataclass(frozen=True)
class Taken:
    """What became of rows that were to be taken up.

    Attributes
    ----------
    added, replaced, known : tuple of PassportRow
    """

    added: tuple[PassportRow, ...]
    replaced: tuple[PassportRow, ...]
    known: tuple[PassportRow, ...]


def take_up(path: Path, rows: Iterable[PassportRow], *, overwrite: bool = False) -> Taken:
    """Add rows to a file of passports, which is made where there is none.

    Parameters
    ----------
    path : Path
    rows : iterable of PassportRow
    overwrite : bool
        Replace rows that say another thing of the same test.

    Raises
    ------
    PassportError
        ``PASSPORT-CONFLICT`` where a row is there with another content; nothing is
        written then. ``PASSPORT-INVALID`` where the file is no passports.
    """
    book = {key_of(row): row for row in read_passports(path)} if path.exists() else {}
    added: list[PassportRow] = []
    replaced: list[PassportRow] = []
    known: list[PassportRow] = []
    for row in rows:
        own = book.get(key_of(row))
        if own is not None and _same(own, row):
            known.append(row)
            continue
        if own is not None and not overwrite:
            raise PassportError(
                "PASSPORT-CONFLICT",
                f"{quoted(row.quantity)} of {row.test}, site {quoted(row.site_id)}, {row.date}, "
                f"is there as {own.value} ({own.outcome}), and would be {row.value} "
                f"({row.outcome})",
                where=str(path),
                hint="Correct date or device, or say --overwrite.",
            )
        (added if own is None else replaced).append(row)
        book[key_of(row)] = row
    if added or replaced:
        write_passports(path, book.values())
    return Taken(tuple(added), tuple(replaced), tuple(known))


def _same(one: PassportRow, other: PassportRow) -> bool:
    """Tell whether two rows say the same; where they were read from does not count."""
    return replace(one, source="", source_sha256="") == replace(other, source="", source_sha256="")
