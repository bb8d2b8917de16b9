"""STS_001, FDG of a soft-tissue sarcoma: every measured value of one lesion.

The values were measured with three programs on the same voxels; the tolerance
is the rounding of their last printed digit.
"""

from __future__ import annotations

import pytest
from pydicom import dcmread

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.reading import read_volume
from biomarker_cli.pet.rules import SuvRules
from biomarker_cli.pet.suv import suv_volume
from biomarker_cli.pet.uptake import uptake_measurements
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

ORACLE = {
    "max": 7.91067,
    "mean": 2.55518,
    "median": 2.48701,
    "min": 0.16879,
    "sd": 1.33218,
    "peak.1ml_voxel_centre_at_max": 5.3130,
    "peak.1ml_voxel_centre_global": 6.0784,
    "peak.1ml_voxel_centre_inside": 5.7340,
    "peak.1ml_partial_volume_at_max": 5.2422,
    "peak.1ml_partial_volume_global": 5.9843,
    "peak.1ml_partial_volume_inside": 5.4565,
    "mtv.41pct_of_max": 113.021,
    "tlg.41pct_of_max": 469.484,
    "mtv.50pct_of_max": 59.492,
    "tlg.50pct_of_max": 278.053,
    "mtv.fixed_2.5": 181.566,
    "tlg.fixed_2.5": 664.877,
    "mtv.fixed_4": 55.900,
    "tlg.fixed_4": 263.753,
}

MAXIMUM_BY_NORMALISATION = {
    "suvbsa": 1.96762,
    "sul_james128": 5.99587,
    "sul_james": 6.16499,
    "sul_janma": 5.88910,
    "suvibw": 6.64719,
}


@pytest.fixture(scope="module")
def lesion(data_dir):
    folder = data_dir / "pet" / "ge_sts001_raw"
    (candidate,) = scan([folder / "image"]).volumes
    volume = read_volume(candidate)
    (structure,) = (folder / "mask").iterdir()
    assert dcmread(structure, stop_before_pixels=True).Modality == "RTSTRUCT"
    imported = import_regions(
        structure, ImageTarget.from_volume(volume), RegionRules(), None, ("GTV_Mass",)
    )
    (region,) = [r.region for r in imported if r.roi_label == "GTV_Mass"]
    assert region.n_voxels == 5095
    assert region.volume_mm3 / 1000 == pytest.approx(366.079, abs=5e-4)
    return volume, region


@pytest.fixture(scope="module")
def measured(lesion):
    volume, region = lesion
    document = load_document(ProtocolKind.ANALYSIS, "fdg-suv")
    rules = validate_section(SuvRules, document, "suv")
    rows = uptake_measurements(suv_volume(volume, rules), region, rules)
    return {row.feature_id.removeprefix("suvbw.uptake."): row.value for row in rows}


@pytest.mark.data
@pytest.mark.parametrize("name", ORACLE)
def test_value(measured, name):
    expected = ORACLE[name]
    digits = 3 if expected > 10 else 4 if name.startswith("peak") else 5
    half_a_digit = 0.5001 * 10.0**-digits
    assert measured[name] == pytest.approx(expected, abs=max(half_a_digit, 1e-5 * expected))


@pytest.mark.data
def test_maximum_by_normalisation(lesion):
    volume, region = lesion
    names = tuple(MAXIMUM_BY_NORMALISATION)
    rules = SuvRules(normalisations=names, statistics=("max",))
    rows = uptake_measurements(suv_volume(volume, rules), region, rules)
    found = {row.image: row.value for row in rows}
    assert found == pytest.approx(MAXIMUM_BY_NORMALISATION, rel=1e-5)
    assert [row.unit for row in rows] == [
        "cm2/ml{SUVbsa}",
        "g/ml{SUVlbm(James128)}",
        "g/ml{SUVlbm}",
        "g/ml{SUVlbm(Janma)}",
        "g/ml{SUVibw}",
    ]
