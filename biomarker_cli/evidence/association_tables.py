"""The tables of an association; every row carries the digest of its plan."""

from __future__ import annotations

from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table

STEPS: dict[str, str] = {
    "not_measured": "no case of the role, region and timepoint was measured",
    "no_value": "the measurement has no value",
    "not_usable": "no measurement may be pooled",
    "no_baseline": "no value at the baseline to take the change from",
    "no_endpoint": "the endpoint is not known",
    "no_covariate": "a covariate is not known",
}
"""At which a subject is left out, in their order."""

_PLAN = (
    Column("plan_id", "string", "id of the plan"),
    Column("plan_sha256", "string", "digest of the file of the plan"),
    Column(
        "made",
        "string",
        "whether the plan says to have been made before the data were seen",
        ("prespecified", "post_hoc"),
    ),
)

ASSOCIATIONS = Table(
    "associations",
    "planned feature x statistic x scope",
    (
        *_PLAN,
        Column("name", "string", "name of the feature in the plan"),
        Column("analysis_id", "string", "analysis protocol, id@version"),
        Column("role", "string", "image role of the cases"),
        Column("roi_id", "string", "ROI"),
        Column("feature_id", "string", "image.family.feature[.variant]"),
        Column("timepoint", "string", "visit; T1>T2 for a change; empty for any"),
        Column("unit", "string", "UCUM code of the feature as it was analysed"),
        Column("endpoint", "string", "table.column"),
        Column(
            "scope",
            "string",
            "whose subjects: all, of one site, or the sites combined",
            ("all", "site", "fixed", "random"),
        ),
        Column("site_id", "string", "centre; empty unless the scope is site"),
        Column("statistic", "string", "name of the statistic, see docs/evidence.md"),
        Column("value", "number", "the number; empty unless status is ok"),
        Column("ci95_low", "number", "lower 95 % confidence limit"),
        Column("ci95_high", "number", "upper 95 % confidence limit"),
        Column("p_value", "number", "of the planned test, and of a gain; else empty"),
        Column("p_adjusted", "number", "of the planned test, for the number of planned tests"),
        Column("is_planned_test", "boolean", "whether it is the one test that the plan names"),
        Column("n_tests", "integer", "planned tests: one of each feature"),
        Column("multiplicity", "string", "how p was adjusted", ("holm", "bh", "bonferroni")),
        Column("method", "string", "how limits and p-value were found"),
        Column("n_subjects", "integer", "subjects that it rests on"),
        Column("n_events", "integer", "of them with the endpoint or an event; else empty"),
        Column("combat_sha256", "string", "digest of the harmonisation; empty for none"),
        Column("status", "string", "whether there is a value", ("ok", "undefined")),
        Column("note", "string", "why there is no value, or what to know of it"),
    ),
    ("name", "statistic", "scope", "site_id"),
)

FLOW = Table(
    "association_flow",
    "planned feature x scope x step, as STARD counts subjects",
    (
        *_PLAN,
        Column("name", "string", "name of the feature in the plan"),
        Column("scope", "string", "whose subjects", ("all", "site")),
        Column("site_id", "string", "centre; empty for all"),
        Column("position", "integer", "place of the step"),
        Column("step", "string", "subjects, what left some out, or analysed"),
        Column("n_subjects", "integer", "subjects that were left out, or are there"),
    ),
    ("name", "scope", "site_id", "position"),
)

SUBJECTS = Table(
    "association_subjects",
    "planned feature x subject",
    (
        *_PLAN,
        Column("name", "string", "name of the feature in the plan"),
        Column("site_id", "string", "centre"),
        Column("subject_id", "string", "identifier that the study assigned"),
        Column("value", "number", "value of the feature as it was analysed, before a logarithm"),
        Column("endpoint", "number", "1 or 0, the place of a level, or the number"),
        Column("time", "number", "to the event or to the end of observation"),
        Column("left_out", "string", "step at which it was left out", tuple(STEPS)),
    ),
    ("name", "site_id", "subject_id"),
)
