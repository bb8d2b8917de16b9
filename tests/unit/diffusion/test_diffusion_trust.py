"""How far an ADC can be trusted, and the ADC of a mean signal, by numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from synthetic_dwi import SHAPE, Spec, candidates, write_dwi

from biomarker_cli.diffusion.direction_mean import ShellSignals, shell_signals
from biomarker_cli.diffusion.maps import diffusion_maps
from biomarker_cli.diffusion.measuring import map_measurements
from biomarker_cli.diffusion.phantom import between_b
from biomarker_cli.diffusion.quality import fit_quality
from biomarker_cli.diffusion.roi_signal import roi_signal_adc
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.diffusion.shells import Shell
from biomarker_cli.imaging.region import Region


class Image:
    """A volume that holds its voxels."""

    def __init__(self, *values: float) -> None:
        self._array = np.array(values).reshape(1, 1, -1)

    def read(self) -> Image:
        return self

    def as_float64(self) -> np.ndarray:
        return self._array


# Quality of fits: three b-values, two voxels, and one without a fit.
SIGNAL = np.array([[10.0, 20.0, 7.0], [6.0, 9.0, 7.0], [5.0, 7.0, 7.0]])
ADC = np.array([0.3, 0.5, np.nan])
S0 = np.array([9.0, 18.0, 7.0])
B = np.array([0.0, 1.0, 2.0])


def quality(repeat_sd=None, floor_snr=3.0, signal=SIGNAL, b=B):
    return fit_quality(ShellSignals(b, np.log(signal), repeat_sd), ADC, np.log(S0), floor_snr)


def test_residuals_are_those_of_each_voxel_and_their_median_is_told():
    r_squared, sd = [], []
    for voxel in (0, 1):
        samples = SIGNAL[:, voxel]
        fitted = S0[voxel] * np.exp(-B * ADC[voxel])
        left = ((samples - fitted) ** 2).sum()
        r_squared.append(1 - left / ((samples - samples.mean()) ** 2).sum())
        sd.append(math.sqrt(left / (3 - 2)))
    found = quality()
    assert found.r_squared == pytest.approx(sum(r_squared) / 2, rel=1e-9)
    assert found.residual_sd == pytest.approx(sum(sd) / 2, rel=1e-9)
    pooled = math.sqrt((sd[0] ** 2 + sd[1] ** 2) / 2)
    assert found.snr_residual == pytest.approx(15.0 / pooled, rel=1e-9)
    assert math.isnan(found.snr_repeats)


def test_the_noise_of_repeats_sets_the_floor():
    # Root mean square of 1 and 3 is sqrt(5); what has no fit does not count.
    sd = np.array([1.0, 3.0, 99.0])
    found = quality(sd, floor_snr=3.0)
    assert found.snr_repeats == pytest.approx(15.0 / math.sqrt(5))
    # At the highest b the signals are 5 and 7; the floor lies at 6.7.
    assert found.below_floor == 0.5
    assert quality(sd, floor_snr=2.0).below_floor == 0.0
    assert quality(sd, floor_snr=4.0).below_floor == 1.0


def test_residuals_stand_in_for_the_noise_only_where_nothing_was_repeated():
    """Their pooled SD is 2.2 here: the lower signal at the highest b, 5, lies below 3 of it."""
    assert quality(None, floor_snr=3.0).below_floor == 0.5
    assert quality(np.full(3, 0.1), floor_snr=3.0).below_floor == 0.0
    assert quality(np.full(3, 5.0), floor_snr=3.0).below_floor == 1.0


def test_lowest_and_highest_b_are_found_in_any_order():
    sd, turned = np.array([1.0, 3.0, 99.0]), [2, 0, 1]
    found = quality(sd, signal=SIGNAL[turned], b=B[turned])
    assert found == quality(sd)


def test_two_b_values_leave_no_residual():
    found = quality(signal=SIGNAL[:2], b=B[:2])
    assert math.isnan(found.r_squared)
    assert math.isnan(found.residual_sd)


def test_without_a_fit_nothing_is_known():
    found = fit_quality(ShellSignals(B, np.log(SIGNAL)), np.full(3, np.nan), np.log(S0), 3.0)
    assert all(math.isnan(value) for value in (found.r_squared, found.below_floor))


# Dependence on b


def test_the_dependence_on_b_is_the_range_of_two_point_adcs():
    # From the lowest b: 1 and 1, 1 and 1.5; the voxel with a hole is left out, and it alone.
    log_signal = np.array([[0.0, 0.0, 0.0], [-1.0, -1.0, np.nan], [-2.0, -3.0, -9.0]])
    expected = 100 * (1.25 - 1.0) / 1.125
    assert between_b(ShellSignals(B, log_signal)) == pytest.approx(expected)
    turned = [2, 0, 1]
    assert between_b(ShellSignals(B[turned], log_signal[turned])) == pytest.approx(expected)
    assert math.isnan(between_b(ShellSignals(B[:2], log_signal[:2])))
    assert math.isnan(between_b(ShellSignals(B, log_signal[:, 2:])))


# ADC of the mean signal

# Repeats of one direction at b = 0; two directions at b = 2. The last voxel lies outside.
SHELLS = (
    Shell(0, 0, ((Image(10, 30, 99), Image(20, 20, 99)),)),
    Shell(2, 2, ((Image(4, 12, 0),), (Image(2, 2, 0),))),
)
INSIDE = np.array([[[True, True, False]]])


@pytest.mark.parametrize(("mean", "expected"), [("geometric", 200.0), ("arithmetic", 250.0)])
def test_directions_are_combined_as_the_analysis_says(mean: str, expected: float) -> None:
    shell = Shell(800.0, 800.0, ((Image(100.0),), (Image(400.0),)))
    found = shell_signals([Shell(0.0, 0.0, ((Image(500.0),),)), shell], "actual", mean)
    assert np.exp(found.log_signal).ravel() == pytest.approx([500.0, expected])


def test_images_are_averaged_over_the_region_then_repeats_then_directions():
    found = roi_signal_adc(SHELLS, INSIDE, np.array([0.0, 2.0]), estimator="lls")
    # Repeats: (20 + 20) / 2; directions: sqrt(8 x 2).
    assert found == pytest.approx(math.log(20.0 / 4.0) / 2)


def test_the_noise_is_taken_off_the_squared_signal():
    found = roi_signal_adc(SHELLS, INSIDE, np.array([0.0, 2.0]), estimator="lls", sigma=1.0)
    low = (math.sqrt(500 - 2) + math.sqrt(400 - 2)) / 2
    high = math.sqrt(math.sqrt(80 - 2) * math.sqrt(4 - 2))
    assert found == pytest.approx(math.log(low / high) / 2)


def test_where_noise_leaves_no_signal_there_is_no_adc():
    found = roi_signal_adc(SHELLS, INSIDE, np.array([0.0, 2.0]), estimator="lls", sigma=2.0)
    assert math.isnan(found)


# What a map says of itself


@pytest.fixture(scope="module")
def volumes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trust")
    signals = ((0, 8000.0), (200, 6500.0), (500, 4500.0), (1000, 3000.0))
    write_dwi(folder, [Spec(b, array=np.full(SHAPE, signal)) for b, signal in signals])
    return candidates(folder)


def rows_of(volumes, **sections):
    rules = AdcRules.model_validate(
        {"estimator": "lls", "b_set": {"kind": "all"}, "statistics": ["mean"], **sections}
    )
    maps = diffusion_maps(volumes, rules)
    geometry = maps[0].volume.geometry
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, "all", "all")
    return {row.feature_id: row.value for row in map_measurements(maps, region, rules)}, maps


def test_models_beside_the_adc_say_what_they_were_fitted_to(volumes):
    rows, maps = rows_of(volumes, ivim={"diffusion_from": 200}, kurtosis={"b_max": 500})
    by_image = {one.image: one for one in maps}
    assert rows["adc.fit.b_values"] == rows["ivim_d.fit.b_values"] == 4
    assert rows["dki_k.fit.b_values"] == 3
    assert by_image["ivim_f"].derivation["estimator"] == "ivim_segmented"
    assert by_image["dki_k"].derivation["estimator"] == "kurtosis_lls"
    assert [s["nominal"] for s in by_image["dki_d"].derivation["shells"]] == [0, 200, 500]


def test_the_noise_of_the_mean_signal_is_that_of_the_rules(volumes):
    plain, _ = rows_of(volumes, roi_signal={"correct_noise": "none"})
    assert "adc.roi_signal.adc_noise_corrected" not in plain
    told, _ = rows_of(volumes, roi_signal={"correct_noise": "sigma", "sigma": 500.0})
    b, signal = np.array([0.0, 200, 500, 1000]), np.array([8000.0, 6500, 4500, 3000])
    clean = np.sqrt(signal**2 - 2 * 500.0**2)
    assert told["adc.roi_signal.adc"] == plain["adc.roi_signal.adc"]
    assert plain["adc.roi_signal.adc"] == pytest.approx(
        -np.polyfit(b, np.log(signal), 1)[0], rel=1e-4
    )
    assert told["adc.roi_signal.adc_noise_corrected"] == pytest.approx(
        -np.polyfit(b, np.log(clean), 1)[0], rel=1e-4
    )
