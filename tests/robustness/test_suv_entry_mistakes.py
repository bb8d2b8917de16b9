"""Plausible entry mistakes: the true SUV or an error, never a wrong number."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.sequence import Sequence
from synthetic_pet import (
    TRUE_SUV,
    both,
    bqml,
    code,
    pet_volume,
    radiopharmaceutical,
    with_item,
)

from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.rules import ClinicalForm, SuvRules
from biomarker_cli.pet.suv import suv_volume

RULES = SuvRules(normalisations=("suvbw",))


def two_items(dataset, _index):
    dataset.RadiopharmaceuticalInformationSequence = Sequence(
        [radiopharmaceutical(), radiopharmaceutical(RadionuclideTotalDose="100000000")]
    )


def utc_offset(text, zone=None):
    def change(dataset, index):
        with_item(RadiopharmaceuticalStartDateTime=text, RadiopharmaceuticalStartTime=None)(
            dataset, index
        )
        if zone:
            dataset.TimezoneOffsetFromUTC = zone

    return change


def zirconium_three_days(dataset, _index):
    with_item(
        RadionuclideHalfLife="282240",
        RadiopharmaceuticalStartDateTime="20241229100000",
        RadionuclideCodeSequence=[code("C-168A4", "^89^Zirconium")],
    )(dataset, 0)


def later_bed(dataset, _index):
    """One bed cut out of a series: its own acquisition, 30 min after the reference."""
    dataset.AcquisitionTime = "113000"
    dataset.FrameReferenceTime = str(1000 * (1800 + 149.6))


VALUE = {
    "dose in MBq": (lambda: pet_volume(change=with_item(RadionuclideTotalDose="368.08")), None),
    "date-time with UTC offset": (
        lambda: pet_volume(change=utc_offset("20250101090000+0000", "+0100")),
        None,
    ),
    "AcquisitionTime HHMM": (lambda: pet_volume(AcquisitionTime="1100"), None),
    "SeriesDate missing": (lambda: pet_volume(SeriesDate=None), None),
    "FrameReferenceTime missing": (lambda: pet_volume(FrameReferenceTime=None), None),
    "cropped bed, SeriesTime rewritten to the export": (
        lambda: pet_volume(change=later_bed, SeriesTime="150000"),
        None,
    ),
    "weight in g": (lambda: pet_volume(PatientWeight="70000"), "unit_inferred:PatientWeight"),
    "height in cm": (lambda: pet_volume(PatientSize="175"), "unit_inferred:PatientSize"),
    "injection dated a year off": (
        lambda: pet_volume(change=with_item(RadiopharmaceuticalStartDateTime="20240101100000")),
        "injection_time_rebuilt",
    ),
    "Zr-89 after three days": (
        lambda: pet_volume(
            tuple(bqml(s, uptake_s=3 * 86400 + 3600.0, half_life_s=282240.0) for s in TRUE_SUV),
            zirconium_three_days,
        ),
        None,
    ),
}


@pytest.mark.parametrize("name", VALUE)
def test_mistake_that_leaves_the_true_value(name):
    make, flag = VALUE[name]
    result = suv_volume(make(), RULES)
    assert result.volume.array.mean(axis=(1, 2)) == pytest.approx(TRUE_SUV, rel=1e-3)
    if flag:
        assert flag in result.volume.flags


ERROR = {
    "dose in kBq": (
        lambda: pet_volume(change=with_item(RadionuclideTotalDose="368080")),
        "SUV-ACTIVITY",
    ),
    "dose in mCi": (
        lambda: pet_volume(change=with_item(RadionuclideTotalDose="9.948")),
        "SUV-ACTIVITY",
    ),
    "dose in uCi": (
        lambda: pet_volume(change=with_item(RadionuclideTotalDose="9948")),
        "SUV-ACTIVITY",
    ),
    "dose in GBq": (
        lambda: pet_volume(change=with_item(RadionuclideTotalDose="0.36808")),
        "SUV-ACTIVITY",
    ),
    "weight in lb, found by BMI": (lambda: pet_volume(PatientWeight="154.3"), "SUV-BMI"),
    "no ATTN": (
        lambda: pet_volume(CorrectedImage=["DECY", "SCAT"]),
        "SUV-NO-ATTENUATION-CORRECTION",
    ),
    "no ATTN in an image of SUV": (
        lambda: pet_volume(TRUE_SUV, Units="GML", CorrectedImage=["DECY"]),
        "SUV-NO-ATTENUATION-CORRECTION",
    ),
    "DECY lacks": (lambda: pet_volume(CorrectedImage=["ATTN"]), "SUV-DECAY-CONTRADICTION"),
    "UTC offset, but no clock of the series": (
        lambda: pet_volume(change=utc_offset("20250101090000+0000")),
        "HEADER-TIMEZONE",
    ),
    "half-life in minutes": (
        lambda: pet_volume(change=with_item(RadionuclideHalfLife="109.77")),
        "SUV-HALF-LIFE",
    ),
    "half-life in minutes, no code": (
        lambda: pet_volume(
            change=with_item(RadionuclideHalfLife="109.77", RadionuclideCodeSequence=None)
        ),
        "SUV-HALF-LIFE",
    ),
    "injection 30 min after the scan": (
        lambda: pet_volume(
            change=with_item(
                RadiopharmaceuticalStartDateTime="20250101113000",
                RadiopharmaceuticalStartTime="113000",
            )
        ),
        "SUV-INJECTION-TIME",
    ),
    "injection time after the scan, no date": (
        lambda: pet_volume(
            change=with_item(
                RadiopharmaceuticalStartDateTime=None, RadiopharmaceuticalStartTime="113000"
            )
        ),
        "SUV-INJECTION-TIME",
    ),
    "DecayCorrection missing": (
        lambda: pet_volume(DecayCorrection=None),
        "SUV-NO-DECAY-CORRECTION",
    ),
    "two administrations": (lambda: pet_volume(change=two_items), "SUV-RADIOPHARMACEUTICALS"),
    "SeriesTime rewritten to before the scan": (
        lambda: pet_volume(SeriesTime="070000"),
        "SUV-REFERENCE-TIME-SPREAD",
    ),
    "series after acquisition, FrameReferenceTime missing": (
        lambda: pet_volume(SeriesTime="113000", FrameReferenceTime=None),
        "SUV-NO-REFERENCE-TIME",
    ),
    "intercept": (lambda: pet_volume(RescaleIntercept="-100"), "SUV-INTERCEPT"),
    "no slope": (lambda: pet_volume(RescaleSlope=None), "SUV-RESCALE"),
    "PROPCPS": (lambda: pet_volume(Units="PROPCPS"), "SUV-UNITS"),
    "1CM": (lambda: pet_volume(Units="1CM"), "SUV-UNITS"),
    "no unit": (lambda: pet_volume(Units=None), "SUV-UNITS"),
    "CPS without calibration": (lambda: pet_volume(Units="CPS"), "SUV-CPS"),
    "SPECT": (
        lambda: pet_volume(
            change=with_item(
                RadionuclideHalfLife="574300",
                RadionuclideCodeSequence=[code("C-101ED", "^177^Lutetium")],
            )
        ),
        "SUV-NOT-POSITRON",
    ),
    "no times at all": (
        lambda: pet_volume(
            SeriesDate=None, SeriesTime=None, AcquisitionDate=None, AcquisitionTime=None
        ),
        "SUV-NO-SCAN-TIME",
    ),
    "time that is none": (lambda: pet_volume(AcquisitionTime="eleven"), "HEADER-TIME"),
    "date that is none": (lambda: pet_volume(SeriesDate="20251301"), "HEADER-TIME"),
    "slices of two series": (
        lambda: pet_volume(
            change=lambda d, i: setattr(d, "Units", "GML" if i else "BQML"),
        ),
        "SUV-MIXED-SERIES",
    ),
    "slices of two patients": (
        lambda: pet_volume(change=lambda d, i: setattr(d, "PatientSize", f"1.{70 + i}")),
        "SUV-MIXED-SERIES",
    ),
    "SUV type unknown": (lambda: pet_volume(TRUE_SUV, Units="GML", SUVType="SCP"), "SUV-TYPE"),
    "no administration": (
        lambda: pet_volume(
            change=lambda d, _: delattr(d, "RadiopharmaceuticalInformationSequence")
        ),
        "SUV-NO-RADIOPHARMACEUTICAL",
    ),
}


@pytest.mark.parametrize("name", ERROR)
def test_mistake_that_is_refused(name):
    make, expected = ERROR[name]
    with pytest.raises(SuvError) as caught:
        suv_volume(make(), RULES)
    assert caught.value.code == expected
    assert caught.value.hint or expected in {"SUV-TYPE"}


def test_a_weight_in_pounds_that_nothing_tells_is_flagged():
    """Without a height only the form could tell: the row says so."""
    result = suv_volume(pet_volume(PatientWeight="154.3", PatientSize=None), RULES)
    assert "weight_unverified" in result.volume.flags


def test_the_form_tells_a_weight_in_pounds():
    with pytest.raises(SuvError) as caught:
        suv_volume(
            pet_volume(PatientWeight="154.3", PatientSize=None), RULES, ClinicalForm(weight_kg=70)
        )
    assert caught.value.code == "SUV-WEIGHT-CONFLICT"


def test_a_stored_suv_with_a_wrong_weight_is_found_by_the_form():
    """The scanner divided by this weight: its SUV is as wrong."""
    with pytest.raises(SuvError) as caught:
        suv_volume(
            pet_volume(TRUE_SUV, Units="GML", PatientWeight="77", PatientSize=None),
            RULES,
            ClinicalForm(weight_kg=70),
        )
    assert caught.value.code == "SUV-WEIGHT-CONFLICT"


def test_a_local_start_time_tells_the_clock_behind_an_offset():
    """DT in UTC, TM in local time: one hour apart, so the scanner's clock is +0100."""
    change = with_item(
        RadiopharmaceuticalStartDateTime="20250101090000+0000",
        RadiopharmaceuticalStartTime="100000",
    )
    result = suv_volume(pet_volume(change=change), RULES)
    assert result.volume.array.mean(axis=(1, 2)) == pytest.approx(TRUE_SUV, rel=1e-3)


def test_nothing_is_changed_in_the_volume_that_was_given():
    volume = pet_volume()
    before = volume.array.copy()
    suv_volume(volume, RULES)
    assert np.array_equal(volume.array, before)


@pytest.mark.parametrize("keyword", ["RadionuclideTotalDose", "RadionuclideHalfLife"])
@pytest.mark.parametrize("value", ["0", "", "-1"])
def test_zero_empty_and_negative_numbers_of_the_administration(keyword, value):
    with pytest.raises(SuvError):
        suv_volume(pet_volume(change=both(with_item(**{keyword: value}))), RULES)
