"""The table of changes between visits."""

from __future__ import annotations

from biomarker_cli.multicentre.noise_limits import ABSOLUTE, LOG, PERCENT
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table

EXCEEDS, WITHIN, UNDEFINED = "exceeds_rc95", "within", "undefined"
"""Words of the column `growth`."""

_LIMITS = "95 % confidence limit of"

CHANGES = Table(
    "changes",
    "subject x ROI x feature x later visit",
    (
        Column("site_id", "string", "centre"),
        Column("subject_id", "string", "identifier that the study assigned"),
        Column("analysis_id", "string", "analysis protocol, id@version"),
        Column("role", "string", "image role of the cases"),
        Column("roi_id", "string", "ROI"),
        Column("feature_id", "string", "image.family.feature[.variant]"),
        Column("timepoint", "string", "later visit"),
        Column("baseline", "string", "visit that it is held against"),
        Column("days", "integer", "from the baseline to the later visit, by the dates of both"),
        Column("baseline_value", "number", "value at the baseline"),
        Column("value", "number", "value at the later visit"),
        Column("unit", "string", "UCUM code of the values and of the change"),
        Column("change", "number", "later value less the baseline"),
        Column("change_percent", "number", "change over the baseline; of ratio scales only"),
        Column("rule", "string", "limits that were used", (LOG, ABSOLUTE, PERCENT)),
        Column(
            "limit_low", "number", "largest fall that noise explains; unit for absolute, else %"
        ),
        Column("limit_low_ci95_low", "number", f"lower {_LIMITS} limit_low"),
        Column("limit_low_ci95_high", "number", f"upper {_LIMITS} limit_low"),
        Column(
            "limit_high", "number", "largest rise that noise explains; unit for absolute, else %"
        ),
        Column("limit_high_ci95_low", "number", f"lower {_LIMITS} limit_high"),
        Column("limit_high_ci95_high", "number", f"upper {_LIMITS} limit_high"),
        Column(
            "limit_source", "string", "what the limits come from: a file by its sha256, or an entry"
        ),
        Column(
            "exceeds_rc95",
            "string",
            "whether the change lies beyond the limits; says nothing of its cause",
            ("yes", "no", UNDEFINED),
        ),
        Column(
            "growth",
            "string",
            "of volumes: whether the rise lies beyond the limits; empty for other features",
            (EXCEEDS, WITHIN, UNDEFINED),
        ),
        Column(
            "doubling_time_days",
            "number",
            "of volumes: days ln 2 / ln(value / baseline); negative is a halving time",
        ),
        Column(
            "doubling_time_ci95_low", "number", "what noise leaves of it; empty where without end"
        ),
        Column(
            "doubling_time_ci95_high", "number", "what noise leaves of it; empty where without end"
        ),
        Column("doublings_per_year", "number", "the inverse in years; 0 where nothing changed"),
        Column("doublings_per_year_ci95_low", "number", "what noise leaves of it"),
        Column("doublings_per_year_ci95_high", "number", "what noise leaves of it"),
        Column(
            "differs",
            "string",
            "conditions in which the two visits differ, sorted, joined by ;: analysis, "
            "mask_method, scanner, or a setting of the scanner by its fact",
        ),
        Column("flags", "string", "what to know, sorted, joined by ;"),
        Column("reason", "string", "why it is undefined"),
    ),
    ("site_id", "subject_id", "analysis_id", "role", "roi_id", "feature_id", "timepoint"),
)
