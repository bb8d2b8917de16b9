"""Every feature of the digital phantom of IBSI, without its files: fast, and to five digits.

`tests/reference` holds our values against the published ones, and the page against both;
here the page stands for them, so that a changed definition is found in a second.
"""

from __future__ import annotations

import math

import numpy as np
from ibsi_page import PAGE

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import UNITLESS
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics.measuring import radiomics_measurements
from biomarker_cli.radiomics.rules import RadiomicsRules

# One line per slice, one word per row (IBSI-1 v11, section 5.1).
VOXELS = """
14411 14611 41641 44641
14411 11611 11311 44611
14411 11111 11911 11611
14411 11111 11111 11611
"""
INSIDE = """
11111 11111 11111 11111
11111 11111 01111 11111
11100 11111 11011 11111
11100 11111 11111 11111
"""
N_VALUES = 482


def _array(text: str) -> np.ndarray:
    slices = [line.split() for line in text.split("\n") if line]
    return np.array([[[int(v) for v in row] for row in rows] for rows in slices])


def published() -> dict[tuple[str, str], str]:
    """Return the cells of the digital phantom by IBSI id and aggregation."""
    text = PAGE.read_text(encoding="utf-8")
    (table,) = [part for part in text.split("\n\n") if "| aggregation | digital |" in part]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    return {(row[1], row[2]): row[3] for row in rows if row[3]}


def measured() -> dict[tuple[str, str], float | None]:
    array = _array(VOXELS).astype(np.float64)
    geometry = Geometry(array.shape, (2.0, 2.0, 2.0))
    region = Region(_array(INSIDE).astype(bool), geometry, "roi", "roi")
    document = load_document(ProtocolKind.ANALYSIS, "ibsi-1-digital")
    rules = validate_section(RadiomicsRules, document, "radiomics")
    volume = Volume(array, geometry, UNITLESS)
    rows = radiomics_measurements(volume, [region], rules)["roi"]
    return {(row.definition.ibsi_id, row.definition.aggregation): row.value for row in rows}


def test_every_feature_has_its_published_value():
    found, cells = measured(), published()
    assert len(cells) == N_VALUES
    wrong = {
        key: (found[key], cell)
        for key, cell in cells.items()
        if not _is_near(found[key], float(cell.partition(";")[0]))
    }
    assert not wrong


def _is_near(value: float | None, ours: float) -> bool:
    return value is not None and math.isclose(value, ours, rel_tol=1e-4, abs_tol=1e-9)
