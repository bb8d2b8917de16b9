"""Write the values that ``biomarker verify`` ships: of pyradiomics, and of synthetic cases.

python tests/shipped_values.py

They are written anew only where a definition or a shipped analysis has changed on purpose.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from biomarker_cli.multicentre.qualification import shipped
from biomarker_cli.multicentre.qualification.suites.engines import measure_engine
from biomarker_cli.multicentre.qualification.suites.tables import measure_cases, values_of


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def main() -> None:
    """Measure and write both files."""
    shipped.ENGINES.parent.mkdir(exist_ok=True)
    values = measure_engine("pyradiomics").items()
    rows = [(name, repr(value)) for name, value in values if value is not None]
    _write(shipped.ENGINES, shipped.ENGINE_COLUMNS, rows)
    with tempfile.TemporaryDirectory() as folder:
        found = values_of(measure_cases(Path(folder)))
    rows = [(*key.split(" "), repr(value)) for key, value in found.items()]
    _write(shipped.TABLES, shipped.TABLE_COLUMNS, rows)


if __name__ == "__main__":
    main()
