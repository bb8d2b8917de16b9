"""The statistics of an SUV region and its thresholds, by numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import SUVBW
from biomarker_cli.pet.lesions import (
    ReferenceUptake,
    largest_distance_mm,
    threshold_value,
    tumour_voxels,
)
from biomarker_cli.pet.rules import LesionRule, ReferenceThreshold, SuvRules, ThresholdRule
from biomarker_cli.pet.suv import SuvResult
from biomarker_cli.pet.uptake import UPTAKE_STATISTICS, uptake_measurements

# Mean 5, squared deviations 9 + 3 x 1 + 0 + 0 + 4 + 16 = 32.
EIGHT = (2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("min", 2.0),
        # Between the two in the middle, not one of them.
        ("median", 4.5),
        ("mean", 5.0),
        ("max", 9.0),
        # Of a sample: sqrt(32 / 7), not sqrt(32 / 8).
        ("sd", math.sqrt(32 / 7)),
        ("cov", math.sqrt(32 / 7) / 5.0),
    ],
)
def test_a_statistic_is_the_one_of_its_definition(name, expected):
    assert UPTAKE_STATISTICS[name][1](np.array(EIGHT)) == pytest.approx(expected, rel=1e-12)


def test_of_one_voxel_there_is_no_spread():
    assert math.isnan(UPTAKE_STATISTICS["sd"][1](np.array([3.0])))
    assert UPTAKE_STATISTICS["sd"][1](np.array([3.0, 5.0])) == pytest.approx(math.sqrt(2))
    assert math.isnan(UPTAKE_STATISTICS["cov"][1](np.array([-1.0, 1.0])))


def mtv(values: tuple[float, ...], references=None, **sections: object) -> float:
    """Return the volume of the tumour in a row of voxels of 1 ml."""
    geometry = Geometry((1, 1, len(values)), (10.0, 10.0, 10.0))
    volume = Volume(np.array(values).reshape(geometry.shape), geometry, SUVBW)
    region = Region(np.ones(geometry.shape, bool), geometry, "GTV", "GTV")
    rules = SuvRules.model_validate({"normalisations": ["suvbw"], **sections})
    result = SuvResult(volume, "suvbw", {"suvbw": 1.0})
    rows = uptake_measurements(result, region, rules, references)
    return next(row.value for row in rows if row.definition.name.startswith("mtv."))


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        # 40 % of 10 is 4: the voxel of 4 counts, that of 3.9 does not.
        ({"percent_of_max": 40}, 3.0),
        ({"percent_of_max": 41}, 2.0),
        ({"fixed": 4.0}, 3.0),
        ({"fixed": 4.5}, 2.0),
    ],
)
def test_a_voxel_on_the_threshold_is_tumour(threshold, expected):
    assert mtv((10.0, 4.0, 3.9, 1.0, 6.0), thresholds=[threshold]) == pytest.approx(expected)


def test_a_threshold_from_a_reference_adds_its_sds_to_its_means():
    rule = ThresholdRule(reference=ReferenceThreshold(region="Liver", times_mean=1.5, plus_sd=2.0))
    assert threshold_value(rule, 100.0, ReferenceUptake(2.0, 0.25)) == pytest.approx(3.5)
    assert math.isnan(threshold_value(rule, 100.0, None))


def test_the_smallest_lesion_may_be_as_large_as_its_limit():
    array = np.array([[[5.0, 5.0, 0.0, 5.0, 0.0, 5.0, 5.0, 5.0]]])
    region = np.ones(array.shape, bool)
    rule = ThresholdRule(fixed=4.0)

    def lesions(smallest_ml: float) -> list[int]:
        found = tumour_voxels(
            array, region, rule, LesionRule(connectivity=6, smallest_ml=smallest_ml), voxel_ml=0.5
        )
        assert found is not None
        return found.labels.ravel().tolist()

    # The largest has number 1.
    assert lesions(0.5) == [2, 2, 0, 3, 0, 1, 1, 1]
    assert lesions(1.0) == [2, 2, 0, 0, 0, 1, 1, 1]
    assert lesions(1.01) == [0, 0, 0, 0, 0, 1, 1, 1]


def test_each_lesion_has_a_share_of_its_own_maximum():
    array = np.array([[[10.0, 5.0, 4.0, 0.0, 2.0, 1.0, 0.5]]])
    region = array > 0
    found = tumour_voxels(
        array, region, ThresholdRule(percent_of_max=50), LesionRule(connectivity=6), voxel_ml=1.0
    )
    assert found is not None
    assert found.mask.ravel().tolist() == [True, True, False, False, True, True, False]


def test_the_largest_distance_is_that_of_centroids_in_millimetres():
    # Along x, y, z the first two are 3, 2 and 6 mm apart; the third lies between them.
    geometry = Geometry((4, 4, 6), (1.0, 2.0, 3.0))
    array = np.zeros(geometry.shape)
    array[0, 0, 0] = array[2, 1, 3] = 5.0
    array[1, 3, 1] = 5.0
    found = tumour_voxels(
        array,
        np.ones(geometry.shape, bool),
        ThresholdRule(fixed=4.0),
        LesionRule(connectivity=26),
        voxel_ml=1.0,
    )
    assert found is not None
    assert found.n_lesions == 3
    assert largest_distance_mm(found, geometry) == pytest.approx(7.0)


def test_a_reference_region_of_one_voxel_has_a_mean():
    geometry = Geometry((1, 1, 3), (10.0, 10.0, 10.0))
    volume = Volume(np.array([[[8.0, 4.0, 2.0]]]), geometry, SUVBW)
    lesion = Region(np.array([[[True, True, False]]]), geometry, "GTV", "GTV")
    liver = Region(np.array([[[False, False, True]]]), geometry, "Liver", "Liver")
    rules = SuvRules.model_validate({"normalisations": ["suvbw"], "ratios": ["Liver"]})
    rows = uptake_measurements(
        SuvResult(volume, "suvbw", {"suvbw": 1.0}), lesion, rules, {"Liver": liver}
    )
    assert [row.value for row in rows] == [4.0, 3.0]
