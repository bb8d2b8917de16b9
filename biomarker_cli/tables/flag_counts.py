"""The flags of a run or a pool, counted: the rows of ``flags.csv``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from biomarker_cli.model.flags import FLAGS
from biomarker_cli.tables.rows import FlagRow
from biomarker_cli.tables.schema import FACTS, MEASUREMENTS, ROIS

FlagCounts = Mapping[str, Mapping[str, int]]
"""Table name -> flag -> its rows that carry it."""


class RunFlags:
    """The flags of a run, added up case by case."""

    def __init__(self) -> None:
        self._counts = {table.name: Counter[str]() for table in (MEASUREMENTS, ROIS, FACTS)}

    def add(self, counts: FlagCounts) -> None:
        """Add the flags of a result."""
        for name, of in counts.items():
            self._counts[name].update(of)

    def rows(self, severity_of: Callable[[str], str]) -> Iterator[FlagRow]:
        """Yield the rows of ``flags.csv``, sorted.

        Parameters
        ----------
        severity_of : callable
            What a flag weighs, by a policy.
        """
        counts = self._counts
        for flag in sorted(set().union(*counts.values())):
            yield FlagRow(
                flag=flag,
                severity=severity_of(flag),
                meaning=FLAGS[flag.partition(":")[0]],
                n_measurements=counts[MEASUREMENTS.name][flag],
                n_rois=counts[ROIS.name][flag],
                n_facts=counts[FACTS.name][flag],
            )
