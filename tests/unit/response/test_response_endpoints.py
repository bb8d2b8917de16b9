"""Progression-free survival, response rate and their intervals."""

from __future__ import annotations

from dataclasses import replace

from synthetic_response import assessed_of

from biomarker_cli.response.best import best_response
from biomarker_cli.response.endpoints import (
    SubjectEndpoints,
    endpoint_rows,
    progression_or_death,
)
from biomarker_cli.response.subjects import TrialSubject
from biomarker_cli.response.survival import (
    TimeToEvent,
    median_days,
    survival_steps,
)


def ending(targets, ident="recist-1.1", **known):
    return progression_or_death(one_subject(targets, ident, **known))


def one_subject(targets, ident="recist-1.1", name="S1", **known):
    assessed = assessed_of(ident, targets)
    assessed = replace(assessed, course=replace(assessed.course, subject_id=name))
    subject = TrialSubject(**known)
    return SubjectEndpoints(assessed, best_response(assessed, subject.new_therapy_day), subject)


def told(outcome):
    return outcome.day, outcome.is_event, outcome.rule


def test_progression_is_an_event():
    assert told(ending(["100", "100", "130"])) == (112, True, "event:progression")


def test_death_is_an_event_and_the_first_of_both_counts():
    assert told(ending(["100", "100"], death_day=90)) == (90, True, "event:death")
    assert ending(["100", "130"], death_day=90).day == 56


def test_without_either_the_last_answered_visit_censors():
    found = ending(["T1=50;T2=50", "T1=50;T2=50", "T1=50"])
    assert told(found) == (56, False, "censored:last_answered_visit")
    found = ending(["T1=50;T2=50", "T1=50"])
    assert told(found) == (0, False, "censored:no_visit_answered")


def test_a_new_therapy_before_progression_censors():
    targets = ["100", "100", "100", "130"]
    assert told(ending(targets, new_therapy_day=120)) == (112, False, "censored:new_therapy")
    assert ending(targets, new_therapy_day=200).is_event


def test_an_event_behind_two_missed_visits_is_censored_before_them():
    first = ["T1=50;T2=50", "T1=50;T2=50"]
    assert ending([*first, "T1=50"], death_day=150).is_event
    found = ending([*first, "T1=50", "T1=50"], death_day=200)
    assert told(found) == (56, False, "censored:two_visits_missed")


def test_progression_by_a_new_lesion_is_dated_at_its_first_sight():
    rows = ["100", {"target": "100", "new_lesion": "equivocal"}]
    assert ending([*rows, {"target": "100", "new_lesion": "yes"}]).day == 56


def test_an_unconfirmed_progression_that_nobody_followed_is_an_event_at_its_first_day():
    found = ending(["100", "100", "125"], "irecist")
    assert told(found) == (112, True, "event:progression_not_confirmed")
    assert not ending(["100", "125", "100"], "irecist").is_event
    assert ending(["100", "125", "131"], "irecist").day == 56


def rows_of(subjects):
    return list(endpoint_rows(subjects, ""))


def test_rates_count_subjects_without_an_answer_as_no_responders():
    subjects = [
        one_subject(["100", "60", "60"], name="S1", arm="A"),
        one_subject(["100", "60"], name="S2", arm="A"),
        one_subject(["T1=50", "T1=missing"], name="S3", arm="B"),
        one_subject(["100", "60"], name="S4", arm="B", in_analysis=False),
    ]
    rates = {
        (row["endpoint"], row["arm"]): (row["n"], row["n_events"])
        for row in rows_of(subjects)
        if row["level"] == "arm" and row["endpoint"].startswith("ORR")
    }
    assert rates[("ORR", "")] == (3, 2)
    assert rates[("ORR", "B")] == (1, 0)
    assert rates[("ORR_confirmed", "A")] == (2, 1)


def test_duration_and_time_to_response():
    (subject,) = [one_subject(["100", "60", "60", "90"], reference_day=-7)]
    rows = {row["endpoint"]: row for row in rows_of([subject]) if row["level"] == "subject"}
    assert rows["TTR"]["days"] == 63
    assert (rows["DoR"]["start_day"], rows["DoR"]["days"], rows["DoR"]["status"]) == (
        56,
        112,
        "event",
    )
    assert rows["PFS"]["days"] == 175
    none = [row for row in rows_of([one_subject(["100", "100"])]) if row["level"] == "subject"]
    (duration,) = [row for row in none if row["endpoint"] == "DoR"]
    assert (duration["status"], duration["reason"]) == ("", "no response")


def times(text):
    """Return times from ``6 6 6 6+ 7``; a plus is censored."""
    return [TimeToEvent(int(one.rstrip("+")), not one.endswith("+")) for one in text.split()]


FREIREICH = times("6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+")
"""Remission under 6-MP (Freireich 1963), as every textbook has it."""


def test_the_survival_of_a_textbook():
    found = {step.days: round(step.survival, 4) for step in survival_steps(FREIREICH)}
    assert found == {
        6: 0.8571,
        7: 0.8067,
        10: 0.7529,
        13: 0.6902,
        16: 0.6275,
        22: 0.5378,
        23: 0.4482,
    }


def test_the_median_of_a_textbook():
    # R, survfit(conf.type = "log-log"): median 23, 0.95LCL 13, 0.95UCL NA.
    assert median_days(FREIREICH) == (23.0, 13.0, None)
    placebo = times("1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23")
    # R: median 8, 0.95LCL 4, 0.95UCL 11.
    assert median_days(placebo) == (8.0, 4.0, 11.0)
    assert median_days([]) == (None, None, None)


def test_a_half_that_is_no_binary_fraction_is_reached():
    assert median_days(times("1 2 3 4 5 6"))[0] == 3.0
