"""Limits of an analysis: which of its measurements say that one is broken.

A feature whose name ends in ``_pass`` is 1 where a limit of its analysis holds and 0
where it does not; one that could not be judged has no value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

PASS_SUFFIX = "_pass"  # noqa: S105 - no password


def broken_limits(rows: Iterable[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Return the rows of ``measurements.csv`` that say that a limit is broken.

    Parameters
    ----------
    rows : iterable of mapping
        Column name to text.
    """
    return [row for row in rows if judged(row) is False]


def judged(row: Mapping[str, str]) -> bool | None:
    """Return what a row says of a limit; None where it is no such row, or could not judge."""
    if not row["feature_id"].endswith(PASS_SUFFIX) or row["status"] != "ok":
        return None
    return float(row["value"]) != 0.0
