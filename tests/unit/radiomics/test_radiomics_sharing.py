"""Regions of one case share filtered images; neither values nor refusals move one another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.measurement import MeasurementStatus
from biomarker_cli.model.quantity import HU
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.filters.pyradiomics_rules import PyradiomicsLog, PyradiomicsWavelet
from biomarker_cli.radiomics.filters.sharing import shared_boxes, union, work_of
from biomarker_cli.radiomics.measuring import radiomics_measurements, radiomics_of_regions
from biomarker_cli.radiomics.preprocess.prepared import (
    grid_of,
    prepare_on_whole,
    prepare_region,
    resampled_image,
    resampled_mask,
)
from biomarker_cli.radiomics.rules import RadiomicsRules

SHAPE = (40, 60, 70)
GEOMETRY = Geometry(SHAPE, (0.9, 0.8, 2.0))
NEAR, NEXT, FAR = (5, 8, 8), (7, 12, 15), (33, 50, 60)
FILTERS = [
    {"filter": "none"},
    {"filter": "pyradiomics_log", "sigma_mm": [1.0, 4.0]},
    {"filter": "pyradiomics_wavelet"},
    {"filter": "square_root"},
    {"filter": "gradient"},
]


def ball(centre, name, radius=4):
    places = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    mask = sum((a - c) ** 2 for a, c in zip(places, centre, strict=True)) < radius**2
    return Region(mask, GEOMETRY, name, name)


@pytest.fixture(scope="module")
def volume():
    array = np.random.default_rng(11).normal(0, 60, SHAPE).round()
    array[:, 30:] = np.where(array[:, 30:] > 90, array[:, 30:], -1000)
    return Volume(array, GEOMETRY, HU)


@pytest.fixture(scope="module")
def rules():
    return rules_of("pyradiomics-default", images=FILTERS, engine="native")


def rules_of(ident, **changes):
    document = load_document(ProtocolKind.ANALYSIS, ident)
    data = validate_section(RadiomicsRules, document, "radiomics").model_dump()
    return RadiomicsRules.model_validate({**data, **changes})


def values(rows):
    return [(row.feature_id, row.value, row.reason) for row in rows]


def test_together_and_alone_give_the_same_bits(volume, rules):
    regions = [ball(NEAR, "near"), ball(NEXT, "next"), ball(FAR, "far")]
    together = radiomics_measurements(volume, regions, rules)
    for region in regions:
        alone = radiomics_measurements(volume, [region], rules)[region.name]
        assert values(together[region.name]) == values(alone)


@pytest.mark.parametrize(
    "ident", ["ibsi-2-config-3-a", "ibsi-2-config-3-b", "ibsi-2-config-8-b", "radiomics-ct"]
)
def test_together_and_alone_give_the_same_bits_by_ibsi(volume, ident):
    rules = rules_of(ident)
    regions = [ball(NEAR, "near"), ball(FAR, "far", 5)]
    together = radiomics_measurements(volume, regions, rules)
    for region in regions:
        alone = radiomics_measurements(volume, [region], rules)[region.name]
        assert values(together[region.name]) == values(alone)


@pytest.mark.parametrize("dtype", [np.int16, np.float32, ">i4"])
def test_any_type_of_voxels_gives_what_its_float64_gives(volume, rules, dtype):
    near = ball(NEAR, "near")
    expected = radiomics_measurements(volume, [near], rules)["near"]
    array = np.asfortranarray(volume.array.astype(dtype))
    backwards = np.ascontiguousarray(array[:, ::-1])[:, ::-1]
    for same in (array, backwards):
        found = radiomics_measurements(volume.with_array(same, HU), [near], rules)["near"]
        assert values(found) == values(expected)


def test_a_refused_region_leaves_the_others_alone(volume, rules):
    array = volume.array.copy()
    array[FAR] = np.nan
    broken = volume.with_array(array, HU)
    plain = rules.model_copy(update={"images": rules.images[:1]})
    found = radiomics_of_regions(broken, [ball(NEAR, "near"), ball(FAR, "far")], plain)
    assert isinstance(found["far"], RadiomicsError)
    assert found["far"].code == "RADIOMICS-NON-FINITE"
    alone = radiomics_measurements(broken, [ball(NEAR, "near")], plain)
    assert values(found["near"]) == values(alone["near"])
    with pytest.raises(RadiomicsError, match="'far'"):
        radiomics_measurements(broken, [ball(NEAR, "near"), ball(FAR, "far")], plain)


def test_a_filter_that_spreads_nan_refuses_what_it_reaches(volume, rules):
    array = volume.array.copy()
    array[FAR] = np.nan
    wavelet = rules.model_copy(update={"images": rules.images[2:3]})
    regions = [ball(NEAR, "near"), ball((33, 50, 53), "beside", 6)]
    found = radiomics_of_regions(volume.with_array(array, HU), regions, wavelet)
    assert isinstance(found["beside"], RadiomicsError)
    assert "spread" in str(found["beside"])
    assert all(row.value is not None for row in found["near"])


def test_grey_levels_below_one_refuse_one_region():
    # By IBSI without discretisation: levels of one region are no whole numbers.
    rules = rules_of("ibsi-1-digital")
    array = np.full(SHAPE, 3.0)
    array[20:] = 2.5
    found = radiomics_of_regions(
        Volume(array, GEOMETRY, HU), [ball(FAR, "far"), ball(NEAR, "near")], rules
    )
    assert isinstance(found["far"], RadiomicsError)
    assert found["far"].code == "RADIOMICS-NOT-DISCRETE"
    assert any(row.status is MeasurementStatus.OK for row in found["near"])


def test_another_grid_refuses_one_region(volume, rules):
    moved = Geometry(SHAPE, (0.9, 0.8, 2.0), (1.0, 0.0, 0.0))
    near, far = ball(NEAR, "near"), ball(FAR, "far")
    plain = rules.model_copy(update={"images": rules.images[:1]})
    found = radiomics_of_regions(volume, [near, Region(far.mask, moved, "far", "far")], plain)
    assert found["far"].code == "RADIOMICS-GRID-MISMATCH"
    assert found["near"][0].value is not None


def cube(z, y, x, side=10):
    return slice(z, z + side), slice(y, y + side), slice(x, x + side)


def test_the_wavelet_parts_what_lies_far_apart():
    rules = PyradiomicsWavelet(filter="pyradiomics_wavelet")
    work = work_of(rules, (200, 512, 512))
    boxes = [cube(10, 10, 10), cube(150, 400, 400), cube(12, 12, 12)]
    assert sorted(map(sorted, shared_boxes(boxes, work))) == [[0, 2], [1]]


def test_the_recursion_shares_its_whole_lines():
    rules = PyradiomicsLog(filter="pyradiomics_log", sigma_mm=(1.0,))
    work = work_of(rules, (200, 512, 512))
    boxes = [cube(10, 10, 10), cube(60, 150, 150), cube(12, 12, 12), cube(150, 450, 450)]
    assert sorted(shared_boxes(boxes, work)) == [[0, 1, 2], [3]]


@given(
    st.lists(
        st.tuples(*[st.tuples(st.integers(0, 90), st.integers(1, 10))] * 3), min_size=0, max_size=12
    )
)
@settings(deadline=None, max_examples=60)
def test_groups_hold_each_box_once_and_never_cost_more(places):
    boxes = [tuple(slice(a, a + n) for a, n in place) for place in places]
    for rules in (
        PyradiomicsWavelet(filter="pyradiomics_wavelet"),
        PyradiomicsLog(filter="pyradiomics_log", sigma_mm=(2.0,)),
    ):
        work = work_of(rules, (100, 100, 100))
        groups = shared_boxes(boxes, work)
        assert sorted(index for group in groups for index in group) == list(range(len(boxes)))
        shared = sum(work(union([boxes[index] for index in group])) for group in groups)
        assert shared <= sum(map(work, boxes))


@given(st.integers(0, 999), st.sampled_from(["linear", "nearest", None]))
@settings(deadline=None, max_examples=40)
def test_a_mask_near_its_region_is_that_of_the_whole_grid(seed, kind):
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(3, 14, 3))
    geometry = Geometry(shape, tuple(float(s) for s in rng.uniform(0.4, 3, 3)))
    mask = rng.random(shape) < 0.2
    mask.flat[int(rng.integers(mask.size))] = True
    rules = rules_of("radiomics-ct")
    interpolation = kind and rules.interpolation.model_copy(update={"mask": kind})
    rules = rules.model_copy(update={"interpolation": interpolation})
    volume = Volume(rng.normal(0, 60, shape), geometry, HU)
    grid = grid_of(volume, rules)
    image = resampled_image(volume.array, grid, rules)
    near = prepare_on_whole(image, grid, mask, rules)
    whole = prepare_region(image, resampled_mask(mask, grid, rules), grid, rules)
    assert (near is None) == (whole is None)
    if near is not None:
        assert near.box == whole.box
        assert np.array_equal(near.morphological, whole.morphological)
        assert np.array_equal(near.intensity, whole.intensity)
