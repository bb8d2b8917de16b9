"""What the derivation says was read: names, units and where each value stands."""

from __future__ import annotations

from synthetic_pet import pet_volume

from biomarker_cli.pet.rules import ClinicalForm, SuvRules
from biomarker_cli.pet.suv import suv_volume

RULES = SuvRules(normalisations=("suvbw",))


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
