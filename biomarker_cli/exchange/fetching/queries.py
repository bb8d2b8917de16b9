"""Queries as people write them: a range of dates, and a table with one query in each row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

from biomarker_cli.exchange.fetching.errors import SourceError
from biomarker_cli.exchange.fetching.remote import Query
from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.tables.columns import csv_columns

_DATE = re.compile(r"\d{4}-?\d{2}-?\d{2}", re.ASCII)
_RANGE = ".."
_NO_DAY = "a date is no day written as 2024-01-15 or 20240115"
_TEXTS = ("patient_id", "study_uid", "series_uid", "modality")
COLUMNS = (*_TEXTS, "date")
"""Of a list; one of them at least, others are left alone."""

MOST_ROWS = 100_000


class AskedFor(NamedTuple):
    """A query and where it was written, for messages."""

    query: Query
    where: str = ""


def range_of_dates(text: str) -> tuple[str, str]:
    """Return the first and last date of ``2024-01-15``, ``FROM..TO``, ``FROM..`` or ``..TO``.

    Returns
    -------
    tuple of str
        YYYYMMDD; the same twice where there is one, empty where it is open.

    Raises
    ------
    SourceError
        ``FETCH-QUERY``.
    """
    if not text:
        return "", ""
    first, points, last = text.partition(_RANGE)
    if not points:
        return _day(first), _day(first)
    if not first and not last:
        raise _bad("the range of dates has no end at all")
    return (_day(first) if first else "", _day(last) if last else "")


def _day(text: str) -> str:
    # Python takes weeks as well.
    if not _DATE.fullmatch(text):
        raise _bad(_NO_DAY)
    try:
        return date.fromisoformat(text).strftime("%Y%m%d")
    except ValueError:
        raise _bad(_NO_DAY) from None


def read_queries(path: Path, common: Query) -> list[AskedFor]:
    """Return the query of each row of a table, each with what the command line asks of all.

    Parameters
    ----------
    path : Path
        CSV with some of `COLUMNS`.
    common : Query

    Raises
    ------
    SourceError
        ``FETCH-QUERY``, with the line.
    InputNotFoundError
        ``TABLE-NOT-FOUND``.
    TableError
        As `csv_columns` does.
    """
    if not path.is_file():
        raise InputNotFoundError(
            "TABLE-NOT-FOUND", f"there is no list {path}", hint="Check the path of --list."
        )
    columns = csv_columns(path).texts
    there = [name for name in COLUMNS if name in columns]
    if not there:
        raise _bad(f"the list has none of the columns {', '.join(COLUMNS)}", path.name)
    found: dict[Query, AskedFor] = {}
    n_rows = len(columns[there[0]])
    if n_rows > MOST_ROWS:
        raise _bad(f"the list has {n_rows} rows, at most {MOST_ROWS} are taken", path.name)
    for row in range(n_rows):
        where = f"{path.name}:{row + 2}"
        cells = {name: columns[name][row].strip() for name in there}
        query = _of_row(cells, common, where)
        found.setdefault(query, AskedFor(query, where))
    if not found:
        raise _bad("the list has no row", path.name)
    return list(found.values())


def _of_row(cells: Mapping[str, str], common: Query, where: str) -> Query:
    if not any(cells.values()):
        raise _bad("the row asks for nothing, which would match everything", where)
    try:
        first, last = range_of_dates(cells.get("date", ""))
        own = Query(
            **{name: cells.get(name, "") for name in _TEXTS}, first_date=first, last_date=last
        )
        return _both(own, common)
    except SourceError as error:
        raise SourceError(error.code, error.message, where=where, hint=error.hint) from error


def _both(own: Query, common: Query) -> Query:
    said = {}
    for one in fields(Query):
        mine, of_all = getattr(own, one.name), getattr(common, one.name)
        if mine and of_all and mine != of_all:
            raise _bad(f"the row and the command line ask for another {one.name.replace('_', ' ')}")
        said[one.name] = mine or of_all
    return replace(own, **said)


def _bad(what: str, where: str = "") -> SourceError:
    return SourceError(
        "FETCH-QUERY", what, where=where, hint="`biomarker fetch --help` shows examples."
    )
