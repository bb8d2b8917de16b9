"""A known mistake is named where it explains all numbers and no other does, else never."""

from __future__ import annotations

import math

import pytest

from biomarker_cli.multicentre.phantoms.judging import judge
from biomarker_cli.multicentre.phantoms.kinds import KINDS, phantom_of
from biomarker_cli.multicentre.phantoms.sheet import Sheet, SheetRow
from biomarker_cli.multicentre.phantoms.suv_reading import PEAKS

PEAK = "1ml_partial_volume_inside"
ALL = [(kind, dialect) for kind, known in KINDS.items() for dialect in known.dialects]


def sheet_of(phantom, values, digits=6):
    rows = [
        SheetRow(n, name, "", format(value, f".{digits}g") if not isinstance(value, str) else value)
        for n, (name, value) in enumerate(values.items(), start=9)
    ]
    info = {"phantom": phantom.ident, "suvpeak_definition": PEAK}
    return Sheet("sheet.csv", ",", info, tuple(rows))


def named(phantom, values, digits=6):
    return [one.name for one in judge(sheet_of(phantom, values, digits)).explained_by]


def asked(phantom, values):
    return {item.name: values[item.name] for item in phantom.items}


@pytest.mark.parametrize(("kind", "dialect"), ALL)
@pytest.mark.parametrize("digits", [4, 6])
def test_each_mistake_alone_explains_its_own_numbers(kind, dialect, digits):
    phantom = phantom_of(kind, dialect, PEAK)
    assert phantom.mistakes
    for mistake in phantom.mistakes:
        for predicted in mistake.predictions:
            assert named(phantom, asked(phantom, predicted), digits) == [mistake.name]


@pytest.mark.parametrize(("kind", "dialect"), ALL)
def test_the_truth_needs_no_explanation(kind, dialect):
    phantom = phantom_of(kind, dialect, PEAK)
    judgement = judge(sheet_of(phantom, asked(phantom, phantom.truth)))
    assert judgement.is_passed
    assert judgement.explained_by == ()


@pytest.mark.parametrize(("kind", "dialect"), ALL)
def test_one_number_that_no_mistake_gives_leaves_all_unexplained(kind, dialect):
    phantom = phantom_of(kind, dialect, PEAK)
    for mistake in phantom.mistakes:
        values = asked(phantom, mistake.predictions[0])
        odd = next(iter(values))
        values[odd] = values[odd] * 1.37 + 2.0
        assert named(phantom, values) == []


def test_a_site_that_decays_to_the_wrong_time_is_told_so():
    # 4.00 at 11:00 becomes more where less activity is thought to be left: 40 minutes later.
    phantom = phantom_of("suv", "generic", PEAK)
    later = math.pow(2.0, 2400.0 / 6586.2)
    values = {"hot/suvbw.uptake.mean": 4.0 * later, "ramp/suvbw.uptake.max": 5.0 * later}
    values |= {"cold/suvbw.uptake.mean": 0.2 * later, "hot/volume": 21.504}
    values["hot/activity.mean"] = phantom.truth["hot/activity.mean"]
    assert named(phantom, values, 4) == ["decayed_to_content"]
    # Not decayed at all: 75 minutes less.
    none = math.pow(2.0, -4500.0 / 6586.2)
    values |= {"hot/suvbw.uptake.mean": 4.0 * none, "ramp/suvbw.uptake.max": 5.0 * none}
    values["cold/suvbw.uptake.mean"] = 0.2 * none
    assert named(phantom, values, 4) == ["not_decayed"]


def test_the_time_of_the_second_bed_is_told_from_that_of_the_first():
    phantom = phantom_of("suv", "generic", PEAK)
    truth = phantom.truth
    second = math.pow(2.0, 600.0 / 6586.2)
    # The hot region lies in the first bed, the upper half of the ramp in the second.
    values = {
        "hot/suvbw.uptake.mean": 4.0,
        "ramp/suvbw.uptake.min": 2.8,
        "ramp/suvbw.uptake.max": 5.0 * second,
        "ramp/suvbw.uptake.peak": truth["ramp/suvbw.uptake.peak"] * second,
    }
    assert named(phantom, values, 5) == ["decayed_to_acquisition"]


def test_a_site_that_takes_bq_for_kbq_is_told_so():
    phantom = phantom_of("suv", "generic", PEAK)
    # Of the levels, everything lies above the fixed thresholds then: their rows are left blank.
    wrong = {
        name: value * (1.0 if name.endswith("volume") else 1000.0)
        for name, value in phantom.truth.items()
        if not name.startswith("levels")
    }
    assert named(phantom, wrong, 4) == ["bq_for_kbq"]


def test_without_the_row_that_tells_them_apart_no_mistake_is_certain():
    phantom = phantom_of("suv", "generic", PEAK)
    values = {"hot/suvbw.uptake.mean": 4000.0, "cold/suvbw.uptake.mean": 200.0}
    assert named(phantom, values) == ["bq_for_kbq", "dose_kbq_for_bq"]
    values["hot/activity.mean"] = phantom.truth["hot/activity.mean"]
    assert named(phantom, values) == ["dose_kbq_for_bq"]


def test_a_coarse_number_names_nobody_with_certainty():
    phantom = phantom_of("suv", "generic", PEAK)
    # 0.00 may be any of what is a thousand times too small.
    found = named(phantom, {"hot/suvbw.uptake.mean": "0.00"})
    assert {"kbq_for_bq", "dose_bq_for_kbq"} <= set(found)


@pytest.mark.parametrize("peak", PEAKS)
def test_peaks_are_the_ramp_at_the_centre_of_the_sphere(peak):
    # The ramp ends at 5.0 and falls by 0.2 a slice of 3.5 mm; the sphere has a radius of 6.2.
    inside = {"1ml_voxel_centre_inside": 4.8, "1ml_partial_volume_inside": 4.6}
    value = phantom_of("suv", "", peak).truth["ramp/suvbw.uptake.peak"]
    assert value == pytest.approx(inside.get(peak, 5.0))


def test_a_mistake_predicts_every_number_that_is_asked():
    for kind, dialect in ALL:
        phantom = phantom_of(kind, dialect, PEAK)
        for mistake in phantom.mistakes:
            for predicted in mistake.predictions:
                assert phantom.truth.keys() <= predicted.keys()
                assert all(math.isfinite(value) for value in predicted.values())


def test_truths_that_are_easily_worked_out_by_hand():
    suv = phantom_of("suv", "generic", PEAK).truth
    # 6 x 8 x 8 voxels of 4 x 4 x 3.5 mm.
    assert suv["hot/volume"] == pytest.approx(384 * 56 / 1000)
    assert suv["hot/activity.mean"] == pytest.approx(4 * 300e6 * 2 ** (-75 * 60 / 6586.2) / 80e3)
    assert suv["hot/sul_james128.uptake.mean"] == pytest.approx(
        4 * (1.1 * 80 - 128 * (80 / 180) ** 2) / 80
    )
    assert suv["levels/suvbw.uptake.mtv.50pct_of_max"] == pytest.approx(32 * 0.056)
    assert suv["levels/suvbw.uptake.tlg.41pct_of_max"] == pytest.approx(
        (32 * 8 + 160 * 3.6) * 0.056
    )
    assert suv["hot/sul_janma.uptake.mean"] == pytest.approx(4 * 9270 / (6680 + 216 * 80 / 1.8**2))
    # Du Bois: 1.99642 m2.
    assert suv["hot/suvbsa.uptake.mean"] == pytest.approx(4 * 19.9642 / 80, rel=1e-5)
    assert suv["hot/suvibw.uptake.mean"] == pytest.approx(4 * (48 + 1.06 * 28) / 80)
    women = next(m for m in phantom_of("suv").mistakes if m.name == "formulas_of_women")
    (wrong,) = women.predictions
    assert wrong["hot/sul_janma.uptake.mean"] == pytest.approx(
        4 * 9270 / (8780 + 244 * 80 / 1.8**2)
    )
    assert wrong["hot/sul_james128.uptake.mean"] == pytest.approx(
        4 * (1.07 * 80 - 148 * (80 / 180) ** 2) / 80
    )
    assert wrong["hot/suvibw.uptake.mean"] == pytest.approx(4 * (45.5 + 0.91 * 28) / 80)
    texture = phantom_of("ct-texture").truth
    assert texture["checker/glcm.contrast.average"] == pytest.approx(7 / 13)
    assert texture["stripes/glcm.correlation.average"] == pytest.approx(-5 / 13)
    assert texture["gradient/intensity.variance"] == pytest.approx(9 * 63 / 12)
    placed = phantom_of("rtstruct").truth
    # 6 slices of 12 x 12 less 6 x 6 voxels of 1.5 x 2 x 3 mm.
    assert placed["ring/volume"] == pytest.approx(6 * (144 - 36) * 9 / 1000)
    adc = phantom_of("adc").truth
    assert adc["fibre/adc.intensity.mean"] == pytest.approx(1e-3)
