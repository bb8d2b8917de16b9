"""Unit, corrections and administration of a PET frame, classic and enhanced, in one wording."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from synthetic_pet import code, enhanced_header, pet_header, radiopharmaceutical

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.injection import read_injections, unreadable_number
from biomarker_cli.dicom.pet_units import (
    Word,
    is_dynamic,
    read_corrections,
    read_decay_correction,
    read_units,
)
from biomarker_cli.dicom.times import date_time, parse_offset, parse_time, series_offset


def frame(dataset: Dataset) -> FrameHeader:
    return FrameHeader(dataset, 0, Path("slice.dcm"))


def test_a_classic_frame_says_unit_corrections_and_decay_itself():
    header = frame(pet_header(SUVType="BW", DecayCorrection="start", CorrectedImage=["attn"]))
    assert read_units(header) == (Word("BQML", "(0054,1001)"), Word("BW", "(0054,1006)"))
    assert read_corrections(header) == {"ATTN"}
    assert read_decay_correction(header) == Word("START", "(0054,1102)")
    one_word = frame(pet_header(CorrectedImage="DECY"))
    assert read_corrections(one_word) == {"DECY"}


@pytest.mark.parametrize(
    ("unit", "units", "suv_type"),
    [
        ("Bq/ml", "BQML", ""),
        ("g/ml{SUVlbm(Janma)}", "GML", "LBMJANMA"),
        ("cm2/ml{SUVbsa}", "CM2ML", "BSA"),
        # What is not in the table is handed on as it stands.
        ("mg/ml", "mg/ml", ""),
    ],
)
def test_an_enhanced_frame_says_its_unit_by_a_code(unit, units, suv_type):
    tag = "(0040,9096)>(0040,08EA)"
    header = frame(enhanced_header((1.0,), unit=unit))
    assert read_units(header) == (Word(units, tag), Word(suv_type, tag))


def test_an_enhanced_frame_without_a_code_has_no_unit():
    dataset = enhanced_header((1.0,))
    del dataset.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence
    tag = "(0040,9096)>(0040,08EA)"
    assert read_units(frame(dataset)) == (Word("", tag), Word("", tag))


def test_an_enhanced_frame_says_each_correction_by_an_element():
    elements = {
        "DecayCorrected": "NO",
        "AttenuationCorrected": "yes",
        "ScatterCorrected": "NO",
        "RandomsCorrected": "YES",
        "DeadTimeCorrected": "YES",
        "SensitivityCalibrated": "YES",
        "DetectorNormalizationCorrection": "YES",
    }
    header = frame(enhanced_header((1.0,), **elements))
    assert read_corrections(header) == {"ATTN", "RAN", "DTIM", "DCAL", "NORM"}


@pytest.mark.parametrize(("flag", "word"), [("YES", "DATETIME"), ("no", "NONE"), (None, "")])
def test_an_enhanced_frame_is_corrected_to_a_moment_or_not_at_all(flag, word):
    header = frame(enhanced_header((1.0,), DecayCorrected=flag))
    assert read_decay_correction(header) == Word(word, "(0018,9758)")


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["DYNAMIC", "IMAGE"], True), (["static", "IMAGE"], False), ("dynamic", True), (None, False)],
)
def test_a_series_over_time_says_so_in_its_type(words, expected):
    assert is_dynamic(frame(pet_header(SeriesType=words))) is expected


def test_an_administration_is_read_with_what_is_no_number_in_it():
    item = radiopharmaceutical(
        RadionuclideCodeSequence=Sequence(
            [code("C-111A1", "^18^Fluorine"), code("", ""), code("C-131A3", "^68^Gallium")]
        ),
    )
    item.add_new(0x00181074, "LO", "12,5")
    item.add_new(0x00181075, "LO", "long")
    dataset = pet_header()
    dataset.RadiopharmaceuticalInformationSequence = Sequence([item])
    (record,) = read_injections(frame(dataset))
    assert (record.dose, record.dose_text) == (None, "12,5")
    assert (record.half_life, record.half_life_text) == (None, "long")
    assert record.start_time == "100000.000000"
    assert record.start_datetime == "20250101100000.000000"
    assert record.nuclide_codes == ("C-111A1", "C-131A3")
    assert record.nuclide_meaning == "^18^Fluorine; ^68^Gallium"
    assert record.radiopharmaceutical == "FDG"
    dataset.RadiopharmaceuticalInformationSequence = Sequence([radiopharmaceutical()])
    (record,) = read_injections(frame(dataset))
    assert (record.dose, record.dose_text) == (368.08e6, "")
    assert (record.half_life, record.half_life_text) == (6586.2, "")


@pytest.mark.parametrize(
    ("text", "unreadable"),
    [(None, ""), ("", ""), ("1.5", ""), ("1_000", "1_000"), ("x", "x"), ("١", "١")],
)
def test_what_stands_there_and_is_no_number_is_told(text, unreadable):
    assert unreadable_number(text) == unreadable


@pytest.mark.parametrize(("agent", "doses"), [(1, [1.0]), (2, [2.0]), (None, [1.0, 2.0])])
def test_of_two_agents_the_frame_names_the_one_it_shows(agent, doses):
    dataset = pet_header(RadiopharmaceuticalAgentNumber=agent)
    dataset.RadiopharmaceuticalInformationSequence = Sequence(
        radiopharmaceutical(RadionuclideTotalDose=str(n), RadiopharmaceuticalAgentNumber=n)
        for n in (1, 2)
    )
    assert [record.dose for record in read_injections(frame(dataset))] == doses


@pytest.mark.parametrize(
    ("text", "seconds"), [("10", 3600.0), ("1030", 60.0), ("103015", 1.0), ("103015.5", 1.0)]
)
def test_a_time_is_as_fine_as_it_is_written(text, seconds):
    assert parse_time(text).resolution_s <= seconds
    coarser = {3600.0: 3600.0, 60.0: 60.0}.get(seconds)
    if coarser is not None:
        assert parse_time(text).resolution_s == coarser


def test_a_leap_second_is_the_last_second_of_its_minute():
    assert parse_time("235960").time.isoformat() == "23:59:59"


@pytest.mark.parametrize(
    ("text", "minutes"), [("+0530", 330), ("-0330", -210), ("+0000", 0), ("+1400", 840)]
)
def test_an_offset_has_hours_and_minutes(text, minutes):
    assert parse_offset(text) == timedelta(minutes=minutes)
    header = frame(pet_header(TimezoneOffsetFromUTC=text))
    assert series_offset(header) == timedelta(minutes=minutes)


def test_a_moment_with_an_offset_is_told_in_the_clock_of_the_series():
    header = frame(pet_header(DecayCorrectionDateTime="20250101053000+0000"))
    found = date_time(header, "DecayCorrectionDateTime", timedelta(minutes=330))
    assert found is not None
    assert found.at == datetime(2025, 1, 1, 11)
