"""The SUV and the acquisition facts read one PET header alike: what it says is said once."""

from __future__ import annotations

import math

import pytest
from synthetic_pet import code, pet_volume, with_item

from biomarker_cli.acquisition.facts import FACTS
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.dicom.inferred_units import height_m, is_dose_in_mbq, weight_kg
from biomarker_cli.dicom.nuclides import NUCLIDES
from biomarker_cli.pet.administration import ActivityFacts, read_activity_bq
from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.injection_time import injection_moment
from biomarker_cli.pet.patient import read_body_measures
from biomarker_cli.pet.rules import ClinicalForm, SuvRules
from biomarker_cli.pet.series import one_injection, read_series

RULES = SuvRules(normalisations=("suvbw",))


def fact(volume, name: str):
    series = SeriesHeaders("1.2.3.4", "1.2.3", "", "PT", volume.frames)
    return FACTS.get(name).read(series)


def injection_by_suv(volume, nuclide: str):
    derivation = Derivation()
    series = read_series(volume.frames, derivation)
    return injection_moment(
        one_injection(series), series, NUCLIDES[nuclide], ClinicalForm(), derivation
    )


def minutes_by_suv(volume, nuclide: str = "F-18") -> float:
    derivation = Derivation()
    series = read_series(volume.frames, derivation)
    scan = series.moment(series.scan_s)
    return (scan - injection_by_suv(volume, nuclide)).total_seconds() / 60.0


INJECTIONS = [
    ({}, {}, 60.0),
    ({"RadiopharmaceuticalStartDateTime": None}, {}, 60.0),
    # A date alone, with the time of day in its own element.
    ({"RadiopharmaceuticalStartDateTime": "20250101"}, {}, 60.0),
    # The local time tells the offset of the series from UTC.
    ({"RadiopharmaceuticalStartDateTime": "20250101090000+0000"}, {}, 60.0),
    # Noted half a minute after the scan began: clocks differ.
    (
        {"RadiopharmaceuticalStartDateTime": None, "RadiopharmaceuticalStartTime": "110030"},
        {},
        -0.5,
    ),
    # A dynamic series begins before the injection.
    (
        {"RadiopharmaceuticalStartDateTime": None, "RadiopharmaceuticalStartTime": "111000"},
        {"SeriesType": ["DYNAMIC", "IMAGE"]},
        -10.0,
    ),
    # Over midnight.
    (
        {"RadiopharmaceuticalStartDateTime": None, "RadiopharmaceuticalStartTime": "233000"},
        {"AcquisitionTime": "003000", "SeriesTime": "003000"},
        60.0,
    ),
]


@pytest.mark.parametrize(("item", "elements", "minutes"), INJECTIONS)
def test_the_injection_is_one_moment(item, elements, minutes):
    volume = pet_volume(change=with_item(**item), **elements)
    assert fact(volume, "uptake_time_min").values == (minutes,)
    assert minutes_by_suv(volume) == pytest.approx(minutes)


def test_a_long_lived_nuclide_needs_a_date():
    change = with_item(
        RadiopharmaceuticalStartDateTime=None,
        RadionuclideHalfLife=str(NUCLIDES["Zr-89"].half_life_s),
        RadionuclideCodeSequence=[code("C-168A4", "^89^Zirconium")],
    )
    volume = pet_volume(change=change)
    assert fact(volume, "uptake_time_min").values == ()
    with pytest.raises(SuvError, match="days after injection"):
        minutes_by_suv(volume, "Zr-89")


def test_a_time_of_day_that_fits_two_days_is_refused():
    # 8 half-lives of Cu-61 are 26.7 h: the scan is 1 h or 25 h after the injection.
    volume = pet_volume(change=with_item(RadiopharmaceuticalStartDateTime=None))
    with pytest.raises(SuvError, match="2024-12-31T10:00:00 or 2025-01-01T10:00:00"):
        injection_by_suv(volume, "Cu-61")
    assert injection_by_suv(pet_volume(), "Cu-61").isoformat() == "2025-01-01T10:00:00"


@pytest.mark.parametrize(
    ("written", "kg"),
    [(70.0, 70.0), (999.9, 999.9), (1000.0, 1.0), (70_500.0, 70.5)],
)
def test_a_weight_from_1000_on_is_in_grams(written, kg):
    assert weight_kg(written) == kg
    volume = pet_volume(PatientWeight=str(written), PatientSize=None)
    reading = fact(volume, "weight_kg")
    assert set(reading.values) == {kg}
    assert reading.is_inferred is (kg != written)
    derivation = Derivation()
    if kg > 400.0:
        with pytest.raises(SuvError, match="kg, found 999"):
            read_body_measures(volume.frames.first, ClinicalForm(), RULES, derivation)
        return
    assert (
        read_body_measures(volume.frames.first, ClinicalForm(), RULES, derivation).weight_kg == kg
    )
    assert ("unit_inferred:PatientWeight" in derivation.flags) is reading.is_inferred


@pytest.mark.parametrize(("written", "m"), [(1.75, 1.75), (3.0, 3.0), (175.0, 1.75)])
def test_a_height_above_3_is_in_centimetres(written, m):
    assert height_m(written) == m
    volume = pet_volume(PatientSize=str(written))
    reading = fact(volume, "height_m")
    assert set(reading.values) == {m}
    assert reading.is_inferred is (m != written)
    derivation = Derivation()
    if m > 2.6:
        with pytest.raises(SuvError, match="m, found 3"):
            read_body_measures(volume.frames.first, ClinicalForm(), RULES, derivation)
        return
    assert read_body_measures(volume.frames.first, ClinicalForm(), RULES, derivation).height_m == m
    assert ("unit_inferred:PatientSize" in derivation.flags) is reading.is_inferred


@pytest.mark.parametrize(
    ("written", "mbq"), [(368.08, 368.08), (9999.0, 9999.0), (10_000.0, 0.01), (368.08e6, 368.08)]
)
def test_a_dose_below_10000_is_in_mbq(written, mbq):
    assert is_dose_in_mbq(written) is (written == mbq)
    volume = pet_volume(change=with_item(RadionuclideTotalDose=str(written)))
    reading = fact(volume, "injected_activity_mbq")
    assert set(reading.values) == {mbq}
    assert reading.is_inferred is (mbq == written)
    derivation = Derivation(overrides=[{"tag": "RadionuclideTotalDose"}])
    facts = ActivityFacts(NUCLIDES["F-18"], 6586.2, 70.0, in_mbq_by_definition=False)
    record = one_injection(read_series(volume.frames, Derivation()))
    bq = read_activity_bq(record, facts, ClinicalForm(), RULES, derivation)
    assert math.isclose(bq, mbq * 1e6)
    assert ("unit_inferred:RadionuclideTotalDose" in derivation.flags) is reading.is_inferred
