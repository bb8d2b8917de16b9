"""Reference time: every candidate, what sets it aside, the order, the spread."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.sequence import Sequence
from synthetic_pet import HALF_LIFE_S, TRUE_SUV, both, bqml, code, pet_volume, private, with_item

from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.reference_candidates import mean_decay_time
from biomarker_cli.pet.rules import SuvRules
from biomarker_cli.pet.suv import suv_volume

RULES = SuvRules(normalisations=("suvbw",))
DECAY = math.log(2) / HALF_LIFE_S


def candidates_of(volume, rules=RULES):
    result = suv_volume(volume, rules)
    return result, {c["name"]: c for c in result.derivation["candidates"]}


def decay_factor(duration_s, since_reference_s):
    x = DECAY * duration_s
    return x / -math.expm1(-x) * math.exp(DECAY * since_reference_s)


def test_decay_factor_of_a_real_header():
    """GE, 180 s, frame at 1098 s: the scanner stored 1.13312."""
    x = math.log(2) / 6588.0 * 180
    predicted = x / -math.expm1(-x) * math.exp(math.log(2) / 6588.0 * 1098)
    assert predicted == pytest.approx(1.13312, abs=1e-5)


@given(st.floats(1.0, 3600.0), st.sampled_from([75.6, 1221.8, 4063.0, 6586.2, 282240.0]))
@settings(max_examples=60, deadline=None)
def test_mean_decay_time_is_where_the_activity_equals_its_mean(duration, half_life):
    decay = math.log(2) / half_life
    times = (np.arange(20000) + 0.5) / 20000 * duration
    mean = np.exp(-decay * times).mean()
    at = float(mean_decay_time(np.array([duration]), decay)[0])
    assert math.exp(-decay * at) == pytest.approx(mean, rel=1e-6)
    assert 0 < at <= duration / 2 + 1e-9


def beds(dataset, index):
    """Three beds, 200 s apart, with honest times and decay factors."""
    seconds = 200 * index
    dataset.AcquisitionTime = f"11{seconds // 60:02d}{seconds % 60:02d}"
    dataset.ActualFrameDuration = "180000"
    in_frame = float(mean_decay_time(np.array([180.0]), DECAY)[0])
    dataset.FrameReferenceTime = f"{1000 * (seconds + in_frame):.2f}"
    dataset.DecayFactor = f"{decay_factor(180.0, seconds):.6f}"


def test_honest_beds_agree_in_every_candidate():
    result, found = candidates_of(pet_volume(change=beds))
    assert {n for n, c in found.items() if c["admissible"]} == {
        "decay_factor",
        "series_datetime",
        "back_computation",
        "earliest_acquisition",
    }
    assert found["decay_factor"]["used"]
    assert found["decay_factor"]["range_over_slices_s"] < 0.1
    assert result.derivation["reference_time_spread_percent"] < 0.01
    assert result.volume.array.mean(axis=(1, 2)) == pytest.approx(TRUE_SUV, rel=1e-4)


def test_candidates_name_their_tags():
    _, found = candidates_of(pet_volume(change=beds))
    assert "(0054,1321)" in found["decay_factor"]["tags"]
    assert found["series_datetime"]["tags"] == "SeriesDate + SeriesTime"
    assert "(0054,1300)" in found["back_computation"]["tags"]


def test_decay_factor_of_one_is_a_placeholder():
    _, found = candidates_of(pet_volume())
    assert "placeholder" in found["decay_factor"]["reason"]
    assert found["series_datetime"]["used"]


def test_series_time_after_the_acquisition_is_set_aside():
    _, found = candidates_of(pet_volume(change=beds, SeriesTime="110100"))
    assert found["series_datetime"]["reason"] == "60.0 s later than the earliest acquisition"


def test_series_times_that_differ_slice_by_slice_are_set_aside():
    def change(dataset, index):
        beds(dataset, index)
        dataset.SeriesTime = f"1059{index:02d}"

    _, found = candidates_of(pet_volume(change=change))
    assert found["series_datetime"]["reason"] == "the slices do not agree"
    assert found["decay_factor"]["used"]


def test_earliest_acquisition_is_set_aside_where_the_first_bed_is_missing():
    def later_bed(dataset, index):
        dataset.AcquisitionTime = "113000"
        dataset.FrameReferenceTime = "1949600"

    _, found = candidates_of(pet_volume(change=later_bed))
    assert "first bed is not there" in found["earliest_acquisition"]["reason"]
    assert found["series_datetime"]["used"]


def test_a_candidate_that_is_several_moments_is_set_aside():
    def one_time_for_all_beds(dataset, index):
        beds(dataset, index)
        dataset.AcquisitionTime = "110000"

    _, found = candidates_of(pet_volume(change=one_time_for_all_beds))
    for name in ("decay_factor", "back_computation"):
        assert "no single moment" in found[name]["reason"]
    assert found["series_datetime"]["used"]


def test_ge_counts_the_frame_reference_time_from_the_start_of_the_frame():
    def change(dataset, index):
        seconds = 200 * index
        dataset.AcquisitionTime = f"11{seconds // 60:02d}{seconds % 60:02d}"
        dataset.FrameReferenceTime = str(1000 * seconds)

    volume = pet_volume(change=change, Manufacturer="GE MEDICAL SYSTEMS", SeriesTime="113000")
    result, found = candidates_of(volume)
    assert found["back_computation"]["used"]
    assert result.volume.array.mean(axis=(1, 2)) == pytest.approx(TRUE_SUV, rel=1e-5)


def test_the_vendors_own_moment_comes_first_and_silences_what_it_contradicts():
    """Without it, the two other candidates would be 30 min apart and refused."""
    wrong = {"SeriesTime": "103000"}
    with pytest.raises(SuvError) as caught:
        suv_volume(pet_volume(**wrong), RULES)
    assert caught.value.code == "SUV-REFERENCE-TIME-SPREAD"
    vendor = private(0x0071, "SIEMENS MED PT", 0x22, "DT", "20250101110000.000000", block=0x13)
    result, found = candidates_of(pet_volume(change=vendor, **wrong))
    assert found["vendor_decay_datetime"]["used"]
    assert found["series_datetime"]["reason"] == "contradicted by vendor_decay_datetime"
    assert result.volume.array.mean(axis=(1, 2)) == pytest.approx(TRUE_SUV, rel=1e-5)


def test_a_private_date_that_anonymisation_forgot_is_set_aside():
    forgotten = private(0x0009, "GEMS_PETD_01", 0x0D, "DT", "20240911110000.00")
    result, found = candidates_of(pet_volume(change=forgotten))
    assert "not shifted" in found["vendor_decay_datetime"]["reason"]
    assert found["series_datetime"]["used"]
    assert result.volume.array.mean(axis=(1, 2)) == pytest.approx(TRUE_SUV, rel=1e-5)


def test_a_private_block_of_another_creator_is_not_read():
    stranger = private(0x0071, "ACME", 0x22, "DT", "20250101050000")
    _, found = candidates_of(pet_volume(change=stranger))
    assert "vendor_decay_datetime" not in found


def philips_factors(ratio):
    return both(
        private(0x7053, "Philips PET Private Group", 0x00, "DS", f"{2 * ratio:.8g}"),
        lambda dataset, _: dataset.add_new((0x7053, 0x1009), "DS", "2"),
    )


def siemens(moment):
    return private(0x0071, "SIEMENS MED PT", 0x22, "DT", moment)


def test_a_candidate_says_where_it_stands_when_it_was_and_what_became_of_it():
    names = "name tags reference_time suvbw_per_bqml range_over_slices_s difference_percent"
    _, found = candidates_of(pet_volume(change=siemens("20250101110000")))
    assert all(list(c) == [*names.split(), "admissible", "reason", "used"] for c in found.values())
    assert found["vendor_decay_datetime"] == {
        "name": "vendor_decay_datetime",
        "tags": found["vendor_decay_datetime"]["tags"],
        "reference_time": "2025-01-01T11:00:00",
        "suvbw_per_bqml": pytest.approx(1.0 / bqml(1.0)),
        "range_over_slices_s": 0.0,
        "difference_percent": 0.0,
        "admissible": True,
        "reason": "",
        "used": True,
    }
    assert "SIEMENS MED PT" in found["vendor_decay_datetime"]["tags"]
    earliest = found["earliest_acquisition"]
    assert earliest["tags"] == "AcquisitionDate + AcquisitionTime"
    assert earliest["reference_time"] == "2025-01-01T11:00:00"
    assert earliest["range_over_slices_s"] == 0.0


def test_a_private_moment_that_cannot_be_read_is_listed_with_the_reason():
    _, found = candidates_of(pet_volume(change=siemens("yesterday")))
    vendor = found["vendor_decay_datetime"]
    assert "SIEMENS MED PT" in vendor["tags"]
    assert (vendor["reference_time"], vendor["suvbw_per_bqml"]) == (None, None)
    assert (vendor["admissible"], vendor["reason"], vendor["used"]) == (False, "unreadable", False)
    assert vendor["range_over_slices_s"] == 0.0


def test_the_elements_of_a_named_moment_and_of_ge_are_told():
    _, found = candidates_of(pet_volume(DecayCorrectionDateTime="20250101110000"))
    assert found["decay_correction_datetime"]["tags"] == "(0018,9701)"
    assert found["decay_correction_datetime"]["used"]
    ge = pet_volume(Manufacturer="GE MEDICAL SYSTEMS", FrameReferenceTime="0")
    _, found = candidates_of(ge)
    assert found["back_computation"]["tags"] == (
        "AcquisitionDate + AcquisitionTime - FrameReferenceTime (0054,1300)"
    )


@pytest.mark.parametrize(
    ("moment", "is_taken"), [("20241231110000", True), ("20241231105900", False)]
)
def test_a_private_moment_is_taken_up_to_a_day_from_the_scan(moment, is_taken):
    """Of Zr-89, whose images may be corrected to the day before; no public time is there."""

    def change(dataset, index):
        siemens(moment)(dataset, index)
        with_item(
            RadiopharmaceuticalStartDateTime="20241230110000",
            RadiopharmaceuticalStartTime=None,
            RadionuclideHalfLife=str(78.41 * 3600),
            RadionuclideCodeSequence=Sequence([code("C-168A4", "^89^Zirconium")]),
        )(dataset, index)
        del dataset.SeriesTime, dataset.FrameReferenceTime, dataset.DecayFactor

    if is_taken:
        _, found = candidates_of(pet_volume(change=change))
        assert found["vendor_decay_datetime"]["used"]
        return
    with pytest.raises(SuvError, match="vendor_decay_datetime: more than a day from the scan"):
        suv_volume(pet_volume(change=change), RULES)


def test_the_series_time_of_an_afternoon_is_as_good_as_that_of_a_morning():
    def change(dataset, index):
        dataset.SeriesTime = dataset.AcquisitionTime = "170000"
        with_item(RadiopharmaceuticalStartDateTime="20250101160000")(dataset, index)

    _, found = candidates_of(pet_volume(change=change))
    assert found["series_datetime"]["used"]
    assert found["series_datetime"]["reference_time"] == "2025-01-01T17:00:00"


@pytest.mark.parametrize("missing", [0x00, 0x09])
def test_one_philips_factor_alone_tells_no_moment(missing):
    def change(dataset, index):
        philips_factors(1 / bqml(1.0))(dataset, index)
        del dataset[0x7053, 0x1000 + missing]

    _, found = candidates_of(pet_volume(change=change))
    assert "philips_factor_ratio" not in found


def test_philips_ratio_confirms_a_time():
    true_ratio = 1 / bqml(1.0)
    _, found = candidates_of(pet_volume(change=philips_factors(true_ratio * 1.001)))
    assert found["series_datetime"]["used"]


def test_philips_ratio_alone_is_used_where_no_time_fits_it():
    true_ratio = 1 / bqml(1.0)
    volume = pet_volume(
        change=philips_factors(true_ratio), SeriesTime="103000", AcquisitionTime="102000"
    )
    result, found = candidates_of(volume)
    assert found["philips_factor_ratio"]["used"]
    assert result.volume.array.mean(axis=(1, 2)) == pytest.approx(TRUE_SUV, rel=1e-4)


@pytest.mark.parametrize(("off", "is_confirmed"), [(1.001, True), (1.15, False), (1 / 1.15, False)])
def test_the_ratio_of_counts_speaks_only_where_a_time_confirms_it(off, is_confirmed):
    true_ratio = 1 / bqml(1.0)
    values = tuple(bqml(suv) / 2 for suv in TRUE_SUV)
    volume = pet_volume(values, change=philips_factors(true_ratio * off), Units="CNTS")
    rules = SuvRules(normalisations=("suvbw",), philips_spread_limit_percent=20.0)
    _, found = candidates_of(volume, rules)
    assert ("philips_factor_ratio" in found) is is_confirmed
    assert found["series_datetime"]["admissible"]


def test_the_spread_limit_is_the_protocols():
    """SeriesTime 120 s early is 1.27 % of SUV."""
    volume = pet_volume(SeriesTime="105800")
    result = suv_volume(volume, RULES)
    spread = result.derivation["reference_time_spread_percent"]
    assert spread == pytest.approx(100 * math.expm1(DECAY * 120), rel=1e-2)
    strict = SuvRules(normalisations=("suvbw",), reference_time_spread_limit_percent=1.0)
    with pytest.raises(SuvError) as caught:
        suv_volume(volume, strict)
    assert caught.value.code == "SUV-REFERENCE-TIME-SPREAD"


def test_a_single_reference_time_is_flagged():
    volume = pet_volume(AcquisitionTime=None, AcquisitionDate=None)
    result = suv_volume(volume, RULES)
    assert "reference_time_unconfirmed" in result.volume.flags


@given(st.integers(-3000, 3000), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_rewritten_series_time_never_gives_a_wrong_number(shift_s, has_factor):
    """Whatever the archive writes there: the true value within the limit, or an error."""
    at = 11 * 3600 + shift_s
    clock = f"{at // 3600:02d}{at % 3600 // 60:02d}{at % 60:02d}"
    volume = pet_volume(change=beds, SeriesTime=clock)
    if not has_factor:
        for frame in volume.frames:
            del frame.dataset.DecayFactor
    # The limit holds against the time in use: the factor, or SeriesTime without it.
    honest = shift_s > 0 or 100 * math.expm1(-DECAY * shift_s) <= 2.0
    if honest:
        found = suv_volume(volume, RULES).volume.array.mean(axis=(1, 2))
        assert found == pytest.approx(TRUE_SUV, rel=0.021)
    else:
        with pytest.raises(SuvError, match="reference times differ"):
            suv_volume(volume, RULES)
