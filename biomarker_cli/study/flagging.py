"""Flags of a result that is stored: counted, added to, and weighed by the policy of a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from biomarker_cli.model.flags import join_flags, split_flags
from biomarker_cli.model.usability import DEFAULT_POLICY, UsablePolicy
from biomarker_cli.tables.reading import parse_lines
from biomarker_cli.tables.schema import MEASUREMENTS
from biomarker_cli.tables.writing import table_lines


def counted_flags(rows: Mapping[str, Iterable[Any]]) -> dict[str, dict[str, int]]:
    """Return how many rows of each table carry each flag.

    Parameters
    ----------
    rows : mapping
        Table name -> rows that have a set of `flags`.
    """
    counts = {name: Counter(flag for row in of for flag in row.flags) for name, of in rows.items()}
    return {name: dict(sorted(of.items())) for name, of in counts.items()}


def with_flags(lines: str, flags: frozenset[str]) -> tuple[str, dict[str, int]]:
    """Return lines of ``measurements.csv`` with further flags on each, and all flags counted.

    The column `usable` follows by the rule of the product.
    """
    rows = parse_lines(MEASUREMENTS, lines)
    for row in rows:
        row["flags"] = join_flags(flags | split_flags(row["flags"]))
    return _weighed(rows, DEFAULT_POLICY), flags_in(rows)


def flags_in(rows: Iterable[Mapping[str, str]]) -> dict[str, int]:
    """Return how many rows of finished lines carry each flag."""
    counts = Counter(flag for row in rows for flag in split_flags(row["flags"]))
    return dict(sorted(counts.items()))


def weighed_lines(lines: str, policy: UsablePolicy) -> str:
    """Return lines of ``measurements.csv`` with the column `usable` by a policy."""
    return _weighed(parse_lines(MEASUREMENTS, lines), policy)


def _weighed(rows: Sequence[dict[str, str]], policy: UsablePolicy) -> str:
    for row in rows:
        row["usable"] = policy.usable(row["status"], split_flags(row["flags"]))
    return table_lines(MEASUREMENTS, rows)
