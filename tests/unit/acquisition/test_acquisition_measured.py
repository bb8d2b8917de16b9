"""What no header tells: read strictly, told to its series, never a way around a header."""

from __future__ import annotations

import pytest
from synthetic_acquisitions import instance, pet_instance, series_of

from biomarker_cli.acquisition.evaluating import evaluate
from biomarker_cli.acquisition.facts import FACTS
from biomarker_cli.acquisition.measured import (
    MEASURED_COLUMNS,
    MeasuredFact,
    load_measured,
    phantom_rows,
)
from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.pet.phantom_sheet import NEMA_DIAMETERS_MM, RECOVERY_LIMITS
from biomarker_cli.protocol.errors import ProtocolError

HEAD = "fact,value,unit,source\n"
ROW = "phantom_recovery_max_10mm,0.5,1,sheet of March\n"


@pytest.fixture
def table(tmp_path):
    def write(text: str):
        path = tmp_path / "recovery.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def outcomes(measured, *series):
    results = evaluate(load_acquisition("earl-1-phantom"), series, ["series"], measured=measured)
    return {r.rule_id: r for r in results}


def pet(uid="1.2.3"):
    return series_of([pet_instance(0)], uid)


def test_a_row_is_judged_and_its_source_stands_in_the_row(table):
    found = outcomes(load_measured(table(HEAD + ROW)), pet())
    assert found["EARL1-RC-MAX-10"].outcome == "pass"
    assert found["EARL1-RC-MAX-10"].tags == "measured (sheet of March)"


def test_a_measured_fact_that_is_absent_is_not_evaluable(table):
    found = outcomes(load_measured(table(HEAD + ROW)), pet())
    assert found["EARL1-RC-MAX-13"].outcome == "not_evaluable"
    assert "--measured" in found["EARL1-RC-MAX-13"].reason


def test_spreadsheets_may_add_a_byte_order_mark_and_blanks(table):
    text = "\ufeffseries_uid,fact,value,unit,source\n, phantom_background_ratio , 1.02 , 1 , a\n"
    (row,) = load_measured(table(text))
    assert (row.fact, row.value, row.series_uid) == ("phantom_background_ratio", 1.02, "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "columns are missing"),
        (HEAD, "no rows"),
        ("fact,value,source\n" + "a,1,b\n", "columns are missing: unit"),
        ("fact,value,unit,source,note\n", "columns are unknown: note"),
        ("fact,fact,value,unit,source\n", "columns are repeated: fact"),
        (HEAD + ROW.replace(",1,", ",,"), "unit is empty"),
        (HEAD + ROW.replace("sheet of March", ""), "source is empty"),
        (HEAD + ROW.replace(",1,", ",%,"), "expected '1'"),
        (HEAD + ROW.replace(",1,", ",banana,"), "expected '1'"),
        (HEAD + ROW.replace("0.5", "about a half"), "expected a number"),
        (HEAD + ROW.replace("0.5", "nan"), "expected a number"),
        (HEAD + ROW.replace("0.5", "inf"), "expected a number"),
        (HEAD + ROW.replace("0.5", "0_5"), "expected a number"),
        (HEAD + ROW.replace("10mm", "11mm"), "no measured fact"),
        (HEAD + ROW + ROW, "stands twice"),
        (HEAD + ROW.replace("sheet of March", "a,b"), "more cells than there are columns"),
    ],
)
def test_a_table_that_is_not_whole_is_refused_by_name(table, text, told):
    with pytest.raises(ProtocolError) as caught:
        load_measured(table(text))
    assert caught.value.code == "MEASURED-INVALID"
    assert told in str(caught.value)
    assert "recovery.csv" in caught.value.where


def test_a_misspelt_fact_gets_the_one_that_was_meant(table):
    with pytest.raises(ProtocolError, match="Did you mean phantom_recovery_max_10mm"):
        load_measured(table(HEAD + ROW.replace("_max_", "_mx_")))


def test_a_header_cannot_be_talked_over(table):
    """A value that the header tells is not handed in: that would be an override without audit."""
    with pytest.raises(ProtocolError, match="is read from the header"):
        load_measured(table(HEAD + "slice_thickness_mm,3,mm,me\n"))


def test_of_several_series_one_is_named(table):
    with pytest.raises(ProtocolError) as caught:
        outcomes(load_measured(table(HEAD + ROW)), pet("1.2.3"), pet("1.2.4"))
    assert caught.value.code == "MEASURED-SERIES"
    named = MeasuredFact("1.2.4", "phantom_recovery_max_10mm", 0.1, "sheet")
    loaded = load_acquisition("earl-1-phantom")
    results = evaluate(loaded, [pet("1.2.3"), pet("1.2.4")], ["series"], measured=[named])
    by_series = {r.series_uid: r.outcome for r in results if r.rule_id == "EARL1-RC-MAX-10"}
    assert by_series == {"1.2.3": "not_evaluable", "1.2.4": "fail"}


def test_a_series_that_is_not_there_is_refused():
    with pytest.raises(ProtocolError, match=r"names series 9\.9"):
        outcomes([MeasuredFact("9.9", "phantom_recovery_max_10mm", 0.5, "a")], pet())


def test_one_series_named_and_meant_is_told_twice():
    rows = [MeasuredFact(uid, "phantom_recovery_max_10mm", 0.5, "a") for uid in ("", "1.2.3")]
    with pytest.raises(ProtocolError, match="stands twice"):
        outcomes(rows, pet())


def test_the_other_series_of_a_folder_do_not_make_it_ambiguous():
    row = MeasuredFact("", "phantom_recovery_max_10mm", 0.5, "a")
    ct = series_of([instance(0, "CT")], "1.9")
    results = evaluate(load_acquisition("earl-1-phantom"), [pet(), ct], measured=[row])
    found = {r.series_uid: r.outcome for r in results if r.rule_id == "EARL1-RC-MAX-10"}
    assert found == {"1.2.3": "pass", "1.9": "not_applicable"}


def test_a_protocol_that_asks_for_nothing_of_it_refuses():
    row = MeasuredFact("", "phantom_recovery_max_10mm", 0.5, "a")
    with pytest.raises(ProtocolError) as caught:
        evaluate(load_acquisition("base-pet"), [pet()], measured=[row])
    assert caught.value.code == "MEASURED-UNUSED"


def test_what_the_phantom_command_finds_are_facts_of_the_library():
    quantities = {quantity for _, quantity in RECOVERY_LIMITS} | {"recovery_peak"}
    rows = [{"quantity": "calibration", "sphere_mm": None, "value": 1.0}]
    rows += [
        {"quantity": q, "sphere_mm": d, "value": 0.5} for q in quantities for d in NEMA_DIAMETERS_MM
    ]
    made = phantom_rows("1.2.3", rows, "here")
    assert {row["fact"] for row in made} == {fact.name for fact in FACTS if fact.is_measured}
    assert all(tuple(row) == MEASURED_COLUMNS for row in made)
