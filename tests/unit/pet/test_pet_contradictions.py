"""Elements that say one thing and do not agree: refused, or flagged; never a plain number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_pet import TRUE_SUV, both, bqml, pet_volume, private, with_item, write_pet

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.reading import read_volume
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.rules import ClinicalForm, SuvRules
from biomarker_cli.pet.suv import declared_suv, suv_volume

RULES = SuvRules(normalisations=("suvbw",))


def suv_of(volume, rules=RULES, **given):
    result = suv_volume(volume, rules, **given)
    return result.volume.array.mean(axis=(1, 2)), result.volume.flags


def refused(volume, **given):
    with pytest.raises(SuvError) as caught:
        suv_volume(volume, RULES, **given)
    return caught.value


def siemens(moment):
    return private(0x0071, "SIEMENS MED PT", 0x22, "DT", moment)


def ge(moment):
    return private(0x0009, "GEMS_PETD_01", 0x0D, "DT", moment)


GE = {"Manufacturer": "GE MEDICAL SYSTEMS", "FrameReferenceTime": "0"}


def clock(shift_min):
    minutes = 11 * 60 + shift_min
    return f"20250101{minutes // 60:02d}{minutes % 60:02d}00.00"


@pytest.mark.parametrize("shift_min", [-37, -5, 5, 37])
@pytest.mark.parametrize(("vendor", "elements"), [(siemens, {}), (ge, GE)])
def test_a_private_moment_against_public_ones_that_agree_is_refused(vendor, elements, shift_min):
    honest = pet_volume(change=vendor(clock(0)), **elements)
    assert suv_of(honest)[0] == pytest.approx(TRUE_SUV, rel=1e-4)
    error = refused(pet_volume(change=vendor(clock(shift_min)), **elements))
    assert error.code == "SUV-REFERENCE-TIME-SPREAD"
    assert "vendor_decay_datetime" in error.message
    assert "series_datetime" in error.message


@pytest.mark.parametrize("vendor", [siemens, ge])
def test_a_private_moment_against_a_single_public_one_is_flagged(vendor):
    elements = {"AcquisitionTime": None, "AcquisitionDate": None, "DecayFactor": None}
    values, flags = suv_of(pet_volume(change=vendor(clock(-20)), **elements))
    assert "reference_time_contradicted" in flags
    assert values != pytest.approx(TRUE_SUV, rel=0.02)
    _, flags = suv_of(pet_volume(change=vendor(clock(0)), **elements))
    assert "reference_time_contradicted" not in flags


def test_an_override_settles_a_contradicted_moment():
    from biomarker_cli.pet.rules import Override

    override = Override(
        tag="DecayCorrectionDateTime",
        value="20250101110000",
        reason="asked the site",
        who="physicist",
        series_uid="1.2.3.4",
    )
    values, flags = suv_of(pet_volume(change=siemens(clock(-37))), overrides=[override])
    assert values == pytest.approx(TRUE_SUV, rel=1e-4)
    assert "reference_time_contradicted" not in flags


def test_an_edited_weight_shows_in_the_two_philips_factors():
    """Their ratio is SUV per Bq/ml: with another weight it names a time that nobody confirms."""
    factors = both(
        private(0x7053, "Philips PET Private Group", 0x00, "DS", f"{2 / bqml(1.0):.10g}"),
        lambda dataset, _: dataset.add_new((0x7053, 0x1009), "DS", "2"),
    )
    honest = pet_volume(change=factors)
    assert suv_of(honest)[0] == pytest.approx(TRUE_SUV, rel=1e-4)
    error = refused(pet_volume(change=factors, PatientWeight="85"))
    assert error.code == "SUV-REFERENCE-TIME-SPREAD"
    assert "philips_factor_ratio" in error.message


@given(
    st.integers(-600, 600).filter(lambda m: abs(m) > 4),
    st.sets(st.sampled_from(["SeriesTime", "AcquisitionTime", "FrameReferenceTime"])),
)
@settings(max_examples=40, deadline=None)
def test_adding_a_private_moment_never_moves_a_number_without_a_flag(shift_min, left_out):
    elements = dict.fromkeys(left_out)
    try:
        before, _ = suv_of(pet_volume(**elements))
    except SuvError:
        return
    try:
        after, flags = suv_of(pet_volume(change=siemens(clock(shift_min)), **elements))
    except SuvError:
        return
    moved = np.abs(after / before - 1).max() > 0.021
    assert not moved or "reference_time_contradicted" in flags


@pytest.mark.parametrize("value", ["20241001110000", "19000101110000", "31000101110000", "unknown"])
@pytest.mark.parametrize("vendor", [siemens, ge])
def test_a_private_moment_of_another_date_or_form_is_set_aside_with_a_flag(vendor, value):
    values, flags = suv_of(pet_volume(change=vendor(value)))
    assert values == pytest.approx(TRUE_SUV, rel=1e-4)
    assert "private_time_unused" in flags


def test_private_moments_that_differ_slice_by_slice_are_set_aside_with_a_flag():
    def change(dataset, index):
        siemens(clock(index))(dataset, index)

    values, flags = suv_of(pet_volume(change=change))
    assert values == pytest.approx(TRUE_SUV, rel=1e-4)
    assert "private_time_unused" in flags


def test_series_times_that_differ_slice_by_slice_are_flagged():
    volume = pet_volume(
        change=lambda dataset, index: setattr(dataset, "SeriesTime", f"10590{index}")
    )
    assert "series_time_varies" in suv_of(volume)[1]


@pytest.mark.parametrize("far", ["1e15", "1e30", "1e300", "-1e20"])
@pytest.mark.parametrize("keyword", ["FrameReferenceTime", "ActualFrameDuration", "DecayFactor"])
def test_times_beyond_the_calendar_are_no_candidates(keyword, far):
    """4.0 from the others, or a named refusal; never an OverflowError."""
    try:
        values, _ = suv_of(pet_volume(**{keyword: far}))
    except SuvError:
        return
    assert values == pytest.approx(TRUE_SUV, rel=0.021)


@pytest.mark.parametrize("day", ["00010101", "99991231", "19250101", "21250101"])
@pytest.mark.parametrize("keyword", ["SeriesDate", "AcquisitionDate"])
@pytest.mark.parametrize("dated", [True, False])
def test_dates_a_century_off_give_the_value_or_a_named_refusal(keyword, day, dated):
    change = with_item() if dated else with_item(RadiopharmaceuticalStartDateTime=None)
    try:
        values, _flags = suv_of(pet_volume(change=change, **{keyword: day}))
    except SuvError:
        return
    assert values == pytest.approx(TRUE_SUV, rel=0.021)


def test_an_assay_a_century_off_is_named():
    from datetime import datetime

    form = ClinicalForm(
        injected_activity_mbq=368.08,
        injected_assay_datetime=datetime(2125, 1, 1, 10),
        injection_datetime=datetime(2025, 1, 1, 10),
    )
    assert refused(pet_volume(), form=form).code == "SUV-FORM"


@pytest.mark.parametrize(
    ("keyword", "other"),
    [
        ("PatientWeight", "71"),
        ("PatientSize", "1.8"),
        ("PatientSex", "M"),
        ("Units", "GML"),
        ("DecayCorrection", "ADMIN"),
        ("CorrectedImage", ["ATTN", "DECY"]),
        ("Manufacturer", "GE MEDICAL SYSTEMS"),
        ("SeriesType", ["DYNAMIC", "IMAGE"]),
        ("TimezoneOffsetFromUTC", "+0100"),
        ("DecayCorrectionDateTime", "20250101110000"),
    ],
)
def test_slices_that_disagree_in_what_is_one_for_a_series_are_refused(keyword, other):
    def change(dataset, index):
        if index == 1:
            setattr(dataset, keyword, other)

    error = refused(pet_volume(change=change))
    assert error.code == "SUV-MIXED-SERIES"
    assert keyword in error.message


@pytest.mark.parametrize(
    "elements",
    [
        {"RadionuclideTotalDose": "300e6"},
        {"RadionuclideHalfLife": "6588"},
        {"RadiopharmaceuticalStartDateTime": "20250101100100"},
        {"RadiopharmaceuticalStartTime": "100100"},
    ],
)
def test_slices_that_disagree_in_the_administration_are_refused(elements):
    def change(dataset, index):
        if index == 2:
            with_item(**elements)(dataset, index)

    assert refused(pet_volume(change=change)).code == "SUV-MIXED-SERIES"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("70,0", "'70,0'"),
        ("70 kg", "'70 kg'"),
        ("7\0000", r"'7\x000'"),
        ("7_0", "'7_0'"),
        ("\uff17\uff10", "'\uff17\uff10'"),
    ],
)
def test_a_text_where_a_number_should_stand_is_quoted(text, named):
    volume = pet_volume()
    for frame in volume.frames:
        frame.dataset.add_new(0x00101030, "LO", text)
    error = refused(volume)
    assert error.code == "HEADER-NUMBER"
    assert "PatientWeight (0010,1030)" in error.message
    assert named in error.message


@pytest.mark.parametrize(
    ("tag", "keyword"),
    [(0x00181074, "RadionuclideTotalDose"), (0x00181075, "RadionuclideHalfLife")],
)
def test_a_text_in_the_administration_is_quoted(tag, keyword):
    volume = pet_volume()
    for frame in volume.frames:
        (item,) = frame.dataset.RadiopharmaceuticalInformationSequence
        item.add_new(tag, "LO", "6586,2")
    error = refused(volume)
    assert error.code == "HEADER-NUMBER"
    assert keyword in error.message
    assert "'6586,2'" in error.message


@pytest.mark.parametrize(
    ("tag", "keyword"),
    [
        (0x00541300, "FrameReferenceTime"),
        (0x00541321, "DecayFactor"),
        (0x00181242, "ActualFrameDuration"),
        (0x00281052, "RescaleIntercept"),
    ],
)
def test_a_text_for_a_time_or_scale_is_quoted(tag, keyword):
    volume = pet_volume()
    for frame in volume.frames:
        frame.dataset.add_new(tag, "LO", "1,5")
    error = refused(volume)
    assert (error.code, keyword in error.message) == ("HEADER-NUMBER", True)


def orphan(dataset, _index):
    dataset.add_new((0x0009, 0x100D), "UN", b"20250101110000.00 ")


def test_the_moment_of_ge_without_its_creator_is_read_with_a_flag():
    """SeriesTime is the only other one, and wrong: without the element, 2.6 for 4.0."""
    wrong = {"SeriesTime": "103000", "AcquisitionTime": None, "Manufacturer": "GE MEDICAL SYSTEMS"}
    values, flags = suv_of(pet_volume(change=orphan, **wrong))
    assert values == pytest.approx(TRUE_SUV, rel=1e-4)
    assert {"ge_creator_missing", "reference_time_contradicted"} <= flags


def test_the_moment_of_ge_without_its_creator_is_confirmed_like_any_other():
    values, flags = suv_of(pet_volume(change=orphan, **GE))
    assert values == pytest.approx(TRUE_SUV, rel=1e-4)
    assert "ge_creator_missing" in flags
    assert "reference_time_contradicted" not in flags


@pytest.mark.parametrize(
    "change",
    [
        lambda dataset, _: setattr(dataset, "Manufacturer", "SIEMENS"),
        lambda dataset, _: dataset.add_new((0x0009, 0x0010), "LO", "ACME"),
    ],
)
def test_the_element_of_another_maker_or_owner_is_not_read(change):
    result = suv_volume(pet_volume(change=both(orphan, change), **GE), RULES)
    assert "vendor_decay_datetime" not in {c["name"] for c in result.derivation["candidates"]}
    assert "ge_creator_missing" not in result.volume.flags


@pytest.mark.parametrize(
    ("factor", "flagged"),
    [(1.0, False), (0.126, False), (0.124, True), (1e-3, True), (249.0, False), (251.0, True)],
)
def test_an_image_whose_maximum_nobody_has_is_implausible(factor, flagged):
    """The hottest voxel has 4: limits 0.5 and 1000 are reached at 1/8 and at 250."""
    values = tuple(bqml(suv) * factor for suv in TRUE_SUV)
    assert ("implausible" in suv_of(pet_volume(values))[1]) == flagged
    other = SuvRules(normalisations=("suvbsa",))
    assert ("implausible" in suv_of(pet_volume(values, PatientSex="M"), other)[1]) == flagged


def test_the_limits_of_the_maximum_are_the_protocols():
    values = tuple(bqml(suv) / 100 for suv in TRUE_SUV)
    low = SuvRules(normalisations=("suvbw",), plausible_maximum=(0.01, 10.0))
    assert "implausible" not in suv_of(pet_volume(values), low)[1]
    assert "implausible" in suv_of(pet_volume(tuple(300 * v for v in values)), low)[1]
    with pytest.raises(ValueError, match="low to high"):
        SuvRules(normalisations=("suvbw",), plausible_maximum=(10.0, 0.5))


def test_a_declared_image_is_judged_as_well():
    from dataclasses import replace

    from biomarker_cli.model.quantity import SUVBW

    volume = replace(pet_volume((0.2, 1.0, 4.0)), quantity=SUVBW)
    assert "implausible" not in declared_suv(volume, RULES).volume.flags
    far = replace(pet_volume((20.0, 100.0, 4000.0)), quantity=SUVBW)
    assert "implausible" in declared_suv(far, RULES).volume.flags


def test_a_series_in_two_studies_is_two_volumes_and_named(tmp_path):
    from biomarker_cli.catalogue.choosing import named_images
    from biomarker_cli.catalogue.errors import ImageError

    write_pet(tmp_path / "a")
    write_pet(tmp_path / "b", lambda dataset, _: setattr(dataset, "StudyInstanceUID", "1.2.9"))
    (alone,) = scan([tmp_path / "a"]).volumes
    assert alone.volume_id == alone.series_uid
    one, other = scan([tmp_path]).volumes
    assert one.volume_id != other.volume_id
    assert {one.volume_id, other.volume_id} == {
        f"{v.series_uid}@{v.study_uid}" for v in (one, other)
    }
    assert "series_in_several_studies" in one.flags & other.flags
    for wanted in ("", one.series_uid):
        with pytest.raises(ImageError, match="stands in several studies") as caught:
            named_images((one, other), wanted)
        assert caught.value.code == "IMAGE-AMBIGUOUS"
    assert named_images((one, other), other.volume_id) == (other,)
    values, flags = suv_of(read_volume(one))
    assert values == pytest.approx(TRUE_SUV, rel=1e-4)
    assert "series_in_several_studies" in flags


def test_init_makes_a_case_of_each_study_that_holds_a_series(tmp_path):
    from biomarker_cli.study.initialise import initialise_study

    write_pet(tmp_path / "a")
    other = {"StudyInstanceUID": "1.2.9", "PatientID": "P2", "StudyDate": "20250202"}
    write_pet(tmp_path / "b", lambda dataset, _: [setattr(dataset, k, v) for k, v in other.items()])
    report = initialise_study(tmp_path)
    assert (report.n_subjects, report.n_cases) == (2, 2)


@pytest.mark.parametrize("weight", ["70", "71"])
def test_factors_of_counts_are_no_witness_of_a_time(weight):
    """They make the activity: what they contradict is told by their spread, by no flag of times."""
    change = both(
        private(0x7053, "Philips PET Private Group", 0x00, "DS", f"{2 / bqml(1.0):.10g}"),
        lambda dataset, _: dataset.add_new((0x7053, 0x1009), "DS", "2"),
    )
    values = tuple(bqml(suv) / 2 for suv in TRUE_SUV)
    result = suv_volume(pet_volume(values, change, Units="CNTS", PatientWeight=weight), RULES)
    assert result.volume.array.mean(axis=(1, 2)) == pytest.approx(TRUE_SUV, rel=1e-4)
    assert "reference_time_contradicted" not in result.volume.flags
    expected = 100 * (float(weight) / 70 - 1)
    assert result.derivation["philips_spread_percent"] == pytest.approx(expected, abs=0.01)
