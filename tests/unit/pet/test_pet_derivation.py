"""What the derivation says was read: names, units and where each value stands."""

from __future__ import annotations

from datetime import datetime

import pytest
from synthetic_pet import both, bqml, enhanced_volume, pet_volume, private, with_item

from biomarker_cli.pet.rules import ClinicalForm, SuvRules
from biomarker_cli.pet.suv import suv_volume

RULES = SuvRules(normalisations=("suvbw",))
PHILIPS = "Philips PET Private Group"


def derived(form=None, **elements):
    return suv_volume(pet_volume(**elements), RULES, form).derivation


def test_every_input_has_its_name_its_unit_and_its_place():
    found = {(i["name"], i["tag"]): (i["value"], i["unit"]) for i in derived()["inputs"]}
    assert found["weight", "PatientWeight (0010,1030)"] == (70.0, "kg")
    assert found["height", "PatientSize (0010,1020)"] == (1.75, "m")
    assert found["half-life", "(0054,0016)>(0018,1075)"] == (6586.2, "s")
    assert found["administered activity", "(0054,0016)>(0018,1074)"] == (368.08e6, "Bq")
    assert found["injection", "(0054,0016)>(0018,1078)"] == (
        "20250101100000.000000",
        "",
    )
    assert found["units", "(0054,1001)"] == ("BQML", "")
    assert found["decay correction", "(0054,1102)"] == ("START", "")


def test_results_say_how_the_factor_came_about():
    found = derived()
    assert found["rule"] == "BQML START"
    assert found["image"] == "suvbw"
    assert found["half_life_s"] == 6586.2
    assert found["injection"] == "2025-01-01T10:00:00"


def test_a_conversion_says_what_stood_there_and_what_is_used():
    conversions = derived(PatientWeight="70000", PatientSize="175")["conversions"]
    assert conversions == [
        {
            "name": "weight",
            "found": 70000.0,
            "used": 70.0,
            "rule": "a weight of 1000 or more is in g",
        },
        {"name": "height", "found": 175.0, "used": 1.75, "rule": "a height above 3 is in cm"},
    ]


def test_a_height_in_metres_is_not_converted():
    assert derived()["conversions"] == []


def test_a_value_of_the_form_stands_beside_that_of_the_header():
    form = ClinicalForm(weight_kg=70.0, height_m=1.75, glucose_mmol_l=5.5)
    found = {(i["name"], i["tag"]): (i["value"], i["unit"]) for i in derived(form)["inputs"]}
    assert found["weight", "form: weight_kg"] == (70.0, "kg")
    assert found["height", "form: height_m"] == (1.75, "m")
    assert found["glucose", "form: glucose_mmol_l"] == (5.5, "mmol/L")


OF_THE_SERIES = [
    ("units", "BQML", "", "(0054,1001)"),
    ("SUV type", None, "", "(0054,1006)"),
    ("decay correction", "START", "", "(0054,1102)"),
    ("corrected image", ["ATTN", "DECY", "DTIM", "NORM", "RAN", "SCAT"], "", "(0028,0051)"),
    ("series start", "2025-01-01T11:00:00", "", "SeriesDate + SeriesTime"),
    ("acquisition", ["2025-01-01T11:00:00"], "", "AcquisitionDate + AcquisitionTime"),
    ("frame reference time", [150.0], "s", "(0054,1300)"),
    ("frame duration", [300.0], "s", "(0018,1242)"),
    ("decay factor", [1.0], "", "(0054,1321)"),
]
NUCLIDE = [
    ("half-life", 6586.2, "s", "(0054,0016)>(0018,1075)"),
    ("radionuclide", ["C-111A1", "^18^Fluorine"], "", "(0054,0016)>(0054,0300)"),
]
FORM = ClinicalForm(
    weight_kg=70.5,
    height_m=1.76,
    sex="O",
    glucose_mmol_l=5.5,
    injected_activity_mbq=380.0,
    residual_activity_mbq=8.0,
    injection_datetime=datetime(2025, 1, 1, 10, 1),
)


def rows_of(listed, *names):
    assert all(list(row) == list(names) for row in listed)
    return [tuple(row.values()) for row in listed]


def inputs_of(derivation):
    return rows_of(derivation["inputs"], "name", "value", "unit", "tag")


def conversions_of(derivation):
    return rows_of(derivation["conversions"], "name", "found", "used", "rule")


def test_header_and_form_stand_beside_each_other_with_unit_and_place():
    found = derived(FORM)
    assert inputs_of(found) == [
        *OF_THE_SERIES,
        ("weight", 70.0, "kg", "PatientWeight (0010,1030)"),
        ("weight", 70.5, "kg", "form: weight_kg"),
        ("height", 1.75, "m", "PatientSize (0010,1020)"),
        ("height", 1.76, "m", "form: height_m"),
        ("sex", "O", "", "PatientSex (0010,0040)"),
        ("sex", "O", "", "form: sex"),
        ("glucose", 5.5, "mmol/L", "form: glucose_mmol_l"),
        *NUCLIDE,
        ("administered activity", 368.08e6, "Bq", "(0054,0016)>(0018,1074)"),
        ("injected activity", 380.0, "MBq", "form: injected_activity_mbq"),
        ("residual activity", 8.0, "MBq", "form: residual_activity_mbq"),
        ("injection", "20250101100000.000000", "", "(0054,0016)>(0018,1078)"),
        ("injection time of day", "100000.000000", "", "(0054,0016)>(0018,1072)"),
        ("injection", "2025-01-01T10:01:00", "", "form: injection_datetime"),
    ]
    assert conversions_of(found) == []
    assert found["warnings"] == found["flags"] == []


def test_what_the_form_stands_in_for_is_a_conversion():
    absent = with_item(
        RadionuclideTotalDose=None,
        RadiopharmaceuticalStartDateTime=None,
        RadiopharmaceuticalStartTime=None,
    )
    found = derived(FORM, change=absent, PatientWeight=None, PatientSize=None, PatientSex=None)
    of_header = {name: value for name, value, _, tag in inputs_of(found) if "form" not in tag}
    for name in ("weight", "height", "sex", "administered activity", "injection"):
        assert of_header[name] is None
    of_form, only = "the header has none: the form", "the header has none: the form's"
    assert conversions_of(found) == [
        ("weight", None, 70.5, only),
        ("height", None, 1.76, only),
        ("administered activity", None, 372e6, of_form),
        ("injection", None, "2025-01-01T10:01:00", of_form),
    ]
    assert found["flags"] == ["weight_unverified"]
    assert found["activity_bq"] == 372e6
    assert found["uptake_s"] == 59 * 60


def test_results_are_what_the_factor_is_made_of():
    found = derived()
    listed = {"inputs", "conversions", "candidates", "overrides", "warnings", "flags"}
    results = {name: value for name, value in found.items() if name not in listed}
    factor = 70_000 / (368.08e6 * 2 ** (-3600 / 6586.2))
    assert results == {
        "bmi_kg_per_m2": pytest.approx(70 / 1.75**2),
        "nuclide": "F-18",
        "activity_mbq_per_kg": pytest.approx(368.08 / 70),
        "activity_bq": 368.08e6,
        "half_life_s": 6586.2,
        "injection": "2025-01-01T10:00:00",
        "reference_time": "2025-01-01T11:00:00",
        "reference_time_rule": "series_datetime",
        "reference_time_spread_percent": pytest.approx(0.004153534),
        "uptake_s": 3600.0,
        "rule": "BQML START",
        "image": "suvbw",
        "normalisation_on_suvbw": {"suvbw": 1.0},
        "factor_per_slice": pytest.approx([factor] * 3),
    }


@pytest.mark.parametrize(
    ("written", "conversion"),
    [
        (None, ("100000.000000", "on the day of the scan")),
        ("20200101100000", ("20200101100000", "its time of day, before the scan")),
    ],
)
def test_an_injection_put_on_another_day_says_what_stood_there(written, conversion):
    change = with_item(RadiopharmaceuticalStartDateTime=written)
    stood, rule = conversion
    assert conversions_of(derived(change=change)) == [
        ("injection", stood, "2025-01-01T10:00:00", rule)
    ]


def test_the_dose_of_an_enhanced_object_is_in_megabecquerels():
    found = suv_volume(enhanced_volume(), RULES).derivation
    assert ("administered activity", 368.08, "MBq", "(0054,0016)>(0018,1074)") in inputs_of(found)
    assert found["activity_bq"] == pytest.approx(368.08e6)


def philips(ratio):
    return both(
        private(0x7053, PHILIPS, 0x00, "DS", f"{2 * ratio:.10g}"),
        lambda dataset, _: dataset.add_new((0x7053, 0x1009), "DS", "2"),
    )


def test_the_factors_of_philips_are_inputs_with_their_owner():
    volume = pet_volume(change=philips(1 / bqml(1.0)), Units="CNTS")
    found = suv_volume(volume, RULES).derivation
    assert [row for row in inputs_of(found) if "scale factor" in row[0]] == [
        ("SUV scale factor", pytest.approx(2 / bqml(1.0)), "", f"(7053,xx00) {PHILIPS}"),
        ("activity scale factor", 2.0, "", f"(7053,xx09) {PHILIPS}"),
    ]


def test_beside_a_factor_that_needs_no_time_no_candidate_was_used():
    scale = private(0x7053, PHILIPS, 0x00, "DS", f"{1 / bqml(1.0):.10g}")
    found = suv_volume(pet_volume(change=scale, Units="CNTS"), RULES).derivation
    assert found["candidates"]
    assert {row["used"] for row in found["candidates"]} == {False}


@pytest.mark.parametrize(
    ("corrected", "warned"),
    [(["ATTN", "DECY"], True), (["ATTN", "DECY", "SCAT"], False)],
)
def test_an_image_without_scatter_correction_is_warned_of(corrected, warned):
    warnings = derived(CorrectedImage=corrected)["warnings"]
    assert ("CorrectedImage names no scatter correction" in warnings) is warned
