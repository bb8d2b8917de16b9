"""Elements of which one is used and another says otherwise: refused, or flagged."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from synthetic_pet import HALF_LIFE_S, TRUE_SUV, bqml, code, enhanced_volume, pet_volume

from biomarker_cli.pet.activity import activity_factors
from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.rules import ClinicalForm, Override, SuvRules
from biomarker_cli.pet.suv import suv_volume

RULES = SuvRules(normalisations=("suvbw",))
LEAN = SuvRules(normalisations=("sul_janma",))
UNCORRECTED = {"DecayCorrection": "NONE", "CorrectedImage": ["ATTN", "SCAT"]}
MEAN_DECAY = 1.01587
"""Of a frame of 300 s of F-18 after its start, held by the test below."""


def flags_of(volume, **given):
    return suv_volume(volume, RULES, **given).volume.flags


def refusal(volume, rules=RULES, **given):
    with pytest.raises(SuvError) as caught:
        suv_volume(volume, rules, **given)
    return caught.value


def mapping(unit, slope):
    def change(dataset, _index):
        item = Dataset()
        item.RealWorldValueSlope, item.RealWorldValueIntercept = slope, 0.0
        item.MeasurementUnitsCodeSequence = Sequence([code(unit, unit, "UCUM")])
        dataset.RealWorldValueMappingSequence = Sequence([item])

    return change


@pytest.mark.parametrize(("units", "unit"), [("BQML", "g/ml{SUVbw}"), ("GML", "Bq/ml")])
def test_a_mapping_of_the_slope_of_the_rescale_may_not_name_another_unit(units, unit):
    error = refusal(pet_volume(values=TRUE_SUV, Units=units, change=mapping(unit, 1.0)))
    assert error.code == "SUV-CONTRADICTION"
    assert unit in error.message


def test_a_rescale_type_may_not_name_another_unit():
    assert refusal(pet_volume(RescaleType="GML")).code == "SUV-CONTRADICTION"
    assert refusal(pet_volume(RescaleType="cnts")).code == "SUV-CONTRADICTION"
    assert "suv_mapping_contradicted" not in flags_of(pet_volume(RescaleType="NORMALIZED"))


def test_a_mapping_to_suv_is_held_against_the_factor():
    right = 1.0 / bqml(1.0)
    honest = suv_volume(pet_volume(change=mapping("g/ml{SUVbw}", right)), RULES)
    assert honest.derivation["suv_mapping_spread_percent"] == pytest.approx(0.0, abs=1e-3)
    assert "suv_mapping_contradicted" not in honest.volume.flags
    edited = pet_volume(change=mapping("g/ml{SUVbw}", right), PatientWeight="77")
    assert "suv_mapping_contradicted" in flags_of(edited)


@pytest.mark.parametrize(
    ("keyword", "answer"),
    [("DecayCorrected", "NO"), ("AttenuationCorrected", "NO"), ("SensitivityCalibrated", "YES")],
)
def test_corrections_that_are_said_twice_must_agree(keyword, answer):
    error = refusal(pet_volume(**{keyword: answer}))
    assert error.code == "SUV-CONTRADICTION"
    assert keyword in error.message
    assert "CorrectedImage" in error.message
    settled = Override(
        tag=keyword, value=answer, reason="asked", who="physicist", series_uid="1.2.3.4"
    )
    assert f"suv_override:{keyword}" in flags_of(
        pet_volume(**{keyword: answer}), overrides=[settled]
    )


def test_every_slice_is_asked_for_its_corrections():
    def change(dataset, index):
        dataset.AttenuationCorrected = "NO" if index == 2 else "YES"

    assert refusal(pet_volume(change=change)).code == "SUV-CONTRADICTION"


def test_corrections_that_are_said_twice_alike_pass():
    volume = pet_volume(DecayCorrected="YES", AttenuationCorrected="YES")
    assert suv_volume(volume, RULES).volume.array.mean(axis=(1, 2)) == pytest.approx(
        TRUE_SUV, rel=1e-4
    )


def test_without_decay_correction_the_ways_to_the_time_of_a_frame_are_compared():
    assert "acquisition_times_differ" not in flags_of(pet_volume(**UNCORRECTED))
    for shift, differ in (("1101", False), ("1130", True), ("1030", True)):
        volume = pet_volume(AcquisitionDateTime=f"20250101{shift}00", **UNCORRECTED)
        assert ("acquisition_times_differ" in flags_of(volume)) is differ


def test_a_frame_reference_outside_its_frame_is_flagged_and_before_the_injection_refused():
    def of(moment):
        return enhanced_volume(DecayCorrected="NO", frame_reference=(moment,) * 3)

    assert "acquisition_times_differ" not in flags_of(of("20250101110230"))
    assert "acquisition_times_differ" in flags_of(of("20250101113000"))
    for moment in ("20250101090000", "20250102110230"):
        assert refusal(of(moment)).code == "SUV-INJECTION-TIME"


def test_a_decay_factor_contradicts_images_without_decay_correction():
    assert "decay_factor_contradicted" not in flags_of(pet_volume(**UNCORRECTED))
    volume = pet_volume(DecayFactor="1.3", **UNCORRECTED)
    assert "decay_factor_contradicted" in flags_of(volume)


def test_a_decay_factor_of_the_scan_contradicts_a_correction_to_the_injection():
    to_injection = MEAN_DECAY * 2.0 ** (3600.0 / HALF_LIFE_S)
    for factor, contradicts in ((to_injection, False), (MEAN_DECAY, True), (1.0, False)):
        volume = pet_volume(DecayCorrection="ADMIN", DecayFactor=f"{factor:.6g}")
        assert ("decay_factor_contradicted" in flags_of(volume)) is contradicts


def test_a_stored_suv_that_is_not_decay_corrected_is_flagged():
    def of(**elements):
        return flags_of(pet_volume(values=TRUE_SUV, Units="GML", **elements))

    assert "stored_suv_not_decayed" not in of()
    assert "stored_suv_not_decayed" in of(DecayCorrection="NONE")
    assert "stored_suv_not_decayed" in of(CorrectedImage=["ATTN"])


@pytest.mark.parametrize(("header", "form"), [("O", "F"), ("M", "O"), ("F", "M")])
def test_header_and_form_must_tell_the_same_sex(header, form):
    volume = pet_volume(PatientSex=header)
    assert refusal(volume, LEAN, form=ClinicalForm(sex=form)).code == "SUV-SEX-CONFLICT"
    suv_volume(volume, LEAN, form=ClinicalForm(sex=header))


def test_a_phantom_without_decay_correction_takes_the_frame_reference_time_as_well():
    stamps = ("20250101110230", "20250101111230", "20250101112230")
    volume = enhanced_volume(DecayCorrected="NO", frame_reference=stamps)
    derivation = Derivation()
    found = activity_factors(volume.frames, derivation).factors
    between = 2.0 ** (600.0 / HALF_LIFE_S)
    assert found / found[0] == pytest.approx(np.array([1.0, between, between**2]))
    assert "acquisition_times_differ" in derivation.flags
    assert derivation.results["reference_time_rule"].startswith("FrameReferenceDateTime")
