"""Dates that de-identification moved are a fact where the header tells it, and a flag."""

from __future__ import annotations

import pytest
from synthetic_acquisitions import instance, series_of

from biomarker_cli.acquisition.examined import from_headers
from biomarker_cli.acquisition.header_facts import header_facts
from biomarker_cli.model.shifted_dates import KEYWORD


def _told(*words):
    headers = [
        instance(n, "CT", **({KEYWORD: word} if word else {})) for n, word in enumerate(words)
    ]
    return [fact for fact in header_facts(series_of(headers)) if fact.fact == "dates_modified"]


@pytest.mark.parametrize(
    ("words", "value", "flags"),
    [
        (("MODIFIED",) * 2, "MODIFIED", {"dates_shifted"}),
        (("REMOVED",) * 2, "REMOVED", {"dates_shifted"}),
        (("UNMODIFIED",) * 2, "UNMODIFIED", set()),
        (("MODIFIED", None), "MODIFIED", {"dates_shifted", "fact_incomplete"}),
    ],
)
def test_moved_dates_are_a_fact_and_a_flag(words, value, flags):
    (fact,) = _told(*words)
    assert (fact.value, set(fact.flags)) == (value, flags)
    assert "(0028,0303)" in fact.tags


def test_a_header_that_does_not_say_it_gives_no_row():
    assert _told(None, None) == []


def test_a_series_says_whether_its_day_is_one_of_the_calendar():
    for word, expected in (("MODIFIED", True), ("UNMODIFIED", False), ("", False)):
        headers = [instance(0, "CT", StudyDate="20240101", **{KEYWORD: word})]
        assert from_headers(series_of(headers)).is_shifted is expected
