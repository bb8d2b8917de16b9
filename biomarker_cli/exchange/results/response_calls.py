"""The calls of response assessment that leave in a report beside the numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.exchange.errors import ExchangeError
from biomarker_cli.tables.packaged import read_package, required_table

_TABLE = "response"
_COLUMNS = ("criterion", "subject_id", "reader", "timepoint", "overall")


@dataclass(frozen=True)
class ResponseCall:
    """What a criterion calls a visit of a subject.

    Attributes
    ----------
    criterion : str
        ``id@version``.
    reader : str
        Empty where one read.
    overall : str
        Call of the visit, as the criterion words it.
    """

    criterion: str
    reader: str
    overall: str


Calls = Mapping[tuple[str, str], tuple[ResponseCall, ...]]
"""Calls by subject and timepoint."""


def read_calls(folder: Path, subjects: frozenset[str]) -> Calls:
    """Return the calls of a folder that `biomarker response` wrote, as it wrote them.

    Parameters
    ----------
    folder : Path
    subjects : frozenset of str
        Those of the run that is handed out.

    Raises
    ------
    TableError
        Of a folder that is none, or a table that was edited.
    ExchangeError
        ``EXPORT-OTHER-RESPONSE`` where it is of no subject of the run.
    """
    hint = "Name the folder that `biomarker response -o` wrote."
    table = required_table(read_package(folder), _TABLE, *_COLUMNS, hint=hint)
    rows = list(table.named_rows())
    if not subjects & {row["subject_id"] for row in rows}:
        raise ExchangeError(
            "EXPORT-OTHER-RESPONSE",
            "the response is of no subject of the run",
            where=str(folder),
            hint="Name the folder that `biomarker response` wrote of this run.",
        )
    found: dict[tuple[str, str], list[ResponseCall]] = defaultdict(list)
    for row in rows:
        if row["overall"]:
            call = ResponseCall(row["criterion"], row["reader"], row["overall"])
            found[row["subject_id"], row["timepoint"]].append(call)
    return {visit: tuple(calls) for visit, calls in found.items()}
