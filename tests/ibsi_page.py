"""Read docs/ibsi.md back and hold it against what is measured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from ibsi_benchmark import Comparison

PAGE = Path(__file__).resolve().parent.parent / "docs" / "ibsi.md"
REMEDY = "run python docs/build_ibsi.py"


@cache
def _cells() -> dict[tuple[str, ...], str]:
    """Return each cell by column and what stands left of the values."""
    found = {}
    columns: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            columns = []
        elif not columns:
            columns = cells
        elif not line.startswith("|---"):
            keys = sum(name in {"feature", "IBSI id", "aggregation", "test"} for name in columns)
            for column, text in zip(columns[keys:], cells[keys:], strict=True):
                found[(column, *cells[:keys])] = text
    return found


def assert_page_says(compared: Iterable[Comparison]) -> None:
    """Assert that the page has these values, to the digits that it prints."""
    for c in compared:
        chapter_1 = "." not in c.config
        middle = (c.ibsi_id, c.aggregation) if chapter_1 else (c.ibsi_id,)
        ours, _, rest = _cells()[(c.config, c.tag, *middle)].partition("; ")
        assert c.value is not None
        assert math.isclose(float(ours), c.value, rel_tol=1e-4, abs_tol=1e-9), (c, REMEDY)
        expected = f"{c.published} ± {c.tolerance}" if c.published else "no consensus"
        assert rest == expected, (c, REMEDY)


def assert_page_says_of_map(test: str, deviation: float) -> None:
    """Assert that the page has the deviation of a response map."""
    percent = float(_cells()["largest deviation, % of range", test])
    assert math.isclose(percent, 100 * deviation, rel_tol=0.1, abs_tol=1e-3), REMEDY
