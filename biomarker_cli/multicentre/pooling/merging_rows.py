"""Rows that several parts have in common: wide checks, features, and the cases in order."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from biomarker_cli.multicentre.pooling.parts import PoolPart
from biomarker_cli.multicentre.pooling.scanning import PartScan
from biomarker_cli.multicentre.pooling.unlike import LeftOut
from biomarker_cli.tables.blocks import LineBlock, cells_of, line_blocks
from biomarker_cli.tables.cells import unescape_cell
from biomarker_cli.tables.dictionary import joined_rows
from biomarker_cli.tables.schema import CHECKS, EXCLUSIONS, Table
from biomarker_cli.tables.writing import table_lines

_WORST_FIRST = ("fail", "not_evaluable", "missing_series", "waived", "pass", "not_applicable")


class PartBlock(NamedTuple):
    """Lines of one case, and the place of the part that they are of."""

    key: tuple[str, ...]
    place: int
    lines: list[str]


def merged_blocks(parts: Sequence[PoolPart], table: Table, n_lead: int = 1) -> Iterator[PartBlock]:
    """Yield the blocks of a table of all parts, in the order of their keys.

    One block of each part is in memory.

    Parameters
    ----------
    parts : sequence of PoolPart
        One that has no such table is passed over.
    table : Table
    n_lead : int
        Cells that lead a block.

    Raises
    ------
    TableError
        As `line_blocks`.
    """
    streams = [
        _of_part(line_blocks(part.tables[table.name], n_lead), place)
        for place, part in enumerate(parts)
        if table.name in part.tables
    ]
    yield from heapq.merge(*streams, key=lambda block: block[:2])


def _of_part(blocks: Iterable[LineBlock], place: int) -> Iterator[PartBlock]:
    for block in blocks:
        yield PartBlock(block.key, place, block.lines)


def joined_checks(blocks: Sequence[PartBlock]) -> str:
    """Return lines of checks above series, one row for each rule.

    Each part judged a rule on what it holds. Rows that agree stand once; where they do
    not, the worst outcome holds, and what was observed is listed.

    Parameters
    ----------
    blocks : sequence of PartBlock
        Of one scope, without a case.
    """
    rows: dict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
    for block in blocks:
        for line in block.lines:
            row = _row(line, CHECKS)
            rows[tuple(row[name] for name in CHECKS.key)].append(row)
    return table_lines(CHECKS, [_joined_check(alike) for alike in rows.values()])


def _joined_check(alike: Sequence[dict[str, str]]) -> dict[str, str]:
    worst = min(alike, key=lambda row: (_rank(row["outcome"]), row["observed"]))
    joined = dict(worst)
    for column in ("observed", "tags"):
        joined[column] = " | ".join(sorted({row[column] for row in alike if row[column]}))
    return joined


def _rank(outcome: str) -> int:
    return _WORST_FIRST.index(outcome) if outcome in _WORST_FIRST else -1


def _row(line: str, table: Table) -> dict[str, str]:
    return dict(zip(table.column_names, map(unescape_cell, cells_of(line)), strict=True))


def joined_features(
    parts: Sequence[PoolPart], scans: Sequence[PartScan], left: Sequence[LeftOut]
) -> list[dict[str, str]]:
    """Return one row for each analysis and feature of which a part may have rows in the pool."""
    rows: dict[tuple[str, str], list[Mapping[str, str]]] = defaultdict(list)
    for part, scan, out in zip(parts, scans, left, strict=True):
        for row in part.features:
            analysis, feature = row["analysis_id"], row["feature_id"]
            if not _is_left_out(analysis, feature, scan, out):
                rows[analysis, feature].append(row)
    return [joined_rows(alike) for alike in rows.values()]


def _is_left_out(analysis: str, feature: str, scan: PartScan, out: LeftOut) -> bool:
    if analysis in out.analyses or (analysis, feature) in out.features:
        return True
    roles = [role for role, units in scan.units.items() if (analysis, feature) in units]
    return bool(roles) and all((role, analysis, feature) in out.units for role in roles)


def joined_exclusions(blocks: Sequence[PartBlock]) -> str:
    """Return the lines of one case that are left out, now or by an earlier pool."""
    lines = blocks[0].lines if len(blocks) == 1 else sorted_by_key(blocks, EXCLUSIONS)
    return "\n".join(lines) + "\n"


def sorted_by_key(blocks: Sequence[PartBlock], table: Table) -> list[str]:
    """Return the lines of several blocks of one case in the order of a table."""
    places = [table.column_names.index(name) for name in table.key]

    def key_of(line: str) -> list[str]:
        cells = [unescape_cell(cell) for cell in cells_of(line)]
        return [cells[place] for place in places]

    return sorted((line for block in blocks for line in block.lines), key=key_of)
