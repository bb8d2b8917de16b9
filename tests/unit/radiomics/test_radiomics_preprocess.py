"""Re-segmentation and discretisation against hand-made truth."""

import numpy as np
import pytest

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.lattice import half_neighbours
from biomarker_cli.radiomics.measuring import radiomics_measurements
from biomarker_cli.radiomics.preprocess.intensities import discretise, resegment
from biomarker_cli.radiomics.rules import (
    FixedBinNumber,
    FixedBinSize,
    RadiomicsRules,
    ResegmentationRules,
)


def test_resegmentation_takes_range_before_outliers():
    image = np.array([[[0.0, 1, 2, 3, 4, 100, 5000]]])
    mask = np.ones(image.shape, bool)
    rules = ResegmentationRules(range=(None, 1000), outlier_sigma=2)
    assert resegment(image, mask, rules).sum() == 5


def test_fixed_bin_number_puts_the_maximum_into_the_last_bin():
    bins = FixedBinNumber(method="fixed_bin_number", bins=4)
    assert discretise(np.array([0.0, 1, 2, 3, 4]), bins, None).tolist() == [1, 2, 3, 4, 4]


def test_fixed_bin_size_starts_at_the_lower_bound():
    bins = FixedBinSize(method="fixed_bin_size", width=25, anchor="resegmentation")
    rules = ResegmentationRules(range=(-500, 400))
    values = np.array([-500.0, -475.1, -475, 0])
    assert discretise(values, bins, rules).tolist() == [1, 1, 2, 21]


def test_there_are_13_directions_in_space_and_4_in_a_plane():
    assert len(half_neighbours(1, False)) == 13
    assert len(half_neighbours(1, True)) == 4
    assert len(half_neighbours(2, False)) == 49


def rules_of(ident):
    document = load_document(ProtocolKind.ANALYSIS, ident)
    return validate_section(RadiomicsRules, document, "radiomics")


def test_the_part_around_a_region_gives_the_values_of_the_whole_image():
    rng = np.random.default_rng(9)
    shape = (40, 60, 70)
    geometry = Geometry(shape, (0.8, 0.8, 2.5))
    array = rng.normal(0, 80, shape).round()
    mask = np.zeros(shape, bool)
    mask[18:24, 25:36, 30:44] = True
    volume, region = Volume(array, geometry, HU), Region(mask, geometry, "x", "x")
    rules = rules_of("ibsi-1-config-e")
    alone = radiomics_measurements(volume, [region], rules)["x"]
    # A filter makes the engine work on the whole image.
    images = [{"filter": "none"}, {"filter": "mean", "support_voxels": 3, "boundary": "mirror"}]
    whole_rules = RadiomicsRules.model_validate({**rules.model_dump(), "images": images})
    whole = {r.feature_id: r for r in radiomics_measurements(volume, [region], whole_rules)["x"]}
    for row in alone:
        assert row.value == pytest.approx(whole[row.feature_id].value, rel=1e-9), row.feature_id


def test_nan_beyond_a_region_is_refused_only_where_it_would_spread():
    shape = (8, 12, 12)
    geometry = Geometry(shape, (1.0, 1.0, 1.0))
    array = np.random.default_rng(1).normal(0, 50, shape).round()
    array[0, 0, 0] = np.nan
    mask = np.zeros(shape, bool)
    mask[3:6, 4:9, 4:9] = True
    volume, region = Volume(array, geometry, HU), Region(mask, geometry, "x", "x")
    rows = radiomics_measurements(volume, [region], rules_of("ibsi-1-config-a"))["x"]
    assert any(row.value is not None for row in rows)
    with pytest.raises(RadiomicsError) as caught:
        radiomics_measurements(volume, [region], rules_of("radiomics-ct"))
    assert caught.value.code == "RADIOMICS-NON-FINITE"


def test_intensities_below_the_anchor_are_refused():
    shape = (6, 10, 10)
    geometry = Geometry(shape, (1.0, 1.0, 1.0))
    array = np.random.default_rng(1).normal(0, 50, shape)
    mask = np.zeros(shape, bool)
    mask[2:4, 3:7, 3:7] = True
    data = rules_of("radiomics-ct").model_dump()
    data["resegmentation"] = None
    data["discretisation"] = {"method": "fixed_bin_size", "width": 25, "anchor": 0}
    volume, region = Volume(array, geometry, HU), Region(mask, geometry, "x", "x")
    with pytest.raises(RadiomicsError) as caught:
        radiomics_measurements(volume, [region], RadiomicsRules.model_validate(data))
    assert caught.value.code == "RADIOMICS-NOT-DISCRETE"


@pytest.mark.parametrize("size", [(1, 1, 1), (1, 1, 3), (1, 4, 4), (2, 2, 2)])
@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("ident", ["ibsi-1-config-a", "radiomics-ct", "radiomics-mr"])
def test_degenerate_regions_have_no_zero_and_no_nan_in_place_of_a_value(size, flat, ident):
    shape = (8, 12, 12)
    geometry = Geometry(shape, (1.0, 1.0, 1.0))
    array = np.random.default_rng(2).normal(0, 50, shape)
    mask = np.zeros(shape, bool)
    mask[2 : 2 + size[0], 3 : 3 + size[1], 4 : 4 + size[2]] = True
    if flat:
        array[mask] = 20
    rules = rules_of(ident).model_copy(update={"quantities": ("any",)})
    volume, region = Volume(array, geometry, HU), Region(mask, geometry, "x", "x")
    rows = radiomics_measurements(volume, [region], rules)["x"]
    assert len({row.feature_id for row in rows}) == len(rows)
    for row in rows:
        assert (row.value is None) == (row.status == "undefined") == bool(row.reason)
        assert row.value is None or np.isfinite(row.value)
    values = {row.definition.key: row.value for row in rows}
    if flat:
        assert values["intensity.skewness"] is None
        assert values["intensity.kurtosis"] is None
        assert values["morphology.moran_i"] is None
    if size == (1, 1, 1):
        assert not [k for k, v in values.items() if k.startswith("glcm.") and v is not None]
