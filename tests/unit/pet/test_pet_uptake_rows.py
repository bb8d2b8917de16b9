"""Rows of uptake: unit, code and flags of each, with a value and without."""

from __future__ import annotations

import numpy as np
import pytest

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import SUVBW
from biomarker_cli.pet.lesions import tumour_voxels
from biomarker_cli.pet.peak import sphere_kernel, sphere_means, suv_peak
from biomarker_cli.pet.rules import LesionRule, PeakRule, SuvRules, ThresholdRule
from biomarker_cli.pet.suv import SuvResult, declared_suv
from biomarker_cli.pet.uptake import uptake_definitions, uptake_measurements

RULES = SuvRules.model_validate(
    {
        "normalisations": ["suvbw", "suvbsa"],
        "statistics": ["max", "cov"],
        "peaks": [{"kernel": "voxel_centre", "place": "at_max"}],
        "thresholds": [
            {"fixed": 4},
            {"reference": {"region": "LIVER", "times_mean": 1.5, "plus_sd": 2}},
        ],
        "lesions": {"connectivity": 26, "listed": 1},
        "ratios": ["LIVER"],
    }
)

EXPECTED = {
    "max": ("", ""),
    "cov": ("1", ""),
    "peak.1ml_voxel_centre_at_max": ("", "126031"),
    "threshold": ("", ""),
    "mtv": ("mL", "126032"),
    "tlg": ("g", "126033"),
    "n_lesions": ("1", ""),
    "dmax_centroids": ("mm", ""),
    "lesion1_mtv": ("mL", "126032"),
    "lesion1_tlg": ("g", "126034"),
    "lesion1_max": ("", ""),
    "ratio.max_to_liver_mean": ("1", "126039"),
    "ratio.mean_to_liver_mean": ("1", ""),
}
"""Unit of its own and DICOM code; what has no unit of its own has that of the image."""

UNITS = {"suvbw": "g/ml{SUVbw}", "suvbsa": "cm2/ml{SUVbsa}"}


def key(name):
    return name if name in EXPECTED else name.split(".")[0]


def test_every_definition_has_its_unit_and_its_code():
    for definition in uptake_definitions(RULES):
        unit, code = EXPECTED[key(definition.name)]
        assert (definition.unit_on("x"), definition.dicom_code or "") == (unit or "x", code)


@pytest.mark.parametrize("is_empty", [False, True])
def test_a_row_has_unit_and_flags_whether_it_has_a_value_or_not(is_empty):
    array = np.full((14, 14, 14), 2.0)
    array[4:9, 4:9, 4:9] = 9.0
    geometry = Geometry(array.shape, (4.0, 4.0, 4.0))
    volume = Volume(array, geometry, SUVBW, flags=frozenset({"quantity_declared"}))
    result = SuvResult(volume, "suvbw", {"suvbw": 1.0, "suvbsa": 0.02})
    mask = array > 99 if is_empty else array > 1
    region = Region(mask, geometry, "GTV", "gtv", flags=frozenset({"roi_small"}))
    rows = uptake_measurements(result, region, RULES)
    assert len(rows) == 2 * len(uptake_definitions(RULES))
    for row in rows:
        unit, _ = EXPECTED[key(row.definition.name)]
        if unit == "g" and row.image == "suvbsa":
            unit = "cm2"
        assert row.unit == (unit or UNITS[row.image]), row.feature_id
        assert row.flags == {"quantity_declared", "roi_small"}
    assert all(row.value is None for row in rows) is is_empty


def test_a_declared_image_is_suvbw_and_says_so():
    array = np.full((3, 4, 5), 2.0)
    volume = Volume(array, Geometry(array.shape, (4.0, 4.0, 4.0)), SUVBW)
    result = declared_suv(volume, SuvRules(normalisations=("suvbw",)))
    assert result.image == "suvbw"
    assert dict(result.scales) == {"suvbw": 1.0}
    assert result.volume.quantity == SUVBW
    assert result.volume.flags == {"quantity_declared"}
    listed = {"inputs", "conversions", "candidates", "overrides", "warnings", "flags"}
    told = {name: value for name, value in result.derivation.items() if name not in listed}
    assert told == {"rule": "declared", "image": "suvbw"}


def test_a_sphere_that_just_fits_into_the_image_has_a_mean():
    """Voxels of 2 x 2 x 5 mm: the sphere of 6.2 mm radius reaches 3 voxels, and 1 slice."""
    spacing = (2.0, 2.0, 5.0)
    kernel = sphere_kernel(spacing, "voxel_centre")
    assert np.abs(kernel.offsets).max(axis=0).tolist() == [1, 3, 3]
    array = np.random.default_rng(1).uniform(1, 2, (3, 7, 7))
    means, valid = sphere_means(array, np.array([[1, 3, 3], [0, 3, 3], [1, 2, 3]]), kernel)
    assert valid.tolist() == [True, False, False]
    offsets = np.indices(array.shape).reshape(3, -1).T - [1, 3, 3]
    inside = np.linalg.norm(offsets * [5.0, 2.0, 2.0], axis=1) <= 6.2035
    assert means[0] == pytest.approx(array.reshape(-1)[inside].mean())
    mask = np.zeros(array.shape, bool)
    mask[1, 3, 3] = True
    rule = PeakRule(kernel="voxel_centre", place="global")
    assert suv_peak(array, mask, spacing, rule) == pytest.approx(means[0])


def test_lesions_of_one_size_are_numbered_as_they_lie():
    array = np.ones((2, 2, 119))
    array[0, 0, ::3] = 5.0
    rule, lesions = ThresholdRule(fixed=4), LesionRule(connectivity=6)
    tumour = tumour_voxels(array, np.ones(array.shape, bool), rule, lesions, 0.064, None)
    assert tumour is not None
    assert tumour.labels[0, 0, ::3].tolist() == list(range(1, 41))
    assert tumour.n_lesions == 40


def test_without_rules_of_lesions_all_that_is_above_the_threshold_is_one():
    array = np.ones((2, 2, 9))
    array[0, 0, ::4] = 5.0
    everywhere = np.ones(array.shape, bool)
    found = tumour_voxels(array, everywhere, ThresholdRule(fixed=4), None, 0.064, None)
    assert found is not None
    assert (found.n_lesions, int(found.labels.max())) == (1, 1)
    none = tumour_voxels(array, everywhere, ThresholdRule(fixed=9), None, 0.064, None)
    assert none is not None
    assert (none.n_lesions, int(none.labels.max())) == (0, 0)


GRID = Geometry((14, 14, 14), (4.0, 4.0, 4.0))


def rows_of(array, mask, rules=RULES, liver=None):
    volume = Volume(array, GRID, SUVBW)
    region = Region(mask, GRID, "GTV", "gtv")
    references = {} if liver is None else {"LIVER": liver}
    found = uptake_measurements(
        SuvResult(volume, "suvbw", {"suvbw": 1.0}), region, rules, references
    )
    return {row.definition.name: row for row in found}


def box_of(*axes):
    mask = np.zeros(GRID.shape, bool)
    mask[axes] = True
    return mask


def test_rows_that_rest_on_a_reference_region_carry_its_doubts():
    array = np.full(GRID.shape, 2.0)
    array[4:9, 4:9, 4:9] = 9.0
    doubts = frozenset({"roi_gaps", "roi_small"})
    liver = Region(box_of(slice(11, 13)), GRID, "L", "LIVER", flags=doubts)
    rows = rows_of(array, box_of(slice(4, 9), slice(4, 9), slice(4, 9)), liver=liver)
    resting = {name for name, row in rows.items() if "roi_gaps" in row.flags}
    assert resting == {name for name in rows if "liver" in name}, (
        "thresholds and ratios of the liver, and nothing else"
    )
    # That the reference is small says nothing of the lesion.
    assert not any("roi_small" in row.flags for row in rows.values())


def test_a_voxel_without_a_value_leaves_no_volume_of_the_others():
    array = np.full(GRID.shape, 9.0)
    array[5, 5, 5] = np.nan
    rows = rows_of(array, box_of(slice(4, 9), slice(4, 9), slice(4, 9)))
    assert {row.value for row in rows.values()} == {None}
    assert rows["mtv.fixed_4"].reason == "voxels of the region have no value"


def test_a_share_of_a_maximum_that_is_not_above_0_is_no_threshold():
    rules = SuvRules.model_validate(
        {"normalisations": ["suvbw"], "thresholds": [{"percent_of_max": 41}]}
    )
    for lesions in (None, {"connectivity": 26}):
        told = rules.model_copy(
            update={"lesions": None if lesions is None else LesionRule.model_validate(lesions)}
        )
        rows = rows_of(np.full(GRID.shape, -1.0), box_of(slice(4, 9)), told)
        assert rows["mtv.41pct_of_max"].value is None
        assert rows["mtv.41pct_of_max"].reason == "the threshold has no value"


def test_a_peak_is_none_where_a_higher_one_may_lie_behind_the_border():
    rule = PeakRule(kernel="voxel_centre", place="global")
    cold_border = np.full((14, 14, 14), 1.0)
    cold_border[4:8, 5:9, 5:9] = 6.0
    mask = np.zeros(cold_border.shape, bool)
    mask[0:9, 4:10, 4:10] = True
    whole = suv_peak(cold_border, mask, (4.0, 4.0, 4.0), rule)
    assert whole > 4.0
    hot_border = cold_border.copy()
    hot_border[0, 5:9, 5:9] = 20.0
    assert np.isnan(suv_peak(hot_border, mask, (4.0, 4.0, 4.0), rule))
    # The sphere that is cut has the lower mean: it is no doubt.
    mild = cold_border.copy()
    mild[0, 5:9, 5:9] = 3.0
    assert suv_peak(mild, mask, (4.0, 4.0, 4.0), rule) == whole
