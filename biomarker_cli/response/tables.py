"""The tables that response assessment writes: their columns and keys."""

from __future__ import annotations

from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table

_WHO = (
    Column("criterion", "string", "criterion, id@version"),
    Column("subject_id", "string", "identifier that the study assigned"),
    Column("reader", "string", "who read; empty where one did"),
)

_FAILED = (
    Column("error_code", "string", "stable code where the subject cannot be judged"),
    Column("error_message", "string", "what was expected and found"),
)

RESPONSE = Table(
    "response",
    "criterion x subject x reader x timepoint",
    (
        *_WHO,
        Column("timepoint", "string", "visit"),
        Column("day", "integer", "day of the visit from the reference date"),
        Column("n_targets", "integer", "target lesions"),
        Column("n_missing", "integer", "target lesions without a value at the visit"),
        Column("value", "number", "what the criterion assesses, such as the sum of diameters"),
        Column("measured_part", "number", "sum of the targets that have a value"),
        Column("unit", "string", "UCUM code of the values"),
        Column("baseline", "number", "value at baseline"),
        Column("nadir", "number", "smallest value of the earlier complete visits, baseline too"),
        Column("nadir_timepoint", "string", "first visit that had it"),
        Column("change_from_baseline_percent", "number", "change over the baseline"),
        Column("change_from_nadir_percent", "number", "change over the nadir"),
        Column("change_from_nadir", "number", "value less the nadir"),
        Column("target", "string", "call of the targets"),
        Column("non_target", "string", "non-target lesions, as a person judged them"),
        Column("new_lesion", "string", "new lesions, as a person judged them"),
        Column("overall", "string", "call of the visit; empty at baseline"),
        Column("target_rule", "string", "rule of the criterion that called the targets"),
        Column("rule", "string", "rule of the criterion that called the visit"),
        Column("reason", "string", "the rules in words, with the values they met"),
        Column("flags", "string", "what to know, sorted, joined by ;"),
        Column("alt_policy", "string", "policy=choice:call where another choice calls otherwise"),
        Column(
            "p_category", "number", "probability of the call of the targets, given the readings"
        ),
        Column("p_categories", "string", "call:probability of each, joined by ;"),
        Column(
            "distance_mm",
            "number",
            "smallest change of the sizes that changes the call of the targets",
        ),
        Column("distance_call", "string", "call of the targets behind the margin"),
        Column(
            "exceeds_error",
            "string",
            "whether the change from baseline, or nadir where larger, exceeds the reading error",
            ("yes", "no"),
        ),
        *_FAILED,
    ),
    ("criterion", "subject_id", "reader", "timepoint"),
)

LESIONS_OVER_TIME = Table(
    "lesions_over_time",
    "subject x reader x lesion x timepoint, of the criteria that read and sum alike",
    (
        Column("criteria", "string", "criteria, id@version, joined by ;"),
        *_WHO[1:],
        Column("role", "string", "what the lesion is", ("target", "new")),
        Column("lesion_id", "string", "name of the lesion"),
        Column("timepoint", "string", "visit"),
        Column("day", "integer", "day of the visit from the reference date"),
        Column("organ", "string", "where it lies"),
        Column("is_node", "boolean", "whether it is a lymph node"),
        Column(
            "state",
            "string",
            "what became of it; missing where nobody said anything",
            ("measured", "too_small", "absent", "missing", "not_evaluable"),
        ),
        Column("value", "number", "number that the criterion sums"),
        Column("longest", "number", "longest diameter in mm"),
        Column("short", "number", "short axis in mm"),
        Column("unit", "string", "UCUM code of the value"),
        Column("baseline", "number", "value at baseline"),
        Column("nadir", "number", "smallest earlier value"),
        Column("change_from_baseline_percent", "number", "change over the baseline"),
        Column("parts", "string", "fragments that were summed, or lesions that merged"),
        Column("case_id", "string", "case of the run that it was measured in"),
        Column("roi_id", "string", "ROI of that case"),
        Column("analysis_id", "string", "analysis protocol, id@version"),
        Column("source", "string", "ledger or row that tells state and role"),
        Column("reason", "string", "why it has no value"),
    ),
    ("subject_id", "reader", "role", "lesion_id", "timepoint", "criteria"),
)

BEST = Table(
    "best",
    "criterion x subject x reader",
    (
        *_WHO,
        Column("best", "string", "best response, unconfirmed"),
        Column("best_timepoint", "string", "first visit that had it"),
        Column("best_day", "integer", "day of that visit"),
        Column("best_confirmed", "string", "best response, confirmed; empty without such a rule"),
        Column("confirmed_timepoint", "string", "first visit of the confirmed response"),
        Column("confirmed_day", "integer", "day of that visit"),
        Column("confirmation_timepoint", "string", "visit that confirms it"),
        Column("progression_timepoint", "string", "first visit that is called progression"),
        Column("progression_day", "integer", "day that the progression is dated"),
        Column(
            "best_change_percent",
            "number",
            "change from baseline that is furthest to the good, of the visits that count",
        ),
        Column("n_visits", "integer", "visits behind the baseline"),
        Column("n_not_evaluable", "integer", "visits that are not evaluable"),
        Column("policies", "string", "policy=choice and parameter=value that held"),
        *_FAILED,
    ),
    ("criterion", "subject_id", "reader"),
)

ENDPOINTS = Table(
    "endpoints",
    "criterion x reader x endpoint x arm, or subject",
    (
        Column("criterion", "string", "criterion, id@version"),
        Column("reader", "string", "who read; empty where one did"),
        Column(
            "endpoint",
            "string",
            "what it is",
            ("PFS", "DoR", "DoR_confirmed", "TTR", "ORR", "ORR_confirmed"),
        ),
        Column("level", "string", "what the row is of", ("arm", "subject")),
        Column("arm", "string", "arm of the trial; empty for all"),
        Column("subject_id", "string", "identifier that the study assigned"),
        Column("status", "string", "what happened", ("event", "censored", "yes", "no", "")),
        Column("start_day", "integer", "day that the time is counted from"),
        Column("end_day", "integer", "day of the event or the censoring"),
        Column("days", "integer", "time between them"),
        Column("n", "integer", "subjects of the arm"),
        Column("n_events", "integer", "events, or responders"),
        Column("estimate", "number", "median in days, or rate"),
        Column("low", "number", "lower end of the 95 % interval"),
        Column("high", "number", "upper end of the 95 % interval"),
        Column("rule", "string", "rule that made the event or the censoring"),
        Column("reason", "string", "why the row is empty"),
    ),
    ("criterion", "reader", "endpoint", "level", "arm", "subject_id"),
)

WHAT_IF = Table(
    "what_if_targets",
    "criterion x subject x reader x timepoint x call",
    (
        *_WHO,
        Column("timepoint", "string", "visit"),
        Column("target", "string", "call of the targets"),
        Column("share", "number", "part of the admissible choices of targets that give it"),
        Column("n_choices", "integer", "admissible choices"),
        Column("is_made", "boolean", "whether it is the call of the choice that was made"),
    ),
    ("criterion", "subject_id", "reader", "timepoint", "target"),
)

READER_AGREEMENT = Table(
    "reader_agreement",
    "criterion x pair of readers x measure",
    (
        Column("criterion", "string", "criterion, id@version"),
        Column("reader_a", "string", "first reader"),
        Column("reader_b", "string", "second reader"),
        Column("measure", "string", "what is compared"),
        Column("n", "integer", "pairs of readings"),
        Column("estimate", "number", "kappa, share or mean difference"),
        Column("low", "number", "lower end of the 95 % interval, or limit of agreement"),
        Column("high", "number", "upper end of the 95 % interval, or limit of agreement"),
        Column("reason", "string", "why it is empty"),
    ),
    ("criterion", "reader_a", "reader_b", "measure"),
)

ADJUDICATION = Table(
    "adjudication",
    "criterion x subject x timepoint x pair of readers",
    (
        Column("criterion", "string", "criterion, id@version"),
        Column("subject_id", "string", "identifier that the study assigned"),
        Column("timepoint", "string", "visit; empty for the best response"),
        Column("reader_a", "string", "first reader"),
        Column("reader_b", "string", "second reader"),
        Column("call_a", "string", "call of the first reader"),
        Column("call_b", "string", "call of the second reader"),
        Column(
            "cause",
            "string",
            "where the readings differ, joined by ;",
        ),
        Column("value_a", "number", "value of the first reader"),
        Column("value_b", "number", "value of the second reader"),
        Column("picture", "string", "picture of the visit, where the run has one"),
    ),
    ("criterion", "subject_id", "timepoint", "reader_a", "reader_b"),
)

RESPONSE_TABLES = (RESPONSE, LESIONS_OVER_TIME, BEST, ENDPOINTS)
"""Tables that every assessment writes."""
