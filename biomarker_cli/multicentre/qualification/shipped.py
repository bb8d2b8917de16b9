"""Values that are shipped: what the reference engine and this program gave when they were made.

``python tests/shipped_values.py`` writes them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator

from biomarker_cli.multicentre.qualification.bench import DATA

ENGINES = DATA / "engines.csv"
TABLES = DATA / "tables.csv"

ENGINE_COLUMNS = ("feature_id", "value")
TABLE_COLUMNS = ("case_id", "roi_id", "analysis_id", "feature_id", "value")


def engine_values() -> dict[str, float]:
    """Return the values of pyradiomics-bhklab 3.1.4 on the texture, by feature id."""
    with ENGINES.open(encoding="utf-8") as file:
        return {row["feature_id"]: float(row["value"]) for row in csv.DictReader(file)}


def table_values() -> Iterator[tuple[str, float]]:
    """Yield the values of the synthetic cases by their key, joined by blanks."""
    with TABLES.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield " ".join(row[name] for name in TABLE_COLUMNS[:-1]), float(row["value"])
