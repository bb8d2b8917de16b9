"""A first look at the measurements of a part: units, order, and what was measured of what."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import methodcaller

from biomarker_cli.model.usability import USABLE_WORDS
from biomarker_cli.model.wording import quoted
from biomarker_cli.multicentre.pooling.parts import PoolPart
from biomarker_cli.tables.blocks import LineBlock, cells_of, line_blocks
from biomarker_cli.tables.cells import unescape_cell
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.packaged import PackagedTable
from biomarker_cli.tables.schema import MEASUREMENTS

_N_COLUMNS = len(MEASUREMENTS.columns)
_RANKED = frozenset(USABLE_WORDS)


@dataclass
class PartScan:
    """What the measurements of a part say, without their numbers.

    Attributes
    ----------
    units : dict
        Role -> analysis and feature -> the first unit that a row has; empty for none.
    further_units : dict
        Role, analysis and feature -> other units.
    measured : set of tuple
        Role, ROI and analysis that rows speak of.
    n_rows : int
    """

    units: dict[str, dict[tuple[str, str], str]] = field(default_factory=dict)
    further_units: dict[tuple[str, str, str], set[str]] = field(default_factory=dict)
    measured: set[tuple[str, str, str]] = field(default_factory=set)
    n_rows: int = 0

    def units_of(self, role: str, analysis: str, feature: str) -> tuple[str, ...]:
        """Return the units that a feature has, sorted."""
        first = self.units.get(role, {}).get((analysis, feature), "")
        others = self.further_units.get((role, analysis, feature), ())
        return tuple(sorted(filter(None, {first, *others})))


def scan_measurements(part: PoolPart) -> PartScan:
    """Read the measurements of a part once.

    Raises
    ------
    TableError
        As `line_blocks`, and ``TABLE-VALUE`` for a row that a run cannot have written.
    """
    table = part.tables[MEASUREMENTS.name]
    try:
        return _scanned(part, table)
    except TableError:
        # A fault of a file that was edited is the edit.
        table.require_unchanged()
        raise


def _scanned(part: PoolPart, table: PackagedTable) -> PartScan:
    features = {(row["analysis_id"], row["feature_id"]) for row in part.features}
    scan = PartScan()
    for block in line_blocks(table, 1):
        case = part.cases.get(block.key[0])
        if case is None:
            raise table.bad_row(scan.n_rows + 1, f"cases.csv has no {quoted(block.key[0])}")
        _scan_block(block, case.role, scan, table)
    for units in scan.units.values():
        unknown = units.keys() - features
        if unknown:
            raise table.bad_row(1, f"features.csv has no {quoted(min(unknown)[1])}")
    return scan


def _scan_block(block: LineBlock, role: str, scan: PartScan, table: PackagedTable) -> None:
    """Look at the rows of one case; millions pass here."""
    units = scan.units.setdefault(role, {})
    previous, pair = ("", "", ""), ("", "")
    whole = "".join(block.lines)
    cells_in = _plain_cells if '"' in whole or "'" in whole else _split
    for number, line in enumerate(block.lines, start=scan.n_rows + 1):
        cells = cells_in(line)
        if len(cells) != _N_COLUMNS or cells[8] not in _RANKED:
            raise table.bad_row(number, f"{len(cells)} cells, the last {quoted(cells[-1])}")
        key = (cells[1], cells[2], cells[3])
        if key <= previous:
            raise table.bad_row(number, "it is not in its place")
        previous = key
        if key[:2] != pair:
            pair = key[:2]
            scan.measured.add((role, *pair))
        name, unit = key[1:], cells[5]
        known = units.setdefault(name, unit)
        if known != unit and unit:
            if known:
                scan.further_units.setdefault((role, *name), set()).add(unit)
            else:
                units[name] = unit
    scan.n_rows += len(block.lines)


_split = methodcaller("split", ",")


def _plain_cells(line: str) -> list[str]:
    return [unescape_cell(cell) for cell in cells_of(line)]
