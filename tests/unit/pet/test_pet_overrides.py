"""The audited override file, and the case report form as the second source."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydicom.sequence import Sequence
from synthetic_pet import (
    TRUE_SUV,
    code,
    enhanced_volume,
    pet_volume,
    radiopharmaceutical,
    with_item,
)

from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.errors import OverrideError, SuvError
from biomarker_cli.pet.overrides import apply_overrides, load_overrides
from biomarker_cli.pet.rules import ClinicalForm, Override, SuvRules
from biomarker_cli.pet.suv import suv_volume

RULES = SuvRules(normalisations=("suvbw",))


def override(tag, value, **where):
    where = where or {"series_uid": "1.2.3.4"}
    return Override(
        tag=tag, value=value, reason="read from the paper form", who="physicist", **where
    )


def suv_of(volume, form=None, overrides=()):
    return suv_volume(volume, RULES, form, overrides).volume.array.mean(axis=(1, 2))


FILE = """\
format: biomarker-overrides/1
overrides:
  - {tag: PatientWeight, value: 70, reason: entered in lb, who: physicist, series_uid: 1.2.3.4}
  - tag: CorrectedImage
    value: [ATTN, DECY]
    reason: reconstruction protocol on paper
    who: physicist
    study_uid: "1.2.3"
"""


def test_a_file_is_read_and_written_into_the_rows(tmp_path):
    path = tmp_path / "overrides.yaml"
    path.write_text(FILE)
    volume = pet_volume(PatientWeight="154.3", CorrectedImage=["DECY"])
    result = suv_volume(volume, RULES, None, load_overrides(path))
    assert result.volume.array.mean(axis=(1, 2)) == pytest.approx(TRUE_SUV, rel=1e-3)
    assert {"suv_override:PatientWeight", "suv_override:CorrectedImage"} <= result.volume.flags
    audited = result.derivation["overrides"][0]
    assert audited == {
        "tag": "PatientWeight",
        "found": "154.3",
        "value": 70.0,
        "reason": "entered in lb",
        "who": "physicist",
    }


@pytest.mark.parametrize(
    "text",
    [
        "format: other/1\noverrides: []\n",
        FILE.replace("who: physicist, ", "", 1),
        FILE.replace(", series_uid: 1.2.3.4", ""),
        FILE.replace("tag: PatientWeight", "tag: PatientMass"),
        FILE.replace("reason: entered in lb", "reasons: entered in lb"),
    ],
)
def test_an_incomplete_file_is_refused(tmp_path, text):
    path = tmp_path / "overrides.yaml"
    path.write_text(text)
    with pytest.raises(OverrideError) as caught:
        load_overrides(path)
    assert caught.value.code == "OVERRIDE-INVALID"


def test_an_override_of_another_series_is_left_alone():
    with pytest.raises(SuvError):
        suv_of(
            pet_volume(PatientWeight=None), None, [override("PatientWeight", 70, series_uid="9")]
        )


@pytest.mark.parametrize(
    ("elements", "item", "tag", "value"),
    [
        ({}, {"RadionuclideTotalDose": "9.948"}, "RadionuclideTotalDose", 368.08e6),
        ({}, {"RadionuclideHalfLife": "109.77"}, "RadionuclideHalfLife", 6586.2),
        (
            {},
            {"RadiopharmaceuticalStartDateTime": None, "RadiopharmaceuticalStartTime": None},
            "RadiopharmaceuticalStartDateTime",
            "20250101100000",
        ),
        ({"DecayCorrection": None}, {}, "DecayCorrection", "START"),
        ({"SeriesTime": "070000"}, {}, "DecayCorrectionDateTime", "20250101110000"),
        ({"PatientWeight": "0"}, {}, "PatientWeight", 70),
        ({"AcquisitionTime": "110000"}, {}, "AcquisitionTime", 110000),
    ],
)
def test_an_override_settles_a_refusal(elements, item, tag, value):
    volume = pet_volume(change=with_item(**item), **elements)
    assert suv_of(volume, None, [override(tag, value)]) == pytest.approx(TRUE_SUV, rel=1e-3)


def test_an_override_names_one_of_two_administrations():
    def change(dataset, _index):
        dataset.RadiopharmaceuticalInformationSequence = Sequence(
            [radiopharmaceutical(RadionuclideTotalDose="100000000"), radiopharmaceutical()]
        )

    chosen = override("RadiopharmaceuticalInformationSequence", 2)
    assert suv_of(pet_volume(change=change), None, [chosen]) == pytest.approx(TRUE_SUV, rel=1e-3)
    # What stands behind it in the file holds as well.
    both = [chosen, override("PatientWeight", 140)]
    doubled = [2 * suv for suv in TRUE_SUV]
    assert suv_of(pet_volume(change=change), None, both) == pytest.approx(doubled, rel=1e-3)
    with pytest.raises(SuvError) as caught:
        suv_of(
            pet_volume(change=change),
            None,
            [override("RadiopharmaceuticalInformationSequence", 3)],
        )
    assert caught.value.code == "SUV-RADIOPHARMACEUTICALS"


def test_a_confirmed_value_is_not_judged_by_plausibility():
    """A body mass index of 55 exists; whoever confirms it answers for it."""
    volume = pet_volume(PatientWeight="168")
    with pytest.raises(SuvError):
        suv_of(volume)
    heavy = suv_of(volume, None, [override("PatientWeight", 168)])
    assert heavy == pytest.approx([suv * 168 / 70 for suv in TRUE_SUV], rel=1e-3)


def test_an_override_reaches_the_functional_groups_of_enhanced_pet():
    volume = enhanced_volume(DecayCorrectionDateTime=None)
    with pytest.raises(SuvError) as caught:
        suv_of(volume)
    assert caught.value.code == "SUV-NO-REFERENCE-TIME"  # SeriesTime is no candidate
    given = override("DecayCorrectionDateTime", "20250101110000", series_uid="1.2.3.5")
    assert suv_of(volume, None, [given]) == pytest.approx(TRUE_SUV, rel=1e-3)


def overridden(volume, *overrides):
    frames = apply_overrides(volume.frames, overrides, Derivation())
    return frames.first.dataset


@pytest.mark.parametrize(
    ("tag", "value", "expected"),
    [
        ("NumberOfSlices", 47.0, 47),
        ("PatientWeight", 70.5, "70.5"),
        ("AcquisitionTime", 110000.0, "110000"),
        ("CorrectedImage", ["ATTN", "DECY"], ["ATTN", "DECY"]),
    ],
)
def test_a_value_is_what_its_element_holds(tag, value, expected):
    found = overridden(pet_volume(), override(tag, value))[tag].value
    kept = list(found) if isinstance(expected, list) else found
    assert kept == expected or str(kept) == expected


def test_a_list_for_an_element_of_one_value_is_refused():
    with pytest.raises(OverrideError) as caught:
        suv_of(pet_volume(), None, [override("PatientWeight", ["70", "71"])])
    assert caught.value.code == "OVERRIDE-INVALID"
    assert caught.value.where == "1.2.3.4"


def test_what_a_functional_group_said_is_taken_out_of_it_alone():
    volume = enhanced_volume()
    given = override("FrameAcquisitionDuration", 5000.0, series_uid="1.2.3.5")
    found = overridden(volume, given)
    assert found.FrameAcquisitionDuration == 5000.0
    groups = list(found.PerFrameFunctionalGroupsSequence)
    theirs = list(volume.frames.first.dataset.PerFrameFunctionalGroupsSequence)
    for group, original in zip(groups, theirs, strict=True):
        macro, before = group.FrameContentSequence[0], original.FrameContentSequence[0]
        assert "FrameAcquisitionDuration" not in macro
        assert "FrameAcquisitionDuration" in before
        assert {e.keyword for e in before} - {e.keyword for e in macro} == {
            "FrameAcquisitionDuration"
        }
        assert {e.keyword for e in group} == {e.keyword for e in original}


def test_the_header_of_the_given_volume_stays():
    volume = pet_volume(PatientWeight="154.3")
    suv_of(volume, None, [override("PatientWeight", 70)])
    assert str(volume.frames.first.get("PatientWeight")) == "154.3"


# The case report form


def test_a_form_that_agrees_takes_the_flag_away():
    result = suv_volume(pet_volume(), RULES, ClinicalForm(weight_kg=70.5))
    assert "weight_unverified" not in result.volume.flags
    assert result.volume.array.mean(axis=(1, 2)) == pytest.approx(TRUE_SUV, rel=1e-3)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"weight_kg": 75}, "SUV-WEIGHT-CONFLICT"),
        ({"height_m": 1.85}, "SUV-HEIGHT-CONFLICT"),
        ({"injected_activity_mbq": 350}, "SUV-ACTIVITY-CONFLICT"),
        ({"injected_activity_mbq": 400, "residual_activity_mbq": 10}, "SUV-ACTIVITY-CONFLICT"),
        ({"injected_activity_mbq": 10, "residual_activity_mbq": 10}, "SUV-ACTIVITY"),
        ({"injection_datetime": datetime(2025, 1, 1, 10, 3)}, "SUV-INJECTION-CONFLICT"),
        (
            {
                "injected_activity_mbq": 400,
                "injected_assay_datetime": datetime(2025, 1, 1, 9, 50),
            },
            "SUV-FORM",
        ),
        ({"injection_datetime": datetime(2025, 1, 1, 9, tzinfo=UTC)}, "SUV-FORM"),
    ],
)
def test_a_form_that_contradicts_is_refused(form, expected):
    with pytest.raises(SuvError) as caught:
        suv_of(pet_volume(), ClinicalForm(**form))
    assert caught.value.code == expected


def test_an_override_resolves_a_contradicting_form():
    form = ClinicalForm(weight_kg=75)
    found = suv_of(pet_volume(), form, [override("PatientWeight", 70)])
    assert found == pytest.approx(TRUE_SUV, rel=1e-3)


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("RadiopharmaceuticalStartDateTime", "20250101100000"),
        ("RadiopharmaceuticalStartTime", "100000"),
    ],
)
def test_an_override_of_the_injection_settles_a_form_that_contradicts(tag, value):
    form = ClinicalForm(weight_kg=70, injection_datetime=datetime(2025, 1, 1, 10, 3))
    found = suv_of(pet_volume(), form, [override(tag, value)])
    assert found == pytest.approx(TRUE_SUV, rel=1e-3)


def test_what_was_overridden_is_told_even_where_nothing_stood():
    """A header without any administration: what it says of one is nothing."""
    volume = pet_volume()
    for frame in volume.frames:
        del frame.dataset.RadiopharmaceuticalInformationSequence
    derivation = Derivation()
    apply_overrides(
        volume.frames,
        [override("RadionuclideTotalDose", 368.08e6), override("SeriesDescription", "PET")],
        derivation,
    )
    assert [(o["tag"], o["found"], o["value"]) for o in derivation.overrides] == [
        ("RadionuclideTotalDose", "", 368.08e6),
        ("SeriesDescription", "", "PET"),
    ]
    assert derivation.flags == {
        "suv_override:RadionuclideTotalDose",
        "suv_override:SeriesDescription",
    }


def test_an_unknown_nuclide_whose_half_life_somebody_confirms_is_called_unknown():
    change = with_item(RadionuclideCodeSequence=[code("X-1", "Unobtainium")])
    confirmed = override("RadionuclideHalfLife", 6586.2)
    result = suv_volume(pet_volume(change=change), RULES, None, [confirmed])
    assert result.derivation["nuclide"] == "unknown"


def test_assay_times_and_residual_are_decayed_to_the_injection():
    """400 MBq at 09:50, 32 MBq left at 10:05: 400 * 0.9388 - 32 * 1.0321 = 342.5 MBq."""
    form = ClinicalForm(
        injected_activity_mbq=400,
        injected_assay_datetime=datetime(2025, 1, 1, 9, 50),
        residual_activity_mbq=32,
        residual_assay_datetime=datetime(2025, 1, 1, 10, 5),
        injection_datetime=datetime(2025, 1, 1, 10, 0),
    )
    volume = pet_volume(change=with_item(RadionuclideTotalDose=None))
    result = suv_volume(volume, RULES, form)
    net = 400 * 2 ** (-600 / 6586.2) - 32 * 2 ** (300 / 6586.2)
    assert result.derivation["activity_bq"] == pytest.approx(net * 1e6, rel=1e-12)


@pytest.mark.parametrize(
    ("elements", "item", "form"),
    [
        ({"PatientWeight": None}, {}, {"weight_kg": 70}),
        ({}, {"RadionuclideTotalDose": None}, {"injected_activity_mbq": 368.08}),
        (
            {},
            {"RadiopharmaceuticalStartDateTime": None, "RadiopharmaceuticalStartTime": None},
            {"injection_datetime": datetime(2025, 1, 1, 10)},
        ),
    ],
)
def test_the_form_stands_in_for_what_the_header_lacks(elements, item, form):
    volume = pet_volume(change=with_item(**item), **elements)
    assert suv_of(volume, ClinicalForm(**form)) == pytest.approx(TRUE_SUV, rel=1e-3)


def test_an_aware_form_time_needs_the_clock_of_the_series():
    form = ClinicalForm(injection_datetime=datetime(2025, 1, 1, 9, tzinfo=UTC))
    volume = pet_volume(TimezoneOffsetFromUTC="+0100")
    assert suv_of(volume, form) == pytest.approx(TRUE_SUV, rel=1e-3)


@pytest.mark.parametrize(
    ("form", "overrides", "name"),
    [
        (ClinicalForm(injection_datetime=datetime(2025, 1, 1, 10)), [], "injection_datetime"),
        (None, [("RadiopharmaceuticalStartDateTime", "20250101100000")], "RadiopharmaceuticalSt"),
        (None, [("SeriesDate", "20250101")], "SeriesDate"),
    ],
)
def test_a_date_of_a_record_is_not_held_against_dates_that_were_moved(form, overrides, name):
    given = [override(tag, value) for tag, value in overrides]
    moved = {"LongitudinalTemporalInformationModified": "MODIFIED"}
    with pytest.raises(SuvError, match=f"not assessable: {name}") as caught:
        suv_of(pet_volume(**moved), form, given)
    assert caught.value.code == "SUV-DATES-SHIFTED"
    assert suv_of(pet_volume(), form, given) == pytest.approx(TRUE_SUV, rel=1e-3)
    # Weights and clock times are of no calendar, and neither are dates that moved together.
    alone = [override("RadiopharmaceuticalStartTime", "100000"), override("PatientWeight", 70)]
    assert suv_of(pet_volume(**moved), None, alone) == pytest.approx(TRUE_SUV, rel=1e-3)
