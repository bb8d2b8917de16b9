"""Every value of IBSI chapter 1, by its own rule: three digits, then the tolerance."""

import csv

import numpy as np
import pytest

from biomarker_cli.imaging import Geometry, Region, Volume
from biomarker_cli.model.quantity import HU, UNITLESS
from biomarker_cli.protocol import ProtocolKind, load_document, validate_section
from biomarker_cli.radiomics import RadiomicsRules, radiomics_measurements

EXPECTED = {"digital": 482, "A": 346, "B": 346, "C": 210, "D": 210, "E": 210}
pytestmark = pytest.mark.data


def load_rules(ident):
    return validate_section(
        RadiomicsRules, load_document(ProtocolKind.ANALYSIS, ident), "radiomics"
    )


def load_phantom(folder, quantity):
    import nibabel

    image = nibabel.load(folder / "image" / "phantom.nii.gz")
    mask = nibabel.load(folder / "mask" / "mask.nii.gz")
    array = np.asarray(image.dataobj, dtype=np.float64).T
    spacing = tuple(float(s) for s in image.header.get_zooms()[:3])
    geometry = Geometry(array.shape, spacing)
    inside = np.asarray(mask.dataobj).T > 0
    return Volume(array, geometry, quantity), Region(inside, geometry, "GTV-1", "gtv-1")


def three_digits(value):
    return float(f"{value:.3g}")


@pytest.mark.parametrize("config", EXPECTED)
def test_ibsi_1(config, data_dir, reference_dir):
    if config == "digital":
        ident = "ibsi-1-digital"
        volume, region = load_phantom(data_dir / "ibsi" / "digital_phantom", UNITLESS)
    else:
        ident = f"ibsi-1-config-{config.lower()}"
        volume, region = load_phantom(data_dir / "ibsi" / "ct_phantom" / "nifti", HU)
    rows = radiomics_measurements(volume, [region], load_rules(ident))["gtv-1"]
    found = {(row.definition.ibsi_id, row.definition.aggregation): row.value for row in rows}
    assert len(found) == len(rows), "one row per (ibsi_id, aggregation)"
    with (reference_dir / "ibsi1_reference_values.csv").open() as table:
        wanted = [row for row in csv.DictReader(table) if row["config"] == config]
    assert len(wanted) == EXPECTED[config]
    off = []
    for row in wanted:
        value = found[row["ibsi_id"], row["aggregation"]]
        published, tolerance = float(row["value"]), float(row["tolerance"])
        # The sum of two decimals is not exact; 1e-12 of the value is no leniency.
        if value is None or abs(three_digits(value) - published) > tolerance + 1e-12 * abs(
            published
        ):
            off.append((row["tag"], value, published, tolerance))
    assert not off
