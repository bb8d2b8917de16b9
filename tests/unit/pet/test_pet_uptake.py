"""Uptake metrics against analytic truth."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.spheres import ONE_ML_RADIUS_MM
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.features import FeatureNamesError
from biomarker_cli.model.measurement import MeasurementStatus
from biomarker_cli.model.quantity import SUVBW
from biomarker_cli.pet import uptake
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.harmonisation import gaussian
from biomarker_cli.pet.peak import sphere_kernel, suv_peak
from biomarker_cli.pet.rules import PeakRule, Statistic, SuvRules
from biomarker_cli.pet.suv import SuvResult, declared_suv
from biomarker_cli.pet.uptake import UPTAKE, uptake_definitions, uptake_measurements

PEAKS = [
    {"kernel": kernel, "place": place}
    for kernel in ("voxel_centre", "partial_volume")
    for place in ("at_max", "global", "inside")
]


def rules_of(**sections):
    return SuvRules.model_validate({"normalisations": ("suvbw",), **sections})


def result_of(array, spacing=(4.0, 4.0, 4.0), scales=None):
    geometry = Geometry(array.shape, spacing)
    volume = Volume(np.asarray(array, dtype=np.float64), geometry, SUVBW)
    return SuvResult(volume, "suvbw", scales or {"suvbw": 1.0})


def region_of(result, mask, name="GTV"):
    return Region(np.asarray(mask, dtype=bool), result.volume.geometry, name, name)


def measure(array, mask, spacing=(4.0, 4.0, 4.0), references=None, **sections):
    result = result_of(array, spacing)
    rows = uptake_measurements(
        result,
        region_of(result, mask),
        rules_of(**sections),
        {n: region_of(result, m, n) for n, m in (references or {}).items()},
    )
    return {row.definition.name: row for row in rows}


def ball(shape, centre, radius):
    grid = np.indices(shape).reshape(3, -1).T
    return (np.linalg.norm(grid - centre, axis=1) <= radius).reshape(shape)


# SUVpeak


@pytest.mark.parametrize("kind", ["voxel_centre", "partial_volume"])
@pytest.mark.parametrize("spacing", [(4.07, 4.07, 3.0), (1.0, 1.0, 1.0), (2.0, 3.0, 5.0)])
def test_sphere_kernel_is_a_symmetric_mean(kind, spacing):
    kernel = sphere_kernel(spacing, kind)
    assert kernel.weights.sum() == pytest.approx(1.0)
    assert (kernel.weights > 0).all()
    mirrored = {tuple(offset) for offset in -kernel.offsets}
    assert mirrored == {tuple(offset) for offset in kernel.offsets}


def test_partial_volumes_add_up_to_one_millilitre():
    spacing = (4.0, 3.0, 2.0)
    kernel = sphere_kernel(spacing, "partial_volume")
    # A voxel wholly inside has the largest weight: its volume over that of the sphere.
    voxel_ml = math.prod(spacing) / 1000.0
    assert voxel_ml / kernel.weights.max() == pytest.approx(1.0, rel=5e-3)


def test_radius_of_a_millilitre():
    assert 4 / 3 * math.pi * ONE_ML_RADIUS_MM**3 == pytest.approx(1000.0)


@pytest.mark.parametrize("peak", PEAKS)
def test_peak_of_a_linear_gradient_is_the_value_at_the_centre(peak):
    """A symmetric sphere over a linear field has the field's value at its centre."""
    array = np.indices((15, 15, 15)).sum(axis=0).astype(float)
    mask = ball(array.shape, (7, 7, 7), 3.5)
    value = suv_peak(array, mask, (4.0, 4.0, 4.0), PeakRule(**peak))
    if peak["place"] == "inside":
        assert 21 <= value < array[mask].max()
    else:
        assert value == pytest.approx(array[mask].max())


def test_places_are_ordered_at_max_inside_global():
    random = np.random.default_rng(5)
    array = random.uniform(1, 2, (20, 20, 20))
    mask = ball(array.shape, (10, 10, 10), 6)
    for kernel in ("voxel_centre", "partial_volume"):
        peak = {
            place: suv_peak(array, mask, (4.0, 4.0, 4.0), PeakRule(kernel=kernel, place=place))
            for place in ("at_max", "global", "inside")
        }
        assert peak["at_max"] <= peak["global"]
        assert peak["inside"] <= peak["global"]


def test_a_sphere_that_leaves_the_image_has_no_mean():
    array = np.ones((9, 9, 9))
    array[0, 4, 4] = 5.0
    mask = np.zeros(array.shape, bool)
    mask[0:3, 3:6, 3:6] = True
    rows = measure(array, mask, peaks=PEAKS[:2])
    assert rows["peak.1ml_voxel_centre_at_max"].status is MeasurementStatus.UNDEFINED
    assert "leaves the image" in rows["peak.1ml_voxel_centre_at_max"].reason


def test_a_small_lesion_has_no_sphere_inside():
    array = np.ones((15, 15, 15))
    mask = np.zeros(array.shape, bool)
    mask[7, 7, 7] = True
    row = measure(array, mask, peaks=PEAKS[2:3])["peak.1ml_voxel_centre_inside"]
    assert row.value is None
    assert "wholly in the region" in row.reason


def test_of_two_hottest_voxels_the_higher_mean_counts():
    array = np.ones((21, 21, 21))
    array[5, 10, 10] = array[15, 10, 10] = 9.0
    array[15, 10, 11] = 8.0
    mask = np.ones(array.shape, bool)
    rule = PeakRule(kernel="voxel_centre", place="at_max")
    one = suv_peak(array, mask, (4.0, 4.0, 4.0), rule)
    other = suv_peak(array[::-1], mask, (4.0, 4.0, 4.0), rule)
    assert one == pytest.approx(other)
    n = len(sphere_kernel((4.0, 4.0, 4.0), "voxel_centre").weights)
    assert one == pytest.approx((9 + 8 + (n - 2)) / n)


# Volumes


def two_lesions():
    array = np.full((20, 20, 20), 1.0)
    array[4:8, 4:8, 4:8] = 10.0
    array[14:16, 14:16, 14:16] = 3.0
    return array


THRESHOLDS = [{"percent_of_max": 41}, {"fixed": 2.5}, {"fixed": 4.0}]


def test_volume_and_glycolysis_of_one_region():
    array = two_lesions()
    rows = measure(array, np.ones(array.shape, bool), thresholds=THRESHOLDS)
    ml = 0.064
    assert rows["mtv.41pct_of_max"].value == pytest.approx(64 * ml)
    assert rows["mtv.fixed_2.5"].value == pytest.approx((64 + 8) * ml)
    assert rows["tlg.fixed_2.5"].value == pytest.approx((640 + 24) * ml)
    assert rows["mtv.fixed_2.5"].unit == "mL"
    assert rows["tlg.fixed_2.5"].unit == "g"


def test_a_share_of_the_maximum_is_taken_lesion_by_lesion():
    """The cool lesion is not hidden by the hot one where the region tells them apart."""
    array = two_lesions()
    mask = array > 2
    lesions = {"connectivity": 26, "smallest_ml": 0}
    rows = measure(array, mask, thresholds=THRESHOLDS, lesions=lesions)
    assert rows["mtv.41pct_of_max"].value == pytest.approx(72 * 0.064)
    assert rows["n_lesions.41pct_of_max"].value == 2
    assert rows["n_lesions.fixed_4"].value == 1
    # Centroids at voxel 5.5 and 14.5 on each axis, 4 mm apart.
    assert rows["dmax_centroids.fixed_2.5"].value == pytest.approx(9 * 4 * math.sqrt(3))
    assert rows["dmax_centroids.fixed_4"].status is MeasurementStatus.UNDEFINED


def test_the_largest_lesions_have_rows_of_their_own():
    array = two_lesions()
    lesions = {"connectivity": 26, "listed": 3}
    rows = measure(array, array > 2, thresholds=[{"fixed": 2.5}], lesions=lesions)
    assert rows["lesion1_mtv.fixed_2.5"].value == pytest.approx(64 * 0.064)
    assert rows["lesion1_tlg.fixed_2.5"].value == pytest.approx(640 * 0.064)
    assert rows["lesion2_max.fixed_2.5"].value == 3.0
    assert rows["lesion3_mtv.fixed_2.5"].reason == "there are 2 lesions"
    total = rows["mtv.fixed_2.5"].value
    assert total == rows["lesion1_mtv.fixed_2.5"].value + rows["lesion2_mtv.fixed_2.5"].value


def test_small_components_do_not_count():
    array = two_lesions()
    lesions = {"connectivity": 6, "smallest_ml": 1.0}
    rows = measure(array, array > 2, thresholds=[{"fixed": 2.5}], lesions=lesions)
    assert rows["n_lesions.fixed_2.5"].value == 1
    assert rows["mtv.fixed_2.5"].value == pytest.approx(64 * 0.064)


@pytest.mark.parametrize(("connectivity", "expected"), [(6, 3), (18, 2), (26, 1)])
def test_connectivity_by_face_edge_and_corner(connectivity, expected):
    array = np.zeros((5, 5, 5))
    array[1, 1, 1] = array[1, 2, 2] = array[2, 3, 3] = 5.0
    lesions = {"connectivity": connectivity}
    rows = measure(array, np.ones(array.shape, bool), thresholds=[{"fixed": 4}], lesions=lesions)
    assert rows["n_lesions.fixed_4"].value == expected


def test_nothing_above_the_threshold_is_a_volume_of_zero():
    array = np.ones((5, 5, 5))
    rows = measure(array, np.ones(array.shape, bool), thresholds=[{"fixed": 4}])
    assert rows["mtv.fixed_4"].value == 0.0
    assert rows["tlg.fixed_4"].value == 0.0


# Reference regions


def test_threshold_and_ratio_from_a_reference_region():
    array = two_lesions()
    liver = np.zeros(array.shape, bool)
    liver[0:2, 0, 0] = True
    array[0, 0, 0], array[1, 0, 0] = 1.8, 2.2  # mean 2, sample sd 0.2828
    rows = measure(
        array,
        array > 2.5,
        references={"LIVER": liver},
        thresholds=[{"reference": {"region": "LIVER", "times_mean": 1.5, "plus_sd": 2}}],
        ratios=["LIVER"],
    )
    # 1.5 * 2 + 2 * 0.2828 = 3.566: the cool lesion of 3.0 stays out.
    threshold = rows["threshold.liver_1.5mean_2sd"]
    assert threshold.value == pytest.approx(3 + 2 * 0.4 / math.sqrt(2))
    assert threshold.unit == "g/ml{SUVbw}"
    assert rows["mtv.liver_1.5mean_2sd"].value == pytest.approx(64 * 0.064)
    assert rows["ratio.max_to_liver_mean"].value == pytest.approx(5.0)


def test_without_the_reference_region_rows_say_so():
    array = two_lesions()
    rows = measure(
        array,
        array > 2,
        thresholds=[{"reference": {"region": "LIVER", "times_mean": 1.5, "plus_sd": 2}}],
        ratios=["LIVER"],
    )
    for row in rows.values():
        assert row.value is None
        assert "'LIVER' is missing" in row.reason


# Rows


def test_rows_stand_in_the_order_of_the_protocol():
    sections = {
        "statistics": ["max", "min"],
        "peaks": PEAKS[3:5],
        "thresholds": THRESHOLDS[:1],
        "lesions": {"connectivity": 26},
        "ratios": ["LIVER"],
    }
    array = two_lesions()
    names = [d.name for d in uptake_definitions(rules_of(**sections))]
    assert names == list(measure(array, array > 2, **sections))
    assert names[:3] == ["max", "min", "peak.1ml_partial_volume_at_max"]


def test_an_empty_region_has_every_row_without_a_value():
    array = two_lesions()
    rows = measure(array, array > 99, statistics=["max"], peaks=PEAKS, thresholds=THRESHOLDS)
    assert len(rows) == 1 + 6 + 6
    assert all(row.value is None and row.reason == "the region is empty" for row in rows.values())


def test_every_normalisation_has_its_rows():
    result = result_of(two_lesions(), scales={"suvbw": 1.0, "suvbsa": 0.25})
    region = region_of(result, two_lesions() > 2)
    rules = rules_of(
        normalisations=["suvbw", "suvbsa"], statistics=["max"], thresholds=THRESHOLDS[:2]
    )
    rows = {r.feature_id: r for r in uptake_measurements(result, region, rules)}
    assert rows["suvbw.uptake.max"].value == 10.0
    assert rows["suvbsa.uptake.max"].value == 2.5
    assert rows["suvbsa.uptake.max"].unit == "cm2/ml{SUVbsa}"
    assert rows["suvbsa.uptake.mtv.41pct_of_max"].value == pytest.approx(64 * 0.064)
    assert rows["suvbsa.uptake.mtv.fixed_2.5"].value == pytest.approx(64 * 0.064)
    assert rows["suvbsa.uptake.tlg.41pct_of_max"].unit == "cm2"


def test_a_region_of_another_grid_is_refused():
    result = result_of(two_lesions())
    other = Geometry((20, 20, 20), (4.0, 4.0, 4.0), origin_mm=(2.0, 0.0, 0.0))
    region = Region(np.ones((20, 20, 20), bool), other, "GTV", "GTV")
    with pytest.raises(SuvError) as caught:
        uptake_measurements(result, region, rules_of(statistics=["max"]))
    assert caught.value.code == "SUV-REGION-GRID"


def test_the_dictionary_has_the_plain_statistics():
    assert {d.name for d in UPTAKE} == {"min", "median", "mean", "max", "sd", "cov"}


@pytest.mark.parametrize(
    "sections",
    [
        {"normalisations": ()},
        {"thresholds": [{"fixed": 4, "percent_of_max": 41}]},
        {"thresholds": [{}]},
        {"thresholds": [{"fixed": 4}, {"fixed": 4.0}]},
        {"statistics": ["max", "max"]},
        {"activity_mbq_per_kg": {"F-18": (25, 1)}},
        {"peaks": [{"kernel": "voxel_centre", "place": "somewhere"}]},
        {"unknown": 1},
    ],
)
def test_a_section_that_contradicts_itself_is_refused(sections):
    with pytest.raises(ValidationError):
        rules_of(**sections)


@given(
    st.integers(0, 2**32 - 1),
    st.permutations([0, 1, 2]),
    st.lists(st.booleans(), min_size=3, max_size=3),
    st.floats(0.1, 50),
)
@settings(max_examples=25, deadline=None)
def test_metrics_follow_the_lesion_not_the_axes(seed, order, mirrored, scale):
    """Turned, mirrored and scaled images give the same numbers, scaled."""
    random = np.random.default_rng(seed)
    array = random.uniform(0.5, 8.0, (16, 15, 17))
    mask = ball(array.shape, (8, 7, 8), 5.2)
    sections = {
        "statistics": ["max", "mean", "sd", "cov"],
        "peaks": PEAKS,
        "thresholds": [{"percent_of_max": 41}],
        "lesions": {"connectivity": 26},
    }
    spacing = (3.0, 4.0, 5.0)  # x, y, z
    flips = tuple(slice(None, None, -1 if m else 1) for m in mirrored)
    turned = np.transpose(array, order)[flips] * scale
    turned_mask = np.transpose(mask, order)[flips]
    turned_spacing = tuple(spacing[::-1][axis] for axis in order)[::-1]
    before = measure(array, mask, spacing, **sections)
    after = measure(turned, turned_mask, turned_spacing, **sections)
    for name, row in before.items():
        linear = name.split(".")[0] in {"max", "mean", "sd", "peak", "tlg"}
        factor = scale if linear else 1.0
        if row.value is None:
            assert after[name].value is None
        else:
            assert after[name].value == pytest.approx(factor * row.value, rel=1e-9)


# Harmonisation


def test_harmonisation_widens_a_point_to_its_fwhm():
    """A point becomes a Gaussian whose second moment is FWHM^2 / (8 ln 2)."""
    array = np.zeros((61, 61, 61))
    array[30, 30, 30] = 1.0
    spacing = (2.0, 2.5, 3.0)
    filtered = gaussian(array, Geometry(array.shape, spacing), 7.0)
    assert filtered.sum() == pytest.approx(1.0, abs=1e-9)
    for axis, step in enumerate(reversed(spacing)):
        profile = filtered.sum(axis=tuple(a for a in range(3) if a != axis))
        at = (np.arange(61) - 30) * step
        fwhm = math.sqrt(8 * math.log(2) * (profile * at**2).sum())
        assert fwhm == pytest.approx(7.0, rel=0.01)


def test_harmonisation_is_an_explicit_step_of_the_protocol():
    array = two_lesions()
    volume = Volume(array, Geometry(array.shape, (4.0, 4.0, 4.0)), SUVBW)
    plain = declared_suv(volume, rules_of())
    smooth = declared_suv(volume, rules_of(harmonisation={"fwhm_mm": 7}))
    assert plain.volume.array.max() == 10.0
    assert smooth.volume.array.max() < 10.0
    assert smooth.derivation["harmonisation_fwhm_mm"] == 7


@pytest.mark.parametrize("change", ["lose", "add"])
def test_rows_are_those_of_the_dictionary(monkeypatch, change):
    whole = uptake._measure

    def changed(scene):
        rows = whole(scene)
        return rows[1:] if change == "lose" else [*rows, scene.row(uptake._define("new", "New"), 1)]

    monkeypatch.setattr(uptake, "_measure", changed)
    with pytest.raises(
        FeatureNamesError, match=r"suvbw.uptake: (min not computed|new not defined)"
    ):
        measure(np.ones((9, 9, 9)), np.ones((9, 9, 9), bool), statistics=("min", "max"))


def test_every_statistic_of_the_protocol_is_computed():
    assert set(get_args(Statistic)) == set(uptake.UPTAKE_STATISTICS)
