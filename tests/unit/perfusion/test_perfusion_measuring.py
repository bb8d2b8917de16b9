"""The rows of regions: values, what they rest on, flags, and why there are none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from perfusion_cases import dce_rules, measured_dce, measured_t1, region
from synthetic_dce import (
    DIALECTS,
    M0,
    SHAPE,
    T10_S,
    TR_MS,
    Truth,
    Written,
    siemens,
    write_dynamic,
    write_enhanced,
    write_vfa,
)

from biomarker_cli.imaging.region import Region
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.perfusion.population_inputs import parker_blood
from biomarker_cli.perfusion.spoiled_echo import spoiled_signal
from biomarker_cli.perfusion.t1_rules import T1Rules

TRUTH = Truth(n=50)


def value(rows, feature):
    return rows[feature].value


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    write_dynamic(folder, TRUTH, Written(change=siemens(TRUTH)))
    return folder


@pytest.mark.parametrize("name", [*DIALECTS, "enhanced"])
def test_a_series_of_every_dialect_gives_its_truth(name, tmp_path):
    if name == "enhanced":
        write_enhanced(tmp_path / "dce.dcm", TRUTH)
    else:
        write_dynamic(tmp_path, TRUTH, Written(change=DIALECTS[name](TRUTH)))
    write_vfa(tmp_path, TRUTH, [2.0, 5.0, 10.0])
    rules = dce_rules(t10={"source": "vfa"}, agent={"name": "gadobutrol"})
    rows = measured_dce(tmp_path, rules)["tumour"]
    assert value(rows, "ktrans_etofts.perfusion.region") == pytest.approx(0.2, rel=2e-3)
    assert value(rows, "ve_etofts.perfusion.region") == pytest.approx(0.3, rel=2e-3)
    assert value(rows, "vp_etofts.perfusion.region") == pytest.approx(0.02, rel=1e-2)
    assert value(rows, "t10.perfusion.region") == pytest.approx(1200.0, rel=1e-3)
    assert rows["ktrans_etofts.perfusion.region"].unit == "/min"
    assert rows["iaugc60.perfusion.region"].unit == "mmol.s/L"
    assert not any("t10_assumed" in row.flags for row in rows.values())


def test_rows_carry_what_they_rest_on(plain):
    rows = measured_dce(plain, dce_rules())["tumour"]
    assert value(rows, "dce.acquisition.frames") == 50
    assert value(rows, "dce.acquisition.frame_interval") == pytest.approx(3.0)
    assert value(rows, "dce.acquisition.baseline_frames") == 4
    assert value(rows, "dce.fit.relaxivity") == 5.2
    assert value(rows, "dce.fit.haematocrit") == 0.42
    assert value(rows, "t10.perfusion.region") == pytest.approx(1200.0)
    onset = value(rows, "dce.acquisition.bolus_arrival") + value(rows, "dce.fit.delay")
    assert onset == pytest.approx(TRUTH.onset_s, abs=0.05)
    assert all("t10_assumed" in row.flags for row in rows.values())


def test_voxels_have_statistics_and_a_share_of_failures(tmp_path):
    one, other = Truth(n=50), Truth(n=50, ktrans=0.1)
    signal = np.empty((50, *SHAPE))
    signal[:] = one.signal()[:, None, None, None]
    signal[:, :, :2] = other.signal()[:, None, None, None]
    # A voxel whose signal no R1 gives has no value; it is not clipped.
    signal[20:, 1, 1, 2] = 5100.0
    write_dynamic(tmp_path, one, Written(change=siemens(one)), signal)
    rules = dce_rules(level="voxel", statistics=["mean", "median", "minimum", "maximum"])
    rows = measured_dce(tmp_path, rules)["tumour"]
    assert value(rows, "ktrans_etofts.perfusion.fraction_failed") == pytest.approx(1 / 12)
    assert value(rows, "ktrans_etofts.perfusion.maximum") == pytest.approx(0.2, rel=5e-2)
    assert value(rows, "ktrans_etofts.perfusion.minimum") == pytest.approx(0.1, rel=5e-2)
    assert value(rows, "ktrans_etofts.perfusion.median") == pytest.approx(0.2, rel=5e-2)
    assert "voxels_nan" in rows["ktrans_etofts.perfusion.median"].flags
    strict = dce_rules(
        level="voxel", statistics=["median"], failed_undefined_above=1 / 13, failed_flag_above=0.0
    )
    rows = measured_dce(tmp_path, strict)["tumour"]
    assert value(rows, "ktrans_etofts.perfusion.median") is None


@pytest.mark.parametrize(
    ("model", "truth", "feature", "expected"),
    [
        ("tofts", Truth(n=50, vp=0.0), "ktrans_tofts.perfusion.region", 0.2),
        ("patlak", Truth(n=50, ktrans=0.01, ve=50.0), "ps_patlak.perfusion.region", 0.01),
        ("patlak", Truth(n=50, ktrans=0.01, ve=50.0), "vp_patlak.perfusion.region", 0.02),
    ],
)
def test_every_model_gives_its_parameters(model, truth, feature, expected, tmp_path):
    write_dynamic(tmp_path, truth, Written(change=siemens(truth)))
    rows = measured_dce(tmp_path, dce_rules(model_name=model))["tumour"]
    assert value(rows, feature) == pytest.approx(expected, rel=2e-2)


def test_two_compartments_are_measured_of_a_region(plain):
    rows = measured_dce(plain, dce_rules(model_name="2cxm"))["tumour"]
    # With a flow that does not limit, Ktrans of the extended Tofts model is PS.
    assert value(rows, "ve_2cxm.perfusion.region") == pytest.approx(0.3, rel=0.1)
    assert value(rows, "ps_2cxm.perfusion.region") == pytest.approx(0.2, rel=0.1)
    assert rows["fp_2cxm.perfusion.region"].unit == "mL/(100.mL)/min"


def test_a_bound_that_is_reached_is_a_flag_and_no_value(plain):
    rows = measured_dce(plain, dce_rules(model_max_transfer_per_min=0.15))["tumour"]
    row = rows["ktrans_etofts.perfusion.region"]
    assert row.value is None
    assert "bound_reached:transfer" in row.flags
    rows = measured_dce(plain, dce_rules(model_max_ve=0.25))["tumour"]
    assert rows["ve_etofts.perfusion.region"].value is None
    assert "bound_reached:ve" in rows["ktrans_etofts.perfusion.region"].flags


def test_a_delay_at_its_limit_is_a_flag_and_no_value(plain):
    rules = dce_rules(model_delay={"fit": True, "limit_s": 1.0})
    row = measured_dce(plain, rules)["tumour"]["ktrans_etofts.perfusion.region"]
    assert row.value is None
    assert "bound_reached:delay" in row.flags


@pytest.mark.parametrize(
    ("interval", "model", "vp", "flagged"),
    [
        (6.0, "etofts", True, False),
        (6.5, "etofts", False, True),
        (9.0, "etofts", False, True),
        (9.5, "tofts", None, True),
        (9.0, "tofts", None, False),
    ],
)
def test_the_frame_interval_limits_what_a_model_gives(interval, model, vp, flagged, tmp_path):
    truth = Truth(n=40, interval_s=interval, onset_s=6 * interval)
    write_dynamic(tmp_path, truth, Written(change=siemens(truth)))
    rows = measured_dce(tmp_path, dce_rules(model_name=model))["tumour"]
    ktrans = rows[f"ktrans_{model}.perfusion.region"]
    assert ktrans.value is not None
    assert ("frame_interval_long" in ktrans.flags) is flagged
    if vp is not None:
        assert (rows["vp_etofts.perfusion.region"].value is not None) is vp


def test_a_longer_interval_refuses_the_plasma_volume(tmp_path):
    truth = Truth(n=40, interval_s=9.5, onset_s=57.0)
    write_dynamic(tmp_path, truth, Written(change=siemens(truth)))
    with pytest.raises(BiomarkerError) as error:
        measured_dce(tmp_path, dce_rules())
    assert error.value.code == "DCE-INTERVAL"


def test_a_bolus_within_the_baseline_is_a_flag_and_no_value(tmp_path):
    truth = Truth(n=50, onset_s=6.0)
    write_dynamic(tmp_path, truth, Written(change=siemens(truth)))
    row = measured_dce(tmp_path, dce_rules())["tumour"]["ktrans_etofts.perfusion.region"]
    assert row.value is None
    assert "bolus_early" in row.flags


def test_a_region_without_contrast_has_no_value(tmp_path):
    write_dynamic(tmp_path, TRUTH, Written(change=siemens(TRUTH)), np.full(50, 500.0))
    rows = measured_dce(tmp_path, dce_rules(semiquantitative=True))["tumour"]
    assert rows["ktrans_etofts.perfusion.region"].value is None
    assert rows["time_to_peak.perfusion.region"].value is None
    assert "no contrast agent" in rows["iaugc60.perfusion.region"].reason


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"agent": "saline"}, "DCE-AGENT"),
        ({"agent": None}, "DCE-AGENT"),
        ({"field_t": 7.0}, "DCE-FIELD"),
    ],
)
def test_what_moves_the_concentration_is_not_guessed(how, code, tmp_path):
    write_dynamic(tmp_path, TRUTH, Written(change=siemens(TRUTH), **how))
    with pytest.raises(BiomarkerError) as error:
        measured_dce(tmp_path, dce_rules())
    assert error.value.code == code


def test_without_a_transmit_map_3_tesla_is_flagged(tmp_path):
    truth = Truth(n=50, relaxivity=5.0)
    write_dynamic(tmp_path, truth, Written(change=siemens(truth), field_t=3.0))
    rows = measured_dce(tmp_path, dce_rules())["tumour"]
    row = rows["ktrans_etofts.perfusion.region"]
    assert "b1_uncorrected" in row.flags
    assert value(rows, "dce.fit.relaxivity") == 5.0
    assert row.value == pytest.approx(0.2, rel=2e-3)


@pytest.mark.parametrize("keyword", ["RepetitionTime", "FlipAngle"])
def test_a_header_without_timing_is_refused(keyword, tmp_path):
    def without(dataset, phase):
        siemens(TRUTH)(dataset, phase)
        delattr(dataset, keyword)

    write_dynamic(tmp_path, TRUTH, Written(change=without))
    with pytest.raises(BiomarkerError) as error:
        measured_dce(tmp_path, dce_rules())
    assert error.value.code == "DCE-NO-SEQUENCE"


BLOOD_T1_S = 1.44
AIF = {"source": "region", "roi": "aorta"}
AORTA = (slice(0, 1), slice(0, 3), slice(0, 3))


def write_with_artery(folder, *, peak=1.0, washed=True):
    """Write tissue and an artery that holds the input function of the truth."""
    minutes = (TRUTH.seconds - TRUTH.onset_s) / 60.0
    blood = peak * parker_blood(minutes)
    if not washed:
        blood = np.maximum.accumulate(blood)
    artery = spoiled_signal(
        1.0 / BLOOD_T1_S + TRUTH.relaxivity * blood, M0, TR_MS / 1000.0, math.radians(15.0)
    )
    signal = np.empty((50, *SHAPE))
    signal[:] = TRUTH.signal()[:, None, None, None]
    signal[:, *AORTA] = artery[:, None, None, None]
    write_dynamic(folder, TRUTH, Written(change=siemens(TRUTH)), signal)


def test_a_measured_input_function_gives_the_truth_and_its_own_rows(tmp_path):
    write_with_artery(tmp_path)
    rules = dce_rules(model_aif=AIF)
    found = measured_dce(tmp_path, rules, region(), region("aorta", AORTA))
    assert value(found["tumour"], "ktrans_etofts.perfusion.region") == pytest.approx(0.2, rel=2e-2)
    blood = parker_blood((TRUTH.seconds - TRUTH.onset_s) / 60.0)
    rows = found["aorta"]
    assert value(rows, "dce.input.peak") == pytest.approx(blood.max(), rel=1e-3)
    assert 6 < value(rows, "dce.input.fwhm") < 20
    assert value(rows, "dce.input.bolus_arrival") == pytest.approx(TRUTH.onset_s, abs=3.0)
    assert not any("ktrans" in name for name in rows)


@pytest.mark.parametrize(
    ("artery", "aif", "word"),
    [
        ({"washed": False}, {}, "washed"),
        ({}, {"max_peak_mm": 5.0}, "limit 5"),
        ({"peak": 0.15}, {}, "2 times"),
    ],
)
def test_a_region_that_is_no_artery_is_refused(artery, aif, word, tmp_path):
    write_with_artery(tmp_path, **artery)
    rules = dce_rules(model_aif={**AIF, **aif})
    error = measured_dce(tmp_path, rules, region(), region("aorta", AORTA))["tumour"]
    assert error.code == "DCE-AIF-REJECTED"
    assert word in str(error)


def test_the_region_of_the_input_function_must_be_there(plain):
    error = measured_dce(plain, dce_rules(model_aif=AIF))["tumour"]
    assert error.code == "DCE-AIF-REGION"


def test_enhancement_without_a_model(tmp_path):
    n, seconds = 20, 3.0 * np.arange(20)
    risen = np.zeros(n)
    risen[6:] = np.interp(seconds[6:], [18.0, 30.0, 57.0], [0.5, 2.0, 1.1])
    truth = Truth(n=n)
    write_dynamic(tmp_path, truth, Written(change=siemens(truth)), 400.0 * (1 + risen))
    rules = dce_rules(semiquantitative=True, model=None, iaugc_s=[], t10=None, agent=None)
    rows = measured_dce(tmp_path, rules)["tumour"]
    assert value(rows, "dce.acquisition.bolus_arrival") == 15.0
    assert value(rows, "time_to_peak.perfusion.region") == pytest.approx(15.0)
    assert value(rows, "relative_enhancement.perfusion.region") == pytest.approx(2.0, rel=1e-3)
    assert value(rows, "wash_in.perfusion.region") == pytest.approx(2.0 / 15.0, rel=1e-3)
    assert value(rows, "wash_out.perfusion.region") == pytest.approx(-0.9 / 27.0, rel=1e-3)
    assert not any(name.startswith(("t10", "iaugc", "dce.fit")) for name in rows)


T1 = {"statistics": ["median", "sd"]}


@pytest.mark.parametrize("fit", ["linear", "nonlinear"])
def test_t1_of_flip_angles(fit, tmp_path):
    write_vfa(tmp_path, Truth(), [2.0, 5.0, 10.0, 15.0])
    rows = measured_t1(tmp_path, T1Rules.model_validate({**T1, "fit": fit}))["tumour"]
    assert value(rows, "t1.perfusion.median") == pytest.approx(1000 * T10_S, rel=1e-3)
    assert rows["t1.perfusion.median"].unit == "ms"
    assert value(rows, "t1.acquisition.flip_angles") == 4
    assert value(rows, "t1.perfusion.fraction_failed") == 0.0
    assert value(rows, "t1.fit.residual_share") < 1e-3


@pytest.mark.parametrize("flips", [[5.0], []])
def test_t1_needs_two_flip_angles(flips, tmp_path):
    write_dynamic(tmp_path, TRUTH, Written(change=siemens(TRUTH), order=[0]))
    if flips:
        write_vfa(tmp_path / "more", Truth(), [15.0])
    with pytest.raises(BiomarkerError) as error:
        measured_t1(tmp_path, T1Rules.model_validate(T1))
    assert error.value.code == "T1-FLIP-ANGLES"


def test_t1_needs_one_timing(tmp_path):
    def slower(dataset, phase):
        dataset.RepetitionTime = 6.0

    write_vfa(tmp_path, Truth(), [2.0, 5.0])
    write_vfa(tmp_path, Truth(), [10.0], Written(change=slower))
    with pytest.raises(BiomarkerError) as error:
        measured_t1(tmp_path, T1Rules.model_validate(T1))
    assert error.value.code == "T1-MIXED-TIMING"


@pytest.mark.parametrize(("certified", "passes"), [(1200.0, 1.0), (1110.0, 0.0), (1290.0, 1.0)])
def test_a_vial_is_judged_by_its_certificate(certified, passes, tmp_path):
    write_vfa(tmp_path, Truth(), [2.0, 5.0, 10.0, 15.0])
    phantom = {"max_bias_percent": 8.0, "vials": [{"roi": "tumour", "t1_ms": certified}]}
    rules = T1Rules.model_validate({**T1, "phantom": phantom})
    found = measured_t1(tmp_path, rules, region(), region("other"))
    rows = found["tumour"]
    assert value(rows, "t1.phantom.bias_pass") == passes
    assert value(rows, "t1.phantom.bias_percent") == pytest.approx(
        100 * (1200 / certified - 1), abs=0.1
    )
    assert value(found["other"], "t1.phantom.bias_pass") is None


def test_an_implausible_t1_is_flagged(tmp_path):
    write_vfa(tmp_path, Truth(), [2.0, 5.0, 10.0])
    rules = T1Rules.model_validate({**T1, "plausible_ms": [50.0, 1000.0]})
    assert "implausible" in measured_t1(tmp_path, rules)["tumour"]["t1.perfusion.median"].flags


def test_rows_carry_the_doubts_of_the_region_that_their_input_comes_from(tmp_path):
    write_with_artery(tmp_path)
    artery = region("aorta", AORTA)
    doubtful = Region(
        artery.mask, artery.geometry, "aorta", "aorta", flags=frozenset({"roi_gaps", "roi_small"})
    )
    found = measured_dce(tmp_path, dce_rules(model_aif=AIF), region(), doubtful)
    flags = found["tumour"]["ktrans_etofts.perfusion.region"].flags
    assert "roi_gaps" in flags
    assert "roi_small" not in flags


@pytest.mark.parametrize(
    ("later", "is_refused"), [("Dotarem", True), ("saline", True), ("", False)]
)
def test_every_phase_tells_one_agent(later, is_refused, tmp_path):
    def told(dataset, phase):
        siemens(TRUTH)(dataset, phase)
        if phase > 20:
            dataset.ContrastBolusAgent = later

    write_dynamic(tmp_path, TRUTH, Written(change=told))
    agents = {"names": {"gadovist": "gadobutrol", "dotarem": "gadoterate"}}
    if is_refused:
        with pytest.raises(BiomarkerError) as error:
            measured_dce(tmp_path, dce_rules(agent=agents))
        assert error.value.code == "DCE-AGENT"
        assert later in error.value.message
    else:
        measured_dce(tmp_path, dce_rules(agent=agents))
