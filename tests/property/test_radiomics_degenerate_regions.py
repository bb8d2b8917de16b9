"""Small and degenerate regions: each feature has its row, undefined with a reason, never NaN."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics.measuring import radiomics_measurements
from biomarker_cli.radiomics.plan import planned_features
from biomarker_cli.radiomics.rules import RadiomicsRules

SHAPE = (7, 12, 13)
SPACING = (1.0, 1.5, 2.5)
REGIONS = {
    "one voxel": np.s_[3:4, 5:6, 6:7],
    "two voxels": np.s_[3:4, 5:6, 6:8],
    "a line": np.s_[3:4, 5:6, 2:9],
    "a column": np.s_[1:6, 5:6, 6:7],
    "a plane": np.s_[3:4, 3:9, 3:9],
    "a plane across": np.s_[1:6, 3:9, 6:7],
    "a cube": np.s_[2:5, 4:7, 4:7],
}
TWO_APART = "two voxels apart"
DIAGONAL = "a diagonal"
FILTERS = {
    "ibsi": [
        {"filter": "none"},
        {"filter": "mean", "support_voxels": 3, "boundary": "mirror"},
        {"filter": "log", "sigma_mm": [1.5], "truncation": 4, "boundary": "mirror"},
    ],
    "pyradiomics": [
        {"filter": "none"},
        {"filter": "pyradiomics_log", "sigma_mm": [2.0]},
        {"filter": "pyradiomics_wavelet"},
        {"filter": "square_root"},
        {"filter": "gradient"},
    ],
}
ALL_IBSI = [
    *("2d_average", "2d_slice_merged", "2.5d_merged_by_direction", "2.5d_merged"),
    *("3d_average", "3d_merged", "2d", "2.5d", "3d"),
]


def rules_for(conventions, filtered=False, **changes):
    ident = "ibsi-1-config-d" if conventions == "ibsi" else "pyradiomics-default"
    document = load_document(ProtocolKind.ANALYSIS, ident)
    data = validate_section(RadiomicsRules, document, "radiomics").model_dump()
    if conventions == "ibsi":
        changes = {"interpolation": None, "aggregations": ALL_IBSI, **changes}
    if filtered:
        changes["images"] = FILTERS[conventions]
    return RadiomicsRules.model_validate({**data, **changes})


def mask_of(name):
    mask = np.zeros(SHAPE, bool)
    if name == TWO_APART:
        mask[1, 2, 3] = mask[5, 9, 9] = True
    elif name == DIAGONAL:
        for k in range(4):
            mask[1 + k, 3 + k, 4 + k] = True
    else:
        mask[REGIONS[name]] = True
    return mask


def rows_of(array, mask, rules):
    geometry = Geometry(mask.shape, SPACING)
    region = Region(mask, geometry, "x", "x")
    return radiomics_measurements(Volume(array, geometry, HU), [region], rules)["x"]


def check(rows, rules):
    """Every planned row, once; a finite value, or none with a reason."""
    assert [row.feature_id for row in rows] == [p.feature_id for p in planned_features(rules)]
    for row in rows:
        assert (row.value is None) == (row.status == "undefined") == bool(row.reason), row
        assert row.value is None or np.isfinite(row.value), row
    return {row.feature_id: row.value for row in rows}


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("filtered", [True, False])
@pytest.mark.parametrize("conventions", ["ibsi", "pyradiomics"])
@pytest.mark.parametrize("name", [*REGIONS, TWO_APART, DIAGONAL])
def test_every_row_is_there(name, conventions, filtered, flat):
    array = np.random.default_rng(2).normal(0, 60, SHAPE).round()
    mask = mask_of(name)
    if flat:
        array[mask] = 20
    rules = rules_for(conventions, filtered)
    check(rows_of(array, mask, rules), rules)


@pytest.mark.parametrize("conventions", ["ibsi", "pyradiomics"])
def test_an_image_of_one_value(conventions):
    rules = rules_for(conventions, filtered=True)
    check(rows_of(np.full(SHAPE, 7.0), mask_of("a cube"), rules), rules)


@given(data=st.data())
@settings(deadline=None, max_examples=40)
@pytest.mark.parametrize("conventions", ["ibsi", "pyradiomics"])
def test_any_few_voxels(conventions, data):
    places = data.draw(
        st.lists(st.tuples(*(st.integers(0, n - 1) for n in SHAPE)), min_size=1, max_size=6)
    )
    mask = np.zeros(SHAPE, bool)
    for place in places:
        mask[place] = True
    levels = data.draw(st.integers(1, 4))
    seed = data.draw(st.integers(0, 1000))
    array = 30.0 * np.random.default_rng(seed).integers(0, levels, SHAPE)
    rules = rules_for(conventions)
    check(rows_of(array, mask, rules), rules)


def values_by_ibsi(name, flat=False):
    array = np.random.default_rng(2).normal(0, 60, SHAPE).round()
    mask = mask_of(name)
    if flat:
        array[mask] = 20
    rules = rules_for("ibsi")
    found = check(rows_of(array, mask, rules), rules)
    return {key.removeprefix("original."): value for key, value in found.items()}


def test_what_ibsi_cannot_define_on_one_voxel():
    found = values_by_ibsi("one voxel")
    undefined = {key for key, value in found.items() if value is None}
    assert {key for key in found if key.startswith("glcm.")} <= undefined
    assert {
        "intensity.skewness",
        "intensity.kurtosis",
        "morphology.moran_i",
        "morphology.geary_c",
        "morphology.elongation",
        "morphology.flatness",
        "morphology.volume_density_aee",
        "morphology.area_density_aee",
    } <= undefined
    assert found["morphology.volume"] == pytest.approx(np.prod(SPACING) / 6)
    assert found["intensity.mean"] is not None
    assert found["glszm.zone_percentage.3d"] == 1


def test_what_ibsi_cannot_define_without_neighbours():
    found = values_by_ibsi(TWO_APART)
    undefined = {key for key, value in found.items() if value is None}
    assert {key for key in found if key.startswith(("glcm.", "ngtdm."))} <= undefined
    assert found["morphology.moran_i"] == pytest.approx(-1)
    assert found["glrlm.short_run_emphasis.3d_merged"] == 1


def test_what_ibsi_cannot_define_on_one_intensity():
    found = values_by_ibsi("a cube", flat=True)
    undefined = {key for key, value in found.items() if value is None}
    assert {
        "intensity.skewness",
        "intensity.kurtosis",
        "intensity_histogram.skewness",
        "intensity_histogram.kurtosis",
        "morphology.moran_i",
        "morphology.geary_c",
        "glcm.correlation.3d_merged",
        "ngtdm.coarseness.3d",
        "ngtdm.strength.3d",
        "ngtdm.busyness.3d",
    } <= undefined
    assert found["intensity.variance"] == 0
    assert found["intensity_histogram.entropy"] == 0


def test_pyradiomics_measures_nothing_on_one_voxel_and_a_line():
    for name in ("one voxel", "a line"):
        rules = rules_for("pyradiomics")
        array = np.random.default_rng(2).normal(0, 60, SHAPE).round()
        rows = rows_of(array, mask_of(name), rules)
        assert {row.status for row in rows} == {"undefined"}
        assert len({row.reason for row in rows}) == 1
