"""What text of a run looks like when it leaves: no UID, no date, and nothing that it quotes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from biomarker_cli.exchange.bundles.carried_dicom import CarriedDicom
from biomarker_cli.exchange.errors import LeakError
from biomarker_cli.tables.outgoing_text import LEFT_OUT, OutgoingText, first_days, without_quotes

UID = "1.2.840.113619.2.55.3.4711"
TEXT = OutgoingText(
    keeps=False, baselines={"S1": date(2024, 3, 11)}, uid=lambda uid: f"2.25.{len(uid)}"
)


@pytest.mark.parametrize(
    "text",
    [
        "'O'Brien^Mary'",
        "'Brien O' Mary'",
        '"O\'Brien^Mary"',
        "'a'Brien'b'",
        "'Brien Mary'",
        "'Brien \"x\" Mary'",
        "'O'Brien\nMary'",
    ],
)
def test_nothing_is_left_of_what_a_message_quotes(text):
    said = without_quotes(f"no region {text} in it")
    assert said == f"no region {LEFT_OUT} in it"


def test_a_message_keeps_what_it_does_not_quote():
    assert without_quotes("expected 'a', found 'b'") == f"expected {LEFT_OUT}, found {LEFT_OUT}"
    assert without_quotes("the patient's weight is absent") == "the patient's weight is absent"


@pytest.mark.parametrize(
    "said",
    [
        *("11.03.2024", "11/3/2024", "3-11-2024", "2024/03/11", "2024.3.11"),
        *("11-Mar-2024", "11 March 2024", "11. März 2024", "March 11, 2024", "Mar. 11 2024"),
    ],
)
def test_a_date_leaves_in_no_spelling(said):
    assert TEXT.text(f"made {said}.", "S1") == f"made {LEFT_OUT}."


def test_a_date_that_is_told_in_full_is_a_day():
    assert TEXT.text("20240314 and 2024-03-11T10:00:00", "S1") == "day 3 and day 0 10:00:00"


@pytest.mark.parametrize("text", ["1.10.2024.5", "syngo 5.7.1.2", "2.1.0", "DV26.0_R03", "3/4/5"])
def test_a_version_is_no_date(text):
    assert TEXT.text(text, "S1") == text


@pytest.mark.parametrize("end", [".", "...", ".)", ". It", ";", "#2", ""])
def test_a_uid_at_the_end_of_a_sentence_is_mapped(end):
    assert TEXT.text(f"of {UID}{end}", "S1") == f"of 2.25.{len(UID)}{end}"
    copies = CarriedDicom(Path(), {}, {}, frozenset(), b"", b"")
    with pytest.raises(LeakError):
        copies.require_no_other_uid("report.html", f"of {UID}{end}".encode())


def test_a_day_that_is_no_date_of_dicom_is_no_first_visit():
    facts = [
        ("S1", {"fact": "study_date", "value": "2024-1-1 12:00"}),
        ("S1", {"fact": "study_date", "value": "20240305"}),
        ("S2", {"fact": "study_date", "value": "20240301\\20240302"}),
    ]
    assert first_days(facts) == {"S1": date(2024, 3, 5)}
