"""The lines of lengths in a pool: those of the measurements that are kept."""

from __future__ import annotations

from collections.abc import Sequence

from biomarker_cli.multicentre.pooling.merging_rows import merged_blocks
from biomarker_cli.multicentre.pooling.parts import PoolPart
from biomarker_cli.tables.blocks import cells_of
from biomarker_cli.tables.schema import DIAMETERS

_N_KEY = len(DIAMETERS.key)


class KeptDiameters:
    """Lines of ``diameters.csv`` of all parts, asked for in the order of the cases.

    Parameters
    ----------
    parts : sequence of PoolPart
        Those that measured no size have none.
    """

    def __init__(self, parts: Sequence[PoolPart]) -> None:
        self._blocks = merged_blocks(parts, DIAMETERS)
        self._next = next(self._blocks, None)

    def of(self, key: tuple[str, ...], kept: Sequence[str]) -> list[str]:
        """Return the lines of a case whose measurement is kept.

        Parameters
        ----------
        key : tuple of str
            The case; behind those that were asked for before.
        kept : sequence of str
            Finished lines of its measurements.
        """
        while self._next is not None and self._next.key < key:
            self._next = next(self._blocks, None)
        if self._next is None or self._next.key != key:
            return []
        measured = {tuple(cells_of(line)[:_N_KEY]) for line in kept}
        return [line for line in self._next.lines if tuple(cells_of(line)[:_N_KEY]) in measured]
