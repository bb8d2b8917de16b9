"""Blood volume, flow and leakage of a first pass: the numbers, and why there are none."""

from __future__ import annotations

import numpy as np
import pytest
from perfusion_cases import measured_dsc, region
from pydantic import ValidationError
from synthetic_dce import clock
from synthetic_dsc import BOXES, FirstPass, echo_planar, write_first_pass

from biomarker_cli.imaging.region import Region
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.perfusion.dsc_rules import DscAif, DscRules
from biomarker_cli.perfusion.first_pass import Passage, blood_input, reference_curve

TRUTH = FirstPass()

RULES = {
    "level": "region",
    "baseline": {"skip_frames": 3, "frames": 5},
    "aif": {"roi": "artery"},
    "haematocrit": {"large_vessels": 0.45, "capillaries": 0.25},
    "flow": {"least_singular": 0.02},
    "relative_to": "reference",
}
REGIONS = tuple(region(name, box) for name, box in BOXES.items())


def rules(**changes):
    return DscRules.model_validate({**RULES, **changes})


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dsc")
    write_first_pass(folder, TRUTH)
    return folder


@pytest.fixture(scope="module")
def leaking(tmp_path_factory):
    folder = tmp_path_factory.mktemp("leaking")
    write_first_pass(folder, FirstPass(k2_per_s=0.05))
    return folder


def value(rows, name, what="perfusion.region"):
    return rows[f"{name}.{what}"].value


def test_volume_flow_and_transit_time_are_those_of_the_tissue(plain):
    rows = measured_dsc(plain, rules(), *REGIONS)["tumour"]
    assert value(rows, "cbv") == pytest.approx(4.0, rel=0.01)
    # Singular values that are left out smooth the residue function: the flow is low, never high.
    assert 20.0 * 0.8 < value(rows, "cbf") < 20.0
    assert value(rows, "mtt") == pytest.approx(60.0 * value(rows, "cbv") / value(rows, "cbf"))
    assert value(rows, "rcbv") == pytest.approx(2.0, rel=0.01)
    units = {name: rows[f"{name}.perfusion.region"].unit for name in ("cbv", "cbf", "mtt", "rcbv")}
    assert units == {"cbv": "mL/(100.mL)", "cbf": "mL/(100.mL)/min", "mtt": "s", "rcbv": "1"}
    assert value(rows, "dsc", "fit.vessel_factor") == pytest.approx(0.55 / 0.75)
    assert value(rows, "dsc", "acquisition.echo_time") == pytest.approx(30.0)
    assert value(rows, "dsc", "acquisition.bolus_arrival") == pytest.approx(15.0, abs=2.5)


def test_the_input_function_has_rows_of_its_own(plain):
    rows = measured_dsc(plain, rules(), *REGIONS)["artery"]
    assert value(rows, "dsc", "input.peak_r2star") == pytest.approx(60.0, rel=0.02)
    assert value(rows, "dsc", "input.lowest_signal") == pytest.approx(np.exp(-1.8), rel=0.05)
    assert value(rows, "dsc", "input.end_over_peak") < 0.01
    assert not any("cbv" in name for name in rows)


@pytest.mark.parametrize("delay_s", [2.5, -5.0])
def test_a_tissue_reached_later_or_earlier_has_the_same_flow(delay_s, plain, tmp_path):
    write_first_pass(tmp_path, FirstPass(delay_s=delay_s))
    rows = measured_dsc(tmp_path, rules(), *REGIONS)["tumour"]
    same = measured_dsc(plain, rules(), *REGIONS)["tumour"]
    assert value(rows, "cbf") == pytest.approx(value(same, "cbf"), rel=0.03)
    assert value(rows, "tmax") - value(same, "tmax") == pytest.approx(delay_s, abs=0.01)


def test_leakage_is_given_back_and_its_rate_is_told(leaking):
    found = measured_dsc(leaking, rules(leakage_reference="reference"), *REGIONS)
    assert value(found["tumour"], "cbv") == pytest.approx(4.0, rel=0.01)
    assert value(found["tumour"], "rcbv") == pytest.approx(2.0, rel=0.01)
    assert value(found["tumour"], "leakage_k2") == pytest.approx(0.05, rel=0.02)
    assert value(found["reference"], "leakage_k2") == pytest.approx(0.0, abs=1e-4)
    assert found["tumour"]["leakage_k2.perfusion.region"].unit == "/s"
    without = measured_dsc(leaking, rules(), *REGIONS)["tumour"]
    assert value(without, "cbv") < 2.0, "leakage hides more than half of the volume"


def test_voxels_have_statistics_and_a_share_that_failed(tmp_path):
    def dead(dataset, phase):
        echo_planar(TRUTH)(dataset, phase)
        if dataset.ImagePositionPatient[2] == 3.0 and phase == 20:
            stored = np.frombuffer(dataset.PixelData, "<u2").reshape(6, 8).copy()
            stored[1, 2] = 0
            dataset.PixelData = stored.tobytes()

    write_first_pass(tmp_path, TRUTH, dead)
    one = rules(level="voxel", statistics=["median", "sd"])
    rows = measured_dsc(tmp_path, one, *REGIONS)["tumour"]
    assert value(rows, "cbv", "perfusion.median") == pytest.approx(4.0, rel=0.01)
    assert value(rows, "cbv", "perfusion.fraction_failed") == pytest.approx(1 / 16)
    assert "voxels_nan" in rows["cbv.perfusion.median"].flags


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aif": {"roi": "vein"}}, "DCE-AIF-REGION"),
        ({"relative_to": "cortex"}, "DSC-REFERENCE"),
        ({"leakage_reference": "cortex"}, "DSC-REFERENCE"),
        ({"aif": {"roi": "artery", "min_signal_over_baseline": 0.2}}, "DCE-AIF-REJECTED"),
        ({"aif": {"roi": "reference"}, "relative_to": "tumour"}, "DCE-AIF-REJECTED"),
    ],
)
def test_regions_that_cannot_be_referred_to_leave_no_number(changes, code, plain):
    found = measured_dsc(plain, rules(**changes), *REGIONS)["tumour"]
    assert isinstance(found, BiomarkerError)
    assert found.code == code


def test_an_artery_that_is_not_washed_out_is_none():
    leaking = FirstPass(k2_per_s=-0.2)
    signal = leaking.signal()[(slice(None), *BOXES["tumour"])].reshape(leaking.n, -1)
    passage = Passage(leaking.seconds, 0.03, leaking.interval_s, 8)
    with pytest.raises(BiomarkerError, match="not washed out") as error:
        blood_input(signal, passage, DscAif(roi="artery"))
    assert error.value.code == "DCE-AIF-REJECTED"
    ends = blood_input(signal, passage, DscAif(roi="artery", max_end_over_peak=1.0)).end_over_peak
    assert 0.5 < ends <= 1.0


def test_uneven_frames_are_refused_for_flow_alone(tmp_path):
    def uneven(dataset, phase):
        echo_planar(TRUTH)(dataset, phase)
        dataset.AcquisitionTime = clock(float(TRUTH.seconds[phase]) + 0.1 * (phase > 40))

    write_first_pass(tmp_path, TRUTH, uneven)
    with pytest.raises(BiomarkerError) as error:
        measured_dsc(tmp_path, rules(), *REGIONS)
    assert error.value.code == "DSC-UNEVEN-FRAMES"
    rows = measured_dsc(tmp_path, rules(flow=None), *REGIONS)["tumour"]
    assert value(rows, "cbv") == pytest.approx(4.0, rel=0.01)
    assert "cbf.perfusion.region" not in rows


@pytest.mark.parametrize("echo_time", [None, 0.0, -30.0])
def test_a_series_without_echo_time_is_refused(echo_time, tmp_path):
    short = FirstPass(n=14)

    def without(dataset, phase):
        echo_planar(short)(dataset, phase)
        dataset.EchoTime = echo_time

    write_first_pass(tmp_path, short, without)
    with pytest.raises(BiomarkerError) as error:
        measured_dsc(tmp_path, rules(), *REGIONS)
    assert error.value.code == "DSC-NO-ECHO-TIME"


def test_two_echoes_are_no_series(tmp_path):
    def second(dataset, phase):
        echo_planar(TRUTH)(dataset, phase)
        dataset.EchoTime = 30.0 if phase % 2 else 60.0

    write_first_pass(tmp_path, TRUTH, second)
    with pytest.raises(BiomarkerError) as error:
        measured_dsc(tmp_path, rules(), *REGIONS)
    assert error.value.code == "DCE-MIXED-ACQUISITION"


def test_a_region_without_bolus_says_so(plain):
    air = region("air", (slice(1, 2), slice(5, 6), slice(0, 8)))
    rows = measured_dsc(plain, rules(), *REGIONS, air)["air"]
    assert value(rows, "cbv") is None
    assert "no contrast agent" in rows["cbv.perfusion.region"].reason


def test_a_bolus_within_the_baseline_is_no_number(plain):
    found = measured_dsc(plain, rules(baseline={"skip_frames": 1, "frames": 18}), *REGIONS)
    assert found["tumour"].code == "DCE-AIF-REJECTED"
    alone = rules(
        baseline={"skip_frames": 1, "frames": 18},
        aif=None,
        haematocrit=None,
        flow=None,
    )
    assert measured_dsc(plain, alone, *REGIONS)["tumour"].code == "DSC-REFERENCE"


def test_more_blood_than_tissue_is_implausible(plain):
    vessels = {"large_vessels": 0.0, "capillaries": 0.69}
    rows = measured_dsc(plain, rules(haematocrit=vessels), *REGIONS)["tumour"]
    assert "implausible" not in rows["cbv.perfusion.region"].flags
    aif = {"roi": "reference", "max_end_over_peak": 1.0, "min_peak_over_tissue": 0.01}
    swapped = rules(aif=aif, relative_to="tumour", haematocrit=vessels)
    rows = measured_dsc(plain, swapped, *REGIONS)["tumour"]
    assert value(rows, "cbv") > 100.0
    assert "implausible" in rows["cbv.perfusion.region"].flags


def test_a_reference_without_bolus_is_refused():
    passage = Passage(TRUTH.seconds, 0.03, TRUTH.interval_s, 8)
    assert passage.mean_curve(np.ones((80, 4))) == pytest.approx(0.0)
    with pytest.raises(BiomarkerError) as error:
        reference_curve(np.ones((80, 4)), passage, "reference")
    assert error.value.code == "DSC-REFERENCE"


def test_a_reference_that_only_leaks_is_refused(tmp_path):
    write_first_pass(tmp_path, FirstPass(cbv=0.0, k2_per_s=-0.2))
    one = rules(relative_to="tumour", leakage_reference="reference")
    found = measured_dsc(tmp_path, one, *REGIONS)["reference"]
    assert found.code == "DSC-REFERENCE"
    assert "without leakage" in str(found)


def test_slow_frames_are_flagged(plain):
    slow = measured_dsc(plain, rules(interval_flag_above_s=1.0), *REGIONS)["tumour"]
    assert "frame_interval_long" in slow["cbv.perfusion.region"].flags
    fast = measured_dsc(plain, rules(interval_flag_above_s=1.5), *REGIONS)["tumour"]
    assert "frame_interval_long" not in fast["cbv.perfusion.region"].flags


@pytest.mark.parametrize(
    "changes",
    [
        {"aif": None},
        {"aif": None, "haematocrit": None, "flow": None, "relative_to": None},
        {"aif": None, "haematocrit": None},
        {"haematocrit": None},
        {"statistics": ["median"]},
        {"leakage_reference": "artery"},
        {"relative_to": "artery"},
        {"flow": {"least_singular": 0.0}},
    ],
)
def test_rules_that_contradict_are_refused(changes):
    with pytest.raises(ValidationError):
        rules(**changes)


@pytest.mark.parametrize("name", ["artery", "reference"])
def test_rows_carry_the_doubts_of_the_regions_that_they_are_referred_to(name, plain):
    doubt = frozenset({"roi_padding", "roi_small"})
    regions = [
        Region(one.mask, one.geometry, one.label, one.name, flags=doubt)
        if one.name == name
        else one
        for one in REGIONS
    ]
    rows = measured_dsc(plain, rules(), *regions)["tumour"]
    assert "roi_padding" in rows["cbv.perfusion.region"].flags
    assert "roi_small" not in rows["cbv.perfusion.region"].flags
    clean = measured_dsc(plain, rules(), *REGIONS)["tumour"]
    assert "roi_padding" not in clean["cbv.perfusion.region"].flags
