"""Flags of a result that is stored: counted, added to, and weighed by the policy of a study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from biomarker_cli.model.flags import FLAGS, join_flags, split_flags
from biomarker_cli.model.usability import DEFAULT_POLICY, UsablePolicy
from biomarker_cli.tables.reading import parse_lines
from biomarker_cli.tables.rows import FlagRow
from biomarker_cli.tables.schema import FACTS, MEASUREMENTS, ROIS
from biomarker_cli.tables.writing import table_lines

FlagCounts = Mapping[str, Mapping[str, int]]
"""Table name -> flag -> its rows that carry it."""


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


class RunFlags:
    """The flags of a run, added up case by case."""

    def __init__(self) -> None:
        self._counts = {table.name: Counter[str]() for table in (MEASUREMENTS, ROIS, FACTS)}

    def add(self, counts: FlagCounts) -> None:
        """Add the flags of a result."""
        for name, of in counts.items():
            self._counts[name].update(of)

    def rows(self, policy: UsablePolicy) -> Iterator[FlagRow]:
        """Yield the rows of ``flags.csv``, sorted, with what each flag weighs by a policy."""
        counts = self._counts
        for flag in sorted(set().union(*counts.values())):
            yield FlagRow(
                flag=flag,
                severity=policy.severity_of(flag),
                meaning=FLAGS[flag.partition(":")[0]],
                n_measurements=counts[MEASUREMENTS.name][flag],
                n_rois=counts[ROIS.name][flag],
                n_facts=counts[FACTS.name][flag],
            )
