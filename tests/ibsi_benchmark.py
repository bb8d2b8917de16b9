"""The benchmarks of IBSI: phantoms, configurations, and our values beside the published ones.

The tests judge what is compared here; ``docs/build_ibsi.py`` writes it down.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.measurement import Measurement
from biomarker_cli.model.quantity import HU, UNITLESS, Quantity
from biomarker_cli.multicentre.qualification.truths.published import CONFIGURATIONS_2, IBSI_IDS
from biomarker_cli.multicentre.qualification.truths.response_maps import (
    LARGEST_DEVIATION,
    MAPS,
    SPACING_MM,
)
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics.filters.applying import filtered_images
from biomarker_cli.radiomics.filters.rules import FilterRules
from biomarker_cli.radiomics.measuring import radiomics_measurements
from biomarker_cli.radiomics.rules import RadiomicsRules

__all__ = ["LARGEST_DEVIATION", "MAPS"]

FILTER = TypeAdapter(FilterRules)
CHAPTER_1 = {"digital": 482, "A": 346, "B": 346, "C": 210, "D": 210, "E": 210}
"""Number of published values by configuration."""

CHAPTER_2 = list(CONFIGURATIONS_2)
"""Configurations of phase 2."""


@dataclass(frozen=True)
class Comparison:
    """One of our values beside the published one.

    Attributes
    ----------
    config, tag, ibsi_id, aggregation : str
    value : float or None
    published, tolerance : str
        As they are printed; empty where there is no consensus.
    """

    config: str
    tag: str
    ibsi_id: str
    aggregation: str
    value: float | None
    published: str
    tolerance: str

    @property
    def within(self) -> bool:
        """The rule of IBSI: three significant digits, then the tolerance."""
        if self.value is None:
            return False
        published = float(self.published)
        # The sum of two decimals is not exact; 1e-9 of the tolerance is no leniency.
        slack = float(self.tolerance) * (1 + 1e-9) + 1e-12 * abs(published)
        return abs(float(f"{self.value:.3g}") - published) <= slack


def voxels(path: Path) -> np.ndarray:
    """Return the voxels of a NIfTI file, shape (z, y, x)."""
    import nibabel

    return np.asarray(nibabel.load(path).dataobj, dtype=np.float64).T


def load_phantom(folder: Path, quantity: Quantity) -> tuple[Volume, Region]:
    """Return the image and the region of a phantom."""
    import nibabel

    image = folder / "image" / "phantom.nii.gz"
    array = voxels(image)
    x, y, z = (float(s) for s in nibabel.load(image).header.get_zooms()[:3])
    geometry = Geometry(array.shape, (x, y, z))
    inside = voxels(folder / "mask" / "mask.nii.gz") > 0
    return Volume(array, geometry, quantity), Region(inside, geometry, "GTV-1", "gtv-1")


def _measured(ident: str, volume: Volume, region: Region) -> list[Measurement]:
    document = load_document(ProtocolKind.ANALYSIS, ident)
    rules = validate_section(RadiomicsRules, document, "radiomics")
    return radiomics_measurements(volume, [region], rules)["gtv-1"]


def chapter_1(config: str, data_dir: Path, reference_dir: Path) -> list[Comparison]:
    """Measure a configuration of chapter 1 and lay the published values beside it."""
    folder = data_dir / "ibsi"
    if config == "digital":
        phantom = load_phantom(folder / "digital_phantom", UNITLESS)
        rows = _measured("ibsi-1-digital", *phantom)
    else:
        phantom = load_phantom(folder / "ct_phantom" / "nifti", HU)
        rows = _measured(f"ibsi-1-config-{config.lower()}", *phantom)
    found = {(row.definition.ibsi_id, row.definition.aggregation): row.value for row in rows}
    assert len(found) == len(rows), "one row per (ibsi_id, aggregation)"
    return [
        Comparison(
            config,
            row["tag"],
            row["ibsi_id"],
            row["aggregation"],
            found[row["ibsi_id"], row["aggregation"]],
            row["value"],
            row["tolerance"],
        )
        for row in _table(reference_dir / "ibsi1_reference_values.csv")
        if row["config"] == config
    ]


def chapter_2(config: str, phantom: tuple[Volume, Region], reference: Path) -> list[Comparison]:
    """Measure a configuration of chapter 2, phase 2, beside the published values."""
    rows = _measured(f"ibsi-2-config-{config.replace('.', '-').lower()}", *phantom)
    found = {row.definition.ibsi_id: row.value for row in rows}
    return [
        Comparison(
            config,
            row["feature_tag"],
            IBSI_IDS[row["feature_tag"]],
            "",
            found[IBSI_IDS[row["feature_tag"]]],
            row["consensus_value"],
            row["tolerance"],
        )
        for row in _table(reference / "ibsi2_reference_values.csv")
        if row["filter_id"] == config
    ]


def map_deviation(test: str, data_dir: Path) -> float:
    """Return the largest deviation from a reference map, as a part of its range."""
    phantom, rules, planar = MAPS[test]
    folder = data_dir / "ibsi"
    image = voxels(folder / "filter_phantoms" / phantom / "image" / f"{phantom}.nii.gz")
    expected = voxels(folder / "filter_reference_maps" / f"{test}-ValidCRM.nii.gz")
    filter_rules = FILTER.validate_python(rules)
    ((_, found),) = filtered_images(image, SPACING_MM, filter_rules, planar)
    return float((np.abs(found - expected) / np.ptp(expected)).max())


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
