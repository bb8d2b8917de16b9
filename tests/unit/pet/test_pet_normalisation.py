"""Lean mass, surface and ideal weight against values worked out by hand from the publications."""

from __future__ import annotations

import pytest

from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.normalisation import (
    NORMALISATION_OF_SUV_TYPE,
    QUANTITY_OF,
    BodyMeasures,
    body_surface_m2,
    factor_on_suvbw,
)

# Two bodies of each sex: a coefficient that is wrong cannot hide behind another one.
BODIES = {
    ("M", 80.0, 2.0): {
        # 1.10 x 80 - 120 x (80 / 200)^2
        "sul_james": 88.0 - 120 * 0.16,
        "sul_james128": 88.0 - 128 * 0.16,
        # BMI 20: 9270 x 80 / (6680 + 216 x 20)
        "sul_janma": 741600 / 11000,
        # 48 + 1.06 x (200 - 152)
        "suvibw": 98.88,
    },
    ("M", 100.0, 1.6): {
        "sul_james": 110.0 - 120 * 0.390625,
        "sul_james128": 110.0 - 128 * 0.390625,
        "sul_janma": 927000 / (6680 + 216 * 39.0625),
        "suvibw": 56.48,
    },
    ("F", 50.0, 2.0): {
        # 1.07 x 50 - 148 x (50 / 200)^2
        "sul_james": 53.5 - 148 * 0.0625,
        "sul_james128": 53.5 - 148 * 0.0625,
        # BMI 12.5: 9270 x 50 / (8780 + 244 x 12.5)
        "sul_janma": 463500 / 11830,
        # 45.5 + 0.91 x (200 - 152)
        "suvibw": 89.18,
    },
    ("F", 80.0, 1.6): {
        "sul_james": 85.6 - 148 * 0.25,
        "sul_james128": 85.6 - 148 * 0.25,
        "sul_janma": 741600 / (8780 + 244 * 31.25),
        "suvibw": 52.78,
    },
}
CASES = [
    pytest.param(name, BodyMeasures(weight, height, sex), mass, id=f"{name}-{sex}-{weight:g}")
    for (sex, weight, height), masses in BODIES.items()
    for name, mass in masses.items()
]


@pytest.mark.parametrize(("name", "body", "mass_kg"), CASES)
def test_a_mass_is_the_one_of_its_publication(name, body, mass_kg):
    assert factor_on_suvbw(name, body) * body.weight_kg == pytest.approx(mass_kg, rel=1e-12)


@pytest.mark.parametrize("name", ["sul_james", "sul_james128", "sul_janma", "suvibw"])
def test_of_sex_o_the_mean_of_both_masses_is_taken(name):
    both = [factor_on_suvbw(name, BodyMeasures(70.0, 1.7, sex)) for sex in "MF"]
    assert both[0] != both[1]
    assert factor_on_suvbw(name, BodyMeasures(70.0, 1.7, "O")) == pytest.approx(sum(both) / 2)


def test_the_surface_is_that_of_du_bois():
    # The body of their paper's plot: 70 kg and 170 cm have 1.81 m2.
    assert body_surface_m2(70.0, 1.7) == pytest.approx(1.8097, abs=5e-5)
    assert body_surface_m2(1.0, 0.01) == 0.007184
    ratio = body_surface_m2(140.0, 1.7) / body_surface_m2(70.0, 1.7)
    assert ratio == pytest.approx(2**0.425)
    ratio = body_surface_m2(70.0, 0.85) / body_surface_m2(70.0, 1.7)
    assert ratio == pytest.approx(0.5**0.725)


def test_suv_by_surface_is_in_square_centimetres_per_gram():
    found = factor_on_suvbw("suvbsa", BodyMeasures(70.0, 1.7, ""))
    assert found == pytest.approx(18097 / 70000, rel=1e-4)


def test_body_weight_needs_nothing_of_the_body():
    assert factor_on_suvbw("suvbw", BodyMeasures(None, None, "")) == 1.0


@pytest.mark.parametrize("name", sorted(set(QUANTITY_OF) - {"suvbw"}))
def test_what_is_missing_is_named(name):
    def code(body: BodyMeasures) -> str:
        with pytest.raises(SuvError) as caught:
            factor_on_suvbw(name, body)
        return caught.value.code

    assert code(BodyMeasures(None, 1.7, "M")) == "SUV-NO-WEIGHT"
    assert code(BodyMeasures(70.0, None, "M")) == "SUV-NO-HEIGHT"
    if name != "suvbsa":
        assert code(BodyMeasures(70.0, 1.7, "")) == "SUV-NO-SEX"


def test_a_formula_beyond_its_bodies_is_refused():
    # 1.10 x 300 - 120 x 3^2 is no mass; at 1.10 x 110 - 120 x 1.1^2 < 0 as well.
    with pytest.raises(SuvError) as caught:
        factor_on_suvbw("sul_james", BodyMeasures(300.0, 1.0, "M"))
    assert caught.value.code == "SUV-BODY"
    # 45.5 + 0.91 x (102 - 152) is 0: no mass either.
    with pytest.raises(SuvError) as caught:
        factor_on_suvbw("suvibw", BodyMeasures(30.0, 1.02, "F"))
    assert caught.value.code == "SUV-BODY"


def test_every_suv_type_of_dicom_has_its_image():
    assert NORMALISATION_OF_SUV_TYPE == {
        "": "suvbw",
        "BW": "suvbw",
        "BSA": "suvbsa",
        "LBM": "sul_james",
        "LBMJAMES128": "sul_james128",
        "LBMJANMA": "sul_janma",
        "IBW": "suvibw",
    }
    assert set(NORMALISATION_OF_SUV_TYPE.values()) == set(QUANTITY_OF)
