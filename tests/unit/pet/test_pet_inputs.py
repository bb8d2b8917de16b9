"""Units, corrections, nuclide, activity, times: one test per rule."""

from __future__ import annotations

from datetime import timedelta

import pytest
from synthetic_pet import (
    DOSE_BQ,
    TRUE_SUV,
    WEIGHT_KG,
    both,
    bqml,
    code,
    enhanced_volume,
    pet_volume,
    private,
    with_item,
)

from biomarker_cli.dicom.times import parse_datetime, parse_offset, parse_time
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import SIGNAL, SUL_JANMA, SUVBW
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.rules import SuvRules
from biomarker_cli.pet.suv import declared_suv, suv_volume

RULES = SuvRules(normalisations=("suvbw",))


def suv_of(volume, rules=RULES):
    return suv_volume(volume, rules).volume.array.mean(axis=(1, 2))


def code_of(volume, rules=RULES):
    with pytest.raises(SuvError) as caught:
        suv_volume(volume, rules)
    return caught.value.code


# Units


def test_cps_with_calibration_is_divided_by_the_voxel_volume():
    voxel_ml = 0.064
    values = tuple(bqml(suv) * voxel_ml for suv in TRUE_SUV)
    volume = pet_volume(values, Units="CPS", CorrectedImage=["ATTN", "DECY", "DCAL"])
    assert suv_of(volume) == pytest.approx(TRUE_SUV, rel=1e-5)


def both_factors(suv, activity):
    return both(
        private(0x7053, "Philips PET Private Group", 0x00, "DS", str(suv)),
        lambda dataset, _: dataset.add_new((0x7053, 0x1009), "DS", str(activity)),
    )


def test_counts_with_both_factors_take_the_suv_factor_and_report_the_spread():
    activity = 2.0
    suv = activity / bqml(1.0)
    change = both_factors(f"{suv * 1.01:.8g}", activity)
    result = suv_volume(pet_volume((1.0,), change, Units="CNTS"), RULES)
    assert result.derivation["factor_per_slice"] == pytest.approx([suv * 1.01], rel=1e-6)
    assert result.derivation["philips_spread_percent"] == pytest.approx(0.99, abs=0.01)


def test_counts_whose_factors_contradict_each_other_are_refused():
    activity = 2.0
    suv = activity / bqml(1.0)
    change = both_factors(f"{suv * 1.05:.8g}", activity)
    assert code_of(pet_volume((1.0,), change, Units="CNTS")) == "SUV-PHILIPS-SPREAD"


def test_a_philips_factor_of_zero_is_none():
    change = private(0x7053, "Philips PET Private Group", 0x00, "DS", "0")
    assert code_of(pet_volume(change=change, Units="CNTS")) == "SUV-NO-SCALE-FACTOR"


def test_philips_factors_are_found_in_any_block():
    change = private(0x7053, "Philips PET Private Group", 0x00, "DS", "0.5", block=0x2A)
    assert suv_of(pet_volume((2.0,), change, Units="CNTS")) == pytest.approx([1.0])


@pytest.mark.parametrize(("manufacturer", "is_read"), [("Philips", True), ("ACME", False)])
def test_a_factor_without_creator_is_read_of_philips_alone(manufacturer, is_read):
    def orphan(dataset, _index):
        dataset.add_new((0x7053, 0x1000), "DS", "0.5")

    volume = pet_volume((2.0,), orphan, Units="CNTS", Manufacturer=manufacturer)
    if is_read:
        result = suv_volume(volume, RULES)
        assert result.volume.array.mean() == pytest.approx(1.0)
        assert "philips_creator_missing" in result.volume.flags
    else:
        assert code_of(volume) == "SUV-NO-SCALE-FACTOR"


def test_a_suv_factor_needs_neither_activity_nor_time():
    change = both(
        private(0x7053, "Philips PET Private Group", 0x00, "DS", "0.5"),
        with_item(RadionuclideTotalDose=None, RadiopharmaceuticalStartDateTime=None),
    )
    assert suv_of(pet_volume((2.0,), change, Units="CNTS")) == pytest.approx([1.0])


@pytest.mark.parametrize("suv_type", ["", "BW"])
def test_gml_without_type_is_by_body_weight(suv_type):
    assert suv_of(pet_volume(TRUE_SUV, Units="GML", SUVType=suv_type or None)) == pytest.approx(
        TRUE_SUV
    )


def test_gml_needs_no_administration_and_no_weight():
    volume = pet_volume(TRUE_SUV, Units="GML", PatientWeight=None, DecayCorrection=None)
    for frame in volume.frames:
        del frame.dataset.RadiopharmaceuticalInformationSequence
    assert suv_of(volume) == pytest.approx(TRUE_SUV)


def test_a_stored_suv_by_lean_mass_is_brought_to_body_weight_by_the_same_body():
    """Janmahasatian, a man of 70 kg and 1.75 m: 55.9 kg of lean mass."""
    bmi = 70 / 1.75**2
    lean = 9270 * 70 / (6680 + 216 * bmi)
    stored = tuple(suv * lean / 70 for suv in TRUE_SUV)
    volume = pet_volume(stored, Units="GML", SUVType="LBMJANMA", PatientSex="M")
    assert suv_of(volume) == pytest.approx(TRUE_SUV)
    result = suv_volume(volume, SuvRules(normalisations=("sul_janma", "suvbw")))
    assert result.volume.quantity == SUL_JANMA
    assert result.volume.array.mean(axis=(1, 2)) == pytest.approx(stored)
    assert dict(result.scales) == pytest.approx({"sul_janma": 1.0, "suvbw": 70 / lean})
    assert result.derivation["image"] == "sul_janma"
    assert result.derivation["stored_normalisation"] == "sul_janma"


def test_a_real_world_value_mapping_must_agree_with_the_slope():
    volume = enhanced_volume()
    shared = volume.frames.first.dataset.SharedFunctionalGroupsSequence[0]
    mapping = shared.RealWorldValueMappingSequence[0]
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = 1.0, 0.0
    assert suv_of(volume) == pytest.approx(TRUE_SUV, rel=1e-4)
    mapping.RealWorldValueSlope = 2.0
    assert code_of(volume) == "SUV-RESCALE"


# Decay correction


def test_none_decays_each_frame_to_its_own_mean_time():
    def change(dataset, index):
        dataset.AcquisitionTime = f"11{10 * index:02d}00"

    volume = pet_volume(
        tuple(bqml(suv, uptake_s=3600 + 600 * i + 149.606) for i, suv in enumerate(TRUE_SUV)),
        change,
        DecayCorrection="NONE",
        CorrectedImage=["ATTN"],
    )
    assert suv_of(volume) == pytest.approx(TRUE_SUV, rel=1e-6)


def test_none_of_an_enhanced_object_takes_the_reference_time_of_each_frame():
    times = ("20250101110500", "20250101111000", "20250101112000")
    values = tuple(
        bqml(suv, uptake_s=uptake_s)
        for suv, uptake_s in zip(TRUE_SUV, (3900, 4200, 4800), strict=True)
    )
    volume = enhanced_volume(
        values, frame_reference=times, DecayCorrected="NO", DecayCorrectionDateTime=None
    )
    result = suv_volume(volume, RULES)
    assert result.volume.array.mean(axis=(1, 2)) == pytest.approx(TRUE_SUV, rel=1e-6)
    rule = result.derivation["reference_time_rule"]
    assert rule == "FrameReferenceDateTime (0018,9151)"
    assert result.derivation["uptake_s"] == pytest.approx(3900)


def test_none_with_decy_contradicts_itself():
    assert code_of(pet_volume(DecayCorrection="NONE")) == "SUV-DECAY-CONTRADICTION"


def test_none_without_duration_is_refused():
    volume = pet_volume(DecayCorrection="NONE", CorrectedImage=["ATTN"], ActualFrameDuration=None)
    assert code_of(volume) == "SUV-NO-FRAME-TIME"


def test_admin_needs_no_time_of_injection():
    change = with_item(RadiopharmaceuticalStartDateTime=None, RadiopharmaceuticalStartTime=None)
    values = tuple(bqml(suv, uptake_s=0) for suv in TRUE_SUV)
    assert suv_of(pet_volume(values, change, DecayCorrection="ADMIN")) == pytest.approx(TRUE_SUV)


def test_unknown_decay_correction_is_refused():
    assert code_of(pet_volume(DecayCorrection="SCAN")) == "SUV-NO-DECAY-CORRECTION"


# Body


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"PatientWeight": "0.2", "PatientSize": None}, "SUV-WEIGHT"),
        ({"PatientWeight": "450", "PatientSize": None}, "SUV-WEIGHT"),
        ({"PatientSize": "0.2", "PatientWeight": "1.0"}, "SUV-HEIGHT"),
        ({"PatientSize": "2.7", "PatientWeight": "150"}, "SUV-HEIGHT"),
    ],
)
def test_a_body_that_nobody_has_is_refused_by_the_measure_that_says_so(elements, expected):
    assert code_of(pet_volume(**elements)) == expected


# Nuclide


def test_a_code_that_contradicts_its_text_is_settled_by_the_half_life():
    """A reference object writes the code of Ga-66 beside the text Ga-68."""
    half_life = 4057.7
    values = tuple(bqml(suv, half_life_s=half_life) for suv in TRUE_SUV)
    change = with_item(
        RadionuclideHalfLife=str(half_life),
        RadionuclideCodeSequence=[code("C-131A1", "^68^Gallium")],
    )
    result = suv_volume(pet_volume(values, change), RULES)
    assert result.derivation["nuclide"] == "Ga-68"
    assert any("Ga-66 and Ga-68" in text for text in result.derivation["warnings"])


@pytest.mark.parametrize("half_life", ["6588", "6586.2", "6582", "6640"])
def test_half_lives_of_f18_that_scanners_write(half_life):
    suv_volume(pet_volume(change=with_item(RadionuclideHalfLife=half_life)), RULES)


@pytest.mark.parametrize("half_life", ["6500", "6660", "1.83"])
def test_half_life_more_than_one_percent_off(half_life):
    volume = pet_volume(change=with_item(RadionuclideHalfLife=half_life))
    assert code_of(volume) == "SUV-HALF-LIFE"


def test_a_missing_code_is_told_by_the_half_life_and_flagged():
    result = suv_volume(pet_volume(change=with_item(RadionuclideCodeSequence=None)), RULES)
    assert result.derivation["nuclide"] == "F-18"
    assert "nuclide_unverified" in result.volume.flags


def test_an_unknown_code_is_refused():
    change = with_item(RadionuclideCodeSequence=[code("X-1", "Unobtainium")])
    assert code_of(pet_volume(change=change)) == "SUV-NUCLIDE"


def test_a_nuclide_of_a_text_of_two_words_is_known():
    change = with_item(RadionuclideCodeSequence=[code("X-1", "Fluorine 18")])
    assert suv_volume(pet_volume(change=change), RULES).derivation["nuclide"] == "F-18"


# Activity


@pytest.mark.parametrize(
    ("dose", "accepted"),
    [
        # In Bq: 0.05 to 25 MBq/kg; where the unit itself was inferred, from 1 MBq/kg on.
        (0.051e6 * WEIGHT_KG, True),
        (0.049e6 * WEIGHT_KG, False),
        (24.9e6 * WEIGHT_KG, True),
        (25.1e6 * WEIGHT_KG, False),
        (1.01 * WEIGHT_KG, True),
        (0.99 * WEIGHT_KG, False),
    ],
)
def test_the_band_of_f18_is_narrower_where_the_unit_was_inferred(dose, accepted):
    volume = pet_volume(change=with_item(RadionuclideTotalDose=f"{dose:.6g}"))
    if accepted:
        suv_volume(volume, RULES)
    else:
        assert code_of(volume) == "SUV-ACTIVITY"


GALLIUM = {
    "RadionuclideHalfLife": "4063",
    "RadionuclideCodeSequence": [code("C-131A3", "^68^Gallium")],
}


def test_an_inferred_unit_of_another_nuclide_needs_the_protocols_band():
    volume = pet_volume(change=with_item(RadionuclideTotalDose="150", **GALLIUM))
    assert code_of(volume) == "SUV-ACTIVITY-UNIT"
    banded = SuvRules(normalisations=("suvbw",), activity_mbq_per_kg={"Ga-68": (0.5, 6)})
    flags = suv_volume(volume, banded).volume.flags
    assert "unit_inferred:RadionuclideTotalDose" in flags


@pytest.mark.parametrize("dose", ["150000", "150", "1e12"])
def test_an_implausible_activity_of_another_nuclide_is_refused(dose):
    volume = pet_volume(change=with_item(RadionuclideTotalDose=dose, **GALLIUM))
    assert code_of(volume) in {"SUV-ACTIVITY", "SUV-ACTIVITY-UNIT"}


def test_from_10000_on_a_dose_is_in_bq():
    """Read as MBq it would be a question of the unit; it is a question of the amount."""
    volume = pet_volume(change=with_item(RadionuclideTotalDose="10000", **GALLIUM))
    assert code_of(volume) == "SUV-ACTIVITY"
    volume = pet_volume(change=with_item(RadionuclideTotalDose="9999", **GALLIUM))
    assert code_of(volume) == "SUV-ACTIVITY-UNIT"


def test_the_protocols_band_replaces_the_built_in_one():
    volume = pet_volume(change=with_item(RadionuclideTotalDose=str(0.01e6 * WEIGHT_KG)))
    assert code_of(volume) == "SUV-ACTIVITY"
    wide = SuvRules(normalisations=("suvbw",), activity_mbq_per_kg={"F-18": (0.005, 25)})
    suv_volume(volume, wide)


def test_enhanced_dose_is_in_mbq_whatever_its_size():
    """20000 MBq would be read as Bq in a classic header; here it is out of the band."""

    def with_dose(text):
        volume = enhanced_volume()
        item = volume.frames.first.dataset.RadiopharmaceuticalInformationSequence[0]
        item.RadionuclideTotalDose = text
        return volume

    assert code_of(with_dose("20000")) == "SUV-ACTIVITY"
    right = suv_volume(with_dose(str(DOSE_BQ / 1e6)), RULES)
    assert right.derivation["activity_bq"] == pytest.approx(DOSE_BQ)


# Times


@pytest.mark.parametrize(
    ("text", "seconds", "resolution"),
    [
        ("110000.5", 39600.5, 1),
        ("11:00:00", 39600, 1),
        ("1100", 39600, 60),
        ("11", 39600, 3600),
        ("235960", 86399, 1),
        ("110000.000000 ", 39600, 1),
    ],
)
def test_times_as_they_are_written(text, seconds, resolution):
    clock = parse_time(text)
    whole = timedelta(
        hours=clock.time.hour,
        minutes=clock.time.minute,
        seconds=clock.time.second,
        microseconds=clock.time.microsecond,
    )
    assert whole.total_seconds() == seconds
    assert clock.resolution_s == resolution


@pytest.mark.parametrize("text", ["", "7", "250000", "116100", "noon", "11000"])
def test_times_that_are_none(text):
    with pytest.raises(ValueError, match=r"time|range|must be"):
        parse_time(text)


@pytest.mark.parametrize("text", ["20250101", "2025", "2025010110000", "20251301100000"])
def test_datetimes_that_are_none(text):
    with pytest.raises(ValueError):  # noqa: PT011 - several messages
        parse_datetime(text)


def test_offsets():
    assert parse_offset("+0530") == timedelta(hours=5, minutes=30)
    assert parse_offset("-0330") == -timedelta(hours=3, minutes=30)
    with pytest.raises(ValueError, match="outside"):
        parse_offset("+1500")


def test_a_scan_30_s_before_the_injection_was_noted_passes():
    change = with_item(RadiopharmaceuticalStartDateTime="20250101110030")
    suv_volume(pet_volume(change=change), RULES)


def test_a_static_scan_two_minutes_before_the_injection_is_refused():
    change = with_item(
        RadiopharmaceuticalStartDateTime="20250101110200", RadiopharmaceuticalStartTime="110200"
    )
    assert code_of(pet_volume(change=change)) == "SUV-INJECTION-TIME"


def test_a_dynamic_series_may_start_before_the_injection():
    change = with_item(
        RadiopharmaceuticalStartDateTime="20250101110500", RadiopharmaceuticalStartTime=None
    )
    assert code_of(pet_volume(change=change)) == "SUV-INJECTION-TIME"
    suv_volume(pet_volume(change=change, SeriesType=["DYNAMIC", "IMAGE"]), RULES)


def test_two_times_of_injection_that_differ_are_flagged():
    """The date-time goes first, but nobody pools such a row unawares."""
    change = with_item(RadiopharmaceuticalStartTime="090000")
    result = suv_volume(pet_volume(change=change), RULES)
    assert result.volume.array.mean(axis=(1, 2)) == pytest.approx(TRUE_SUV, rel=1e-5)
    assert "injection_times_differ" in result.volume.flags


@pytest.mark.parametrize(
    ("dated", "clock", "differ"),
    [
        ("20250101100000", "100200", False),
        ("20250101100000", "100201", True),
        ("20250101100000", "095800", False),
        ("20250101100000", "095759", True),
        # Across midnight the shorter way counts.
        ("20241231235930", "000130", False),
        ("20241231235930", "000131", True),
    ],
)
def test_two_times_of_injection_agree_within_two_minutes(dated, clock, differ):
    change = with_item(RadiopharmaceuticalStartDateTime=dated, RadiopharmaceuticalStartTime=clock)
    early = "003000" if dated.startswith("2024") else "110000"
    volume = pet_volume(change=change, SeriesTime=early, AcquisitionTime=early)
    flags = suv_volume(volume, RULES).volume.flags
    assert ("injection_times_differ" in flags) is differ


def test_a_date_alone_takes_the_time_from_its_own_element():
    change = with_item(RadiopharmaceuticalStartDateTime="20250101")
    assert suv_of(pet_volume(change=change)) == pytest.approx(TRUE_SUV, rel=1e-5)


def test_a_rebuilt_injection_prefers_the_start_time():
    """Anonymisation set the date-time to midnight of another day."""
    change = with_item(RadiopharmaceuticalStartDateTime="20000101000000")
    result = suv_volume(pet_volume(change=change), RULES)
    assert result.volume.array.mean(axis=(1, 2)) == pytest.approx(TRUE_SUV, rel=1e-5)
    assert "injection_time_rebuilt" in result.volume.flags


def test_f18_after_more_than_8_h_is_refused():
    change = with_item(
        RadiopharmaceuticalStartDateTime="20250101020000", RadiopharmaceuticalStartTime="020000"
    )
    assert code_of(pet_volume(change=change)) == "SUV-INJECTION-TIME"


def test_an_unreadable_start_time_is_refused():
    change = with_item(RadiopharmaceuticalStartDateTime=None, RadiopharmaceuticalStartTime="10h")
    assert code_of(pet_volume(change=change)) == "SUV-INJECTION-TIME"


# What is no PET


def plain_volume(quantity):
    import numpy as np

    return Volume(np.full((3, 3, 3), 2.0), Geometry((3, 3, 3), (4.0, 4.0, 4.0)), quantity)


def test_an_image_without_header_must_be_declared():
    with pytest.raises(SuvError) as caught:
        suv_volume(plain_volume(SUVBW), RULES)
    assert caught.value.code == "SUV-NO-HEADER"
    with pytest.raises(SuvError) as caught:
        declared_suv(plain_volume(SIGNAL), RULES)
    assert caught.value.code == "SUV-NO-HEADER"
    result = declared_suv(plain_volume(SUVBW), RULES)
    assert (result.volume.array == 2.0).all()
    assert "quantity_declared" in result.volume.flags


def test_a_declared_image_has_no_patient():
    with pytest.raises(SuvError) as caught:
        declared_suv(plain_volume(SUVBW), SuvRules(normalisations=("suvbw", "sul_janma")))
    assert caught.value.code == "SUV-NO-HEADER"


def test_another_quantity_is_refused():
    volume = pet_volume()
    with pytest.raises(SuvError) as caught:
        suv_volume(volume.with_array(volume.array, SIGNAL), RULES)
    assert caught.value.code == "SUV-NOT-PET"
