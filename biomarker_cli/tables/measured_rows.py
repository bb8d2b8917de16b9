"""The measurements of a run, each with why it may not be taken together with others."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from biomarker_cli.model.flags import split_flags
from biomarker_cli.model.usability import DEFAULT_POLICY, USABLE_WORDS
from biomarker_cli.model.wording import counted, quoted
from biomarker_cli.tables.carried_sizes import REASON, CarriedFromElsewhere
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.reading import read_table
from biomarker_cli.tables.schema import MEASUREMENTS

if TYPE_CHECKING:
    import pandas as pd

LEFT_OUT = "left_out"
"""Column: why a row is not taken together with others; empty where it is."""

NO_VALUE, NOT_USABLE, CARRIED_SIZE = "no_value", "not_usable", "carried_size"
"""Words of that column. The size of a mask that another visit gave is none of this one."""

WHY = MappingProxyType(
    {
        NO_VALUE: "there is no value",
        NOT_USABLE: "the value is not usable",
        CARRIED_SIZE: REASON,
    }
)
"""For people."""


def why_left_out(usable: str, *, has_value: bool, is_carried_size: bool) -> str:
    """Return the word of `LEFT_OUT` of a row; empty where it may be taken."""
    if not has_value:
        return NO_VALUE
    if is_carried_size:
        return CARRIED_SIZE
    return NOT_USABLE if usable == "no" else ""


def read_measurements(folder: Path) -> pd.DataFrame:
    """Return ``measurements.csv`` of a run or a pool, with the column `LEFT_OUT`.

    Where a row does not say whether it is usable, as in tables of earlier versions, its
    status and flags are weighed as the product weighs them.

    Raises
    ------
    TableError
        As `read_table` does; ``TABLE-VALUE`` for a word of `usable`, or a flag, that there
        is not; ``TABLE-UNREADABLE`` where the registrations cannot be read.
    """
    frame = read_table(MEASUREMENTS, folder)
    path = folder / MEASUREMENTS.file_name
    told = (frame[name].tolist() for name in ("status", "flags", "usable"))
    frame["usable"] = [
        usable_word(path, line, *row) for line, row in enumerate(zip(*told, strict=True), start=2)
    ]
    elsewhere = CarriedFromElsewhere.of_run(folder)
    has_value = ((frame["status"] == "ok") & frame["value"].notna()).tolist()
    names = ("usable", "case_id", "flags", "feature_id")
    rows = zip(has_value, *(frame[name].tolist() for name in names), strict=True)
    frame[LEFT_OUT] = [
        why_left_out(usable, has_value=has, is_carried_size=elsewhere.has_size(*row))
        for has, usable, *row in rows
    ]
    return frame


def usable_word(path: Path, line: int, status: str, flags: str, usable: str) -> str:
    """Return what a row says of `usable`, or what its status and flags weigh where it does not.

    Raises
    ------
    TableError
        ``TABLE-VALUE`` for a word, or a flag, that there is not.
    """
    if usable in USABLE_WORDS:
        return usable
    where = f"{path}, line {line}"
    if usable:
        raise unknown_word(usable, where)
    try:
        return DEFAULT_POLICY.usable(status, split_flags(flags))
    except ValueError as error:
        raise TableError("TABLE-VALUE", str(error), where=where) from error


def unknown_word(found: str, where: str) -> TableError:
    """Return the error of a cell of `usable` that holds none of its words."""
    return TableError(
        "TABLE-VALUE", f"usable is {', '.join(USABLE_WORDS)}, found {quoted(found)}", where=where
    )


def left_out_words(words: pd.Series) -> str:
    """Return how many rows were left out and why, in one sentence; empty for none.

    Parameters
    ----------
    words : Series
        A column `LEFT_OUT`.
    """
    counts = {word: int((words == word).sum()) for word in WHY}
    n_left = sum(counts.values())
    if not n_left:
        return ""
    parts = (
        (NO_VALUE, "without a value"),
        (NOT_USABLE, "not usable"),
        (CARRIED_SIZE, "of the size of a mask that another visit gave"),
    )
    said = ", ".join(f"{counts[word]} {told}" for word, told in parts if counts[word])
    return f"left out: {n_left} of {counted(len(words), 'value')} ({said})"
