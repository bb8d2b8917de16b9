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
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics.filters.applying import filtered_images
from biomarker_cli.radiomics.filters.rules import FilterRules
from biomarker_cli.radiomics.measuring import radiomics_measurements
from biomarker_cli.radiomics.rules import RadiomicsRules

FILTER = TypeAdapter(FilterRules)
LARGEST_DEVIATION = 0.01
"""Part of the range of a response map that a voxel may be off (IBSI-2, phase 1)."""

CHAPTER_1 = {"digital": 482, "A": 346, "B": 346, "C": 210, "D": 210, "E": 210}
"""Number of published values by configuration."""

CHAPTER_2 = [f"{number}.{letter}" for number in range(1, 10) for letter in "AB"]
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
    ((_, found),) = filtered_images(image, (2.0, 2.0, 2.0), filter_rules, planar)
    return float((np.abs(found - expected) / np.ptp(expected)).max())


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def mean(boundary):
    return {"filter": "mean", "support_voxels": 15, "boundary": boundary}


def log(sigma, boundary):
    return {"filter": "log", "sigma_mm": [sigma], "truncation": 4, "boundary": boundary}


def laws(kernels, boundary, pooling=None, energy=None):
    return {
        "filter": "laws",
        "kernels": kernels,
        "boundary": boundary,
        "pooling": pooling,
        "energy_distance_voxels": energy,
    }


def gabor(sigma, wavelength, gamma, boundary, theta=0, steps=None):
    return {
        "filter": "gabor",
        "sigma_mm": sigma,
        "wavelength_mm": wavelength,
        "gamma": gamma,
        "theta_degrees": theta,
        "theta_steps_degrees": steps,
        "three_planes": steps is not None,
        "boundary": boundary,
    }


def wavelet(name, band, level, boundary, pooling=None):
    return {
        "filter": "wavelet",
        "wavelet": name,
        "band": band,
        "level": level,
        "boundary": boundary,
        "pooling": pooling,
    }


def simoncelli(level):
    return {"filter": "simoncelli", "level": level, "boundary": "periodic"}


def riesz_log(sigma, order):
    return {**log(sigma, "zero"), "filter": "riesz_log", "order": order}


def riesz_simoncelli(level, order):
    return {**simoncelli(level), "filter": "riesz_simoncelli", "order": order}


# Test -> phantom, filter, whether slice by slice. All phantoms have 2 mm voxels.
MAPS = {
    "1_a_1": ("checkerboard", mean("zero"), False),
    "1_a_2": ("checkerboard", mean("nearest"), False),
    "1_a_3": ("checkerboard", mean("periodic"), False),
    "1_a_4": ("checkerboard", mean("mirror"), False),
    "1_b_1": ("impulse", mean("zero"), True),
    "2_a": ("impulse", log(3, "zero"), False),
    "2_b": ("checkerboard", log(5, "mirror"), False),
    "2_c": ("checkerboard", log(5, "mirror"), True),
    "3_a_1": ("impulse", laws("E5L5S5", "zero"), False),
    "3_a_2": ("impulse", laws("E5L5S5", "zero", "max"), False),
    "3_a_3": ("impulse", laws("E5L5S5", "zero", "max", 7), False),
    "3_b_1": ("checkerboard", laws("E3W5R5", "mirror"), False),
    "3_b_2": ("checkerboard", laws("E3W5R5", "mirror", "max"), False),
    "3_b_3": ("checkerboard", laws("E3W5R5", "mirror", "max", 7), False),
    "3_c_1": ("checkerboard", laws("L5S5", "mirror"), True),
    "3_c_2": ("checkerboard", laws("L5S5", "mirror", "max"), True),
    "3_c_3": ("checkerboard", laws("L5S5", "mirror", "max", 7), True),
    "4_a_1": ("impulse", gabor(10, 4, 0.5, "zero", theta=60), True),
    "4_a_2": ("impulse", gabor(10, 4, 0.5, "zero", steps=45), False),
    "4_b_1": ("sphere", gabor(20, 8, 2.5, "mirror", theta=225), True),
    "4_b_2": ("sphere", gabor(20, 8, 2.5, "mirror", steps=22.5), False),
    "5_a_1": ("impulse", wavelet("db2", "LHL", 1, "zero"), False),
    "5_a_2": ("impulse", wavelet("db2", "LHL", 1, "zero", "average"), False),
    "6_a_1": ("sphere", wavelet("coif1", "HHL", 1, "periodic"), False),
    "6_a_2": ("sphere", wavelet("coif1", "HHL", 1, "periodic", "average"), False),
    "7_a_1": ("checkerboard", wavelet("haar", "LLL", 2, "mirror", "average"), False),
    "7_a_2": ("checkerboard", wavelet("haar", "HHH", 2, "mirror", "average"), False),
    "8_a_1": ("checkerboard", simoncelli(1), False),
    "8_a_2": ("checkerboard", simoncelli(2), False),
    "8_a_3": ("checkerboard", simoncelli(3), False),
    "9_a": ("impulse", riesz_log(3, [1, 0, 0]), False),
    "9_b_1": ("sphere", riesz_log(3, [0, 2, 0]), False),
    "10_b_1": ("pattern_1", riesz_simoncelli(1, [0, 2, 0]), False),
}

IBSI_IDS = {
    "stat_mean": "Q4LE",
    "stat_var": "ECT3",
    "stat_skew": "KE2A",
    "stat_kurt": "IPH6",
    "stat_median": "Y12H",
    "stat_min": "1GSF",
    "stat_p10": "QG58",
    "stat_p90": "8DWT",
    "stat_max": "84IY",
    "stat_iqr": "SALO",
    "stat_range": "2OJQ",
    "stat_mad": "4FUA",
    "stat_rmad": "1128",
    "stat_medad": "N72L",
    "stat_cov": "7TET",
    "stat_qcod": "9S40",
    "stat_energy": "N8CA",
    "stat_rms": "5ZWQ",
}
